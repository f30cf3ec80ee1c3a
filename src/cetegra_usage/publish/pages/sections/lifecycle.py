"""Who is new, who stays, who comes back, who stays away?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import write
from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.ranking import Bar, ranking
from cetegra_usage.publish.pages.svg import Text
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from datetime import date

    from cetegra_usage.publish.pages.cells import Figures
    from cetegra_usage.publish.pages.facts import Facts

_LABEL = 56
"""Pixels that a count takes."""
_STATES = ("new", "returning", "resurrected", "dormant", "withdrawn")


def section(facts: Facts) -> dict[str, Any] | None:
    """Return a panel a user type for the latest week, and every week's table; None without `lifecycle`."""
    figures = facts.figures("lifecycle")
    if figures is None:
        return None
    weeks: list[date] = figures.values("week")
    latest = weeks[-1]
    told = {
        state: write(figures.cell(state, week=latest, service=ALL, user_type=ALL), "count").text for state in _STATES
    }
    named = {measure.name: measure.title for measure in facts.view.definitions["lifecycle"].measures}
    return {
        "title": say("lifecycle.title", week=day(latest), **told) if all(told.values()) else say("lifecycle.untitled"),
        "week": day(latest),
        "panels": [
            {"title": title, "chart": _chart(facts, figures, key, latest, named)} for key, title in facts.types.items()
        ],
        "tables": [
            tables.make(
                figures,
                id=f"lifecycle-{at}",
                caption=say("lifecycle.caption", type=title),
                corner=say("active.week"),
                columns=[tables.Column(named[state], (state,), ("count",), {"user_type": key}) for state in _STATES],
                rows=[tables.Line(day(week), {"week": week, "service": ALL}) for week in weeks],
            )
            for at, (key, title) in enumerate(facts.types_and_all.items())
        ],
    }


def _chart(facts: Facts, figures: Figures, key: str, week: date, named: dict[str, str]) -> Any:
    shown = {state: write(figures.cell(state, week=week, service=ALL, user_type=key), "count") for state in _STATES}
    labels = {state: one.text or f"[{one.mark}]" for state, one in shown.items()}
    return ranking(
        [
            Bar(named[state], one.value, labels[state], tone=facts.tones[key] if at < len(_STATES) - 2 else 0)
            for at, (state, one) in enumerate(shown.items())
        ],
        Text(
            f"lifecycle-{key}",
            say("lifecycle.panel", type=facts.types[key], week=day(week)),
            ", ".join(f"{named[state]}: {labels[state]}" for state in _STATES),
        ),
        room=_LABEL,
    )
