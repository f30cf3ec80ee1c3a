"""Rows of a partition's table: found, changed and appended, for those who break them on purpose."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import polars as pl

from cetegra_usage.errors import UsageError
from cetegra_usage.model import midnight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cetegra_usage.model import Partition

Frames = dict["Partition", pl.DataFrame]
Among = Literal["declined", "identified", "in a session"]


class TooLittleDataError(UsageError):
    """Raised when no row of a partition can carry a fault."""

    def __init__(self) -> None:
        super().__init__(
            "a partition holds no row that can carry the fault",
            why="a fault changes events of its own kind, near the middle of the range",
            hint="generate more --users, or a longer range",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), ()


_KINDS: dict[Among, pl.Expr] = {
    "declined": ~pl.col("consent"),
    "identified": pl.col("pseudonym").is_not_null(),
    "in a session": pl.col("session_id").is_not_null(),
}


def rows_of(frame: pl.DataFrame, among: Among, most: int = 3) -> list[int]:
    """Return the first rows of events of a kind.

    Raises:
        TooLittleDataError: There is none.
    """
    found = frame.select(_KINDS[among].arg_true()).to_series().head(most).to_list()
    if not found:
        raise TooLittleDataError
    return found


def change(frame: pl.DataFrame, rows: list[int], values: Mapping[str, Any]) -> pl.DataFrame:
    """Write values into rows: of each column one value, or what a function makes of (old value, number of the row)."""
    for name, value in values.items():
        column = frame[name].to_list()
        for number, row in enumerate(rows):
            column[row] = value(column[row], number) if callable(value) else value
        kind = frame.schema[name]
        # An enumeration of the values that are right has no place for wrong ones.
        frame = frame.with_columns(pl.Series(name, column, pl.String if isinstance(kind, pl.Enum) else kind))
    return frame


def append(frame: pl.DataFrame, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Add rows at a frame's end."""
    return frame.vstack(pl.DataFrame(rows, frame.schema))


def append_at_noon(frames: Frames, partition: Partition, clock: str, rows: list[dict[str, Any]]) -> None:
    """Add rows at the end of a partition's frame; in the column `clock` they say how long after noon they are."""
    noon = midnight(partition.day) + timedelta(hours=12)
    frames[partition] = append(frames[partition], [row | {clock: noon + row[clock]} for row in rows])


def of_version_4(seed: bytes, _: int = 0) -> bytes:
    """Return an id of version 4, another one for each seed."""
    return UUID(bytes=hashlib.sha256(seed).digest()[:16], version=4).bytes


def edit(among: Among, most: int = 3, **values: Any) -> Callable[[Frames, Partition], None]:
    """Return what writes values into the first rows of a kind."""

    def breaks(frames: Frames, partition: Partition) -> None:
        frame = frames[partition]
        frames[partition] = change(frame, rows_of(frame, among, most), values)

    return breaks


def made_up_pseudonym(fault: str) -> int:
    """Return a pseudonym of nobody, another one for each fault, of the range that pseudonyms have."""
    return int.from_bytes(hashlib.sha256(fault.encode()).digest()[:8]) >> 2 | 1 << 61
