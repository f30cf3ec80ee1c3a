"""Errata: which published cells a revision changed, and the cause of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from cetegra_usage.measure import Days, Unit
from cetegra_usage.measure.units import DAILY
from cetegra_usage.model import ALL, Partition
from cetegra_usage.publish.pages.view import Erratum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from cetegra_usage.ledger import Record
    from cetegra_usage.model import Period
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.pipeline.memory import Made

_STATUS = "_status"
CORRECTION, RULE, CATALOGUE, LATE = GRAVEST_FIRST = ("correction", "rule", "catalogue", "late data")
_REASONS = {"rule changed": RULE, "catalogue": CATALOGUE}
_OF_ONE_DAY = {"activity": ("events", "identified_events", "coverage", "dau")}
"""Measures that look at their row's own day alone, whatever windows the others have."""


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that a revision changed.

    Attributes:
        table: The table's name.
        row: The row's dimensions.
        measures: The measures whose figure or status changed.
        cause: Why; empty until `Causes` has told.
    """

    table: str
    row: Mapping[str, Any]
    measures: Sequence[str]
    cause: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as `release.json` shows it: where and why, no figure."""
        row = {name: value.isoformat() if isinstance(value, date) else value for name, value in self.row.items()}
        return {"table": self.table, "row": row, "measures": list(self.measures), "cause": self.cause}


def changes(old: Mapping[str, pl.DataFrame], new: Mapping[str, pl.DataFrame]) -> list[Change]:
    """Compare two revisions cell by cell; a row of nothing but true zeros that is new is no change."""
    found: list[Change] = []
    for name, frame in new.items():
        before = old.get(name, frame.clear())
        measures = [column.removesuffix(_STATUS) for column in frame.columns if column.endswith(_STATUS)]
        dimensions = [c for c in frame.columns if c not in measures and not c.endswith(_STATUS)]
        joined = frame.join(before, on=dimensions, how="full", suffix="_old", coalesce=True, nulls_equal=True)
        for row in joined.sort(dimensions).iter_rows(named=True):
            changed = [measure for measure in measures if _differs(row, measure)]
            if changed:
                found.append(Change(name, {column: row[column] for column in dimensions}, changed))
    return found


class Causes:
    """Why the cells of a period are others than in the revision before.

    A cell's cause is that of the partitions in its own windows of which other rows hold than then, the gravest if there
    are several; where there are none, that of those which its row looks back at; then what all cells have in common.

    Args:
        job: What is there.
        period: The period.
        made: What the revision before was made from; None where that is not remembered.
        now: What this one is made from.
    """

    def __init__(self, job: Job, period: Period, made: Made | None, now: Made) -> None:
        self._period, self._settings = period, job.settings
        self._services = job.catalogue.services
        self._new: list[tuple[Partition, set[str]]] = []
        self._of_all: set[str] = set()
        self._at_last = LATE
        self._known: dict[tuple[Days, Days, str | None], str] = {}
        if made:
            since = [one for one in job.ledger.since(made.records, job.stores.warehouse) if one.is_verdict]
            told = {_said(record) for record in since}
            for partition, record in sorted({record.partition: record for record in since}.items()):
                before = _before(job, partition, made.records)
                if before is None or record.content != before.content:
                    self._new.append((Partition.parse(partition), _causes(record, before)))
            self._of_all = {RULE} if made.rules != now.rules else set()
            self._at_last = _gravest({*told, *self._of_all, *([CATALOGUE] if made.catalogue != now.catalogue else [])})

    def name(self, found: Iterable[Change]) -> list[Change]:
        """Return changes with the cause of each; those of one row with several causes are several."""
        named: list[Change] = []
        for change in found:
            unit = _unit(change, self._period)
            service = None if change.table == "feedback" else change.row.get("service", "")
            measures: dict[str, list[str]] = {}
            for measure in change.measures:
                measures.setdefault(self._of(unit, measure, service), []).append(measure)
            named += [replace(change, measures=some, cause=cause) for cause, some in measures.items()]
        return named

    def _of(self, unit: Unit, measure: str, service: str | None) -> str:
        """Return the cause of a cell: cells of the same windows and service (None: of feedback) share it."""
        first = unit.made_from(self._settings.retention.identified_days, self._settings.session.max_days)
        own = unit.beginning if measure in _OF_ONE_DAY.get(unit.table, ()) else unit.first
        windows = Days(own, unit.last), Days(first, unit.last)
        if (*windows, service) not in self._known:
            self._known[*windows, service] = self._within(windows, service)
        return self._known[*windows, service]

    def _within(self, windows: Sequence[Days], service: str | None) -> str:
        for days in windows:
            causes = {
                cause
                for partition, several in self._new
                if partition.day in days and self._concerns(partition, service)
                for cause in several
            }
            if causes:
                return _gravest(causes | self._of_all)
        return self._at_last

    def _concerns(self, partition: Partition, service: str | None) -> bool:
        if service is None or partition.kind == "feedback":
            return service is None and partition.kind == "feedback"
        if partition.kind == "consents" or service == partition.service:
            return True
        return service == ALL and partition.service in self._services


def summarised(found: Sequence[Change]) -> list[Erratum]:
    """Return the number of changed cells by table and cause."""
    cells = Counter[tuple[str, str]]()
    for change in found:
        cells[change.table, change.cause] += len(change.measures)
    return [Erratum(table, cause, number) for (table, cause), number in sorted(cells.items())]


def _gravest(causes: set[str]) -> str:
    return next((cause for cause in GRAVEST_FIRST if cause in causes), LATE)


def _causes(record: Record, before: Record | None) -> set[str]:
    """Return why a verdict is another than the one before: what it says, and what has changed besides."""
    found = {_said(record)}
    if before and record.body["rules"] != before.body["rules"]:
        found.add(RULE)
    if before and record.body["vocabulary"] != before.body["vocabulary"] and record.rows.held != before.rows.held:
        found.add(CATALOGUE)
    return found


def _said(record: Record) -> str:
    """Return why a verdict was made again, in the words of errata."""
    reason = record.body["reason"]
    return CORRECTION if reason.startswith(CORRECTION) else _REASONS.get(reason.partition(":")[0], LATE)


def _before(job: Job, partition: str, records: int) -> Record | None:
    """Return the last verdict on a partition when the ledger had so many records."""
    before = [one for one in job.ledger.verdicts.get(partition, ()) if one.number <= records]
    return before[-1] if before else None


def _unit(change: Change, period: Period) -> Unit:
    """Return the unit of which a row is."""
    row = change.row
    if change.table in DAILY:
        return Unit(change.table, row["day"], row["day"])
    monday = row.get("week") or row.get("cohort_week")
    if monday is None:
        return Unit(change.table, period.first, period.last)
    monday += timedelta(weeks=row.get("weeks_since", 0))
    return Unit(change.table, monday, monday + timedelta(days=6))


def _differs(row: Mapping[str, Any], measure: str) -> bool:
    old = row.get(f"{measure}_status_old"), row.get(f"{measure}_old")
    new = row[f"{measure}_status"], row[measure]
    if old[0] is None or new[0] is None:  # a row that was not there (the catalogue grew or shrank), or a measure
        there = new if old[0] is None else old
        return there not in {("published", 0), ("published", 0.0), ("undefined", None)}
    return old != new
