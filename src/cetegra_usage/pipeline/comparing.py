"""What a partition alone does not tell: it is held against others, and judged again where those have become others.

A warning of this kind rests on what is accepted of other partitions (the volume on what landed of them), whichever
came first and whichever run took it: so the last verdicts are the same in every order of arrival, but for people who
were forgotten meanwhile, of whom nothing is left to be held against. A partition that is quarantined is not compared.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage import sql
from cetegra_usage.check import evidence, judge, tabs
from cetegra_usage.errors import IncompletePartitionError
from cetegra_usage.model import Partition
from cetegra_usage.pipeline import consent_log, memory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from cetegra_usage.ledger import Record
    from cetegra_usage.model import Kind
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.pipeline.process import Examined

    Counts = dict[str, int | None]
    Persons = Mapping[Partition, pl.DataFrame | None]
    Compare = Callable[[Job, Mapping[Partition, Examined], Iterable[Partition]], Mapping[Partition, Counts]]

_FEWEST_WEEKDAYS = 2
_FEWEST_ROWS = 100
_FAR = 5
_DAYS_SEARCHED = 8
"""Days, from the longest life of a tab ago backwards, on which sessions are looked for that go on."""
_NOBODY = pl.DataFrame(schema={"pseudonym": pl.Int64})
_COMPARED: Mapping[Kind, tuple[str, ...]] = {
    "events": ("pseudonym_one_service", "session_short"),
    "consents": ("withdrawal_after_grant", "consent_not_contradictory"),
    "feedback": (),
}
"""The expectations whose counts rest on what is accepted of other partitions."""


def judged(
    job: Job, kind: Kind, examined: Mapping[str, Examined], counts: dict[str, Counts]
) -> dict[str, judge.Verdict]:
    """Judge the partitions of a wave, and hold those that are accepted against one another and those before.

    Args:
        job: What is there.
        kind: What the partitions are of.
        examined: What was found in each.
        counts: What each alone comes to; what was compared is added, None where that is not checked: of what is
            quarantined, or where it could not be.
    """
    names = _COMPARED[kind]
    partitions = {Partition.parse(partition): one for partition, one in examined.items()}
    landed = {partition: one.evidence.rows.landed for partition, one in partitions.items() if one.evidence}
    for partition in partitions:
        mine = counts[partition.id]
        counts[partition.id] = dict.fromkeys(names, 0) | mine
        if kind == "events":
            counts[partition.id]["volume_as_usual"] = _volume(job, partition, landed)
    verdicts = judge.judge(kind, counts)
    if not names:
        return verdicts
    accepted = {partition: one for partition, one in partitions.items() if verdicts[partition.id].state == "accepted"}
    found = _COMPARE[kind](job, accepted, partitions)
    again: dict[str, Counts] = {}
    for partition in partitions:
        before, more = counts[partition.id], found.get(partition, {})
        now = before | {name: more.get(name) for name in names if before[name] is not None}
        if now != before:
            counts[partition.id] = again[partition.id] = now
    return verdicts | (judge.judge(kind, again) if again else {})


def stale(job: Job, records: Iterable[Record]) -> set[str]:
    """Return the partitions whose verdict would be another now, since what they were held against is another.

    Args:
        job: What is there.
        records: The last verdicts of partitions that are in landing as they were judged.
    """
    records = list(records)
    events = [record for record in records if record.partition.startswith("events/")]
    log = [record for record in records if record.partition.startswith("consents/") and record.state == "accepted"]
    behind = _behind(job, "events")
    return {one.partition for one in events if _is_stale(job, one, behind)} | _stale_log(job, log)


def _events(job: Job, accepted: Mapping[Partition, Examined], wave: Iterable[Partition]) -> dict[Partition, Counts]:
    """Count sessions of many days, and pseudonyms of two services."""
    taken = set(wave)
    found: dict[Partition, Counts] = {}
    for day, of_day in groupby(sorted(accepted, key=lambda one: one.day), key=lambda one: one.day):
        before = [
            record
            for service in job.catalogue.services
            if (other := Partition("events", service, day)) not in taken and (record := job.ledger.latest.get(other.id))
        ]
        known = [
            pl.read_parquet(path, columns=["pseudonym"])
            for record in before
            for path in memory.fetch_rollups(job, record, "persons")
        ]
        persons: Persons = {partition: _persons_seen(job, partition) for partition in of_day}
        if any(_shared(persons, known).values()):
            persons = {partition: _persons(job, accepted[partition]) for partition in persons}
        for partition, shared in _shared(persons, known).items():
            found[partition] = {
                "pseudonym_one_service": shared,
                "session_short": _long_sessions(job, partition, accepted, taken),
            }
    return found


def _shared(persons: Persons, known: Sequence[pl.DataFrame]) -> dict[Partition, int | None]:
    """Return how many pseudonyms of each partition are another's too, or known; None of one that cannot be read."""
    found: dict[Partition, int | None] = {}
    for partition, own in persons.items():
        others = [*known, *(of for other, of in persons.items() if other != partition and of is not None)]
        elsewhere = pl.concat([_NOBODY, *(of.cast(pl.Int64) for of in others)])
        found[partition] = None if own is None else own.join(elsewhere, on="pseudonym", how="semi").height
    return found


def _persons_seen(job: Job, partition: Partition) -> pl.DataFrame:
    """Return the pseudonyms of a partition's rows, whatever becomes of them."""
    return pl.read_parquet(job.spec.folder(partition) / "persons_seen.parquet", columns=["pseudonym"]).cast(pl.Int64)


def _persons(job: Job, one: Examined) -> pl.DataFrame | None:
    """Return the pseudonyms of a partition's accepted rows; None where files that are read again are not there."""
    assert one.evidence is not None  # noqa: S101  # it was judged
    partition, rows = one.landed.partition, one.evidence.rows
    if not rows.held and not rows.stripped:
        return _persons_seen(job, partition)
    with sql.connect(memory_limit=job.settings.engine.memory_limit, spill=job.spec.spool / "spill") as connection:
        try:
            evidence.accepted(connection, one.files, job.spec.folder(partition))
            return sql.frame(connection, "accepted_persons")
        except IncompletePartitionError:
            return None


def _long_sessions(
    job: Job, partition: Partition, accepted: Mapping[Partition, Examined], taken: set[Partition]
) -> int | None:
    """Return the number of sessions that had begun more than `max_days` before, as far as they were seen then.

    None where files that are read again are no longer there: not checked.
    """
    before = _days_ago(job, partition)
    examined = [(accepted[one].files, job.spec.folder(one)) for one in before if one in accepted]
    stored = [job.ledger.latest[one.id] for one in before if one not in taken and one.id in job.ledger.latest]
    rollups = [path for record in stored for path in memory.fetch_rollups(job, record, "sessions")]
    if not examined and not rollups:
        return 0
    try:
        return tabs.long_sessions(
            (accepted[partition].files, job.spec.folder(partition)),
            examined,
            rollups,
            max_days=job.settings.session.max_days,
            memory_limit=job.settings.engine.memory_limit,
            spill=job.spec.spool / "spill",
        )
    except IncompletePartitionError:
        return None


def _days_ago(job: Job, partition: Partition) -> list[Partition]:
    """Return the partitions in which a session that is too long was seen, unless it was silent on all these days."""
    max_days = job.settings.session.max_days
    days = range(max_days, max_days + _DAYS_SEARCHED)
    return [before for back in days if (before := _earlier(partition, back)) is not None]


def _volume(job: Job, partition: Partition, landed: Mapping[Partition, int]) -> int | None:
    """Return 1 where the rows are far from the same weekday's of four weeks before, None where too few are known."""
    before: list[int] = []
    for weeks in range(1, 5):
        other = _earlier(partition, 7 * weeks)
        if other is None:
            break
        if other in landed:
            before.append(landed[other])
        elif record := job.ledger.latest.get(other.id):
            before.append(record.rows.landed)
    if len(before) < _FEWEST_WEEKDAYS:
        return None
    usual = statistics.median(before)
    now = landed[partition]
    return int(max(usual, now) >= _FEWEST_ROWS and not usual / _FAR <= now <= usual * _FAR)


def _earlier(partition: Partition, days: int) -> Partition | None:
    """Return the partition so many days before; None before the first day that a calendar has."""
    if (partition.day - date.min).days < days:
        return None
    return replace(partition, day=partition.day - timedelta(days=days))


def _consents(job: Job, accepted: Mapping[Partition, Examined], wave: Iterable[Partition]) -> dict[Partition, Counts]:
    """Count the changes that contradict the log before them, whichever partition that landed in."""
    frames = [
        job.spec.erased.spared(pl.read_parquet(job.spec.folder(partition) / evidence.CHANGES)).select(
            pl.lit(partition.day).alias("day"), *consent_log.COLUMNS
        )
        for partition in accepted
    ]
    known = consent_log.changes(job).filter(~pl.col("day").is_in([partition.day for partition in wave]))
    found = _contradictions(job, pl.concat([known, *frames]))
    return {partition: found.get(partition.day, dict.fromkeys(_COMPARED["consents"], 0)) for partition in accepted}


def _contradictions(job: Job, changes: pl.DataFrame) -> dict[date, Counts]:
    with sql.connect(memory_limit=job.settings.engine.memory_limit, spill=job.spec.spool / "spill") as connection:
        connection.register("changes", changes)
        found = sql.frame(connection, "consent_contradictions")
    return {row.pop("day"): row for row in found.iter_rows(named=True)}


_COMPARE: Mapping[Kind, Compare] = {"events": _events, "consents": _consents}


def _behind(job: Job, kind: Kind, since: int = 0) -> set[str]:
    """Return the partitions that have a newer verdict on an earlier day of their service (of the log) behind them.

    Args:
        job: What is there.
        kind: What the partitions are of.
        since: How many records the ledger had when this was last asked: verdicts of before are no longer new.
    """
    found = set[str]()
    newest: dict[str, int] = {}
    for partition, record in sorted(job.ledger.latest.items()):  # of each service, by day
        folder, seen = partition.rpartition("/")[0], record.body["consents"]
        if folder.startswith(kind):
            if newest.get(folder, 0) > seen:
                found.add(partition)
            if seen >= since:
                newest[folder] = max(newest.get(folder, 0), seen)
    return found


def _is_stale(job: Job, record: Record, behind: Collection[str]) -> bool:
    own, is_behind = Partition.parse(record.partition), record.partition in behind
    if is_behind and _count(record, "volume_as_usual") != _volume(job, own, {own: record.rows.landed}):
        return True
    if record.state != "accepted":
        return False
    for service in job.catalogue.services:
        other = _changed_since(job, record, Partition("events", service, own.day)) if service != own.service else None
        # Whom both have is told of both: else the comparison ends the same.
        if other and (_count(record, "pseudonym_one_service") or _count(other, "pseudonym_one_service")):
            return True
    for before in _days_ago(job, own) if is_behind else ():
        other = _changed_since(job, record, before)
        if other and (_count(record, "session_short") or _share_sessions(job, record, other)):
            return True
    return False


def _count(record: Record, expectation: str) -> int | None:
    return next(one["count"] for one in record.body["results"] if one["expectation"] == expectation)


def _changed_since(job: Job, record: Record, other: Partition) -> Record | None:
    """Return the last verdict on another partition, if what is accepted of it is not what a verdict knew."""
    verdicts, seen = job.ledger.verdicts.get(other.id, []), record.body["consents"]
    if not verdicts or verdicts[-1].body["consents"] <= seen:  # as old, or judged with it
        return None
    known = [verdict.content for verdict in verdicts if verdict.body["consents"] <= seen]
    return None if known[-1:] == [verdicts[-1].content] else verdicts[-1]


def _share_sessions(job: Job, record: Record, other: Record) -> bool:
    own, before = (
        [pl.scan_parquet(path).select("session_id") for path in memory.fetch_rollups(job, one, "sessions")]
        for one in (record, job.ledger.latest[other.partition])
    )
    return bool(own and before) and not pl.concat(own).join(pl.concat(before), on="session_id").collect().is_empty()


def _stale_log(job: Job, records: Sequence[Record]) -> set[str]:
    """Return the days of the log that contradict it otherwise than their verdicts say, if one before changed since."""
    behind = _behind(job, "consents", job.known.compared)
    asked = [record for record in records if record.partition in behind]
    if not asked:
        return set()
    found = _contradictions(job, consent_log.changes(job))
    none: Counts = dict.fromkeys(_COMPARED["consents"], 0)
    return {
        record.partition
        for record in asked
        if any(
            _count(record, name) != count
            for name, count in found.get(Partition.parse(record.partition).day, none).items()
        )
    }
