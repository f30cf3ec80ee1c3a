"""Whom do the figures speak for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import write
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any] | None:
    """Return coverage by user type; None without the table `features`, whose `all` row counts every event once."""
    figures = facts.figures("features")
    if figures is None:
        return None
    share = write(figures.cell("coverage", service=ALL, user_type=ALL, feature=ALL), "ratio")
    return {
        "title": say("coverage.finding", share=share.text) if share.text else say("coverage.unknown"),
        "table": tables.make(
            figures,
            id="coverage-table",
            caption=say("coverage.caption"),
            corner=say("page.type"),
            columns=[
                tables.Column(
                    title, ("coverage", "events"), ("ratio", "count"), {"service": key, "feature": ALL}, "ratio"
                )
                for key, title in {**facts.services, ALL: say("page.all_services")}.items()
            ],
            rows=[
                (title, "", {"user_type": key}) for key, title in {**facts.types, ALL: say("page.all_types")}.items()
            ],
        ),
    }
