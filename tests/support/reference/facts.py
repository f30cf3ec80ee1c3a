"""What is true before anything is counted: whose consent was in force, which rows count, which days are there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from cetegra_usage.model import Catalogue

ALL = "all"
FOREVER = datetime(9000, 1, 1, tzinfo=UTC)

Status = Literal["published", "partial", "unavailable", "undefined"]
PartitionKey = tuple[str, date]
"""Service and day of an event partition."""


class Happening:
    """What has an id and a time."""

    __slots__ = ()
    event_id: UUID
    occurred_at: datetime

    @property
    def day(self) -> date:
        """Its UTC day, which is its partition's."""
        return self.occurred_at.date()

    @property
    def order(self) -> tuple[datetime, int]:
        """Its place in a session, and which of two is the later: time, then event_id as unsigned bytes."""
        return self.occurred_at, self.event_id.int


@dataclass(frozen=True, slots=True)
class Event(Happening):
    """A row of the landing zone's events."""

    event_id: UUID
    occurred_at: datetime
    service: str
    user_type: str
    action: str
    feature: str
    consent: bool = False
    pseudonym: int | None = None
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the landing zone's consent log."""

    pseudonym: int
    changed_at: datetime
    state: Literal["granted", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Response(Happening):
    """A row of the landing zone's feedback."""

    event_id: UUID
    occurred_at: datetime
    notice: str
    kind: Literal["shown", "opened", "dismissed", "answered"]
    rating: int | None
    recipient: int
    company: UUID


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the rows of one partition that was not quarantined."""

    landed: int = 0
    accepted: int = 0
    duplicate: int = 0
    held: int = 0
    stripped: int = 0


class Span(NamedTuple):
    """Days, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """Every day of it."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @classmethod
    def ending(cls, last: date, days: int) -> Span:
        """Return so many days that end with one."""
        return cls(last - timedelta(days=days - 1), last)

    @classmethod
    def week(cls, monday: date) -> Span:
        """Return the ISO week of a Monday."""
        return cls(monday, monday + timedelta(days=6))


class Period(NamedTuple):
    """An ISO week or a month by its key."""

    key: str
    span: Span

    @classmethod
    def parse(cls, key: str) -> Period:
        """Read `2026-W14` or `2026-04`."""
        year, rest = key.split("-")
        if rest.startswith("W"):
            return cls(key, Span.week(date.fromisocalendar(int(year), int(rest[1:]), 1)))
        first = date(int(year), int(rest), 1)
        return cls(key, Span(first, next_month(first) - timedelta(days=1)))

    @property
    def weeks(self) -> list[date]:
        """The Mondays of the ISO weeks whose Sunday lies in the period."""
        return [day - timedelta(days=6) for day in self.span.days if day.isoweekday() == 7]  # a Sunday

    @property
    def thirteen_weeks(self) -> list[date]:
        """The Mondays of the 13 ISO weeks that end on or before its last day."""
        last_sunday = self.span.last - timedelta(days=self.span.last.isoweekday() % 7)
        return [last_sunday - timedelta(days=6 + 7 * ago) for ago in reversed(range(13))]


def next_month(day: date) -> date:
    """Return the first day of the month after a day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def next_monday(day: date) -> date:
    """Return the first day of the ISO week after a day's."""
    return day + timedelta(days=8 - day.isoweekday())


def midnight(day: date) -> datetime:
    """Return the instant at which a UTC day begins."""
    return datetime.combine(day, time(), UTC)


class Interval(NamedTuple):
    """Consent in force from one instant until before another."""

    granted: datetime
    withdrawn: datetime


class Person(NamedTuple):
    """A pseudonym from its first grant until it is forgotten; a grant after that begins another life."""

    pseudonym: int
    life: int


class ConsentLog:
    """Who consented when; without a log everybody's consent counts as in force."""

    def __init__(self, changes: Iterable[Change] | None, skew_seconds: int) -> None:
        self.known = changes is not None
        self.changes = set(changes or ())
        self.skew = timedelta(seconds=skew_seconds)
        self._lives: dict[int, list[list[Interval]]] = {}
        for pseudonym in {change.pseudonym for change in self.changes}:
            self._lives[pseudonym] = lives(intervals(c for c in self.changes if c.pseudonym == pseudonym))

    def ends(self, pseudonym: int) -> list[datetime]:
        """Return every instant at which a pseudonym's consent ended."""
        every = [interval.withdrawn for life in self._lives.get(pseudonym, ()) for interval in life]
        return [end for end in every if end != FOREVER]

    def person(self, pseudonym: int, at: datetime) -> Person | None:
        """Return whose event it is, or nobody's where no interval makes it lawful."""
        if not self.known:
            return Person(pseudonym, 0)
        lawful = [
            (interval, Person(pseudonym, number))
            for number, life in enumerate(self._lives.get(pseudonym, ()))
            for interval in life
            if interval.granted - self.skew <= at < interval.withdrawn + self.skew
        ]
        begun = [person for interval, person in lawful if interval.granted <= at]
        if begun:
            return begun[-1]
        return lawful[0][1] if lawful else None

    def withdrawn_before(self, person: Person, instant: datetime) -> bool:
        """Tell whether consent was withdrawn before an instant and not given again before it."""
        begun = self._begun(person, instant)
        return bool(begun) and begun[-1].withdrawn < instant

    def in_force_before(self, person: Person, instant: datetime) -> bool:
        """Tell whether consent was in force after every change before an instant."""
        begun = self._begun(person, instant)
        return not self.known or (bool(begun) and begun[-1].withdrawn >= instant)

    def withdrawn_within(self, person: Person, span: Span) -> bool:
        """Tell whether consent ended in one of the days."""
        return any(person_end.date() in span.days for person_end in (i.withdrawn for i in self._intervals(person)))

    def _begun(self, person: Person, instant: datetime) -> list[Interval]:
        return [interval for interval in self._intervals(person) if interval.granted < instant]

    def _intervals(self, person: Person) -> list[Interval]:
        return self._lives[person.pseudonym][person.life] if self.known else []


def intervals(changes: Iterable[Change]) -> list[Interval]:
    """Return one pseudonym's intervals, [granted, withdrawn), longer than nothing; at one instant withdrawn is last."""
    found: list[Interval] = []
    granted: datetime | None = None
    for change in sorted(changes, key=lambda change: (change.changed_at, change.state == "withdrawn")):
        if change.state == "granted" and granted is None:
            granted = change.changed_at
        if change.state == "withdrawn" and granted is not None:
            if change.changed_at > granted:
                found.append(Interval(granted, change.changed_at))
            granted = None
    if granted is not None:
        found.append(Interval(granted, FOREVER))
    return found


def lives(found: Sequence[Interval]) -> list[list[Interval]]:
    """Part one pseudonym's intervals where it was still withdrawn when week and month of a withdrawal had ended."""
    parted: list[list[Interval]] = []
    for interval in found:
        if parted and interval.granted < forgotten(parted[-1][-1].withdrawn.date()):
            parted[-1].append(interval)
        else:
            parted.append([interval])
    return parted


def forgotten(withdrawn: date) -> datetime:
    """Return when the week and the month of a withdrawal have ended."""
    return midnight(max(next_monday(withdrawn), next_month(withdrawn)))


def settle(
    events: Iterable[Event], consents: Iterable[Change] | None, catalogue: Catalogue, skew_seconds: int
) -> dict[PartitionKey, tuple[list[Event], Fate]]:
    """Decide the fate of rows that nothing blocks: duplicate, held, accepted, and of those which are stripped.

    Returns:
        For each partition its accepted events, stripped where they must be, and the counts.
    """
    log = ConsentLog(consents, skew_seconds)
    landed: dict[PartitionKey, list[Event]] = defaultdict(list)
    for event in events:
        landed[event.service, event.day].append(event)
    return {key: _settle(rows, log, catalogue) for key, rows in landed.items()}


def _settle(rows: list[Event], log: ConsentLog, catalogue: Catalogue) -> tuple[list[Event], Fate]:
    once = list(dict.fromkeys(rows))
    sessions: dict[UUID, list[Event]] = defaultdict(list)
    for event in once:
        if event.session_id:
            sessions[event.session_id].append(event)
    untabbed = {session for session, its in sessions.items() if _is_no_tab(its, log)}
    accepted: list[Event] = []
    held = stripped = 0
    for event in once:
        if _is_held(event, catalogue):
            held += 1
            continue
        unlawful = event.pseudonym is not None and log.person(event.pseudonym, event.occurred_at) is None
        if unlawful or event.session_id in untabbed:
            stripped += 1
            accepted.append(replace(event, pseudonym=None, session_id=None))
        else:
            accepted.append(event)
    return accepted, Fate(len(rows), len(accepted), len(rows) - len(once), held, stripped)


def _is_no_tab(session: Collection[Event], log: ConsentLog) -> bool:
    """Tell whether a session of one partition has two pseudonyms, or events on both sides of an end of consent."""
    pseudonyms = {event.pseudonym for event in session if event.pseudonym is not None}
    times = [event.occurred_at for event in session]
    ends = [end for pseudonym in pseudonyms for end in log.ends(pseudonym)]
    return len(pseudonyms) > 1 or any(min(times) < end and max(times) >= end + log.skew for end in ends)


def _is_held(event: Event, catalogue: Catalogue) -> bool:
    """Tell whether the catalogue does not know the row's service, type, feature, or the feature's action or service."""
    feature = catalogue.features.get(event.feature)
    return (
        event.service not in catalogue.services
        or event.user_type not in catalogue.user_types
        or feature is None
        or feature.service != event.service
        or event.action not in feature.actions
    )


class World:
    """Everything that is accepted, and what can be asked of it.

    Args:
        events: Every row that landed, of every partition.
        consents: Every row of the consent log, or None without one.
        partitions: State of each event partition that landed: `accepted`, `quarantined` or `incomplete`.
        catalogue: What the deployment declares.
        skew_seconds: How exactly clocks agree.
        identified_days: How far first-seen looks back.
        unread_consent_days: Days whose part of the log landed and was not accepted.
        feedback: Every row of feedback that landed.
        feedback_days: State of each feedback partition that landed, as of those of events.
    """

    def __init__(  # what a deployment is made of
        self,
        events: Iterable[Event],
        consents: Iterable[Change] | None,
        partitions: Mapping[PartitionKey, str],
        catalogue: Catalogue,
        *,
        skew_seconds: int = 60,
        identified_days: int = 395,
        unread_consent_days: Collection[date] = (),
        feedback: Iterable[Response] = (),
        feedback_days: Mapping[date, str] = MappingProxyType({}),
    ) -> None:
        self.log = ConsentLog(consents, skew_seconds)
        self.catalogue = catalogue
        self.services = list(catalogue.services)
        self.user_types = list(catalogue.user_types)
        self.identified_days = identified_days
        self.unread_consent_days = unread_consent_days
        self._feedback_days = feedback_days
        self._responses = [row for row in feedback if feedback_days[row.day] == "accepted"]
        self._there = {key for key, state in partitions.items() if state == "accepted"}
        self._begins = {
            service: min(day for its, day in partitions if its == service) for service in {its for its, _ in partitions}
        }
        self._events: dict[PartitionKey, list[Event]] = {
            key: accepted
            for key, (accepted, _) in settle(events, consents, catalogue, skew_seconds).items()
            if key in self._there
        }
        # Asked again and again, and nothing changes.
        self.status_of_one = cache(self._status_of_one)
        self.events = cache(self._accepted_in)
        self.person = cache(self._person)
        self.active = cache(self._active)
        self.users = cache(self._users)
        self.first_used = cache(self._first_used)
        self.sessions = cache(self._sessions)

    def features(self, service: str) -> list[str]:
        """Return a service's features, or everybody's for `all`."""
        return [key for key, feature in self.catalogue.features.items() if fits(service, feature.service)]

    def status(self, service: str, *windows: Span) -> Status:
        """Say how much of the windows is there: the worst of them counts."""
        found = {self.status_of_one(service, window) for window in windows}
        return "unavailable" if "unavailable" in found else "partial" if "partial" in found else "published"

    def _status_of_one(self, service: str, window: Span) -> Status:
        begun = [
            (its, day)
            for its in self.services
            if fits(service, its) and its in self._begins
            for day in window.days
            if day >= self._begins[its]
        ]
        missing = [key for key in begun if key not in self._there]
        if not missing:
            return "published"
        return "unavailable" if len(missing) == len(begun) else "partial"

    def responses(self, window: Span, notice: str) -> list[Response]:
        """Return what was done with a notice in the window, the last at the end."""
        those = {row for row in self._responses if row.notice == notice and window.first <= row.day <= window.last}
        return sorted(those, key=lambda row: row.order)

    def feedback_status(self, window: Span) -> Status:
        """Say how much of the window is there: days before the first partition are empty."""
        first = min(self._feedback_days, default=date.max)
        due = [day for day in window.days if day >= first]
        missing = [day for day in due if self._feedback_days.get(day) != "accepted"]
        if not missing:
            return "published"
        return "unavailable" if missing == due else "partial"

    def _accepted_in(self, service: str, window: Span) -> list[Event]:
        """Return the accepted events of one service in the window, in order of their days."""
        return [event for day in window.days for event in self._events.get((service, day), ())]

    def _person(self, event: Event) -> Person | None:
        """Return whose event it is; nobody's without consent."""
        return None if event.pseudonym is None else self.log.person(event.pseudonym, event.occurred_at)

    def _active(self, service: str, window: Span) -> dict[Person, str]:
        """Return everyone with an event under consent in the window, with the type of the latest such event."""
        latest: dict[Person, Event] = {}
        for event in self.events(service, window):
            person = self.person(event)
            if person and (person not in latest or event.order > latest[person].order):
                latest[person] = event
        return {person: event.user_type for person, event in latest.items()}

    def _users(self, service: str, window: Span, begins: date) -> dict[Person, str]:
        """Return the users of a window with their type, in a row that begins with a day: nobody withdrawn before it."""
        return {
            person: user_type
            for person, user_type in self.active(service, window).items()
            if not self.log.withdrawn_before(person, midnight(begins))
        }

    def _first_used(self, service: str, feature: str, last: date) -> dict[Person, date]:
        """Return each person's first day with the feature (`all`: with any, so first seen), looking back from a day."""
        first: dict[Person, date] = {}
        for event in self.events(service, Span.ending(last, self.identified_days)):
            person = self.person(event)
            if person and fits(feature, event.feature):
                first.setdefault(person, event.day)
        return first

    def _sessions(self, service: str, span: Span) -> list[list[Event]]:
        """Return the sessions that begin in the span, each with its events in order, cut at the span's end."""
        found: dict[tuple[UUID, Person], list[Event]] = defaultdict(list)
        for (its, day), events in self._events.items():
            for event in events:
                person = self.person(event)
                if its == service and day <= span.last and person and event.session_id:
                    found[event.session_id, person].append(event)
        ordered = [sorted(events, key=lambda event: event.order) for events in found.values()]
        return [session for session in ordered if session[0].day >= span.first]


def fits(wanted: str, value: str) -> bool:
    """Tell whether a value belongs to a cell of a dimension."""
    return wanted in {ALL, value}
