"""The plan: what a run would do, and why. It reads, and writes nothing."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from cetegra_usage import landing, ledger, sql
from cetegra_usage.check import reader
from cetegra_usage.errors import IncompletePartitionError
from cetegra_usage.model import Partition, midnight
from cetegra_usage.pipeline import comparing, consent_log, memory
from cetegra_usage.pipeline.job import only_grew, rules, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cetegra_usage.ledger import Record
    from cetegra_usage.model import Kind
    from cetegra_usage.pipeline.job import Job

Reason = Literal[
    "new",
    "changed",
    "late consent",
    "rule changed",
    "catalogue",
    "correction",
    "restored",
    "incomplete",
    "gone",
    "unchanged",
]
parse = Partition.parse
PENDING: frozenset[Reason] = frozenset(
    {"new", "changed", "late consent", "rule changed", "catalogue", "correction", "restored"}
)


@dataclass(frozen=True, slots=True)
class Item:
    """What a run does with one partition.

    Attributes:
        partition: Which one.
        reason: Why it is taken; `incomplete`, `gone` and `unchanged` are not.
        why: The reason in words, where the reason alone does not say it.
        landed: Its files; None if it has gone from landing.
        record: Its last verdict; None if it has none.
        waits_for: The day of the consent log that must come first.
    """

    partition: Partition
    reason: Reason
    why: str
    landed: landing.Landed | None
    record: Record | None
    waits_for: date | None = None

    @property
    def is_pending(self) -> bool:
        """Whether a run has work with it."""
        return self.reason in PENDING and self.waits_for is None

    @property
    def is_taken(self) -> bool:
        """Whether a run takes it: what is pending, and what was incomplete the last time."""
        return self.is_pending or (self.reason == "incomplete" and self.waits_for is None)

    def waiting(self, blocked_from: date | None) -> Item:
        """Return it as it waits for the consent log, if it has to."""
        has_to = blocked_from is not None and self.partition.day >= blocked_from and self.is_taken
        return replace(self, waits_for=blocked_from) if has_to else self

    def as_json(self) -> dict[str, Any]:
        """Return it as the `--json` document of `plan` shows it."""
        if self.waits_for:
            return {"id": self.partition.id, "reason": "incomplete", "why": waits(self.waits_for)}
        return {"id": self.partition.id, "reason": self.reason, "why": self.why}


@dataclass(frozen=True, slots=True)
class Plan:
    """The partitions of a range of days: consents first, then events, then feedback, each by day and service.

    Attributes:
        items: One a partition; those that wait for the consent log say for which day.
    """

    items: tuple[Item, ...]

    @property
    def pending(self) -> list[Item]:
        """The items that a run has work with."""
        return [item for item in self.items if item.is_pending]


def make(job: Job, first: date, last: date, *, again: bool = False) -> Plan:
    """Find out what is to be done in a range of days.

    Args:
        job: What is there.
        first: The first day.
        last: The last day; the consent log is always taken whole up to it, since later events rest on it.
        again: Whether partitions are taken although nothing changed (a backfill).
    """
    known = job.known
    current = _Current(job, known)
    ids = {partition.id for partition in job.zone.partitions}
    gone = [partition for partition in map(parse, job.ledger.latest) if partition.id not in ids]
    items: dict[Partition, Item] = {}
    for partition in sorted([*job.zone.partitions, *gone], key=_order):
        if partition.day > last or (partition.day < first and partition.kind != "consents"):
            continue
        items[partition] = current.item(partition, again=again and partition.day >= first)
    consents = [item for item in items.values() if item.partition.kind == "consents"]
    late = _LateConsent(job, consents)
    for partition, item in items.items():
        if partition.kind == "events" and item.reason == "unchanged" and item.record and late.touches(item):
            why = "a change of consent landed after its verdict"
            items[partition] = replace(item, reason="late consent", why=why)
    for item in stale(job, items.values()):
        items[item.partition] = item
    refused = [
        item.partition.day
        for item in consents
        if item.reason == "incomplete" or (not item.is_pending and item.record and item.record.state == "quarantined")
    ]
    waits = blocked_from(job, last, refused)
    return Plan(tuple(item.waiting(waits) if item.partition.kind == "events" else item for item in items.values()))


def stale(job: Job, items: Iterable[Item]) -> list[Item]:
    """Return, to be judged again, the partitions that were held against others which have become others since."""
    unchanged = [(item, item.record) for item in items if item.reason == "unchanged" and item.record]
    found = comparing.stale(job, [record for _, record in unchanged])
    why = "what it was held against has changed since its verdict"
    return [replace(item, reason="changed", why=why) for item, _ in unchanged if item.partition.id in found]


def blocked_from(job: Job, last: date, refused: Sequence[date]) -> date | None:
    """Return the first day up to `last` for which the consent log is missing; None where nothing has to wait.

    Args:
        job: What is there.
        last: The last day that a command takes.
        refused: Days whose consents partition is quarantined or incomplete.
    """
    absent = consent_log.absent_from(job)
    if absent is None:
        return None
    return min([*refused, *([absent] if absent <= last else [])], default=None)


def waits(day: date) -> str:
    """Say what an event partition waits for."""
    return f"the consent log of {day} is not there, or not accepted"


class _Current:
    """What each partition's record is compared with."""

    def __init__(self, job: Job, known: memory.Memory) -> None:
        self._job = job
        self._known = known
        self._rules = rules(job.settings)
        self._is_sealed = job.settings.landing.seal == "required"
        self._grew: dict[tuple[str, Kind], bool] = {}

    def item(self, partition: Partition, *, again: bool) -> Item:
        landed = self._job.zone.partitions.get(partition)
        record = self._job.ledger.latest.get(partition.id)
        if landed is None:
            return Item(partition, "gone", "it has gone from landing and cannot be redone", None, record)
        reason, why = self._reason(landed, record, again=again)
        return Item(partition, reason, why, landed, record)

    def _reason(  # noqa: PLR0911  # one a reason
        self, landed: landing.Landed, record: Record | None, *, again: bool
    ) -> tuple[Reason, str]:
        attempt = self._known.attempts.get(landed.partition.id)
        if attempt is not None and attempt.listing == landed.listing:
            return "incomplete", attempt.why
        try:
            if record is None:
                landing.look(self._job.stores.landing, landed, seal_required=self._is_sealed)
                return "new", ""
            if self._known.seen.get(landed.partition.id) != landed.listing and not self._same_bytes(landed, record):
                return "changed", "its files are not the ones that were judged"
        except IncompletePartitionError as error:
            return "incomplete", error.what
        if again:
            return "correction", "asked for"
        if changed := sorted(
            key for key, value in self._rules[landed.partition.kind].items() if record.body["rules"].get(key) != value
        ):
            return "rule changed", ", ".join(changed)
        if landed.partition.kind != "consents" and self._is_told_more(record, landed.partition.kind):
            return "catalogue", "the catalogue says something else about its rows"
        self._known.attempts.pop(landed.partition.id, None)  # what could not be read is again what was judged
        return "unchanged", ""

    def _same_bytes(self, landed: landing.Landed, record: Record) -> bool:
        folder = self._job.spec.folder(landed.partition)
        fetched = landing.fetch(self._job.stores.landing, landed, folder, seal_required=self._is_sealed)
        self._job.spec.let_go(fetched.files)
        if fetched.inputs != record.inputs:
            return False
        self._known.seen[landed.partition.id] = landed.listing  # so that a run does not read them once more
        return True

    def _is_told_more(self, record: Record, kind: Kind) -> bool:
        """Whether the catalogue may say something else about a partition's rows than when it was judged."""
        before, (digest, now) = record.body["vocabulary"], self._vocabularies[kind]
        if before == digest:
            return False
        if record.state == "quarantined" or record.rows.held:
            return True
        if (before, kind) not in self._grew:
            old = memory.vocabulary(self._job.stores.warehouse, before)
            self._grew[before, kind] = old is not None and only_grew(old, now)
        return not self._grew[before, kind]

    @cached_property
    def _vocabularies(self) -> dict[Kind, tuple[str, dict[str, Any]]]:
        kinds: tuple[Kind, ...] = ("events", "feedback")
        found: dict[Kind, dict[str, Any]] = {kind: vocabulary(self._job.catalogue, kind) for kind in kinds}
        return {kind: (ledger.digest(document), document) for kind, document in found.items()}


class _LateConsent:
    """Which verdicts a change of consent touches that landed after them."""

    def __init__(self, job: Job, consents: list[Item]) -> None:
        self._job = job
        self._skew = timedelta(seconds=job.settings.consent.skew_seconds)
        # A day that landed again and cannot be read says nothing until it can.
        self._pending = {item.partition: item for item in consents if item.is_taken and item.landed}
        self._waiting = sorted(self._pending, key=lambda partition: partition.day)
        self._judged = consent_log.Judged(job.ledger.latest)
        self._there = {item.partition: item for item in consents if item.landed}
        self._changes: dict[tuple[str, int | None, bool], pl.DataFrame] = {}
        self._is_log = consent_log.exists(job)

    def touches(self, item: Item) -> bool:
        assert item.record is not None  # noqa: S101  # the caller looked
        if self._is_log and self._knew_no_log(item.record):  # whoever is not in the log has never granted
            return True
        seen = item.record.body["consents"]
        later = self._later(item.partition.day, seen)
        if not later:
            return False
        changes = [self._since(partition, seen) for partition in later]
        end = (midnight(item.partition.day) + timedelta(days=1) + self._skew).replace(tzinfo=None)
        relevant = pl.concat([_NO_CHANGES, *changes]).filter(pl.col("changed_at") < end)
        if relevant.is_empty():
            return False
        if item.record.rows.stripped or item.record.rows.held or item.record.state == "quarantined":
            return True  # it may be lawful now; and nobody knows whose rows are held or quarantined
        persons = _read(self._job, item.record, "persons", ["pseudonym"])
        if item.record.has_forgotten:  # who was forgotten is no longer there, and had withdrawn
            left = relevant.filter(pl.col("state") == "withdrawn")["pseudonym"]
            persons = pl.concat([persons, self._withdrawn, left.to_frame()])
        return not relevant.join(persons, on="pseudonym", how="semi").is_empty()

    @cached_property
    def _withdrawn(self) -> pl.DataFrame:
        """Everybody who ever withdrew, as far as the log is known."""
        return consent_log.changes(self._job).filter(pl.col("state") == "withdrawn").select("pseudonym")

    def _later(self, day: date, seen: int) -> list[Partition]:
        """Return the consents partitions that changed after a verdict and could touch a day's events."""
        until = bisect_right(self._waiting, day + timedelta(days=1), key=lambda partition: partition.day)
        return sorted({*self._waiting[:until], *self._judged.after(seen, day)})

    def _knew_no_log(self, record: Record) -> bool:
        """Whether consent was not checked when a partition was judged, since there was no log, and can be now."""
        counts = {result["expectation"]: result["count"] for result in record.body["results"]}
        is_before = record.body["consents"] < self._begun
        return counts["consent_in_force"] is None and (record.state == "accepted" or is_before)

    @cached_property
    def _begun(self) -> int:
        """The number of the first verdict on a day of the log, or that it will have; 0 without one."""
        verdicts = self._job.ledger.verdicts.items()
        known = [of[0].number for partition, of in verdicts if partition.startswith("consents/")]
        coming = [self._job.ledger.count + 1 for item in self._pending.values() if item.is_pending]
        return min(known + coming, default=0)

    def _since(self, partition: Partition, seen: int) -> pl.DataFrame:
        """Return the changes of a consents partition that a verdict did not know, or that are no longer there."""
        before = [record for record in self._job.ledger.verdicts.get(partition.id, []) if record.number <= seen]
        old = before[-1] if before else None
        key = (partition.id, old.number if old else None, partition in self._pending)
        if key not in self._changes:
            latest = self._job.ledger.latest.get(partition.id)
            is_refused = latest is not None and latest.state == "quarantined" and partition in self._there
            if partition in self._pending or is_refused:  # of whom a day tells that is not accepted, nothing is known
                new = self._landed(self._there[partition])
            else:
                new = _read(self._job, latest, "consents", None)
            past = _read(self._job, self._job.ledger.now(old), "consents", None) if old else _NO_CHANGES
            self._changes[key] = pl.concat(
                [new.join(past, on=new.columns, how="anti"), past.join(new, on=new.columns, how="anti")]
            )
        return self._changes[key]

    def _landed(self, item: Item) -> pl.DataFrame:
        assert item.landed is not None  # noqa: S101
        settings = self._job.settings
        try:
            fetched = landing.fetch(
                self._job.stores.landing,
                item.landed,
                self._job.spec.folder(item.partition),
                seal_required=settings.landing.seal == "required",
            )
            with sql.connect(memory_limit=settings.engine.memory_limit) as connection:
                reader.view(connection, fetched.files, reader.CONSENTS)
                changes = sql.frame(connection, "landed_changes")
        except (IncompletePartitionError, sql.QueryError):
            return _NO_CHANGES  # it will not be taken in
        self._job.spec.let_go(fetched.files)
        return self._job.spec.erased.spared(changes)


_NO_CHANGES = pl.DataFrame(schema={"pseudonym": pl.Int64, "changed_at": pl.Datetime("us"), "state": pl.String})


def _read(job: Job, record: Record | None, table: str, columns: list[str] | None) -> pl.DataFrame:
    """Read a rolled-up table of a record, all its buckets."""
    files: list[Path] = memory.fetch_rollups(job, record, table) if record else []
    if not files:
        return _NO_CHANGES.select(columns) if columns else _NO_CHANGES
    return pl.concat([pl.read_parquet(file, columns=columns) for file in files])


def _order(partition: Partition) -> tuple[Any, ...]:
    return ("consents", "events", "feedback").index(partition.kind), partition.day, partition.service
