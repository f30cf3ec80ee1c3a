"""How long do sessions last, and what happens in one?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import write
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any] | None:
    """Return sessions by service and type; None without `sessions`."""
    figures = facts.figures("sessions")
    if figures is None:
        return None
    median = write(figures.cell("median_seconds", service=ALL, user_type=ALL), "seconds")
    return {
        "title": say("sessions.title", median=median.text) if median.text else say("sessions.untitled"),
        "table": tables.make(
            figures,
            id="sessions-table",
            caption=say("sessions.caption", span=facts.span),
            corner=say("page.type"),
            columns=[
                tables.Column(
                    title,
                    ("median_seconds", "sessions", "events_per_session"),
                    ("seconds", "count", "mean"),
                    {"service": key},
                    ("sessions.sessions", "sessions.events"),
                    "most",
                )
                for key, title in facts.services_and_all.items()
            ],
            rows=[tables.Line(title, {"user_type": key}) for key, title in facts.types_and_all.items()],
        ),
    }
