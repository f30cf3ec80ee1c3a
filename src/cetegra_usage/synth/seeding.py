"""Which faults are seeded, each on which day."""

from __future__ import annotations

import difflib
from datetime import timedelta
from typing import TYPE_CHECKING

from cetegra_usage.errors import UsageError
from cetegra_usage.model import each_day
from cetegra_usage.synth.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cetegra_usage.synth.fault import Fault

_WEEKEND = 5


def chosen(names: Sequence[str]) -> list[Fault]:
    """Return the faults of these names, each once.

    Raises:
        UsageError: There is no fault of a name; the nearest one is named.
    """
    for name in names:
        if name not in FAULTS:
            near = difflib.get_close_matches(name, FAULTS, n=1, cutoff=0)[0]
            raise UsageError(
                f"there is no fault `{name}`",
                why=f"the nearest is `{near}`; there are {', '.join(FAULTS)}",
                hint=f"cetegra-usage generate DIR --fault {near}",
            )
    return [FAULTS[name] for name in dict.fromkeys(names)]


def placed(faults: Sequence[Fault], first: date, last: date) -> list[tuple[Fault, date]]:
    """Give each fault a day of its own: from the middle of the range to its end, then back to its beginning.

    Weekends come last. A fault that looks back gets a day that has others before it. A day of the consent log that will
    be quarantined comes after the event faults: from it on no events are taken.

    Raises:
        UsageError: The range is too short.
    """
    days = list(each_day(first, last))
    middle = days[len(days) // 2]
    order = sorted(days, key=lambda day: (day.weekday() >= _WEEKEND, day < middle, abs(day - middle)))
    places: list[tuple[Fault, date]] = []
    for fault in sorted(faults, key=lambda fault: (not _stops_events(fault), -fault.looks_back_days)):
        far_enough = [day for day in order if day - timedelta(days=fault.looks_back_days) >= first]
        if _stops_events(fault) and not all(map(_stops_events, faults)):
            far_enough.sort(reverse=True)
        if not far_enough:
            raise UsageError(
                f"the range is too short for the fault `{fault.name}`",
                why="each fault is put into a day of its own, and some need a day more than a week before it",
                hint="generate a longer range",
            )
        places.append((fault, far_enough[0]))
        order.remove(far_enough[0])
    return places


def _stops_events(fault: Fault) -> bool:
    return fault.kind == "consents" and fault.state != "accepted"


def days_needed(places: Sequence[tuple[Fault, date]]) -> set[date]:
    """Return the days whose partitions the faults look at."""
    return {day - timedelta(days=back) for fault, day in places for back in (0, fault.looks_back_days)}
