"""The compliance page of a release: what was promised, whether it was kept on each day, and how to check it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.facts import period_days, period_title
from cetegra_usage.publish.pages.html import day, page
from cetegra_usage.publish.pages.sections.trust import SIGNS
from cetegra_usage.publish.pages.words import name, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cetegra_usage.publish.pages.view import ReleaseView

_ORDER = ("not_met", "needs_decision", "met", "not_checked", "not_applicable")
_WITHHELD = "withheld"
_FATES = ("landed", "accepted", "duplicate", "held", "quarantined", "stripped")


def render(evidence: Mapping[str, Any], view: ReleaseView) -> str:
    """Render `compliance.html` from a release's public evidence document.

    Args:
        evidence: The document; its counts are integers or `withheld`.
        view: The release, for its period and the titles of services.
    """
    partitions = [_partition(one, view) for one in evidence["partitions"]]
    promises = sorted(evidence["promises"], key=lambda one: _ORDER.index(one["status"]))
    counts = {status: sum(one["status"] == status for one in promises) for status in _ORDER}
    return page(
        "compliance.html",
        period={"key": view.period.key, "title": period_title(view.period), "days": period_days(view.period)},
        evidence=evidence,
        title=say("compliance.broken" if counts["not_met"] else "compliance.kept", **counts),
        counts=counts,
        promises=promises,
        broken=[_broken(one, partitions) for one in promises if one["status"] == "not_met"],
        groups=_groups(partitions),
        stories=[one for one in partitions if one["failed"] or one["history"] or one["state"] in SIGNS],
        partitions=partitions,
        fates=_FATES,
        shown=_shown,
    )


def _shown(value: Any) -> str:
    """Write a count of the document: a number, or the symbol of what is withheld."""
    if value is None:
        return "[z]"
    return "[c]" if value == _WITHHELD else f"{value:,}"


def _partition(one: Mapping[str, Any], view: ReleaseView) -> dict[str, Any]:
    when = date.fromisoformat(one["day"])
    service = one.get("service") or ""
    what = name(view.catalogue.services.get(service, service)) if service else say("compliance.consents")
    return {
        **one,
        "group": what,
        "sign": SIGNS.get(one["state"], str(when.day)),
        "when": day(when, weekday=True),
        "text": say("trust.day", day=day(when, weekday=True), state=say(f"state.{one['state']}")),
        "failed": [result for result in one["results"] if result["success"] is False],
        "anchor": one["id"].replace("/", "."),
    }


def _broken(promise: Mapping[str, Any], partitions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a promise that was not met with the partitions in which one of its expectations failed."""
    where = [
        one for one in partitions if any(result["expectation"] in promise["expectations"] for result in one["failed"])
    ]
    return {**promise, "where": where}


def _groups(partitions: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    names = dict.fromkeys(one["group"] for one in partitions)
    return [(group, [one for one in partitions if one["group"] == group]) for group in names]
