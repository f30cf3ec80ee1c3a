"""A day's events of one service: tabs that are opened, visits inside them, and ids where there is consent."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from cetegra_usage.synth.people import DAY, WEEKDAY_FACTOR, Accounts, instant

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from cetegra_usage.synth.portal import Habits

EVENTS_PER_TAB = {"workspace": 4.5, "docs": 3.2}
SHARE_OF_EVENTS = {"workspace": 0.8, "docs": 0.2}

_LONGEST_TAB = 40
_STAYS = 0.5
"""Of the events after a tab's first, the part that stays in the feature of the event before."""
_MORNING, _ODD_HOURS = 0.5, 0.06
"""Part of the tabs opened before noon rather than after, and part opened at any hour."""
_PAUSE_SECONDS, _LEFT_OPEN, _LEFT_OPEN_FACTOR = 70.0, 0.03, 40.0
_NO_STORAGE = 0.02
"""Part of the tabs in which the browser keeps no session id."""
_VERSION_7 = 0.35
"""Part of the tabs whose client makes event ids of version 7; the others make version 4."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events as arrays of one length, in time order.

    Attributes:
        occurred_at: Microseconds since 1970, UTC.
        event_id: 16 bytes each.
        user_type: Code.
        action: Code.
        feature: Code.
        pseudonym: 0 without consent.
        session_id: 16 bytes each, zeros where there is none.
    """

    occurred_at: NDArray[np.int64]
    event_id: NDArray[np.uint8]
    user_type: NDArray[np.int8]
    action: NDArray[np.int8]
    feature: NDArray[np.int8]
    pseudonym: NDArray[np.int64]
    session_id: NDArray[np.uint8]

    def take(self, rows: NDArray[np.intp]) -> Events:
        """Return some of the events."""
        return Events(*(getattr(self, column.name)[rows] for column in fields(self)))

    def __add__(self, other: Events) -> Events:
        return Events(
            *(np.concatenate([getattr(self, column.name), getattr(other, column.name)]) for column in fields(self))
        )


def events_of_day(  # a day has that many sides
    accounts: Accounts, habits: Habits, day: date, *, events_per_day: float, seed: int, carried: Events | None
) -> tuple[Events, Events]:
    """Make a day's events.

    Args:
        accounts: The service's people.
        habits: What they do in it that day.
        day: The UTC day.
        events_per_day: Events that all people make on an ordinary working day.
        seed: With service and day, all that chance depends on.
        carried: Events after midnight in tabs opened the day before.

    Returns:
        The events of the day in time order, and those that fall on the next.
    """
    service = list(EVENTS_PER_TAB).index(accounts.service)
    rng = np.random.default_rng([seed, 2, service, day.toordinal()])
    begin = instant(day)
    owner, tab, opened = _tabs(rng, accounts, begin, events_per_day * WEEKDAY_FACTOR[day.weekday()])
    occurred_at = _times(rng, tab, opened)
    user_type = np.where(occurred_at < accounts.type_change[owner], accounts.types[owner, 0], accounts.types[owner, 1])
    feature, action = _visits(rng, tab, user_type, habits)
    pseudonym, session_id = _ids(rng, accounts, owner, tab, occurred_at)
    made = Events(
        occurred_at=occurred_at,
        event_id=_event_ids(rng, tab, occurred_at),
        user_type=user_type,
        action=action,
        feature=feature,
        pseudonym=pseudonym,
        session_id=session_id,
    )
    if carried is not None:
        made = carried + made
    order = np.argsort(made.occurred_at, kind="stable")
    # A tab left open over two midnights would be closed by then.
    today, tomorrow = np.searchsorted(made.occurred_at, (begin + DAY, begin + 2 * DAY), sorter=order)
    return made.take(order[:today]), made.take(order[today:tomorrow])


def _tabs(
    rng: np.random.Generator, accounts: Accounts, begin: int, events: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Open tabs: for each event its account and its tab's number, and for each tab the instant it was opened."""
    mean = EVENTS_PER_TAB[accounts.service]
    rate = accounts.use / max(accounts.use.sum(), 1.0) * (events / mean)
    present = (accounts.joined < begin + DAY) & (accounts.left > begin)
    owner = np.repeat(np.arange(len(rate)), rng.poisson(np.where(present, rate, 0.0)))
    tabs = len(owner)
    hour = np.where(rng.random(tabs) < _MORNING, rng.normal(8.2, 1.3, tabs), rng.normal(12.3, 1.7, tabs))
    hour = np.where(rng.random(tabs) < _ODD_HOURS, rng.uniform(0, 24, tabs), hour)
    opened = begin + (np.clip(hour, 0.0, 23.999) * (DAY / 24)).astype(np.int64)
    opened = np.maximum(opened, np.minimum(accounts.joined[owner], begin + DAY - 1))
    tab = np.repeat(np.arange(tabs), np.minimum(rng.geometric(1 / mean, tabs), _LONGEST_TAB))
    return owner[tab], tab, opened


def _times(rng: np.random.Generator, tab: NDArray[np.int64], opened: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place the events of each tab: the first as it opens, each other some seconds after the one before."""
    slow = np.where(rng.random(len(opened)) < _LEFT_OPEN, _LEFT_OPEN_FACTOR, 1.0)
    pause = (rng.exponential(_PAUSE_SECONDS, len(tab)) * slow[tab] * 1e6).astype(np.int64) + 1
    elapsed = np.cumsum(pause)
    first = np.searchsorted(tab, np.arange(len(opened)))
    return opened[tab] + elapsed - elapsed[first][tab]


def _visits(
    rng: np.random.Generator, tab: NDArray[np.int64], user_type: NDArray[np.int8], habits: Habits
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Choose feature and action of each event: a visit begins with the feature's first action, and may go on."""
    size = len(tab)
    begins = rng.random(size) >= _STAYS
    begins[:1] = True
    begins[1:] |= tab[1:] != tab[:-1]
    chance = rng.random(size)
    drawn = np.zeros(size, dtype=np.int8)
    for code, use in enumerate(habits.use):
        of_type = user_type == code
        drawn[of_type] = _choose(use, chance[of_type])
    feature = drawn[np.maximum.accumulate(np.where(begins, np.arange(size), 0))]
    chance = rng.random(size)
    action = np.zeros(size, dtype=np.int8)
    for code, following in enumerate(habits.next_action):
        of_feature = feature == code
        action[of_feature] = _choose(following, chance[of_feature])
    return feature, np.where(begins, habits.first_action[feature], action)


def _choose(cumulative: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Turn numbers of [0, 1) into codes; the last of the sum may fall short of 1 by a rounding error."""
    reachable = int(np.searchsorted(cumulative, cumulative[-1]))
    return np.minimum(np.searchsorted(cumulative, chance, side="right"), reachable)


def _ids(
    rng: np.random.Generator,
    accounts: Accounts,
    owner: NDArray[np.int64],
    tab: NDArray[np.int64],
    occurred_at: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Give pseudonym and session where consent is in force; a tab has another session id under each pseudonym."""
    tabs = int(tab[-1]) + 1 if len(tab) else 0
    sessions = uuids(rng, 2 * tabs).reshape(tabs, 2, 16)
    sessions[rng.random(tabs) < _NO_STORAGE] = 0
    pseudonym = np.zeros(len(tab), dtype=np.int64)
    session_id = np.zeros((len(tab), 16), dtype=np.uint8)
    for which in range(2):
        begun, ended = accounts.granted[owner, which], accounts.withdrawn[owner, which]
        lawful = (begun <= occurred_at) & (occurred_at < ended)
        pseudonym[lawful] = accounts.pseudonyms[owner[lawful], which]
        session_id[lawful] = sessions[tab[lawful], which]
    return pseudonym, session_id


def _event_ids(rng: np.random.Generator, tab: NDArray[np.int64], occurred_at: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Make event ids, of version 4 or (led by the milliseconds of the event) 7."""
    ids = uuids(rng, len(tab))
    tabs = int(tab[-1]) + 1 if len(tab) else 0
    seventh = (rng.random(tabs) < _VERSION_7)[tab]
    milliseconds = (occurred_at[seventh] // 1000).astype(">u8")
    ids[seventh, :6] = milliseconds.view(np.uint8).reshape(-1, 8)[:, 2:]
    ids[seventh, 6] = (ids[seventh, 6] & 0x0F) | 0x70
    return ids


def uuids(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Make UUIDs of version 4, 16 bytes each."""
    ids = rng.integers(0, 256, (size, 16), dtype=np.uint8)
    ids[:, 6] = (ids[:, 6] & 0x0F) | 0x40
    ids[:, 8] = (ids[:, 8] & 0x3F) | 0x80
    return ids
