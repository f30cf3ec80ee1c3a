"""The compliance page of a release: what was promised, whether it was kept on each day, and how to check it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.calendar import GAPS, anchor, calendar, group_of
from cetegra_usage.publish.pages.facts import period_days, period_title
from cetegra_usage.publish.pages.html import day, page
from cetegra_usage.publish.pages.view import PROTECTED_FROM
from cetegra_usage.publish.pages.words import say

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
        title=_title(counts),
        counts=counts,
        promises=promises,
        broken=[_broken(one, partitions) for one in promises if one["status"] == "not_met"],
        calendar=calendar(evidence["partitions"], view),
        stories=[one for one in partitions if one["failed"] or one["repaired"] or one["state"] in GAPS],
        of_release=[one for one in evidence["release"] if one["success"] is False],
        partitions=partitions,
        fates=_FATES,
        gaps=GAPS,
        not_protected=view.threshold < PROTECTED_FROM,
        shown=_shown,
    )


def _title(counts: Mapping[str, int]) -> str:
    if counts["not_met"]:
        return say("compliance.broken", n=counts["not_met"], met=counts["met"])
    if counts["met"]:
        return say("compliance.kept", n=counts["met"])
    return say("compliance.before" if counts["not_applicable"] and not counts["not_checked"] else "compliance.none")


def _shown(value: Any) -> str:
    """Write a count of the document: a number, or the symbol of what is withheld or does not apply."""
    if value is None:
        return "[z]"
    return "[c]" if value == _WITHHELD else f"{value:,}" if isinstance(value, int) else str(value)


def _partition(one: Mapping[str, Any], view: ReleaseView) -> dict[str, Any]:
    """Return a partition with its titles, its failed results, and how many of its checks passed and were made."""
    made = [result for result in one["results"] if result["success"] is not None]
    failed = [result for result in made if not result["success"]]
    now = {"state": one["state"], "failed": [result["expectation"] for result in failed]}
    return {
        **one,
        "group": group_of(one, view),
        "when": day(date.fromisoformat(one["day"]), weekday=True),
        "told": say(f"state.{one['state']}"),
        "failed": failed,
        "repaired": any(earlier["failed"] for earlier in one["history"]),
        "course": [*one["history"], now],
        "checks": len(made),
        "anchor": anchor(one),
    }


def _broken(promise: Mapping[str, Any], partitions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a promise that was not met with the partitions in which one of its expectations failed."""
    proof = {*promise["expectations"]}
    return {
        **promise,
        "where": [one for one in partitions if any(result["expectation"] in proof for result in one["failed"])],
    }
