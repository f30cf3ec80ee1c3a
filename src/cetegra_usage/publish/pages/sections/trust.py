"""Is it complete, and can I trust it?"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cetegra_usage.publish.pages.facts import Facts

SIGNS = {"quarantined": "!", "missing": "\N{MULTIPLICATION SIGN}", "incomplete": "\N{HORIZONTAL ELLIPSIS}"}
"""What stands in a day's field in place of its number."""
_GAPS = frozenset(SIGNS)


def section(facts: Facts) -> dict[str, Any]:
    """Return the title, each service's days with their states, the story of each gap, and the promises kept."""
    evidence = facts.view.evidence
    days: list[dict[str, Any]] = [
        {**partition, "day": date.fromisoformat(partition["day"])}
        for partition in evidence["partitions"]
        if partition["id"].startswith("events/")
    ]
    gaps = [one for one in days if one["state"] in _GAPS]
    title = say("trust.gaps", missing=len(gaps), due=len(days)) if gaps else say("trust.complete", due=len(days))
    return {
        "title": title,
        "calendar": [
            (facts.services.get(service, service), [_field(one) for one in days if one["service"] == service])
            for service in dict.fromkeys(one["service"] for one in days)
        ],
        "stories": [
            say(
                f"trust.{one['state']}", service=facts.services.get(one["service"], one["service"]), day=day(one["day"])
            )
            for one in gaps
        ],
        "promises": _promises(evidence),
        "withheld": _withheld(evidence),
    }


def _field(partition: Mapping[str, Any]) -> dict[str, str]:
    state = partition["state"]
    return {
        "state": state,
        "sign": SIGNS.get(state, str(partition["day"].day)),
        "text": say("trust.day", day=day(partition["day"], weekday=True), state=say(f"state.{state}")),
    }


def _promises(evidence: Mapping[str, Any]) -> str:
    by_status = Counter(promise["status"] for promise in evidence["promises"])
    if by_status["not_met"]:
        return say("trust.promises_broken", broken=by_status["not_met"], met=by_status["met"], all=by_status.total())
    return say("trust.promises_kept", met=by_status["met"], all=by_status.total())


def _withheld(evidence: Mapping[str, Any]) -> str:
    withheld = evidence["withheld"]
    if isinstance(withheld["withheld"], str):
        return say("trust.few_withheld")
    return say("trust.withheld", n=f"{withheld['withheld']:,}", cells=f"{withheld['cells']:,}")
