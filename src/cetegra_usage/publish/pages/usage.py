"""The usage page of a release, in the order in which a product manager asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage.publish.pages.facts import Facts, period_days, period_title
from cetegra_usage.publish.pages.html import page
from cetegra_usage.publish.pages.sections import active, coverage, features, notes, trust
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.view import ReleaseView

_SECTIONS = {"trust": trust, "active": active, "features": features, "coverage": coverage, "notes": notes}
_PROTECTED_FROM = 5


def render(view: ReleaseView) -> str:
    """Render `usage.html`: one file, the same bytes for the same release."""
    facts = Facts(view)
    made = {name: module.section(facts) for name, module in _SECTIONS.items()}
    sections = [(name, section) for name, section in made.items() if section is not None]
    return page(
        "usage.html",
        period={"key": view.period.key, "title": period_title(view.period), "days": period_days(view.period)},
        revision=view.revision,
        services=list(facts.services.values()),
        threshold=view.threshold,
        not_protected=view.threshold < _PROTECTED_FROM,
        not_audited="audit" not in view.evidence,
        contents=[(name, say(f"contents.{name}")) for name, _ in sections],
        sections=sections,
    )
