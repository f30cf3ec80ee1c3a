"""Whom did notices reach, and what did they say?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import among, write
from cetegra_usage.publish.pages.words import name, say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.facts import Facts

_RATINGS = (1, 2, 3, 4, 5)


def section(facts: Facts) -> dict[str, Any] | None:
    """Return what was done with each notice; None without `feedback`, or where nothing of it ever landed."""
    figures = facts.figures("feedback")
    landed = any(one["id"].startswith("feedback/") for one in facts.view.evidence["partitions"])
    if figures is None or not landed:
        return None
    titles = {key: name(title) for key, title in facts.view.catalogue.notices.items()}
    rates = {key: figures.cell("response_rate", notice=key) for key in titles}
    known = [(cell.value, key) for key, cell in rates.items() if cell.value]
    most = max(known)[1] if known else ""
    counts = [tables.Column(say(f"feedback.{one}"), (one,), ("count",)) for one in ("shown", "opened", "dismissed")]
    stars = [tables.Column(say("feedback.rated", n=rating), (f"rating_{rating}",), ("count",)) for rating in _RATINGS]
    return {
        "title": say(
            "feedback.title",
            notice=titles[most],
            share=write(rates[most], "ratio").text,
            among=among(rates.values()),
        )
        if most
        else say("feedback.untitled"),
        "least": say("feedback.least", n=200 * facts.view.rounding) if facts.view.rounding > 1 else "",
        "table": tables.make(
            figures,
            id="feedback-table",
            caption=say("feedback.caption", span=facts.span),
            corner=say("feedback.notice"),
            columns=[
                *counts,
                tables.Column(say("feedback.answered"), ("answered",), ("count",)),
                tables.Column(say("feedback.response_rate"), ("response_rate",), ("ratio",), bar="ratio"),
                tables.Column(say("feedback.mean_rating"), ("mean_rating",), ("mean",)),
                *stars,
            ],
            rows=[tables.Line(title, {"notice": key}) for key, title in titles.items()],
            folded="feedback.folded",
        ),
    }
