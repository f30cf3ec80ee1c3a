"""Of those who were new in a week, how many come in the weeks after?"""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import write
from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cetegra_usage.publish.pages.cells import Figures
    from cetegra_usage.publish.pages.facts import Facts

_MOST_TYPES = 4
"""With more types, their own triangles would be most of the page: they are in the data files alone."""
_TOLD = 4
"""The finding tells of the newest cohort that is this many weeks old, or of a younger one where none is."""


def section(facts: Facts) -> dict[str, Any] | None:
    """Return the triangle of all types, and one a type where there are few; None without `retention`."""
    figures = facts.figures("retention")
    if figures is None:
        return None
    every: list[date] = figures.values("cohort_week")
    weeks = [*dropwhile(lambda week: _empty(figures, week), every)] or every
    made = {
        key: _triangle(facts, figures, weeks, key, title, f"retention-{at}")
        for at, (key, title) in enumerate(facts.types_and_all.items())
    }
    return {
        "title": _title(figures, weeks),
        "begins": say("retention.begins", first=day(weeks[0])) if weeks != every else "",
        "table": made.pop(ALL),
        "tables": list(made.values()) if len(made) <= _MOST_TYPES else [],
    }


def _title(figures: Figures, weeks: Sequence[date]) -> str:
    for since in range(_TOLD, 0, -1):
        for week in reversed(weeks):
            cell = figures.cell("retention", cohort_week=week, service=ALL, user_type=ALL, weeks_since=since)
            if cell.value is not None:
                return say("retention.title", share=write(cell, "ratio").text, week=day(week), n=since)
    return say("retention.untitled")


def _empty(figures: Figures, week: date) -> bool:
    """Whether nobody was new in a week, as weeks are before the first event."""
    cell = figures.cell("cohort_users", cohort_week=week, service=ALL, user_type=ALL, weeks_since=0)
    return cell.value == 0 and cell.status == "published"


def _triangle(  # one triangle of several
    facts: Facts,
    figures: Figures,
    weeks: Sequence[date],
    key: str,
    title: str,
    id: str,  # noqa: A002
) -> tables.Table:
    """Make one triangle; a cohort's size is that of its own week."""
    newest: dict[date, int] = {}
    for row in figures:
        newest[row["cohort_week"]] = max(newest.get(row["cohort_week"], 0), row["weeks_since"])
    made = tables.make(
        figures,
        id=id,
        caption=say("retention.caption", type=title),
        corner=say("retention.cohort"),
        columns=[tables.Column(say("retention.new"), ("cohort_users",), ("count",), {"weeks_since": 0})]
        + [
            tables.Column(
                say("retention.later", n=since),
                ("retention",),
                (facts.kind("retention", "retention"),),
                {"weeks_since": since},
            )
            for since in range(max(newest[week] for week in weeks) + 1)
        ],
        rows=[tables.Line(day(week), {"cohort_week": week, "service": ALL, "user_type": key}) for week in weeks],
        shaded=True,
    )
    return tables.cut(made, [newest[week] + 2 for week in weeks])
