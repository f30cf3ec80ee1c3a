"""Protect and attack a month of 200 features, 6 types and 2 services, with the weeks and months behind it.

    PYTHONPATH=tests .venv/bin/python benchmarks/protection.py [--features N] [--types N] [--people N] [--weeks N]

Prints, for a smaller catalogue first, how many cells there are, how long the release took on the wall and in CPU,
and what was withheld. The releases behind it are protected one after the other (that is not timed), the last week
with the month ahead: only those that overlap with the month are handed over, as the pipeline does.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import date, timedelta

from cetegra_usage import definitions
from cetegra_usage.model import Period, periods_between
from cetegra_usage.protect import ReleasedTables, overlaps, protect
from cetegra_usage.settings import Disclosure
from support.marts import population

LAST = date(2026, 5, 31)


def run(features: int, types: int, people: int, weeks: int) -> None:
    """Release everything up to a month's end, and time the month itself."""
    first = LAST - timedelta(weeks=weeks)
    world = population(first, LAST, people=people, user_types=types, features=features, seed=1, rate=0.5)
    month = Period.month(LAST)
    behind = [period for period in periods_between(first, LAST) if period != month]
    marts = world.marts(month)
    held: list[ReleasedTables] = []
    for period in behind:
        near = [one for one in held if overlaps(period, one.period)]
        begun = time.perf_counter()
        done = protect(
            period,
            world.marts(period),
            definitions=definitions.tables(),
            disclosure=Disclosure(),
            released=near,
            ahead=(month, marts) if period.last == month.last else None,
        )
        held.append(ReleasedTables(period, 1, {name: table.frame for name, table in done.tables.items()}))
        print(f"    {period.key}: {time.perf_counter() - begun:.0f} s", flush=True)
    near = [one for one in held if overlaps(month, one.period)]
    wall, cpu = time.perf_counter(), time.process_time()
    done = protect(month, marts, definitions=definitions.tables(), disclosure=Disclosure(), released=near)
    assert done.audit is not None  # noqa: S101  # a threshold above 1 is always audited
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{features} features, {types} types, {people} people, {len(held)} releases behind ({len(near)} near): "
        f"{done.cells} cells, {done.withheld} withheld {dict(done.withheld_by_rule)}; {wall:.1f} s, {cpu:.1f} CPU s, "
        f"of these the audit {done.audit.seconds:.1f} s; peak {peak:.0f} MB",
        flush=True,
    )


def main() -> None:
    """Read the arguments; run the small catalogue, then the whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--types", type=int, default=6)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--only", action="store_true", help="leave out the smaller catalogue")
    chosen = parser.parse_args()
    if not chosen.only:
        run(chosen.features // 4, chosen.types // 2, chosen.people // 4, chosen.weeks // 4)
    run(chosen.features, chosen.types, chosen.people, chosen.weeks)


if __name__ == "__main__":
    main()
