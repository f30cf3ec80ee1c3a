"""The made-up customer portal: its services, user types, features and notices, and how much each feature is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from cetegra_usage.model import Feature

if TYPE_CHECKING:
    from numpy.typing import NDArray

SERVICES = {"workspace": "Cetegra Workspace", "docs": "Cetegra Docs"}
USER_TYPES = {"basic_user": "Basic User", "advanced_user": "Advanced User", "it_admin": "IT Admin"}
NOTICES = {
    "notice.planned_downtime": "Planned downtime",
    "notice.assistant": "New: ask the assistant",
    "survey.docs_search": "How well does search in Docs work?",
}
ACTIONS = ("open", "navigate", "submit", "order")

_NEXT_ACTION = {"open": 0.3, "navigate": 1.0, "submit": 0.6, "order": 0.6}
"""Weight of each action after the first of a visit, where the feature lists it."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A feature's row: `use` is its weight for a basic user, an advanced user and an IT admin."""

    key: str
    title: str
    service: str
    actions: tuple[str, ...]
    owner: str
    use: tuple[float, float, float]


_PORTAL, _CASES, _CATALOGUE, _APPS, _DOCS = (
    "portal team",
    "case team",
    "catalogue team",
    "application team",
    "docs team",
)
MARK = "# Made up by `cetegra-usage generate`, like every event beside it."
"""First line of a synthetic zone's catalogue."""
ACCOUNT_DIGESTS = tuple(hashlib.sha256(f"account-{number}".encode()).hexdigest() for number in range(4711, 4731))
"""Digests of account ids that nobody has, for the list against which pseudonyms are held."""
NEW = "assistant.ask"
EXPIRING = "reports.classic"

_ENTRIES = (
    _Entry("home.dashboard", "Dashboard", "workspace", ("open", "navigate"), _PORTAL, (10, 8, 8)),
    _Entry("applications.launch", "Launch an application", "workspace", ("open",), _APPS, (9, 9, 4)),
    _Entry("cases.list", "My cases", "workspace", ("open", "navigate"), _CASES, (5, 5, 6)),
    _Entry("cases.create", "Create a case", "workspace", ("open", "submit"), _CASES, (4, 4, 4)),
    _Entry("catalogue.browse", "Browse the catalogue", "workspace", ("open", "navigate"), _CATALOGUE, (3, 4, 4)),
    _Entry("catalogue.checkout", "Order from the catalogue", "workspace", ("open", "order"), _CATALOGUE, (2, 3, 4)),
    _Entry("search.results", "Search", "workspace", ("open", "navigate"), _PORTAL, (3, 4, 5)),
    _Entry("notifications.inbox", "Notifications", "workspace", ("open", "navigate"), _PORTAL, (2.5, 2.5, 3)),
    _Entry("approvals.queue", "Approvals", "workspace", ("open", "submit"), _CATALOGUE, (0, 4, 4)),
    _Entry("reports.costs", "Cost report", "workspace", ("open", "navigate"), _PORTAL, (0, 3, 5)),
    _Entry(EXPIRING, "Classic reports", "workspace", ("open",), _PORTAL, (1, 1.5, 3)),
    _Entry("users.manage", "Manage users", "workspace", ("open", "navigate", "submit"), _APPS, (0, 0.12, 6)),
    _Entry(NEW, "Ask the assistant", "workspace", ("open", "submit"), _APPS, (4, 6, 6)),
    _Entry("docs.home", "Docs home", "docs", ("open", "navigate"), _DOCS, (5, 5, 5)),
    _Entry("docs.article", "Article", "docs", ("open", "navigate"), _DOCS, (8, 7, 7)),
    _Entry("docs.search", "Docs search", "docs", ("open", "navigate"), _DOCS, (3, 3, 4)),
    _Entry("docs.release_notes", "Release notes", "docs", ("open",), _DOCS, (1.5, 2, 4)),
    _Entry("docs.api_reference", "API reference", "docs", ("open", "navigate"), _DOCS, (0, 2.5, 4)),
)


def features(first: date, last: date) -> list[Feature]:
    """Return the portal's features for a range of days: one is new inside it, one expires soon after it."""
    old = [first - timedelta(days=200 + 30 * number) for number in range(len(_ENTRIES))]
    return [
        Feature(
            key=entry.key,
            title=entry.title,
            service=entry.service,
            actions=entry.actions,
            owner=entry.owner,
            since=_new_since(first, last) if entry.key == NEW else since,
            expires=last + timedelta(days=21) if entry.key == EXPIRING else None,
        )
        for entry, since in zip(_ENTRIES, old, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Habits:
    """What is used of one service on one day.

    Attributes:
        features: Keys, by code.
        use: Cumulative probability of each feature, a row a user type.
        first_action: Code of the action that begins a visit, by feature.
        next_action: Cumulative probability of each action within a visit, a row a feature.
    """

    features: tuple[str, ...]
    use: NDArray[np.float64]
    first_action: NDArray[np.int8]
    next_action: NDArray[np.float64]


def habits(service: str, day: date, first: date, last: date) -> Habits:
    """Return what people of each type do in a service on a day of the range."""
    entries = [entry for entry in _ENTRIES if entry.service == service]
    progress = (day - first).days / max((last - first).days, 1)
    weight = np.array([entry.use for entry in entries], dtype=np.float64).T
    for column, entry in enumerate(entries):
        if entry.key == NEW and day < _new_since(first, last):
            weight[:, column] = 0
        if entry.key == EXPIRING:
            weight[:, column] *= 1 - 0.3 * progress
    return Habits(
        features=tuple(entry.key for entry in entries),
        use=_cumulative(weight),
        first_action=np.array([ACTIONS.index(entry.actions[0]) for entry in entries], dtype=np.int8),
        next_action=_cumulative(
            np.array([[_NEXT_ACTION[action] * (action in entry.actions) for action in ACTIONS] for entry in entries])
        ),
    )


def catalogue_toml(first: date, last: date) -> str:
    """Return the catalogue of the portal as the file of a deployment; its first line says that all of it is made up."""
    blocks = [
        f"{MARK}\n",
        *(f'[[service]]\nkey = "{key}"\ntitle = "{title}"\n' for key, title in SERVICES.items()),
        *(f'[[user_type]]\nkey = "{key}"\ntitle = "{title}"\n' for key, title in USER_TYPES.items()),
        *(_feature_toml(feature) for feature in features(first, last)),
        *(f'[[notice]]\nkey = "{key}"\ntitle = "{title}"\n' for key, title in NOTICES.items()),
    ]
    return "\n".join(blocks)


def _feature_toml(feature: Feature) -> str:
    actions = ", ".join(f'"{action}"' for action in feature.actions)
    expires = f"expires = {feature.expires.isoformat()}\n" if feature.expires else ""
    return (
        f'[[feature]]\nkey = "{feature.key}"\ntitle = "{feature.title}"\nservice = "{feature.service}"\n'
        f'actions = [{actions}]\nowner = "{feature.owner}"\nsince = {feature.since.isoformat()}\n{expires}'
    )


def _new_since(first: date, last: date) -> date:
    """Return the day on which the new feature appears: a Monday where the range has one, two fifths in."""
    day = first + timedelta(days=(last - first).days * 2 // 5)
    monday = day - timedelta(days=day.weekday())
    return max(monday, first)


def _cumulative(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
