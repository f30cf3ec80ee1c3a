"""The values that travel between stages: frozen, typed, without I/O."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal, cast

from cetegra_usage.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

Kind = Literal["events", "consents", "feedback"]

ALL = "all"
"""The value of a dimension that marks a total over it."""


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One folder of the landing zone: a UTC day of a service's events, or of one of the logs.

    Attributes:
        kind: `events`, `consents` or `feedback`.
        service: The service of an event partition, empty for the logs.
        day: The UTC day of `occurred_at` (`changed_at` for consents).
    """

    kind: Kind
    service: str
    day: date

    @property
    def id(self) -> str:
        """The partition's name, for example `events/workspace/2026-04-01`."""
        return "/".join(part for part in (self.kind, self.service, self.day.isoformat()) if part)

    @classmethod
    def parse(cls, text: str) -> Partition:
        """Read a partition's id."""
        kind, *service, day = text.split("/")
        return cls(cast("Kind", kind), service[0] if service else "", date.fromisoformat(day))

    @property
    def prefix(self) -> str:
        """The partition's folder below the landing url."""
        service = (f"service={self.service}",) if self.service else ()
        return "/".join((self.kind, *service, f"day={self.day.isoformat()}"))


@dataclass(frozen=True, slots=True)
class Input:
    """One file that was read: its place among the partition's by name, with its ending; size in bytes; SHA-256.

    The name itself, which a producer chose, could carry anything: it is not kept.
    """

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The fate of every row that landed: `landed = accepted + duplicate + held + quarantined`."""

    landed: int = 0
    accepted: int = 0
    duplicate: int = 0
    held: int = 0
    quarantined: int = 0
    stripped: int = 0
    """A part of `accepted`: rows whose pseudonym and session were taken off."""


_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """An ISO week or a calendar month, by its first and last day (both included)."""

    first: date
    last: date
    key: str

    @property
    def is_week(self) -> bool:
        """Whether the period is an ISO week."""
        return "W" in self.key

    @property
    def turn(self) -> tuple[date, bool]:
        """What periods are released by: the oldest end first, and a week before the month that it ends.

        What a month and its other weeks tell of its last one is known then, and withheld in the month.
        """
        return self.last, not self.is_week

    @property
    def days(self) -> list[date]:
        """Every day of the period."""
        return list(each_day(self.first, self.last))

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `2026-W14` or `2026-04`.

        Raises:
            UsageError: The text is neither.
        """
        try:
            if found := _WEEK.fullmatch(text):
                return cls.week(date.fromisocalendar(int(found[1]), int(found[2]), 1))
            if found := _MONTH.fullmatch(text):
                return cls.month(date(int(found[1]), int(found[2]), 1))
        except (ValueError, OverflowError):
            pass
        raise UsageError(
            "the period cannot be read",
            why="a period is an ISO week such as 2026-W14 or a calendar month such as 2026-04",
            hint="cetegra-usage publish --period 2026-W14",
        )

    @classmethod
    def week(cls, day: date) -> Period:
        """Return the ISO week in which a day lies."""
        monday = day - timedelta(days=day.weekday())
        year, number, _ = monday.isocalendar()
        return cls(monday, monday + timedelta(days=6), f"{year}-W{number:02}")

    @classmethod
    def month(cls, day: date) -> Period:
        """Return the calendar month in which a day lies."""
        first = day.replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return cls(first, last, f"{first:%Y-%m}")


def periods_between(first: date, last: date) -> list[Period]:
    """Return the weeks and months from the ones that hold `first` to the last ones over on `last`, by their turn."""
    found: set[Period] = set()
    for day in each_day(first, last):
        found |= {period for period in (Period.week(day), Period.month(day)) if period.last <= last}
    return sorted(found, key=lambda period: period.turn)


def each_day(first: date, last: date) -> Iterator[date]:
    """Yield every day from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def midnight(day: date) -> datetime:
    """Return the instant at which a UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of the catalogue: key, title, the service it belongs to, and the actions it lists."""

    key: str
    title: str
    service: str
    actions: tuple[str, ...]
    owner: str
    since: date
    expires: date | None = None

    @property
    def has_funnel(self) -> bool:
        """Whether it can be opened and then completed."""
        return "open" in self.actions and not {"submit", "order"}.isdisjoint(self.actions)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a deployment declares: services, user types, features and notices, each by key.

    Attributes:
        services: Title by key of each service, in the order of the file.
        user_types: Title by key of each user type, in the order of the file.
        features: Feature by key, in the order of the file.
        notices: Title by key of each notice.
        digest: SHA-256 of what the catalogue says, whatever its layout.
    """

    services: Mapping[str, str]
    user_types: Mapping[str, str]
    features: Mapping[str, Feature]
    notices: Mapping[str, str]
    digest: str


@dataclass(frozen=True, slots=True)
class ProtectedTable(ABC):
    """A published table: nothing in it tells of fewer people than the threshold. Only `protect` makes one.

    It is abstract, and its one concrete class is private to `protect`: the type checker refuses both to make one here
    and to borrow that class, and a look-alike is no subtype. Whoever takes a `ProtectedTable` takes what protection let
    through.

    Attributes:
        name: The table's name in the contract, for example `activity`.
        frame: Its columns: `period`, dimensions, then each measure `m` and its twin `m_status`.
        withheld_by_rule: Number of cells withheld, by kind of rule (`threshold`, `complementary`, ...): for compliance.
    """

    name: str
    frame: pl.DataFrame
    withheld_by_rule: Mapping[str, int]

    @abstractmethod
    def _warrant(self) -> None:
        """Exist: what only the private class of `protect` does."""
