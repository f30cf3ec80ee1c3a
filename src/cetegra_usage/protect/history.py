"""What an attacker already holds: the releases before this one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from cetegra_usage.model import Period

_WINDOW = timedelta(weeks=14)
"""Longer than any window that a release shows: 13 weeks, with the month around them."""


@dataclass(frozen=True, slots=True)
class ReleasedTables:
    """What an earlier release shows.

    Attributes:
        period: The period of the release.
        revision: Its revision; an attacker holds all of them.
        tables: Its tables by name, as published.
    """

    period: Period
    revision: int
    tables: Mapping[str, pl.DataFrame]


def overlaps(period: Period, other: Period) -> bool:
    """Return whether a release of `other` can show a cell that a release of `period` shows too, or adds up with one."""
    return other.last >= _begin(period) and period.last >= _begin(other)


def _begin(period: Period) -> date:
    return period.first - _WINDOW
