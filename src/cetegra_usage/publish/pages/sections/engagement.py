"""On how many days do users come?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import charts, tables
from cetegra_usage.publish.pages.cells import MARKS, Cell, among, count
from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.svg import Text
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cetegra_usage.publish.pages.facts import Facts

_TICKS = (1, 7, 14, 21, 28)


def section(facts: Facts) -> dict[str, Any] | None:
    """Return a panel a user type: users by number of active days; None without `engagement`."""
    figures = facts.figures("engagement")
    if figures is None:
        return None
    days: list[int] = figures.values("active_days")

    def row(user_type: str) -> list[Cell]:
        return [figures.cell("users", service=ALL, user_type=user_type, active_days=number) for number in days]

    return {
        "title": _finding("engagement.title", "engagement.untitled", row(ALL), days),
        "last": day(facts.view.period.last),
        "panels": [
            {
                "title": title,
                "finding": _finding("engagement.most", "active.unknown", row(key), days),
                "chart": _chart(facts, key, row(key), days),
            }
            for key, title in facts.types.items()
        ],
        "table": tables.make(
            figures,
            id="engagement-table",
            caption=say("engagement.caption", last=day(facts.view.period.last, year=True)),
            corner=say("engagement.days"),
            columns=[
                tables.Column(title, ("users",), ("count",), {"user_type": key})
                for key, title in facts.types_and_all.items()
            ],
            rows=[tables.Line(str(number), {"service": ALL, "active_days": number}) for number in days],
        ),
    }


def _finding(key: str, unknown: str, cells: Sequence[Cell], days: Sequence[int]) -> str:
    """Name the number of days on which most users came, as published."""
    known = [(cell.value, number) for cell, number in zip(cells, days, strict=True) if cell.value]
    if not known:
        return say(unknown)
    users, number = max(known, key=lambda one: (one[0], -one[1]))
    return say(key, n=number, users=count(users), among=among(cells))


def _chart(facts: Facts, key: str, cells: Sequence[Cell], days: Sequence[int]) -> Any:
    told = ", ".join(
        f"{number}: {count(cell.value) if cell.value is not None else f'[{MARKS[cell.status]}]'}"
        for number, cell in zip(days, cells, strict=True)
        if number in _TICKS
    )
    return charts.columns(
        [cell.value for cell in cells],
        [MARKS.get(cell.status, "") for cell in cells],
        [(days.index(number), say("engagement.tick", n=number)) for number in _TICKS if number in days],
        facts.tones[key],
        Text(
            f"engagement-{key}",
            say("engagement.panel", type=facts.types[key]),
            say("engagement.told", type=facts.types[key], told=told),
        ),
    )
