"""Is it complete, and can I trust it?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.calendar import GAPS, calendar
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cetegra_usage.publish.pages.calendar import Group
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any]:
    """Return the title, each service's days with their states, the story of each gap, and the promises kept."""
    evidence = facts.view.evidence
    events = [one for one in evidence["partitions"] if one["service"] in facts.services]
    groups = calendar(events, facts.view)
    gaps = [(group.title, field) for group in groups for field in group.fields if field.state in GAPS]
    return {
        "title": _title(groups, len(gaps), len(facts.view.period.days)),
        "calendar": groups,
        "stories": [say(f"trust.{field.state}", service=title, day=field.day) for title, field in gaps],
        "promises": _promises(evidence),
        "withheld": _withheld(evidence),
    }


def _title(groups: Sequence[Group], gaps: int, days: int) -> str:
    """Say how many days are in, of those that are due: none is before a service's first partition."""
    due = [(group.title, there) for group in groups if (there := [one for one in group.fields if one.state != "empty"])]
    expected = sum(len(there) for _, there in due)
    if gaps:
        return say("trust.nothing", due=expected) if gaps == expected else say("trust.gaps", n=gaps, due=expected)
    if not due:
        return say("trust.none")
    late = [say("trust.since", service=title, day=there[0].day) for title, there in due if len(there) < days]
    key = "trust.complete_since" if late else "trust.complete"
    return say(key, n=len(due), days=days, since=", ".join(late))


def _promises(evidence: Mapping[str, Any]) -> str:
    by_status = Counter(promise["status"] for promise in evidence["promises"])
    if by_status["not_met"]:
        return say("trust.promises_broken", n=by_status["not_met"], met=by_status["met"])
    if not by_status["met"]:
        early = by_status["not_applicable"] and not by_status["not_checked"]
        return say("trust.promises_before" if early else "trust.promises_none")
    return say("trust.promises_kept", n=by_status["met"])


def _withheld(evidence: Mapping[str, Any]) -> str:
    withheld, cells = evidence["withheld"]["withheld"], evidence["withheld"]["cells"]
    if isinstance(withheld, str) or isinstance(cells, str):
        return say("trust.few_withheld")
    return say("trust.withheld", withheld=f"{withheld:,}", cells=f"{cells:,}")
