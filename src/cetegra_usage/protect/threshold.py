"""The primary rule: which counts tell of too few people by themselves, or of one person alone.

Three kinds of counts are withheld here, each by what the mart carries inside:

- `threshold`: fewer people than the threshold stand behind it (and it is not 0). `m_people` is the number of people
  that are behind a figure: for event counts the identified users plus unidentified events / (`event_cap` x days).
- `dominance`: one identified person made nearly all of it.
- `zero`: nothing of a small group, which tells of everybody in that group; see `links.toml` for the groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from cetegra_usage.definitions import MeasureDefinition, TableDefinition
    from cetegra_usage.settings import Disclosure

DOMINANCE = 0.8
"""A person who made more than this share of a count is nearly all of it."""


def few(table: TableDefinition, frame: pl.DataFrame, disclosure: Disclosure) -> dict[str, pl.Series]:
    """Return for each count of a mart a mask of the cells behind which stand too few people.

    Args:
        table: The table's definition.
        frame: The exact mart, with `m_people` for each count `m`.
        disclosure: The threshold; at 1 nothing is too few.
    """
    masks: dict[str, pl.Series] = {}
    for measure in table.counts:
        people = frame[f"{measure.name}_people"].fill_null(0)
        too_few = (
            (people < disclosure.threshold) if disclosure.threshold > 1 else pl.repeat(False, len(frame), eager=True)
        )
        masks[measure.name] = (frame[measure.name].fill_null(0) > 0) & too_few
    return masks


def dominated(table: TableDefinition, frame: pl.DataFrame, disclosure: Disclosure) -> dict[str, pl.Series]:
    """Return for each count with an `m_top` a mask of the cells that one person made nearly alone."""
    masks: dict[str, pl.Series] = {}
    for measure in table.counts:
        top = f"{measure.name}_top"
        if top not in frame.columns or disclosure.threshold == 1:
            continue
        total = frame[measure.name].fill_null(0)
        nearly_all = frame[top].fill_null(0) > DOMINANCE * total
        masks[measure.name] = (
            (total > 0) & nearly_all & pl.Series([disclosure.threshold > 1]).new_from_index(0, len(frame))
        )
    return masks


def means(table: TableDefinition) -> list[tuple[MeasureDefinition, str]]:
    """Return each mean and median of a table with the count that it is taken over: the first of what it is about."""
    return [
        (measure, next(count.name for count in table.counts if count.of == measure.of))
        for measure in table.measures
        if measure.kind in {"mean", "median"}
    ]
