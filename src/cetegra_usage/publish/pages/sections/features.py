"""Which type of user uses which feature?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any] | None:
    """Return the table of features by type; None without the table `features`."""
    figures = facts.figures("features")
    if figures is None:
        return None
    catalogue = facts.view.catalogue
    features = [feature for feature in catalogue.features.values() if feature.service in catalogue.services]
    return {
        "title": say("features.title"),
        "base": say("features.base"),
        "table": tables.make(
            figures,
            id="features-table",
            caption=say("features.caption"),
            corner=say("features.feature"),
            columns=[
                tables.Column(
                    title, ("adoption", "users"), ("ratio", "count"), {"user_type": key}, "ratio", facts.tones[key]
                )
                for key, title in {**facts.types, ALL: say("page.all_types")}.items()
            ]
            + [tables.Column(say("features.events"), ("events",), ("count",), {"user_type": ALL})],
            rows=[
                (facts.features[one.key], facts.services[one.service], {"service": one.service, "feature": one.key})
                for one in sorted(features, key=lambda one: -(_users(figures, one.service, one.key)))
            ],
            folded="features.folded",
            id_of="feature.",
        ),
    }


def _users(figures: Any, service: str, feature: str) -> float:
    return figures.cell("users", service=service, user_type=ALL, feature=feature).value or 0
