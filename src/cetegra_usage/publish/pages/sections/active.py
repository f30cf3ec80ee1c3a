"""How many users of each type are active, day by day?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import charts, tables
from cetegra_usage.publish.pages.cells import Cell, Figures, count, write
from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any] | None:
    """Return a panel a user type and the table behind them; None without the table `activity`."""
    figures = facts.figures("activity")
    if figures is None:
        return None
    days = facts.view.period.days
    return {
        "title": _title(facts, figures),
        "panels": [_panel(facts, figures, key, title) for key, title in facts.types.items()],
        "table": tables.make(
            figures,
            id="activity",
            caption=say("active.caption"),
            corner=say("active.day"),
            columns=[
                tables.Column(title, ("dau", "wau"), ("count", "count"), {"user_type": key})
                for key, title in {**facts.types, ALL: say("page.all_types")}.items()
            ],
            rows=[(day(one, weekday=True), "", {"day": one, "service": ALL}) for one in days],
        ),
    }


def _title(facts: Facts, figures: Figures) -> str:
    last = facts.view.period.last
    shown = write(figures.cell("wau", day=last, service=ALL, user_type=ALL), "count")
    return say("active.title" if shown.text else "active.untitled", n=shown.text, day=day(last))


def _panel(facts: Facts, figures: Figures, key: str, title: str) -> dict[str, Any]:
    days = facts.view.period.days
    daily, weekly = (
        [figures.cell(measure, day=one, service=ALL, user_type=key) for one in days] for measure in ("dau", "wau")
    )
    last = write(weekly[-1], "count")
    step = 1 if facts.view.period.is_week else 7
    return {
        "title": title,
        "finding": say("active.last", n=last.text, day=day(days[-1])) if last.text else say("active.none"),
        "chart": charts.lines(
            [
                charts.Line([cell.value for cell in weekly], last.text, width=2.4),
                charts.Line([cell.value for cell in daily], "", width=1.2, opacity=0.75),
            ],
            [(at, day(one)) for at, one in enumerate(days) if at % step == 0],
            colour=facts.tones[key],
            title=say("active.panel", type=title),
            description=say(
                "active.description",
                type=title,
                first=day(days[0]),
                last=day(days[-1], year=True),
                days=spread(daily),
                weeks=spread(weekly),
            ),
            id=f"active-{key}",
        ),
    }


def spread(cells: list[Cell]) -> str:
    """Say in words between which figures a row of cells lies."""
    known = [cell.value for cell in cells if cell.value is not None]
    return say("active.range", low=count(min(known)), high=count(max(known))) if known else say("active.unknown")
