"""How many users of each type are active, day by day and over the last quarter?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import charts, tables
from cetegra_usage.publish.pages.cells import MARKS, Cell, Figures, among, count, write
from cetegra_usage.publish.pages.html import day, ticks
from cetegra_usage.publish.pages.svg import Text
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any] | None:
    """Return a panel a user type by day, one by week, and the tables behind them; None without `activity`."""
    figures = facts.figures("activity")
    if figures is None:
        return None
    days, weekly = facts.view.period.days, facts.figures("feature_weeks")
    mondays = facts.weeks()
    daily = [key for key in facts.types if not _mostly_withheld(_row(figures, "dau", key, days))]
    return {
        "title": _title(facts),
        "daily": [_by_day(facts, figures, key, days) for key in daily],
        "partial": any(
            figures.cell(measure, day=one, service=ALL, user_type=key).status == "partial"
            for measure in ("dau", "wau")
            for one in days
            for key in facts.types
        ),
        "given_way": [title for key, title in facts.types.items() if key not in daily],
        "weekly": [_by_week(facts, weekly, key, mondays) for key in facts.types] if weekly and mondays else [],
        "begins": say("active.begins", first=day(mondays[0]))
        if weekly and mondays and mondays != weekly.values("week")
        else "",
        "by_service": _by_service(facts),
        "day_table": tables.make(
            figures,
            id="active-days",
            caption=say("active.caption", span=facts.span),
            corner=say("active.day"),
            columns=[
                tables.Column(title, ("dau", "wau"), ("count", "count"), {"user_type": key}, ("active.in_week",))
                for key, title in facts.types_and_all.items()
            ],
            rows=[tables.Line(day(one, weekday=True), {"day": one, "service": ALL}) for one in days],
        ),
        "week_table": tables.make(
            weekly,
            id="active-weeks",
            caption=say("active.week_caption"),
            corner=say("active.week"),
            columns=[
                tables.Column(title, ("users",), ("count",), {"user_type": key, "feature": ALL})
                for key, title in facts.types_and_all.items()
            ],
            rows=[tables.Line(day(one), {"week": one, "service": ALL}) for one in mondays],
        )
        if weekly and mondays
        else None,
    }


def _title(facts: Facts) -> str:
    """Name the greatest type, by the active users of the whole period."""
    figures = facts.figures("features")
    if figures is None:
        return say("active.untitled")
    cells = {key: figures.cell("users", service=ALL, user_type=key, feature=ALL) for key in facts.types_and_all}
    every = cells.pop(ALL).value
    most = max(cells, key=lambda key: cells[key].value or 0, default="")
    if not every or not most or not cells[most].value:
        return say("active.untitled")
    users = count(cells[most].value or 0)
    hidden = among(cells.values())
    return say("active.title", type=facts.types[most], users=users, every=count(every), among=hidden)


def _row(figures: Figures, measure: str, user_type: str, days: Sequence[date]) -> list[Cell]:
    return [figures.cell(measure, day=one, service=ALL, user_type=user_type) for one in days]


def _mostly_withheld(cells: Sequence[Cell]) -> bool:
    return sum(cell.status == "withheld" for cell in cells) * 2 > len(cells)


def _by_day(facts: Facts, figures: Figures, key: str, days: Sequence[date]) -> dict[str, Any]:
    dau, wau = _row(figures, "dau", key, days), _row(figures, "wau", key, days)
    last, title = write(wau[-1], "count"), facts.types[key]
    return {
        "title": title,
        "finding": say("active.last" if last.text else "active.none", users=last.text, day=day(days[-1])),
        "chart": charts.lines(
            [
                _line(wau, say("active.in_7_days"), 2.6, facts.tones[key]),
                _line(dau, say("active.on_the_day"), 1.3, facts.tones[key]),
            ],
            letters(dau),
            ticks(days, facts.day_step),
            Text(
                f"day-{key}",
                say("active.panel", type=title),
                say("active.told", type=title, span=facts.span, days=spread(dau), weeks=spread(wau)),
            ),
        ),
    }


def _by_week(facts: Facts, weekly: Figures, key: str, mondays: Sequence[date]) -> dict[str, Any]:
    cells = [weekly.cell("users", week=one, service=ALL, user_type=key, feature=ALL) for one in mondays]
    last, title = write(cells[-1], "count"), facts.types[key]
    return {
        "title": title,
        "finding": say("active.last_week" if last.text else "active.none_week", users=last.text, day=day(mondays[-1])),
        "chart": charts.lines(
            [_line(cells, say("active.in_the_week"), 2.6, facts.tones[key])],
            letters(cells),
            ticks(mondays, max(len(mondays) // 3, 1)),
            Text(
                f"week-{key}",
                say("active.week_panel", type=title),
                say("active.week_told", type=title, first=day(mondays[0]), weeks=spread(cells)),
            ),
        ),
    }


def _by_service(facts: Facts) -> tables.Table | None:
    figures = facts.figures("features")
    if figures is None:
        return None
    return tables.make(
        figures,
        id="active-services",
        caption=say("active.service_caption", span=facts.span),
        corner=say("page.type"),
        columns=[
            tables.Column(
                title, ("users", "new_users"), ("count", "count"), {"service": key, "feature": ALL}, ("active.new",)
            )
            for key, title in facts.services_and_all.items()
        ],
        rows=[tables.Line(title, {"user_type": key}) for key, title in facts.types_and_all.items()],
    )


def _line(cells: Sequence[Cell], label: str, width: float, tone: int) -> charts.Line:
    last = write(cells[-1], "count")
    partial = [one.status == "partial" for one in cells]
    return charts.Line([one.value for one in cells], [last.text or f"[{last.mark}]", label], partial, width, tone)


def letters(cells: Sequence[Cell]) -> list[str]:
    """Return the letter of each cell's symbol, or nothing where it has a figure."""
    return [MARKS.get(cell.status, "") for cell in cells]


def spread(cells: Sequence[Cell]) -> str:
    """Say in words between which figures a row of cells lies."""
    known = [cell.value for cell in cells if cell.value is not None]
    return say("active.range", low=count(min(known)), high=count(max(known))) if known else say("active.unknown")
