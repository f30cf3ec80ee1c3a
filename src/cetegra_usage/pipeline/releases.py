"""Releases: a complete period is measured, protected, written and named by a manifest; a release never changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage import ledger, measure
from cetegra_usage.check import register
from cetegra_usage.definitions import tables as definitions
from cetegra_usage.errors import DisclosureError, StorageError, UsageError
from cetegra_usage.model import Period, each_day, periods_between
from cetegra_usage.pipeline import consent_log, forgetting, memory, public, sources, tallied
from cetegra_usage.pipeline.errata import Causes, Change, changes, summarised
from cetegra_usage.protect import ReleasedTables, overlaps, protect
from cetegra_usage.publish import manifests, tables
from cetegra_usage.publish.pages import compliance, index, usage
from cetegra_usage.publish.pages.view import DataFile, Earlier, Erratum, ReleaseEntry, ReleaseView
from cetegra_usage.store import lost, undamaged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.protect import Protection


@dataclass(frozen=True, slots=True)
class Release:
    """A release that was made."""

    period: Period
    revision: int
    path: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the `--json` document shows it."""
        return {"period": self.period.key, "revision": self.revision, "path": self.path}


def due(job: Job) -> list[str]:
    """Return the complete periods that a run would publish or look at again, oldest end first."""
    return [period.key for period in pending(job)]


def pending(job: Job) -> list[Period]:
    """Return the complete periods whose figures are not released yet, or may have changed."""
    now = _Inputs(job)
    return [period for period in _complete(job) if _changed(job, period, now.of(period))]


def waiting(job: Job) -> list[Period]:
    """Return the pending periods whose figures would be made without who was forgotten, and who can come back."""
    return [period for period in pending(job) if _lacks_people(job, period)]


def untaken(job: Job, first: date, last: date) -> list[Period]:
    """Return the pending periods of which days have landed that no run took yet, a range of days being taken."""
    days = [
        partition.day
        for partition in job.zone.partitions
        if not first <= partition.day <= last
        and partition.id not in job.ledger.latest
        and partition.id not in job.known.attempts
    ]
    if not days:
        return []
    return [period for period in pending(job) if any(period.first <= day <= period.last for day in days)]


def _lacks_people(job: Job, period: Period) -> bool:
    return any(partition in job.zone.partitions for partition in forgetting.lacking(job, [period]))


def closed(job: Job, waits: Collection[Period]) -> date:
    """Return the day before which no row begins that is over and lacks a tally, once `tally` has made them.

    Args:
        job: What is there.
        waits: Complete periods of which none were made yet.
    """
    complete = set(_complete(job)).difference(waits)
    return min([job.today, *(period.first for period in _over(job) if period not in complete)])


def tally(job: Job, waits: Collection[Period]) -> None:
    """Make the tallies of the complete periods that are to be published, but for those that wait: they may be refused.

    Raises:
        StorageError: A store does not answer, or what it holds is damaged.
    """
    for period in pending(job):
        if period not in waits:
            _measured(job, period)


def publish_complete(job: Job, waits: Collection[Period]) -> tuple[list[Release], list[DisclosureError]]:
    """Publish every complete period whose figures are not released yet, or may have changed.

    Args:
        job: What is there.
        waits: Periods that are left to a later run.

    Returns:
        The releases that were made, and why disclosure control refused each of the others.

    Raises:
        StorageError: A store does not answer, or what it holds is damaged.
    """
    now = _Inputs(job)
    made: list[Release] = []
    refused: list[DisclosureError] = []
    # One after the other: the protection of a release looks at those before.
    for period in _complete(job):
        if period in waits:
            continue
        inputs = now.of(period)
        if _changed(job, period, inputs):
            try:
                made += _publish(job, period, job.known.periods.get(period.key))
            except DisclosureError as error:
                refused.append(error)  # the other periods are published all the same
                continue
            job.known.periods[period.key] = inputs
            job.remember()
        else:
            job.known.periods[period.key] = inputs
    job.known.derived = manifests.derive(job.stores.publish, rendered_index, job.known.derived)
    memory.keep(job.stores.warehouse, job.known)
    return made, refused


def publish_one(job: Job, period: Period) -> list[Release]:
    """Publish one period, complete or not, as long as it is over.

    Raises:
        UsageError: It is not over; nothing landed in it or before; or figures would be made without who was forgotten.
    """
    if period not in _over(job):
        raise UsageError(
            f"{period.key} cannot be published",
            why="periods run from the one of the first event partition to the last one that is over",
            hint="cetegra-usage plan",
        )
    with job.held():
        if _lacks_people(job, period):
            raise UsageError(
                f"{period.key} cannot be published before a run",
                why="figures of it are made again, and people have been forgotten since who count in them",
                hint="cetegra-usage run",
            )
        inputs = _Inputs(job).of(period)
        made = _publish(job, period, job.known.periods.get(period.key))
        job.known.periods[period.key] = inputs
        job.known.derived = manifests.derive(job.stores.publish, rendered_index, job.known.derived)
        job.remember()
    return made


def _over(job: Job) -> list[Period]:
    days = [first for service in job.catalogue.services if (first := public.first_day(job, service))]
    return periods_between(min(days), job.today - timedelta(days=1)) if days else []


def _complete(job: Job) -> list[Period]:
    """Return the periods that are over and judged as a whole, or have been waited for long enough."""
    patience = timedelta(days=1 + job.settings.landing.wait_days)
    attempts = job.known.attempts
    firsts = {f"events/{service}": public.first_day(job, service) for service in job.catalogue.services}
    firsts["feedback"] = public.first_feedback(job)
    return [
        period
        for period in _over(job)
        if job.today >= period.last + patience
        or all(
            (partition := f"{kind}/{day}") in job.ledger.latest and partition not in attempts
            for kind, first in firsts.items()
            if first
            for day in each_day(max(first, period.first), period.last)
        )
    ]


class _Inputs:
    """What releases would be made from now."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._rules = ledger.digest([tallied.statements(), job.settings.shaping(), register.load().hashes])
        self._reach: dict[Period, date] = {}
        firsts = {service: str(public.first_day(job, service)) for service in job.catalogue.services}
        # A log that begins later says more of a day, and so does one of which a day counts as empty by now.
        self._firsts = [firsts, consent_log.exists(job), str(public.first_feedback(job))]
        self._silent = sorted(sources.consents_missing(job, job.today - timedelta(days=1)))

    def of(self, period: Period) -> memory.Made:
        """Return the digests of everything that a period's release is made from."""
        job, before = self._job, self._job.known.periods.get(period.key)
        silent = [day.isoformat() for day in self._silent if period.first <= day <= period.last]
        shared = self._rules, job.catalogue.digest, ledger.digest([*self._firsts, silent])
        records = job.ledger.count
        if before and (before.rules, before.catalogue, before.firsts) == shared:
            since = job.ledger.since(before.records, job.stores.warehouse)
            if not any(record.is_verdict and self._looks_at(period, record.partition) for record in since):
                return replace(before, records=records)
        inputs = [
            [partition, record.content, record.body["results"] if public.day_of(partition) >= period.first else []]
            for partition, record in sorted(job.ledger.latest.items())
            if self._looks_at(period, partition)
        ]
        return memory.Made(ledger.digest([*shared, inputs]), *shared, records)

    def _looks_at(self, period: Period, partition: str) -> bool:
        day = public.day_of(partition)
        if partition.startswith("feedback/"):
            return period.first <= day <= period.last
        return day <= period.last and (partition.startswith("consents/") or day >= self._first_day(period))

    def _first_day(self, period: Period) -> date:
        """Return the first day of the events that a period looks at."""
        if period not in self._reach:
            self._reach[period] = measure.needs(measure.units(period), self._job.settings).first
        return self._reach[period]


def _changed(job: Job, period: Period, inputs: memory.Made) -> bool:
    """Whether a period was never released, or from something else."""
    before = job.known.periods.get(period.key)
    return before is None or before.fingerprint != inputs.fingerprint


def _publish(job: Job, period: Period, made: memory.Made | None) -> list[Release]:
    """Make the next revision of a period's release, if it differs from the one before."""
    store = job.stores.publish
    manifest = manifests.current(store)
    before = manifest.release(period.key)
    revision = before["revision"] + 1 if before else 1
    released = _released(job, manifest, period)
    exact = _measured(job, period)
    month = _month_ahead(job, manifest, period)
    protection = protect(
        period,
        exact,
        definitions=definitions(),
        disclosure=job.settings.disclosure,
        released=released,
        ahead=(month, _measured(job, month)) if month else None,
        begins={service: public.first_day(job, service) for service in job.catalogue.services},
    )
    document = public.evidence(job, period, revision, protection, _previous(manifest))
    errata: list[Change] = []
    if before:
        old = _tables(job, before)
        old_document = _evidence(job, before["path"])
        errata = changes(old, {name: table.frame for name, table in protection.tables.items()})
        if not errata and public.verdicts(old_document) == public.verdicts(document):
            return []
        errata = Causes(job, period, made, _Inputs(job).of(period)).name(errata)
    path = f"releases/{period.key}/r{revision}"
    files = {
        f"data/{name}.parquet": tables.parquet(table, definitions()[name]) for name, table in protection.tables.items()
    }
    files |= {f"data/{name}.csv": tables.csv(table) for name, table in protection.tables.items()}
    view = _view(job, period, revision, protection, document, manifest, files, summarised(errata))
    files["usage.html"] = usage.render(view).encode()
    files["compliance.html"] = compliance.render(document, view).encode()
    files["evidence.json"] = ledger.canonical(document)
    files["release.json"] = ledger.canonical(
        _document(job, period, revision, protection, document, files, view, errata)
    )
    _put(job, path, files)
    entry = {
        "period": period.key,
        "revision": revision,
        "path": path,
        "sha256": hashlib.sha256(files["release.json"]).hexdigest(),
        "evidence": public.head(document),
        "summary": summary(document, sorted(protection.tables), summarised(errata)),
    }
    job.make_sure()
    following, content = manifests.next_one(manifest, entry, public.head(document), rendered_index)
    if job.ledger.manifests.get(following.number) != following.sha256:  # else a run died between the two
        body = {
            "kind": ledger.RELEASE,
            "period": period.key,
            "revision": revision,
            "manifest": following.number,
            "manifest_sha256": following.sha256,
        }
        ledger.append(job.stores.warehouse, job.ledger, [body], datetime.now(UTC))
    manifests.advance(store, following.number, content)
    return [Release(period, revision, path)]


def _put(job: Job, path: str, files: Mapping[str, bytes]) -> None:
    """Put a release's files where nothing is; what a run that died left there goes first.

    A run that stood still meanwhile may have lost its hold, and another may have published under this path.

    Raises:
        StorageError: The hold on the warehouse was lost, or a store does not answer.
    """
    store = job.stores.publish
    if left := store.list(path):
        job.make_sure(asked=True)
        for one in left:
            job.make_sure()
            store.delete(one.path)
    for name, content in sorted(files.items()):
        job.make_sure()
        if not store.put_if_absent(f"{path}/{name}", content):
            raise lost()


def rendered_index(entries: Sequence[Mapping[str, Any]]) -> str:
    """Render `index.html` from the releases that a manifest names."""
    return index.render([_entry(one) for one in entries])


def _measured(job: Job, period: Period) -> dict[str, pl.DataFrame]:
    """Return the exact tables of a period; rows that closed are what their tallies say."""
    tallies = tallied.Kept(job)
    kept = tallies.of(measure.units(period))
    source = sources.source(job, period, [unit for unit in measure.units(period) if unit not in kept])
    exact = measure.measure(
        period, source, catalogue=job.catalogue, settings=job.settings, kept=kept, keep=tallies.keep
    )
    tallies.put()
    return exact


def _document(
    job: Job,
    period: Period,
    revision: int,
    protection: Protection,
    document: Mapping[str, Any],
    files: Mapping[str, bytes],
    view: ReleaseView,
    errata: Sequence[Change],
) -> dict[str, Any]:
    """Return `release.json`: what went in, what came out, and what shaped it."""
    earlier = [one for one in (view.previous, view.year_before) if one]
    return {
        "period": period.key,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "revision": revision,
        "inputs": [
            {"partition": one["id"], "state": one["state"], "record": one["exact"]} for one in document["partitions"]
        ],
        "outputs": [
            {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(files.items())
        ],
        "tables": sorted(protection.tables),
        "versions": document["versions"],
        "hashes": document["hashes"],
        "settings": job.settings.shaping(),
        "compared_with": [{"period": one.period.key, "revision": one.revision} for one in earlier],
        "errata": [change.as_json() for change in errata],
    }


def _view(
    job: Job,
    period: Period,
    revision: int,
    protection: Protection,
    document: Mapping[str, Any],
    manifest: manifests.Manifest,
    files: Mapping[str, bytes],
    errata: Sequence[Erratum],
) -> ReleaseView:
    return ReleaseView(
        period=period,
        revision=revision,
        tables=protection.tables,
        catalogue=job.catalogue,
        definitions=definitions(),
        threshold=job.settings.disclosure.threshold,
        rounding=job.settings.disclosure.rounding,
        event_cap=job.settings.disclosure.event_cap,
        evidence=document,
        previous=_earlier(job, manifest, period_before(period)),
        year_before=_earlier(job, manifest, year_before(period)),
        errata=errata,
        files=[
            DataFile(name, len(content), hashlib.sha256(content).hexdigest())
            for name, content in sorted(files.items())
            if name.startswith("data/")
        ],
    )


def period_before(period: Period) -> Period:
    """Return the week before a week, the month before a month."""
    day = period.first - timedelta(days=1)
    return Period.week(day) if period.is_week else Period.month(day)


def year_before(period: Period) -> Period:
    """Return the same month a year before, or the week 52 weeks before."""
    if period.is_week:
        return Period.week(period.first - timedelta(weeks=52))
    return Period.month(period.first.replace(year=period.first.year - 1))


def _earlier(job: Job, manifest: manifests.Manifest, period: Period) -> Earlier | None:
    entry = manifest.release(period.key)
    return Earlier(period, entry["revision"], _tables(job, entry)) if entry else None


def summary(document: Mapping[str, Any], names: Sequence[str], errata: Sequence[Erratum]) -> dict[str, Any]:
    """Return what the index says of a release, from its evidence, the names of its tables, and what it changed."""
    due = [one for one in document["partitions"] if one["service"] and one["state"] != "empty"]
    statuses = {one["status"] for one in document["promises"]}
    return {
        "tables": sorted(names),
        "state": next((status for status in ("not_met", "met") if status in statuses), "not_checked"),
        "days": [sum(one["state"] == "accepted" for one in due), len(due)],
        "errata": [[one.table, one.cause, one.cells] for one in errata],
        "threshold": document["threshold"],
    }


def _entry(release: Mapping[str, Any]) -> ReleaseEntry:
    said = release["summary"]
    accepted, due_days = said["days"]
    return ReleaseEntry(
        period=Period.parse(release["period"]),
        revision=release["revision"],
        path=release["path"],
        tables=[table.title for name, table in definitions().items() if name in said["tables"]],
        state=said["state"],
        days=(accepted, due_days),
        revisions=[f"releases/{release['period']}/r{revision}" for revision in range(release["revision"] - 1, 0, -1)],
        errata=[Erratum(*one) for one in said["errata"]],
        threshold=said["threshold"],
    )


def _tables(job: Job, entry: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """Return a release's tables as published; raises `StorageError` where one is damaged."""
    store = job.stores.publish
    read: dict[str, pl.DataFrame] = {}
    for found in store.list(f"{entry['path']}/data"):
        if found.path.endswith(".parquet"):
            with undamaged(store, found.path, pl.exceptions.PolarsError, pl.exceptions.PanicException):
                name = found.path.rsplit("/", 1)[-1].removesuffix(".parquet")
                read[name] = pl.read_parquet(store.fetch(found, job.spec.spool))
    return read


def _evidence(job: Job, path: str) -> dict[str, Any]:
    """Return a release's evidence document; raises `StorageError` where it is damaged."""
    with undamaged(job.stores.publish, f"{path}/evidence.json"):
        return json.loads(job.stores.publish.read(f"{path}/evidence.json"))


def _released(job: Job, manifest: manifests.Manifest, period: Period) -> list[ReleasedTables]:
    """Return every earlier release that can show the same days, all revisions of it, in the order of publication.

    Raises:
        DisclosureError: One was rounded otherwise: a figure rounded in two ways tells more than protection looks at.
        StorageError: The evidence documents do not name one another back to the first, or the store does not answer.
    """
    own = job.settings.disclosure
    near = {
        (entry["period"], revision)
        for entry in manifest.releases
        if overlaps(period, Period.parse(entry["period"]))
        for revision in range(1, entry["revision"] + 1)
    }
    found: list[ReleasedTables] = []
    backwards = _backwards(job, manifest)
    while len(found) < len(near):
        key, revision, step = next(backwards, ("", 0, 0))
        if not key:
            raise StorageError(
                "a release cannot be compared with all those before it",
                why="the evidence documents in publish do not name one another back to the first",
                hint="cetegra-usage verify",
            )
        if (key, revision) in near:
            if step != own.rounding and own.threshold > 1:
                raise DisclosureError(
                    f"the release {period.key} is refused: it is rounded to {own.rounding}, an earlier one to {step}",
                    why=f"{key} shows days that it shows, or adds up with them: both roundings together tell more",
                    hint=f"set disclosure.rounding to {step}; or publish anew elsewhere (publish.url)",
                )
            path = f"releases/{key}/r{revision}"
            found.append(ReleasedTables(Period.parse(key), revision, _tables(job, {"path": path})))
    return found[::-1]


def _backwards(job: Job, manifest: manifests.Manifest) -> Iterator[tuple[str, int, int]]:
    """Yield period, revision and rounding of every release, the newest first: as the evidence documents are chained."""
    one = _previous(manifest)
    while one:
        document = _evidence(job, f"releases/{one['period']}/r{one['revision']}")
        yield one["period"], one["revision"], document["rounding"]
        one = document["previous"]


def _month_ahead(job: Job, manifest: manifests.Manifest, period: Period) -> Period | None:
    """Return the month that ends with a week and is released after it, for the first time."""
    month = Period.month(period.last)
    is_its_last_week = period.is_week and period.last == month.last
    waits = is_its_last_week and not manifest.release(month.key) and month in _complete(job)
    return month if waits else None


def _previous(manifest: manifests.Manifest) -> dict[str, Any] | None:
    """Name the evidence document before: the one that the highest manifest calls the head of the chain."""
    for entry in manifest.releases:
        if entry["evidence"] == manifest.evidence_head:
            return {"period": entry["period"], "revision": entry["revision"], "sha256": manifest.evidence_head}
    return None
