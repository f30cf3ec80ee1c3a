"""Whom do the figures speak for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import charts, tables
from cetegra_usage.publish.pages.cells import write
from cetegra_usage.publish.pages.html import day, ticks
from cetegra_usage.publish.pages.sections.active import letters, spread
from cetegra_usage.publish.pages.svg import Text
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cetegra_usage.publish.pages.cells import Cell
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any] | None:
    """Return coverage by user type and service, what it means for each table, and the changes of consent."""
    figures = facts.figures("features")
    if figures is None:
        return None
    share = write(figures.cell("coverage", service=ALL, user_type=ALL, feature=ALL), "ratio")
    return {
        "title": say("coverage.finding", share=share.text) if share.text else say("coverage.unknown"),
        "table": tables.make(
            figures,
            id="coverage-table",
            caption=say("coverage.caption", span=facts.span),
            corner=say("page.type"),
            columns=[
                tables.Column(
                    title,
                    ("coverage", "events"),
                    ("ratio", "count"),
                    {"service": key, "feature": ALL},
                    ("coverage.of",),
                    "ratio",
                )
                for key, title in facts.services_and_all.items()
            ],
            rows=[tables.Line(title, {"user_type": key}) for key, title in facts.types_and_all.items()],
        ),
        "meaning": _meaning(facts),
        "consent": _changes(facts),
    }


def _meaning(facts: Facts) -> list[tuple[str, list[str], list[str]]]:
    """Return, for each published table, the measures that count everybody and those that count who consented."""
    return [
        (
            definition.title,
            [one.title for one in definition.measures if one.who == "everybody"],
            [one.title for one in definition.measures if one.who != "everybody"],
        )
        for key, definition in facts.view.definitions.items()
        if key in facts.view.tables
    ]


def _changes(facts: Facts) -> dict[str, Any] | None:
    """Return how often consent was granted and withdrawn, day by day; None without `consent_changes`."""
    figures = facts.figures("consent_changes")
    if figures is None:
        return None
    days = facts.view.period.days
    granted, withdrawn = ([figures.cell(key, day=one) for one in days] for key in ("granted", "withdrawn"))
    return {
        "chart": charts.lines(
            [
                _line(withdrawn, say("coverage.withdrawn"), 2),
                _line(granted, say("coverage.granted"), 1),
            ],
            [one or other for one, other in zip(letters(granted), letters(withdrawn), strict=True)],
            ticks(days, facts.day_step),
            Text(
                "consent-days",
                say("coverage.panel"),
                say("coverage.told", span=facts.span, granted=spread(granted), withdrawn=spread(withdrawn)),
            ),
        ),
        "table": tables.make(
            figures,
            id="consent-table",
            caption=say("coverage.changes_caption", span=facts.span),
            corner=say("active.day"),
            columns=[tables.Column(say(f"coverage.{key}"), (key,), ("count",)) for key in ("granted", "withdrawn")],
            rows=[tables.Line(day(one, weekday=True), {"day": one}) for one in days],
        ),
    }


def _line(cells: Sequence[Cell], label: str, tone: int) -> charts.Line:
    last = write(cells[-1], "count")
    return charts.Line([cell.value for cell in cells], [last.text or f"[{last.mark}]", label], tone=tone)
