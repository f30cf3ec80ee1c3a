"""What a page is given: a release's protected figures and the words and hashes that stand beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.model import Catalogue, Period, ProtectedTable


PROTECTED_FROM = 5
"""A smaller threshold puts the banner *not protected* on the pages."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the release that a page links to.

    Attributes:
        path: Where it is, seen from the page: `data/activity.parquet`.
        bytes: Its size.
        sha256: Its SHA-256, in hexadecimal.
    """

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Erratum:
    """What a revision changed in one table, and why.

    Attributes:
        table: Name of the table.
        cause: `late data`, `rule`, `catalogue` or `correction`.
        cells: Number of cells that changed.
    """

    table: str
    cause: str
    cells: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier release, as it was when this one was built: its figures are what changes are measured from.

    Attributes:
        period: Its period.
        revision: Its revision.
        tables: Frame by table name, as published.
    """

    period: Period
    revision: int
    tables: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """Everything that the usage page shows; nothing on it comes from anywhere else.

    Attributes:
        period: The week or month.
        revision: N of `r<N>`.
        tables: Protected table by name; a table that the deployment does not have is absent.
        catalogue: Titles of services, user types, features and notices.
        definitions: What each table and measure means, by table name.
        threshold: Smallest number of people behind a figure.
        rounding: Counts are rounded to multiples of it.
        event_cap: Most events that one person is taken to make in a service and day.
        evidence: The release's public evidence document.
        previous: The period before, if it was released.
        year_before: The same period a year before, if it was released.
        errata: What this revision changed against the one before.
        files: The data files, in the order in which they are listed.
    """

    period: Period
    revision: int
    tables: Mapping[str, ProtectedTable]
    catalogue: Catalogue
    definitions: Mapping[str, TableDefinition]
    threshold: int
    rounding: int
    event_cap: int
    evidence: Mapping[str, Any]
    previous: Earlier | None = None
    year_before: Earlier | None = None
    errata: Sequence[Erratum] = ()
    files: Sequence[DataFile] = ()


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """One release as the index lists it.

    Attributes:
        period: The week or month.
        revision: The latest revision.
        path: The release's folder, seen from the index: `releases/2026-W14/r1`.
        tables: Titles of the tables it holds.
        state: `not_met` where a promise was not, else `met` where one was checked and met, else `not_checked`.
        days: Number of partitions accepted, and of all that were due.
        revisions: Paths of the revisions before, newest first.
        errata: What the latest revision changed.
        threshold: Smallest number of people behind its figures.
    """

    period: Period
    revision: int
    path: str
    tables: Sequence[str]
    state: str
    days: tuple[int, int]
    revisions: Sequence[str] = field(default=())
    errata: Sequence[Erratum] = ()
    threshold: int = PROTECTED_FROM
