"""Accepted rows of people who consented, as columns of numbers, bucket by bucket of the pseudonym.

Numbers of a fixed width are what sorting and counting is cheap on: a text is its place in a sorted list, an identifier
two halves of 64 bits. What is taken out of one scan lies in a file a bucket, so that one bucket alone is in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from cetegra_usage import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb
    from numpy.typing import NDArray

    Column = NDArray[Any]

ACTIONS = ("open", "navigate", "submit", "order")
"""The actions of the contract, in the order of the counts in `use`."""
ROWS_AT_ONCE, ROWS_EACH = 1 << 17, 1 << 13
"""Rows that are parted by bucket together: what a processor's caches hold, or more where a bucket's share is few."""
HELD_ROWS = 4_000_000
"""Rows that are in memory before they are written: some two hundred megabytes."""


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a partition, each by its number.

    Attributes:
        user_types: The user types that occur, sorted.
        features: The features that occur, sorted.
    """

    user_types: Sequence[str]
    features: Sequence[str]


@dataclass(slots=True)
class Rows:
    """Events of people, a row an event, in no order.

    Attributes:
        pseudonym: Whose (Int64).
        moment: Microseconds since the day began (Int64).
        code: Of what kind (UInt32): (user type * number of features + feature) * 4 + action, each by its number.
        session: Halves of session_id, so that they sort as its bytes (UInt64, two a row); both 0 without a session.
        event: Halves of event_id (two a row), big-endian as they were read: few are ever looked at.
    """

    pseudonym: Column
    moment: Column
    code: Column
    session: Column
    event: Column

    def moved(self) -> tuple[Column, ...]:
        """Return the columns that `take` moves: all but `event`."""
        return self.pseudonym, self.moment, self.code, self.session

    def columns(self) -> tuple[Column, ...]:
        """Return all columns, in the order of the attributes."""
        return *self.moved(), self.event

    def take(self, places: Column) -> Rows:
        """Return the rows at some places, in that order; `event` stays as it is."""
        pseudonym, moment, code, session = (column.take(places, axis=0) for column in self.moved())
        return Rows(pseudonym, moment, code, session, self.event)


_NO_ROWS = Rows(
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty(0, np.uint32),
    np.empty((0, 2), np.uint64),
    np.empty((0, 2), ">u8"),
)


def bucket_of(pseudonym: Column, buckets: int) -> Column:
    """Return the number of each pseudonym's bucket, of so many (a power of two)."""
    return (pseudonym ^ (pseudonym >> 32)) & (buckets - 1)


def by_bucket(
    connection: duckdb.DuckDBPyConnection, words: Words, day: date, buckets: int, spool: Path
) -> Iterator[Rows]:
    """Read the identified rows of a partition once and return them bucket by bucket.

    Args:
        connection: Its view `accepted` holds the partition's accepted rows.
        words: Every user type and feature that occurs.
        day: The partition's day.
        buckets: How many buckets there are: a power of two.
        spool: A folder for what memory shall not hold: a file a bucket, which goes when it has been read.

    Raises:
        QueryError: DuckDB failed.
    """
    held: list[list[Rows]] = [[] for _ in range(buckets)]
    spooled: list[list[int]] = [[] for _ in range(buckets)]
    size = 0
    connection.execute("SET arrow_lossless_conversion = true")  # UUIDs as 16 bytes
    at_once = max(ROWS_AT_ONCE, buckets * ROWS_EACH)
    batches = sql.batches(
        connection, "identified", at_once, user_types=words.user_types, features=words.features, day=day
    )
    for rows in _gathered(batches, at_once):
        for number, part in enumerate(_parted(rows, buckets) if buckets > 1 else [rows]):
            held[number].append(part)
        size += len(rows.code)
        if size > HELD_ROWS:
            for number, parts in enumerate(held):
                spooled[number] += _append(spool / str(number), parts)
                parts.clear()
            size = 0
    for number, parts in enumerate(held):
        yield _together([*_spooled(spool / str(number), spooled[number]), *parts])
        parts.clear()


def _parted(rows: Rows, buckets: int) -> Iterator[Rows]:
    """Return the rows of each bucket."""
    bucket = bucket_of(rows.pseudonym, buckets).astype(np.uint16)
    places = np.argsort(bucket, kind="stable")
    columns = [column.take(places, axis=0) for column in rows.columns()]
    ends = np.cumsum(np.bincount(bucket, minlength=buckets)).tolist()
    for start, end in pairwise([0, *ends]):
        yield Rows(*(column[start:end] for column in columns))


def _gathered(batches: Iterable[Any], at_once: int) -> Iterator[Rows]:
    """Put together what comes in small pieces: to part rows by bucket costs much the same for many as for few."""
    waiting: list[Rows] = []
    size = 0
    for batch in batches:
        waiting.append(_rows(batch))
        size += len(batch)
        if size >= at_once:
            yield _together(waiting)
            waiting, size = [], 0
    if waiting:
        yield _together(waiting)


def _rows(batch: Any) -> Rows:
    pseudonym, moment, code = (np.from_dlpack(batch.column(name)) for name in ("pseudonym", "moment", "code"))
    session, event = (_halves(batch.column(name)) for name in ("session_id", "event_id"))
    return Rows(pseudonym, moment, code, session.astype(np.uint64), event)


def _halves(ids: Any) -> Column:
    """Return UUIDs as two big-endian numbers each, that sort as their bytes do."""
    return np.frombuffer(ids.storage.buffers()[1], ">u8").reshape(-1, 2)[ids.offset : ids.offset + len(ids)]


def _together(parts: Sequence[Rows]) -> Rows:
    columns = zip(*(part.columns() for part in (_NO_ROWS, *parts)), strict=True)
    return Rows(*(np.concatenate(column) for column in columns))


def _append(path: Path, parts: Sequence[Rows]) -> list[int]:
    """Write parts one after the other, column by column; return how many rows each has."""
    with path.open("ab") as file:
        for part in parts:
            for column in part.columns():
                column.tofile(file)
    return [len(part.code) for part in parts]


def _spooled(path: Path, sizes: Sequence[int]) -> Iterator[Rows]:
    if not sizes:
        return
    kinds = [(column.dtype, column.shape[1:]) for column in _NO_ROWS.columns()]
    with path.open("rb") as file:
        for size in sizes:
            yield Rows(*(np.fromfile(file, (kind, shape), size) for kind, shape in kinds))
    path.unlink()
