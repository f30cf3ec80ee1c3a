"""Columns of numbers as Arrow columns of what they stand for, without copying them or making a text a row.

`pyarrow.array` would do, but loads pandas: seconds of every worker's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cetegra_usage.rollup.rows import Column


def numbers(values: Column, kind: Any) -> Any:
    """Return numbers as a column of a type of the same width."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def counts(values: Column) -> Any:
    """Return numbers as a column of Int32."""
    return numbers(values.astype(np.int32), pa.int32())


def flags(values: Column) -> Any:
    """Return a column of Boolean."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))])


def texts(values: Column, words: Sequence[str]) -> Any:
    """Return the words that have these numbers."""
    encoded = [word.encode() for word in words]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    dictionary = pa.Array.from_buffers(
        pa.string(), len(words), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    )
    return pa.DictionaryArray.from_arrays(counts(values), dictionary)


def days(day: date, size: int) -> Any:
    """Return a column of one date."""
    return counts(np.full(size, np.datetime64(day, "D").astype(np.int64))).view(pa.date32())


def instants(day: date, moments: Column) -> Any:
    """Return so many microseconds after a day's begin as timestamps (UTC, without a zone)."""
    return numbers(np.datetime64(day, "us").astype(np.int64) + moments, pa.timestamp("us"))


def uuids(halves: Column) -> Any:
    """Return UUIDs from their halves, two numbers a row."""
    storage = numbers(halves.astype(">u8"), pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)
