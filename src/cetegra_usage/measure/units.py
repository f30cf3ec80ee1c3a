"""The rows that close together, and the days that they look at.

A unit is all rows of one table with one beginning: a day of `activity`, a week of `lifecycle`, a period of `features`.
It closes when its last day is over; its tally is made then and, while what it was made from stays the same, kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cetegra_usage.measure.source import ServiceCalendar
    from cetegra_usage.model import Period

    Window = tuple[date, date]

TREND_WEEKS = 13
FIRST_USE_DAYS = 56
SESSION_DAYS = 56
"""How far back a session is looked for that may have begun before: one that was silent so long begins anew."""
ENGAGEMENT_DAYS = 28
DAILY = ("activity", "consent_changes")
WEEKLY = ("feature_weeks", "lifecycle", "retention")
PERIODIC = ("features", "engagement", "sessions", "transitions", "funnels", "first_use", "feedback")

EVENTS = ("activity", "features", "feature_weeks")
PERSONS = (*EVENTS, "engagement", "lifecycle", "retention", "first_use")
SESSIONS = ("sessions", "transitions", "funnels")

KNOWN = "known"
"""The table of a summary of what is known of the past; see `history`."""
READ_BY = {
    "totals": EVENTS,
    "persons": PERSONS,
    "use": (*EVENTS, "first_use"),
    "sessions": SESSIONS,
    "steps": ("transitions",),
    "marks": ("funnels",),
    "responses": ("feedback",),
}
"""The tables that are made from each rollup."""
SUMMED_UP = ("persons", "use")
"""The rollups of which a summary tells what was before."""

# How far a table's own windows reach back: in days before its rows' last day, or before their beginning.
_BEFORE_LAST = {"activity": 27, "engagement": ENGAGEMENT_DAYS - 1, "first_use": FIRST_USE_DAYS - 1}
_BEFORE_BEGINNING = {"lifecycle": 7, "retention": 7 * (TREND_WEEKS - 1)}
_WITH_HISTORY = ("features", "lifecycle", "retention", "first_use")


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """The rows of a table that begin and close together.

    Attributes:
        table: The table's name.
        beginning: The rows' beginning: who withdrew before it is not in them.
        last: The last day that they look at.
    """

    table: str
    beginning: date
    last: date

    @property
    def id(self) -> str:
        """The unit's name, for example `lifecycle/2026-03-30/2026-04-05`."""
        return f"{self.table}/{self.beginning}/{self.last}"

    @property
    def first(self) -> date:
        """The first day of its windows."""
        if self.table in _BEFORE_LAST:
            return self.last - timedelta(days=_BEFORE_LAST[self.table])
        return self.beginning - timedelta(days=_BEFORE_BEGINNING.get(self.table, 0))

    def first_of(self, rollup: str) -> date:
        """Return the first day of its windows for which it reads a rollup's table."""
        only_its_own_days = rollup != "persons" and self.table != "first_use"
        return self.beginning if only_its_own_days else self.first

    def reads_from(self, rollup: str, identified_days: int, max_days: int) -> date:
        """Return the first day of a rollup's table that it reads, history too: who was seen, which session had begun.

        Args:
            rollup: The table.
            identified_days: How far first seen and first use look back from the rows' (the cohort's) last day.
            max_days: How long a session may plausibly be; it is looked for `SESSION_DAYS` back at least.
        """
        first = self.first_of(rollup)
        if rollup == "sessions":
            return first - timedelta(days=max(max_days, SESSION_DAYS))
        if rollup in SUMMED_UP and self.table in _WITH_HISTORY:
            oldest = self.last - timedelta(days=_BEFORE_BEGINNING["retention"] if self.table == "retention" else 0)
            return min(first, oldest - timedelta(days=identified_days - 1))
        return first

    def made_from(self, identified_days: int, max_days: int) -> date:
        """Return the first day of all that it reads."""
        read = [rollup for rollup, tables in READ_BY.items() if self.table in tables]
        return min((self.reads_from(rollup, identified_days, max_days) for rollup in read), default=self.beginning)


def weeks_ending_in(period: Period) -> list[date]:
    """Return the Mondays of the ISO weeks whose Sunday lies in a period."""
    sundays = [day for day in period.days if day.isoweekday() == 7]  # noqa: PLR2004
    return [sunday - timedelta(days=6) for sunday in sundays]


def trend_weeks(period: Period) -> list[date]:
    """Return the Mondays of the 13 ISO weeks that end on or before a period's last day."""
    last_monday = period.last - timedelta(days=period.last.isoweekday() % 7 + 6)
    return [last_monday - timedelta(days=7 * back) for back in reversed(range(TREND_WEEKS))]


def units(period: Period) -> list[Unit]:
    """Return the units of all tables of a period."""
    mondays = {
        "lifecycle": weeks_ending_in(period),
        "feature_weeks": trend_weeks(period),
        "retention": trend_weeks(period),
    }
    return sorted(
        [Unit(table, day, day) for table in DAILY for day in period.days]
        + [Unit(table, monday, monday + timedelta(days=6)) for table in WEEKLY for monday in mondays[table]]
        + [Unit(table, period.first, period.last) for table in PERIODIC]
    )


def status(calendars: Sequence[ServiceCalendar], windows: Sequence[Window]) -> str:
    """Return `published`, `partial` or `unavailable`: how much of a measure's windows is there.

    Args:
        calendars: One service's calendar; all declared services' for a total over them.
        windows: First and last day of each window; the measure is as good as the worst of them.
    """
    found = {_status_of_window(calendars, *window) for window in windows}
    return next(state for state in ("unavailable", "partial", "published") if state in found)


def _status_of_window(calendars: Sequence[ServiceCalendar], first: date, last: date) -> str:
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    expected = [(calendar, day) for calendar in calendars for day in days if not calendar.is_before(day)]
    missing = sum(calendar.is_missing(day) for calendar, day in expected)
    if not missing:
        return "published"
    return "unavailable" if missing == len(expected) else "partial"
