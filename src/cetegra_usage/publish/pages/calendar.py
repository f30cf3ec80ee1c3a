"""A field for every day of the period, also for days of which the evidence says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.words import name, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cetegra_usage.publish.pages.view import ReleaseView

_SIGNS = {
    "quarantined": "!",
    "missing": "\N{MULTIPLICATION SIGN}",
    "incomplete": "\N{HORIZONTAL ELLIPSIS}",
    "unknown": "?",
}
"""What stands in a day's field in place of its number."""
GAPS = frozenset(_SIGNS)
"""The states in which nothing of a day is in any figure."""


@dataclass(frozen=True, slots=True)
class Field:
    """One day of one group.

    Attributes:
        state: The partition's state; `unknown` where the evidence has none.
        sign: What the field shows.
        text: What it says to those who cannot see it.
        day: The day, written.
        anchor: The partition's address in the compliance page, or empty.
    """

    state: str
    sign: str
    text: str
    day: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Group:
    """The days of a service's events, of the consent log, or of feedback."""

    title: str
    fields: Sequence[Field]


def group_of(partition: Mapping[str, Any], view: ReleaseView) -> str:
    """Return the title under which a partition of the evidence stands: its service, the consent log, or feedback."""
    service = partition.get("service") or ""
    if service:
        return name(view.catalogue.services.get(service, service))
    return say(f"compliance.{str(partition['id']).split('/', 1)[0]}")


def calendar(partitions: Sequence[Mapping[str, Any]], view: ReleaseView) -> list[Group]:
    """Return every day of the release's period for each group that the partitions belong to.

    Args:
        partitions: Of the public evidence document.
        view: The release, for its period and titles.
    """
    groups: dict[str, tuple[str, dict[date, Mapping[str, Any]]]] = {}
    for one in partitions:
        folder = str(one["id"]).rsplit("/", 1)[0]  # not the title: two services may have one
        groups.setdefault(folder, (group_of(one, view), {}))[1][date.fromisoformat(one["day"])] = one
    return [
        Group(title, [_field(when, by_day.get(when)) for when in view.period.days]) for title, by_day in groups.values()
    ]


def _field(when: date, partition: Mapping[str, Any] | None) -> Field:
    state = partition["state"] if partition else "unknown"
    written = day(when, weekday=True)
    return Field(
        state,
        _SIGNS.get(state, str(when.day)),
        say("trust.day", day=written, state=say(f"state.{state}")),
        written,
        anchor(partition) if partition else "",
    )


def anchor(partition: Mapping[str, Any]) -> str:
    """Return a partition's address in the compliance page."""
    return str(partition["id"]).replace("/", ".")
