"""The primary rule: which counts tell of too few people by themselves, or of one person alone.

`m_people` is the number of people that are behind a figure at least: for event counts the identified users plus
unidentified events / (`event_cap` x days); `m_top` is the most that one identified person contributed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from cetegra_usage.settings import Disclosure

DOMINANCE = 0.8
"""A person who made more than this share of a count is nearly all of it."""


def primary(counts: pl.DataFrame, disclosure: Disclosure) -> pl.DataFrame:
    """Judge counts one by one.

    Args:
        counts: `value`, `people` and `top` of each; `top` may be null.
        disclosure: The threshold.

    Returns:
        The frame with `few` (fewer people than the threshold, and somebody) and `dominated` (nearly all by one person)
        in place of `people` and `top`.
    """
    somebody = pl.col("value").fill_null(0) > 0
    return counts.with_columns(
        few=somebody & (pl.col("people").fill_null(0) < disclosure.threshold),
        dominated=somebody & (pl.col("top").fill_null(0) > DOMINANCE * pl.col("value").fill_null(0)),
    ).drop("people", "top")
