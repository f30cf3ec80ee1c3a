"""Made-up people: who uses which service how much, under which type, and what they chose about analytics when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).max
DAY = 86_400_000_000
"""Microseconds: every instant here is microseconds since 1970, UTC."""
WEEKDAY_FACTOR = (1.04, 1.1, 1.05, 1.0, 0.81, 0.12, 0.1)
LEAD_DAYS = 7
"""The consent dialog came so many days before the first event: those days are in the consent log too."""

_TYPE_SHARE = (0.69, 0.23, 0.08)
_BECOMES = (1, 0, 1)
"""The type that a person of each type changes to."""
_SERVICE_SHARE = {"workspace": (0.98, 0.98, 0.98), "docs": (0.5, 0.8, 0.95)}
"""Part of each type that uses a service."""
_DOCS_BY_TYPE = (1.0, 1.2, 2.0)
_CONSENTS, _LATE_CHOICE, _WITHDRAWS, _RETURNS = 0.75, 0.15, 0.06, 0.3
_JOINS, _LEAVES, _CHANGES_TYPE = 0.06, 0.03, 0.03
_SKEW_OF_USE, _HEAVIEST = 0.9, 8.0


@dataclass(frozen=True, slots=True)
class Accounts:
    """The people of one service, an entry each; nobody has the same pseudonym in two services.

    Attributes:
        service: The service's key.
        pseudonyms: Two a person: the second is the one after consent was withdrawn and given again.
        granted: When consent under each pseudonym began, or NEVER.
        withdrawn: When it ended, or NEVER.
        use: How much a person does, 1 on average.
        types: Codes of the user type before and after `type_change`.
        type_change: When the type changes, or NEVER.
        joined: First instant of use.
        left: Instant after which the service is not used.
    """

    service: str
    pseudonyms: NDArray[np.int64]
    granted: NDArray[np.int64]
    withdrawn: NDArray[np.int64]
    use: NDArray[np.float64]
    types: NDArray[np.int8]
    type_change: NDArray[np.int64]
    joined: NDArray[np.int64]
    left: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ConsentLog:
    """Every change of consent up to the end of the range, in time order.

    Attributes:
        pseudonym: Whose.
        changed_at: When.
        granted: Whether given (else withdrawn).
    """

    pseudonym: NDArray[np.int64]
    changed_at: NDArray[np.int64]
    granted: NDArray[np.bool_]

    def between(self, begin: int, end: int) -> ConsentLog:
        """Return the changes of [begin, end)."""
        chosen = slice(*np.searchsorted(self.changed_at, (begin, end)))
        return ConsentLog(self.pseudonym[chosen], self.changed_at[chosen], self.granted[chosen])


def instant(day: date) -> int:
    """Return the midnight at which a day begins."""
    return (day.toordinal() - 719_163) * DAY


def population(users: int, first: date, last: date, seed: int) -> dict[str, Accounts]:
    """Make the people of each service.

    A tenth of them or so join, leave or change their type inside the range; about three quarters give consent, most in
    the week before it, the others inside; some withdraw, and some of those give it again under a new pseudonym.
    The choice is a person's, its moment the service's own: else the log would tie the two pseudonyms together.
    """
    # Another range is of other people: else what they chose in one would contradict the other.
    rng = np.random.default_rng([seed, 1, first.toordinal(), last.toordinal()])
    begin, end = instant(first), instant(last) + DAY
    kind = rng.choice(len(_TYPE_SHARE), size=users, p=_TYPE_SHARE).astype(np.int8)
    types = np.stack([kind, np.array(_BECOMES, dtype=np.int8)[kind]], axis=1)
    use = np.minimum(rng.lognormal(-(_SKEW_OF_USE**2) / 2, _SKEW_OF_USE, users), _HEAVIEST)
    joined = np.where(rng.random(users) < _JOINS, _office_time(rng, first, last, users), begin)
    left = np.where(rng.random(users) < _LEAVES, rng.integers(begin, end, users), end)
    type_change = np.where(rng.random(users) < _CHANGES_TYPE, rng.integers(begin, end, users), NEVER)
    consents = rng.random(users) < _CONSENTS
    accounts: dict[str, Accounts] = {}
    for service, share in _SERVICE_SHARE.items():
        chosen = np.flatnonzero(rng.random(users) < np.array(share)[kind])
        granted, withdrawn = _choices(rng, first, last, consents[chosen], joined[chosen])
        by_type = np.array(_DOCS_BY_TYPE)[kind[chosen]] if service == "docs" else 1.0
        accounts[service] = Accounts(
            service=service,
            # 2^32 < n < 2^63, at random: among so many, two that are equal are as likely as a meteor.
            pseudonyms=rng.integers(2**32 + 1, 2**63 - 1, (len(chosen), 2), dtype=np.int64),
            granted=granted,
            withdrawn=withdrawn,
            use=use[chosen] * by_type,
            types=types[chosen],
            type_change=type_change[chosen],
            joined=joined[chosen],
            left=left[chosen],
        )
    return accounts


def consent_log(accounts: dict[str, Accounts]) -> ConsentLog:
    """Return the log that the accounts' choices leave behind."""
    pseudonyms, instants, granted = [], [], []
    for people in accounts.values():
        for times, given in ((people.granted, True), (people.withdrawn, False)):
            happened = times < NEVER
            pseudonyms.append(people.pseudonyms[happened])
            instants.append(times[happened])
            granted.append(np.full(int(happened.sum()), given))
    pseudonym, changed_at = np.concatenate(pseudonyms), np.concatenate(instants)
    order = np.lexsort((pseudonym, changed_at))
    return ConsentLog(pseudonym[order], changed_at[order], np.concatenate(granted)[order])


def _choices(
    rng: np.random.Generator, first: date, last: date, consents: NDArray[np.bool_], joined: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the two intervals of consent of each account: begins and ends, NEVER where there is none."""
    size = len(consents)
    begin, end = instant(first), instant(last) + DAY
    granted = np.full((size, 2), NEVER)
    withdrawn = np.full((size, 2), NEVER)
    early = rng.integers(begin - LEAD_DAYS * DAY, begin, size)
    late = np.where(rng.random(size) < _LATE_CHOICE, _office_time(rng, first, last, size), early)
    # Who joins is asked within the first hour.
    asked = np.where(joined > begin, joined + rng.integers(1_000_000, DAY // 24, size), late)
    given = consents & (asked < end)
    granted[given, 0] = asked[given]
    ends = np.maximum(_office_time(rng, first, last, size), asked + rng.integers(DAY // 24, DAY, size))
    ended = given & (rng.random(size) < _WITHDRAWS) & (ends < end)
    withdrawn[ended, 0] = ends[ended]
    again = ends + rng.integers(DAY // 24, 10 * DAY, size)
    returned = ended & (rng.random(size) < _RETURNS) & (again < end)
    granted[returned, 1] = again[returned]
    return granted, withdrawn


def _office_time(rng: np.random.Generator, first: date, last: date, size: int) -> NDArray[np.int64]:
    """Draw instants of the range, mostly in office hours of working days, more of them early in the range."""
    days = (last - first).days + 1
    weekday = (first.weekday() + np.arange(days)) % 7
    weight = np.array(WEEKDAY_FACTOR)[weekday] * np.exp(-1.5 * np.arange(days) / days)
    day = rng.choice(days, size=size, p=weight / weight.sum())
    hour = np.clip(rng.normal(11, 2.5, size), 0, 23.9)
    return instant(first) + day * DAY + (hour * (DAY / 24)).astype(np.int64)
