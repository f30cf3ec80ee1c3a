"""Of the sessions that begin something, how many finish it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import among, write
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any] | None:
    """Return how often each feature that can be finished is, by type; None without `funnels`."""
    figures = facts.figures("funnels")
    if figures is None:
        return None
    keys = {row["feature"] for row in figures}
    features = [one for one in facts.view.catalogue.features.values() if one.key in keys]
    cells = {
        one.key: figures.cell("completion", service=one.service, user_type=ALL, feature=one.key) for one in features
    }
    known = [(cell.value, key) for key, cell in cells.items() if cell.value is not None]
    least = min(known)[1] if known else ""
    return {
        "title": say(
            "funnels.title",
            feature=facts.short[least],
            share=write(cells[least], "ratio").text,
            among=among(cells.values()),
        )
        if least
        else say("funnels.untitled"),
        "table": tables.make(
            figures,
            id="funnels-table",
            caption=say("funnels.caption", span=facts.span),
            corner=say("features.feature"),
            columns=[
                tables.Column(
                    title,
                    ("completion", "sessions_completed", "sessions_opened"),
                    ("ratio", "count", "count"),
                    {"user_type": key},
                    ("page.figure", "page.of"),
                    "ratio",
                    facts.tones[key],
                )
                for key, title in facts.types_and_all.items()
            ],
            rows=[
                tables.Line(
                    facts.features[one.key],
                    {"service": one.service, "feature": one.key},
                    note=facts.services[one.service],
                )
                for one in features
            ],
            folded="features.folded",
        ),
    }
