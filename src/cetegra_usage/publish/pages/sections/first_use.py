"""How soon do new users find each feature?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import Cell, Figures, among, write
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.model import Feature
    from cetegra_usage.publish.pages.facts import Facts

_TOLD = 7
_MOST = 20
"""Features shown, those that most new users find; all are in the data files."""


def section(facts: Facts) -> dict[str, Any] | None:
    """Return the share of new users who used each feature within 1, 7 and 28 days; None without `first_use`."""
    figures = facts.figures("first_use")
    if figures is None:
        return None
    windows: list[int] = figures.values("within_days")
    every = sorted(
        facts.view.catalogue.features.values(), key=lambda one: (-(_share(figures, one).value or 0), one.key)
    )
    ordered = every[:_MOST]
    return {
        "title": _title(facts, figures, every),
        "rest": say("first_use.rest", shown=len(ordered), n=len(every)) if len(every) > len(ordered) else "",
        "table": tables.make(
            figures,
            id="first-use-table",
            caption=say("first_use.caption"),
            corner=say("features.feature"),
            columns=[
                tables.Column(
                    say("first_use.within", n=days),
                    ("share", "adopters", "users"),
                    ("ratio", "count", "count"),
                    {"within_days": days, "user_type": ALL},
                    ("page.figure", "page.of"),
                    "ratio",
                )
                for days in windows
            ],
            rows=[
                tables.Line(
                    facts.features[one.key],
                    {"service": one.service, "feature": one.key},
                    note=facts.services[one.service],
                )
                for one in ordered
            ],
            folded="first_use.folded",
        ),
    }


def _share(figures: Figures, feature: Feature) -> Cell:
    where = {"service": feature.service, "user_type": ALL, "feature": feature.key, "within_days": _TOLD}
    return figures.cell("share", **where)


def _title(facts: Facts, figures: Figures, every: list[Feature]) -> str:
    first = _share(figures, every[0]) if every else None
    if first is None or not first.value:
        return say("first_use.untitled")
    hidden = among(_share(figures, one) for one in every)
    share = write(first, "ratio").text
    return say("first_use.title", feature=facts.short[every[0].key], share=share, n=_TOLD, among=hidden)
