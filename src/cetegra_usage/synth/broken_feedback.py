"""Ways to break a day of feedback: made-up rows are added, nobody's own row is touched."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage.synth.portal import NOTICES
from cetegra_usage.synth.rows import append_at_noon, made_up_pseudonym, of_version_4

if TYPE_CHECKING:
    from collections.abc import Callable

    from cetegra_usage.model import Partition
    from cetegra_usage.synth.rows import Frames

_FEWEST = 40


def add(fault: str, *rows: dict[str, Any]) -> Callable[[Frames, Partition], None]:
    """Return what adds rows of a made-up recipient: each is an answer at noon but for what is given."""

    def breaks(frames: Frames, partition: Partition) -> None:
        usual: dict[str, Any] = {
            "occurred_at": timedelta(0),
            "notice": next(iter(NOTICES)),
            "kind": "answered",
            "rating": None,
            "recipient": made_up_pseudonym(fault),
            "company": of_version_4(b"company"),
        }
        ids = [{"event_id": of_version_4(f"{fault} {number}".encode())} for number in range(len(rows))]
        made = [usual | own | row for own, row in zip(ids, rows, strict=True)]
        append_at_noon(frames, partition, "occurred_at", made)

    return breaks


def extra_column(frames: Frames, partition: Partition) -> None:
    """Add a column that nobody was told of."""
    frames[partition] = _with_a_row(frames, partition).with_columns(survey_version=pl.lit(3))


def missing_column(frames: Frames, partition: Partition) -> None:
    """Leave out a column."""
    frames[partition] = _with_a_row(frames, partition).drop("company")


def mistyped_column(frames: Frames, partition: Partition) -> None:
    """Write the ratings as numbers that may have a fraction."""
    frames[partition] = _with_a_row(frames, partition).with_columns(pl.col("rating").cast(pl.Float64))


def unreadable_value(frames: Frames, partition: Partition) -> None:
    """Write the ratings as text, the last of them in words."""
    frame = _with_a_row(frames, partition)
    last = pl.int_range(pl.len()) == frame.height - 1
    words = pl.when(last).then(pl.lit("five")).otherwise(pl.col("rating").cast(pl.String))
    frames[partition] = frame.with_columns(rating=words)


def counted_recipients(frames: Frames, partition: Partition) -> None:
    """Number recipients instead of drawing their ids."""
    first = made_up_pseudonym("feedback_counted_recipients")
    many = max(_FEWEST, frames[partition]["recipient"].n_unique())
    add("feedback_counted_recipients", *({"recipient": first + number} for number in range(many)))(frames, partition)


def _with_a_row(frames: Frames, partition: Partition) -> pl.DataFrame:
    """Return the partition's frame with a made-up recipient's answer, so that it is never without a row."""
    add("feedback", {})(frames, partition)
    return frames[partition]
