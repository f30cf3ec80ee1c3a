"""The usage page of a release, in the order in which a product manager asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage.publish.pages.facts import Facts, period_title
from cetegra_usage.publish.pages.html import page
from cetegra_usage.publish.pages.sections import (
    active,
    changes,
    coverage,
    engagement,
    features,
    feedback,
    first_use,
    funnels,
    lifecycle,
    movers,
    notes,
    paths,
    retention,
    sessions,
    trust,
)
from cetegra_usage.publish.pages.view import PROTECTED_FROM
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.view import ReleaseView

_SECTIONS = {
    "trust": trust,
    "changes": changes,
    "active": active,
    "features": features,
    "movers": movers,
    "engagement": engagement,
    "lifecycle": lifecycle,
    "retention": retention,
    "sessions": sessions,
    "paths": paths,
    "funnels": funnels,
    "first_use": first_use,
    "feedback": feedback,
    "coverage": coverage,
    "notes": notes,
}
"""Module by section: its template is `reports/templates/usage/<section>.html`."""


def render(view: ReleaseView) -> str:
    """Render `usage.html`: one file, the same bytes for the same release.

    A section whose table the release does not have is left out.
    """
    facts = Facts(view)
    made = {name: module.section(facts) for name, module in _SECTIONS.items()}
    sections = [(name, section) for name, section in made.items() if section is not None]
    return page(
        "usage.html",
        period={"key": view.period.key, "title": period_title(view.period), "days": facts.span},
        revision=view.revision,
        services=list(facts.services.values()),
        compared=[
            (period_title(one.period), f"../../{one.period.key}/r{one.revision}/usage.html")
            for one in (view.previous, view.year_before)
            if one
        ],
        threshold=view.threshold,
        not_protected=view.threshold < PROTECTED_FROM,
        not_audited=not view.evidence.get("audit"),
        errata=view.errata,
        contents=[(name, say(f"contents.{name}")) for name, _ in sections],
        sections=sections,
    )
