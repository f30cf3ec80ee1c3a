"""How soon do new users find each feature?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import Figures, write
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.model import Feature
    from cetegra_usage.publish.pages.facts import Facts

_TOLD = 7


def section(facts: Facts) -> dict[str, Any] | None:
    """Return the share of new users who used each feature within 1, 7 and 28 days; None without `first_use`."""
    figures = facts.figures("first_use")
    if figures is None:
        return None
    windows: list[int] = figures.values("within_days")
    ordered = sorted(facts.view.catalogue.features.values(), key=lambda one: (-_share(figures, one), one.key))
    return {
        "title": _title(facts, figures, ordered),
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


def _share(figures: Figures, feature: Feature) -> float:
    where = {"service": feature.service, "user_type": ALL, "feature": feature.key, "within_days": _TOLD}
    return figures.cell("share", **where).value or 0


def _title(facts: Facts, figures: Figures, ordered: list[Feature]) -> str:
    if not ordered or not _share(figures, ordered[0]):
        return say("first_use.untitled")
    first = ordered[0]
    where = {"service": first.service, "user_type": ALL, "feature": first.key, "within_days": _TOLD}
    share = write(figures.cell("share", **where), "ratio").text
    return say("first_use.title", feature=facts.short[first.key], share=share, n=_TOLD)
