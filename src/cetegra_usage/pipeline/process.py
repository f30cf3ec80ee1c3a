"""Partitions by wave: examined by workers, judged together, rolled up by workers, committed by one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import duckdb
import polars as pl

from cetegra_usage import landing, ledger, rollup, sql
from cetegra_usage.check import evidence, judge, reader, register
from cetegra_usage.errors import IncompletePartitionError
from cetegra_usage.model import Catalogue, Input, Kind, Partition, Rows
from cetegra_usage.pipeline import comparing, consent_log, memory
from cetegra_usage.pipeline.job import Spec, digest_numbers, rules, vocabulary
from cetegra_usage.project import version
from cetegra_usage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cetegra_usage.ledger import StoredFile
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.pipeline.plan import Item
    from cetegra_usage.store import Store

_CHANGED = "its files changed while they were read"
WAVE = 256
"""Partitions that are judged and committed together, at most, but for those of one day."""
WAVE_BYTES = 8 << 30
"""What has landed of them, at most, but for one day: so much of a bucket is copied to this machine's disk at a time."""
_BATCHES_A_WORKER = 4

T = TypeVar("T")
R = TypeVar("R")


class Each(Protocol):
    """How batches are given to workers; results come back in the order of the batches."""

    def __call__(self, work: Callable[[Spec, T], R], spec: Spec, batches: Sequence[T], *, name: str) -> Iterable[R]:
        """Run `work(spec, batch)` for every batch."""
        ...


def one_by_one(work: Callable[[Spec, T], R], spec: Spec, batches: Sequence[T], *, name: str) -> Iterable[R]:  # noqa: ARG001
    """Do every batch here: the `Each` of tests and small commands."""
    return [work(spec, batch) for batch in batches]


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker examines: the partition as it was listed, and what it is judged against."""

    landed: landing.Landed
    context: evidence.Context
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class Examined:
    """What a worker found: evidence, or why the partition is incomplete."""

    landed: landing.Landed
    files: tuple[Path, ...] = ()
    inputs: tuple[Input, ...] = ()
    evidence: evidence.Evidence | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What a worker rolled a partition up into.

    Attributes:
        files: The stored files.
        beside: What its record says where somebody was left out who had been erased: `content` of all rows, `erased`.
    """

    files: tuple[StoredFile, ...]
    beside: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a partition in this run.

    Attributes:
        partition: Which one.
        state: `accepted`, `quarantined`, `incomplete` or `unchanged`.
        rows: The fate of its rows; all zero while it is incomplete.
        failed: Promise, expectation and count of each result that is no success.
        why: What makes it incomplete.
    """

    partition: Partition
    state: str
    rows: Rows
    failed: Sequence[Mapping[str, Any]] = ()
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as the `--json` document shows it."""
        document: dict[str, Any] = {
            "id": self.partition.id,
            "state": self.state,
            "rows": asdict(self.rows),
            "failed": [dict(entry) for entry in self.failed],
        }
        return document | ({"why": self.why} if self.why else {})


def unchanged(item: Item) -> Outcome:
    """Return what a run says of a partition that it does not take."""
    if item.waits_for or item.record is None:
        return Outcome(item.partition, "incomplete", Rows(), (), item.as_json()["why"])
    return Outcome(item.partition, "unchanged", item.record.rows, item.record.failed)


def process(job: Job, items: Sequence[Item], each: Each, *, keep: bool, reason: str | None = None) -> list[Outcome]:
    """Take partitions of one kind: examine, judge, and (if they are to be kept) roll up and commit.

    Args:
        job: What is there; its ledger grows.
        items: Pending partitions, all of one kind.
        each: How batches are given to workers.
        keep: Whether verdicts and rollups are kept; a check keeps nothing.
        reason: Why a range is redone on purpose; it stands in the records.

    Returns:
        One outcome a partition, in the order of `items`.
    """
    outcomes: dict[Partition, Outcome] = {}
    for wave in waves(items):
        outcomes |= _wave(job, wave, each, keep=keep, reason=reason)
    return [outcomes[item.partition] for item in items]


def waves(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Cut partitions into waves, oldest first and never through a day: services of one day are held against each other.

    Where a wave ends depends on what has landed alone, never on the machine.
    """
    wave: list[Item] = []
    for _, of_day in groupby(sorted(items, key=_by_day), key=lambda item: item.partition.day):
        day = list(of_day)
        if wave and (len(wave) + len(day) > WAVE or _landed_bytes(wave) + _landed_bytes(day) > WAVE_BYTES):
            yield wave
            wave = []
        wave += day
    if wave:
        yield wave


def _by_day(item: Item) -> tuple[date, str]:
    return item.partition.day, item.partition.id


def _landed_bytes(items: Sequence[Item]) -> int:
    return sum(file.bytes for item in items if item.landed for file in item.landed.files)


def write_intervals(job: Job, extra: Mapping[Partition, Path] | None = None) -> None:
    """Make the run's file of intervals in which consent was in force, from the accepted consent log.

    Args:
        job: What is there; nothing is written where there is no log.
        extra: Consents files that count in place of their partitions' records (a check keeps none).
    """
    extra = extra or {}
    job.spec.intervals.unlink(missing_ok=True)
    if not consent_log.exists(job):
        return
    log = consent_log.changes(job)
    days = [partition.day for partition in extra]
    frames = [pl.read_parquet(path).select(consent_log.COLUMNS) for path in extra.values()]
    known = log.filter(~pl.col("day").is_in(days)).select(consent_log.COLUMNS)
    log = pl.concat([known, *map(job.spec.erased.spared, frames)])
    with sql.connect(memory_limit=job.settings.engine.memory_limit, spill=job.spec.spool / "spill") as connection:
        connection.register("consent_log", log)
        sql.table(connection, "intervals")
        connection.table("intervals").write_parquet(str(job.spec.intervals), compression="zstd")


def examine_batch(spec: Spec, batch: Sequence[Order]) -> list[Examined]:
    """Fetch and examine some partitions; a worker's task.

    Raises:
        StorageError: A store does not answer; the batch may be tried again.
    """
    landing_store = open_store("landing", spec.settings.landing, folder=spec.settings.folder)
    with _databases(spec, batch[0].landed) as databases:
        return [_examined(spec, order, landing_store, databases) for order in batch]


def _databases(spec: Spec, first: landing.Landed) -> sql.Databases:
    """Return a batch's databases, by its first partition: batches work at once, and none spills where another does."""
    return sql.Databases(memory_limit=spec.settings.engine.memory_limit, spill=spec.folder(first.partition) / "spill")


def _examined(spec: Spec, order: Order, landing_store: Store, databases: sql.Databases) -> Examined:
    landed, folder = order.landed, spec.folder(order.landed.partition)
    try:
        fetched = landing.fetch(landing_store, landed, folder, seal_required=spec.settings.landing.seal == "required")
        found = _EXAMINE[landed.partition.kind](databases, spec, order, fetched, folder)
        _hold_against(landed, fetched, found)
        if not landing.still(landing_store, landed):
            raise IncompletePartitionError(  # noqa: TRY301
                _CHANGED, why="they were replaced or removed", hint="cetegra-usage run"
            )
    except IncompletePartitionError as error:
        return Examined(landed, why=error.what)
    return Examined(landed, fetched.files, fetched.inputs, found)


def roll_up_batch(spec: Spec, batch: Sequence[Examined]) -> list[RolledUp | None]:
    """Roll up some accepted partitions into the warehouse; a worker's task, and idempotent: files are named by content.

    Returns:
        What each was rolled up into; None where its files are no longer those that were examined.

    Raises:
        StorageError: A store does not answer; the batch may be tried again.
    """
    landing_store = open_store("landing", spec.settings.landing, folder=spec.settings.folder)
    warehouse = open_store("warehouse", spec.settings.warehouse, folder=spec.settings.folder)
    with _databases(spec, batch[0].landed) as databases:
        return [_rolled_up(spec, examined, landing_store, warehouse, databases) for examined in batch]


def _rolled_up(
    spec: Spec, examined: Examined, landing_store: Store, warehouse: Store, databases: sql.Databases
) -> RolledUp | None:
    partition, folder = examined.landed.partition, spec.folder(examined.landed.partition)
    made_in = folder / "rollups"
    made_in.mkdir(exist_ok=True)
    are_copies = all(map(spec.is_copy, examined.files))
    beside: dict[str, Any] = {}
    try:
        with databases.empty() as connection:
            match partition.kind:
                case "events":
                    groups = evidence.accepted(connection, examined.files, folder)
                    made = rollup.roll_up(connection, made_in, groups=groups, day=partition.day)
                case "consents":
                    reader.view(connection, examined.files, reader.CONSENTS)
                    connection.sql(sql.load("landed_changes").text).create_view("consents")
                    made = rollup.roll_up_consents(connection, made_in)
                case "feedback":
                    reader.view(connection, examined.files, reader.FEEDBACK)
                    connection.read_parquet(str(folder / evidence.HELD_NOTICES)).create_view("held_notices")
                    made = rollup.roll_up_feedback(connection, made_in)
            if spec.erased.days:
                beside = _erase(connection, spec, partition, made)
    except (IncompletePartitionError, sql.QueryError):
        if are_copies or landing.still(landing_store, examined.landed):
            raise
        return None
    if not are_copies and not landing.still(landing_store, examined.landed):
        return None
    files = [memory.store_rollup(warehouse, partition.id, file) for file in made]
    return RolledUp(tuple(sorted(files, key=lambda stored_file: stored_file.path)), beside)


def _erase(
    connection: duckdb.DuckDBPyConnection, spec: Spec, partition: Partition, made: Sequence[Path]
) -> dict[str, Any]:
    """Write new rollups again, where they are, without who was erased: nothing else was kept of them yet.

    Returns:
        `content`, as if nobody were left out, and `erased`, the last of the days; nothing where nobody was there.
    """
    into = spec.folder(partition) / "erasing"
    into.mkdir(exist_ok=True)
    left: list[tuple[Path, Path]] = []
    last = date.min
    for tables in memory.by_bucket((file.name, file) for file in made):
        held = ((tables[table], column) for table, column in memory.WHO.items() if table in tables)
        who = [pl.read_parquet(file, columns=[column])[column] for file, column in held]
        gone = spec.erased.among(who[0].unique()) if who else pl.DataFrame()
        if gone.is_empty():
            continue
        last = max(last, *(before - timedelta(days=1) for before in gone["forgotten_before"]))
        if partition.kind == "events" and not spec.intervals.exists():  # no log could tell of a new grant
            gone = gone.with_columns(forgotten_before=pl.lit(date.max))
        left += [(tables[table], file) for table, file in rollup.without(connection, tables, gone, into).items()]
    if not left:
        return {}
    whole = sorted((memory.stored_as(partition.id, file) for file in made), key=lambda stored_file: stored_file.path)
    for file, shorter in left:
        shorter.replace(file)
    return {"content": ledger.content_of("accepted", whole), "erased": last.isoformat()}


def _examine_events(
    databases: sql.Databases, spec: Spec, order: Order, fetched: landing.Fetched, folder: Path
) -> evidence.Evidence:
    return evidence.examine(
        databases,
        order.landed.partition,
        fetched.files,
        order.context,
        order.catalogue,
        spec.settings,
        _needs("events"),
        folder,
    )


def _examine_consents(
    databases: sql.Databases, spec: Spec, order: Order, fetched: landing.Fetched, folder: Path
) -> evidence.Evidence:
    return evidence.examine_consents(
        databases, order.landed.partition, fetched.files, spec.settings, _needs("consents"), folder
    )


def _examine_feedback(
    databases: sql.Databases,
    spec: Spec,  # noqa: ARG001  # as the others take it
    order: Order,
    fetched: landing.Fetched,
    folder: Path,
) -> evidence.Evidence:
    numbers = order.context.digest_numbers
    return evidence.examine_feedback(
        databases, order.landed.partition, fetched.files, order.catalogue, numbers, _needs("feedback"), folder
    )


_EXAMINE: Mapping[Kind, Callable[..., evidence.Evidence]] = {
    "events": _examine_events,
    "consents": _examine_consents,
    "feedback": _examine_feedback,
}


def _needs(suite: Kind) -> dict[str, Sequence[str]]:
    """Return for each expectation of a suite the columns without which it is not checked."""
    return {expectation.id: expectation.needs for expectation in register.load().suite(suite)}


def _hold_against(landed: landing.Landed, fetched: landing.Fetched, found: evidence.Evidence) -> None:
    """Hold the number of rows against the seal: a file that is cut at a line's end reads as if it were whole."""
    if landed.seal and fetched.sealed_rows != found.rows.landed:
        raise IncompletePartitionError(
            "its rows are not as many as were sealed",
            why="a file was cut short, or the seal is another's",
            hint="land the partition again; the next run takes it",
        )


def _wave(job: Job, items: Sequence[Item], each: Each, *, keep: bool, reason: str | None) -> dict[Partition, Outcome]:
    kind = items[0].partition.kind
    numbers = digest_numbers(job.settings) if kind != "consents" else None
    orders = [Order(item.landed, _context(job, item.landed, numbers), job.catalogue) for item in items if item.landed]
    examined = [
        one for batch in each(examine_batch, job.spec, _batches(job, orders), name=f"check {kind}") for one in batch
    ]
    judged = {one.landed.partition.id: one for one in examined if one.evidence}
    counts: dict[str, dict[str, int | None]] = {
        partition: dict(one.evidence.counts) for partition, one in judged.items() if one.evidence
    }
    verdicts = comparing.judged(job, kind, judged, counts)
    accepted = [one for partition, one in judged.items() if verdicts[partition].state == "accepted"]
    stored: dict[str, RolledUp] = {}
    if keep:
        job.touched |= {item.partition.id for item in items}
        batches = _batches(job, accepted)
        for batch, made in zip(batches, each(roll_up_batch, job.spec, batches, name=f"roll up {kind}"), strict=True):
            for one, rolled_up in zip(batch, made, strict=True):
                if rolled_up:
                    stored[one.landed.partition.id] = rolled_up
                else:
                    judged.pop(one.landed.partition.id)
        examined = [
            one if one.landed.partition.id in judged or one.why else replace(one, evidence=None, why=_CHANGED)
            for one in examined
        ]
    outcomes = {one.landed.partition: _outcome(one, verdicts.get(one.landed.partition.id)) for one in examined}
    if keep:
        _commit(job, items, judged, verdicts, stored, outcomes, reason)
    for one in examined:
        job.spec.let_go(one.files)
    return outcomes


def _batches(job: Job, work: Sequence[T]) -> list[list[T]]:
    """Cut work into batches: some for each worker, so that a slow one does not hold up the rest."""
    workers = job.settings.engine.workers or 2
    size = max(1, -(-len(work) // (workers * _BATCHES_A_WORKER)))
    return [list(work[start : start + size]) for start in range(0, len(work), size)]


def _context(job: Job, landed: landing.Landed, numbers: Sequence[int] | None) -> evidence.Context:
    is_judged = landed.partition.kind == "events" and job.spec.intervals.exists()
    folder = landed.service if landing.is_masked(landed.partition) else None
    return evidence.Context(job.spec.intervals if is_judged else None, numbers, folder, job.spec.erased)


def _outcome(one: Examined, verdict: judge.Verdict | None) -> Outcome:
    partition = one.landed.partition
    if verdict is None or one.evidence is None:
        return Outcome(partition, "incomplete", Rows(), (), one.why)
    failed = [
        {"promise": result.expectation.promise, "expectation": result.expectation.id, "count": result.count}
        for result in verdict.failed
    ]
    return Outcome(partition, verdict.state, _rows(one.evidence.rows, verdict), failed)


def _rows(rows: Rows, verdict: judge.Verdict) -> Rows:
    return rows if verdict.state == "accepted" else Rows(landed=rows.landed, quarantined=rows.landed)


def _commit(
    job: Job,
    items: Sequence[Item],
    judged: Mapping[str, Examined],
    verdicts: Mapping[str, judge.Verdict],
    stored: Mapping[str, RolledUp],
    outcomes: Mapping[Partition, Outcome],
    reason: str | None,
) -> None:
    """Chain the verdicts to the ledger in partition-id order, then remember what was seen."""
    now = datetime.now(UTC)
    known = job.known
    words = memory.keep_vocabulary(job.stores.warehouse, vocabulary(job.catalogue, items[0].partition.kind))
    why = {item.partition.id: item.reason for item in items}
    shared = rules(job.settings)[items[0].partition.kind]
    bodies: list[dict[str, Any]] = []
    for partition in sorted(judged):
        one, verdict, rolled_up = judged[partition], verdicts[partition], stored.get(partition, RolledUp(()))
        assert one.evidence is not None  # noqa: S101
        bodies.append(
            {
                "kind": ledger.VERDICT,
                "partition": partition,
                "state": verdict.state,
                "reason": why[partition] if reason is None else f"{why[partition]}: {reason}",
                "inputs": [asdict(entry) for entry in one.inputs],
                "rows": asdict(outcomes[one.landed.partition].rows),
                "most": one.evidence.most,
                "results": [
                    {
                        "promise": result.expectation.promise,
                        "expectation": result.expectation.id,
                        "class": result.expectation.severity,
                        "count": result.count,
                        "success": result.success,
                    }
                    for result in verdict.results
                ],
                "detectors": dict(one.evidence.detectors),
                "held": [list(entry) for entry in one.evidence.held] if verdict.state == "accepted" else [],
                "early_changes": one.evidence.early_changes,
                "consents": job.ledger.count,
                "rules": shared,
                "register": register.load().hashes["register"],
                "catalogue": job.catalogue.digest,
                "vocabulary": words,
                "versions": {
                    "cetegra-usage": version(),
                    "duckdb": duckdb.__version__,
                    "great-expectations": judge.gx_version(),
                },
                "content": ledger.content_of(verdict.state, rolled_up.files),
                "rollups": [asdict(file) for file in rolled_up.files],
                **rolled_up.beside,
            }
        )
    job.make_sure()
    ledger.append(job.stores.warehouse, job.ledger, bodies, now)
    for item in items:
        if item.landed and item.partition.id in judged:
            known.seen[item.partition.id] = item.landed.listing
            known.attempts.pop(item.partition.id, None)
        elif item.landed:
            why_not = outcomes[item.partition].why
            known.attempts[item.partition.id] = memory.Attempt(
                item.landed.listing, why_not, now.isoformat(timespec="seconds")
            )
    job.remember()
