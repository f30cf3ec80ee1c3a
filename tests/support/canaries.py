"""Unmistakable values, the forms in which they could have been written, and a search of every byte."""

from __future__ import annotations

import base64
import gzip
import io
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SHORT = 9
"""Base64 of shorter values is found by chance."""


def forms(value: str | int | UUID) -> set[bytes]:
    """Return the bytes that a value may have become: text in two encodings, base64 at each alignment, hex, binary."""
    if isinstance(value, UUID):
        return {form for text in (str(value), value.hex) for form in forms(text)} | {value.bytes, value.bytes_le}
    if isinstance(value, int):
        binary = {value.to_bytes(8, "little"), value.to_bytes(8, "big")}
        return binary | {form.hex().encode() for form in binary} | {f"{value:x}".encode()} | forms(str(value))
    text = value.encode()
    found = {text, value.encode("utf-16-le"), value.encode("utf-16-be"), text.hex().encode()}
    if len(text) >= SHORT:
        for shift in range(3):  # the first and last characters depend on what stands beside it
            encoded = base64.b64encode(b"\0" * shift + text)
            inner = encoded[4 if shift else 0 :].rstrip(b"=")[:-1]
            found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def holding(folders: Iterable[Path], values: Mapping[str, str | int | UUID]) -> set[tuple[str, str]]:
    """Return (path, name of the value) for every file or folder that holds or is named by one, Parquet decompressed."""
    wanted = {name: re.compile(b"|".join(map(re.escape, sorted(forms(value))))) for name, value in values.items()}
    found: set[tuple[str, str]] = set()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            content = path.relative_to(folder).as_posix().encode() + (everything(path) if path.is_file() else b"")
            found |= {(str(path), name) for name, pattern in wanted.items() if pattern.search(content)}
    return found


def everything(file: Path) -> bytes:
    """Return a file's bytes, and if it is Parquet the values of its columns and statistics as text beside them."""
    raw = file.read_bytes()
    if file.suffix == ".gz":
        return gzip.decompress(raw)
    try:
        parquet = pq.ParquetFile(io.BytesIO(raw))
    except pa.ArrowInvalid:  # it is none
        return raw
    said: list[Any] = [parquet.schema_arrow.names, parquet.schema_arrow.metadata]
    for group in range(parquet.num_row_groups):
        for column in range(parquet.metadata.num_columns):
            statistics = parquet.metadata.row_group(group).column(column).statistics
            said.append([statistics.min, statistics.max] if statistics and statistics.has_min_max else None)
    said += [sorted({_plain(value) for value in column.to_pylist()}) for column in parquet.read().columns]
    return raw + repr(said).encode()


def _plain(value: Any) -> Any:
    return str(UUID(bytes=value)) if isinstance(value, bytes) and len(value) == 16 else str(value)


_ONE = re.compile(r"\s*([\d,]+)\s*")
_OF_PEOPLE = re.compile(
    r"\b(\d+) (?:active |new )?(?:users?|people|persons?|events?|sessions?|rows?|failures?|times)\b"
)


class _Figures(HTMLParser):
    """Every number of a page that counts something: a field of a table, and what texts and attributes call a count."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[int] = []
        self._field: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "td":
            self._field = []
        for _, value in attrs:
            self.found += map(int, _OF_PEOPLE.findall(value or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "td" and self._field is not None:
            if number := _ONE.fullmatch("".join(self._field)):
                self.found.append(int(number[1].replace(",", "")))
            self._field = None

    def handle_data(self, data: str) -> None:
        self.found += map(int, _OF_PEOPLE.findall(data))
        if self._field is not None:
            self._field.append(data)


def counts_in_page(page: str) -> list[int]:
    """Return every count of a page."""
    figures = _Figures()
    figures.feed(page)
    return figures.found


def small_in_page(page: str, threshold: int) -> list[int]:
    """Return the counts of a page that lie between 1 and threshold - 1."""
    return [number for number in counts_in_page(page) if 0 < number < threshold]


NO_PEOPLE = frozenset(
    {"format", "revision", "partitions", "partitions_checked", "days", "bytes", "cells", "errata"}
    | {"threshold", "rounding", "event_cap", "skew_seconds", "max_days", "wait_days"}
)
"""Keys of numbers that are of no rows, events or people, and of settings."""


def small_in_document(document: Any, threshold: int, place: str = "") -> list[str]:
    """Return the places of a JSON document where a count between 1 and threshold - 1 stands."""
    if isinstance(document, dict):
        return [
            found for key, value in document.items() for found in small_in_document(value, threshold, f"{place}.{key}")
        ]
    if isinstance(document, list):
        return [found for value in document for found in small_in_document(value, threshold, place)]
    *around, name = place.split(".")
    if name in NO_PEOPLE or "audit" in around or not isinstance(document, int) or isinstance(document, bool):
        return []
    return [place] if 0 < document < threshold else []
