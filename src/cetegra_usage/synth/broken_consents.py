"""Ways to break a day of the consent log: made-up rows are added, nobody's own change is touched."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage.synth.rows import append_at_noon, made_up_pseudonym

if TYPE_CHECKING:
    from collections.abc import Callable

    from cetegra_usage.model import Partition
    from cetegra_usage.synth.rows import Frames


def add(fault: str, *changes: dict[str, Any]) -> Callable[[Frames, Partition], None]:
    """Return what adds a made-up person's changes: each a grant at noon but for what is given (times: after noon)."""

    def breaks(frames: Frames, partition: Partition) -> None:
        usual: dict[str, Any] = {"pseudonym": made_up_pseudonym(fault), "changed_at": timedelta(0), "state": "granted"}
        append_at_noon(frames, partition, "changed_at", [usual | change for change in changes])

    return breaks


def extra_column(frames: Frames, partition: Partition) -> None:
    """Add a column that nobody was told of."""
    frames[partition] = _with_a_row(frames, partition).with_columns(dialog_version=pl.lit(3))


def missing_column(frames: Frames, partition: Partition) -> None:
    """Leave out a column."""
    frames[partition] = _with_a_row(frames, partition).drop("state")


def mistyped_column(frames: Frames, partition: Partition) -> None:
    """Nest a value that is a plain one."""
    frames[partition] = _with_a_row(frames, partition).with_columns(state=pl.struct(new="state"))


def unreadable_value(frames: Frames, partition: Partition) -> None:
    """Write the times as text, the last of them in words."""
    frame = _with_a_row(frames, partition)
    text = pl.col("changed_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    words = pl.when(pl.int_range(pl.len()) == frame.height - 1).then(pl.lit("around noon")).otherwise(text)
    frames[partition] = frame.with_columns(changed_at=words)


def _with_a_row(frames: Frames, partition: Partition) -> pl.DataFrame:
    """Return the partition's frame with a made-up person's grant, so that it is never without a row."""
    add("consents", {})(frames, partition)
    return frames[partition]
