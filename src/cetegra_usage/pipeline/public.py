"""The public evidence of a release: what the ledger says of each partition, with every count protected."""

from __future__ import annotations

import hmac
from dataclasses import asdict, replace
from datetime import date
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from cetegra_usage import ledger
from cetegra_usage.check import judge, proofs, register
from cetegra_usage.check.reader import CONSENTS, EVENTS, FEEDBACK
from cetegra_usage.errors import DisclosureError
from cetegra_usage.model import ALL, Partition, each_day
from cetegra_usage.pipeline import consent_log, memory, release_checks
from cetegra_usage.pipeline.job import rules
from cetegra_usage.project import version
from cetegra_usage.protect import protect_count, protect_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cetegra_usage.ledger import Record
    from cetegra_usage.model import Period
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.protect import Protection
    from cetegra_usage.settings import Disclosure

Shown = int | Literal["withheld"]
WITHHELD: Literal["withheld"] = "withheld"
APART = ("duplicate", "held", "stripped")
"""What becomes of rows that are not simply taken."""

LIMITS = (
    "Detectors find the shapes of personal data that they know, not every kind there is.",
    "What stands where an id or a time belongs, and is none, blocks; only words and addresses are searched for in it.",
    "Consent is judged by the consent log, not by what a person saw on the screen.",
    "Whether a recipient's number is a pseudonym too is not looked at: the two are never brought together.",
    "Events that never landed cannot be seen here; the seal of each partition comes from the collector.",
    "A pseudonym used in two services is found where both were used on one day.",
    "A session that outlives a tab is found where it was used just as many days before as a tab may last, or one more.",
    "What is compared with other days (that, and the volume) is compared with those that were there at the time.",
    "A promise is judged on the partitions that were checked: how many of how many stands beside each result.",
    "Who may write all that is published could rewrite it: hashes show it to who noted that of the highest manifest.",
    "Who may write to the warehouse too could rewrite what it recorded since the last release: a copy of it tells.",
    "That no more than the assumed number of events comes from one person in one service and day is an assumption.",
)
_NEVER_SET = date(1970, 1, 1)
_VERSIONED = ("duckdb", "polars", "pyarrow", "great-expectations", "prefect")


def evidence(
    job: Job, period: Period, revision: int, protection: Protection, previous: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the public evidence document of a release.

    Args:
        job: What is there.
        period: The release's period.
        revision: Its revision.
        protection: What was let through: row counts are shown where the table `activity` shows them.
        previous: Period, revision and hash of the evidence document before; None for the first.

    Raises:
        DisclosureError: A check of the release that blocks has failed.
    """
    disclosure = job.settings.disclosure
    days = _days(job, period)
    key = memory.key(job)
    partitions = [_partition(job, partition, state, protection, key, disclosure) for partition, state in days]
    records = [record for partition, _ in days if (record := job.ledger.latest.get(partition.id)) is not None]
    release = _judged(job, period, protection)
    document: dict[str, Any] = {
        "format": 1,
        "period": period.key,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "revision": revision,
        "previous": previous,
        "threshold": disclosure.threshold,
        "rounding": disclosure.rounding,
        "versions": {"cetegra-usage": version()} | {name: metadata.version(name) for name in _VERSIONED},
        "hashes": hashes(job),
        "stores": _stores(job),
        "promises": [
            _promise(promise, partitions, records, protection, disclosure)
            for promise in register.load().promises.values()
        ],
        "release": [
            {"expectation": result.expectation.id, "promise": result.expectation.promise, "success": result.success}
            for result in release.results
        ],
        "partitions": partitions,
        "withheld": {
            "cells": protection.cells,
            "withheld": protect_count(protection.withheld, disclosure),
            "by_rule": {
                rule: protect_count(number, disclosure) for rule, number in protection.withheld_by_rule.items()
            },
        },
        "audit": protection.audit.as_json() if protection.audit else None,
        "article_30": _article_30(job),
        "limits": list(LIMITS),
    }
    document["promises"] = [one | derived(one, document) for one in document["promises"]]
    return document


def _judged(job: Job, period: Period, protection: Protection) -> judge.Verdict:
    counts = release_checks.counts(release_checks.subject(job, protection))
    verdict = judge.judge("release", {period.key: counts})[period.key]
    if verdict.state == "quarantined":
        failed = ", ".join(result.expectation.id for result in verdict.failed)
        raise DisclosureError(
            f"the release {period.key} is refused: {failed}",
            why="a check of what would be published has failed, and nothing of it was published",
            hint="docs/runbook.md, A release fails its own checks",
        )
    return verdict


def verdicts(document: Mapping[str, Any]) -> Any:
    """Return what of an evidence document makes a new revision when it changes: states, results, statuses."""
    return (
        [(one["id"], one["status"]) for one in document["promises"]],
        [
            (
                one["id"],
                one["state"],
                one["rows"],
                [(r["expectation"], r["success"], r["count"]) for r in one["results"]],
            )
            for one in document["partitions"]
        ],
    )


def _days(job: Job, period: Period) -> list[tuple[Partition, str]]:
    """Return every partition that is due in a period, whether it landed or not, or has landed, with its state."""
    days = list(each_day(period.first, period.last))
    found: list[tuple[Partition, str]] = []
    for service in job.catalogue.services:
        first = first_day(job, service)
        found += [_with_state(job, Partition("events", service, day), first) for day in days]
    found += _undeclared(job, period)
    if absent := consent_log.absent_from(job):  # else there never was a log
        found += [_with_state(job, Partition("consents", "", day), absent) for day in days]
    if first := first_feedback(job):
        found += [_with_state(job, Partition("feedback", "", day), first) for day in days]
    return found


def _with_state(job: Job, partition: Partition, first: date | None) -> tuple[Partition, str]:
    """Return a partition that is due from a first day on, and its state."""
    if record := job.ledger.latest.get(partition.id):
        return partition, record.state
    if partition in job.zone.partitions:
        return partition, "incomplete"
    return partition, "empty" if first is None or partition.day < first else "missing"


def _undeclared(job: Job, period: Period) -> list[tuple[Partition, str]]:
    """Return what landed in a period of services that the catalogue does not know, with its state."""
    known = {*map(Partition.parse, job.ledger.latest), *job.zone.partitions}
    found = [
        partition
        for partition in known
        if partition.kind == "events"
        and partition.service not in job.catalogue.services
        and period.first <= partition.day <= period.last
    ]
    return [_with_state(job, partition, None) for partition in sorted(found)]


def first_day(job: Job, service: str) -> date | None:
    """Return the day of a service's first partition, whatever its verdict; None if it never landed.

    A folder of the day that a clock shows which was never set, or of one before, begins nothing.
    """
    return _first_of(job, f"events/{service}/")


def first_feedback(job: Job) -> date | None:
    """Return the day of the first partition of feedback, whatever its verdict; None if none ever landed."""
    return _first_of(job, "feedback/")


def _first_of(job: Job, prefix: str) -> date | None:
    if prefix not in job.firsts:  # a command lands nothing: it stays what it is
        days = [partition.day for partition in job.zone.partitions if partition.id.startswith(prefix)]
        days += [day_of(partition) for partition in job.ledger.latest if partition.startswith(prefix)]
        job.firsts[prefix] = min((day for day in days if day > _NEVER_SET), default=None)
    return job.firsts[prefix]


def day_of(partition: str) -> date:
    """Return the day of a partition's id."""
    return date.fromisoformat(partition.rsplit("/", 1)[-1])


def _partition(
    job: Job, partition: Partition, state: str, protection: Protection, key: bytes, disclosure: Disclosure
) -> dict[str, Any]:
    record = job.ledger.latest.get(partition.id)
    return {
        "id": partition.id,
        "day": partition.day.isoformat(),
        "service": partition.service,
        "state": state,
        "rows": _rows(record, partition, protection, disclosure) if record else {},
        "results": results(record, disclosure) if record else [],
        "exact": name_of(record, key) if record else None,
        "history": history(job.ledger.verdicts.get(partition.id, [])[:-1]),
    }


def results(record: Record, disclosure: Disclosure) -> list[dict[str, Any]]:
    """Return what a record says of each expectation, as it may be shown."""
    return [
        result | {"count": None if result["count"] is None else _shown(result["count"], record, disclosure)}
        for result in record.body["results"]
    ]


def fates(record: Record, disclosure: Disclosure) -> dict[str, Shown]:
    """Return what a record says became of the rows, as it may be shown: but for what the tables tell of them."""
    return {
        fate: _shown(number, record, disclosure) if fate in APART else protect_rows(number, record.most, disclosure)
        for fate, number in asdict(record.rows).items()
    }


def _shown(count: int, record: Record, disclosure: Disclosure) -> Shown:
    """Show a count of rows that failed, or have a fate of their own: all such counts of a partition, or none.

    The same rows are counted by several: where one is too small to be shown, the difference of two others may be it.
    """
    if not count:
        return 0
    rows = asdict(record.rows)
    beside = [*(rows[fate] for fate in APART), *(result["count"] for result in record.body["results"])]
    least = protect_rows(min(filter(None, beside)), record.most, disclosure)
    return WITHHELD if least == WITHHELD else protect_rows(count, record.most, disclosure)


def history(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return what became of a partition before: state and failed expectations of each of its earlier records."""
    return [
        {"state": record.state, "failed": [failed["expectation"] for failed in record.failed]} for record in records
    ]


def name_of(record: Record, key: bytes) -> str:
    """Return the keyed hash by which the public evidence names an exact record."""
    return hmac.digest(key, record.sha256.encode(), "sha256").hex()


def _rows(record: Record, partition: Partition, protection: Protection, disclosure: Disclosure) -> dict[str, Shown]:
    """Show the fate of a partition's rows, so that no difference of two counts tells a third."""
    rows, shown = record.rows, fates(record, disclosure)
    if rows.accepted and disclosure.threshold > 1:
        shown["accepted"] = _accepted(partition, protection)
    parts = [shown[fate] for fate in ("accepted", "duplicate", "held", "quarantined")]
    whole = replace(rows, landed=0, stripped=0)
    if WITHHELD in parts:
        shown["landed"] = WITHHELD
    elif rows.landed in asdict(whole).values():
        shown["landed"] = next(shown[fate] for fate, number in asdict(whole).items() if number == rows.landed)
    return shown


def _accepted(partition: Partition, protection: Protection) -> Shown:
    """Show the accepted rows of a partition as the tables tell of them, or not: they add up with cells of these."""
    match partition.kind:
        case "events":
            where = {"day": partition.day, "service": partition.service, "user_type": ALL}
            return _figure(protection, "activity", "events", **where)
        case "consents":
            changes = [
                _figure(protection, "consent_changes", one, day=partition.day) for one in ("granted", "withdrawn")
            ]
            return WITHHELD if WITHHELD in changes else sum(int(one) for one in changes)
        case "feedback":
            return WITHHELD


def _figure(protection: Protection, table: str, measure: str, **where: Any) -> Shown:
    """Return a figure as a protected table shows it."""
    frame = protection.tables[table].frame
    for column, value in where.items():
        frame = frame.filter(pl.col(column) == value)
    value = frame[measure].sum() if frame.height and frame[measure].null_count() == 0 else None
    return WITHHELD if value is None else int(value)


def _promise(
    promise: register.Promise,
    partitions: Sequence[Mapping[str, Any]],
    records: Sequence[Record],
    protection: Protection,
    disclosure: Disclosure,
) -> dict[str, Any]:
    """Return what is said of a promise, but for what `derived` draws from the results beside it."""
    names = {expectation.id for expectation in promise.expectations}
    # Not the sum rounded: of the partitions' counts beside it, it would tell one that is withheld.
    shown = [
        _shown(result["count"], record, disclosure)
        for record in records
        for result in record.failed
        if result["expectation"] in names
    ]
    checked = any(
        result["expectation"] in names and result["success"] is not None
        for one in partitions
        for result in one["results"]
    )
    caught = [proof for proof in proofs.load() if proof.expectation in names]
    return {
        "id": promise.id,
        "promise": promise.promise,
        "section": promise.section,
        "legal": promise.legal,
        "scope": promise.scope,
        "since": promise.since,
        "rows": _figure(protection, "features", "events", service=ALL, user_type=ALL, feature=ALL) if checked else 0,
        "failures": WITHHELD if WITHHELD in shown else sum(int(count) for count in shown),
        "expectations": sorted(names),
        "suites": sorted({expectation.suite for expectation in promise.expectations}),
        "proofs": [{"fault": proof.fault, "expectation": proof.expectation, "caught": True} for proof in caught],
        "unproven": sorted(names - {proof.expectation for proof in caught}),
        "evidence": promise.evidence,
        "decision": promise.decision,
    }


def derived(promise: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an evidence document's results come to for one of its promises: anybody can draw it from them."""
    names, suites = set(promise["expectations"]), set(promise["suites"])
    checked: set[str] = set()
    of_release = [result["success"] for result in document["release"] if result["expectation"] in names]
    outcomes = list(of_release)
    for one in document["partitions"]:
        own = [result["success"] for result in one["results"] if result["expectation"] in names]
        outcomes += own
        if any(success is not None for success in own):
            checked.add(one["id"])
    due = [one for one in document["partitions"] if one["id"].split("/", 1)[0] in suites and one["state"] != "empty"]
    return {
        "status": _status(
            promise, document["last"], outcomes, is_whole=None not in of_release and (bool(checked) or not due)
        ),
        "partitions_checked": len(checked),
        "partitions": len(due),
        "proven": bool(promise["proofs"]),
    }


def _status(promise: Mapping[str, Any], last: str, outcomes: Sequence[bool | None], *, is_whole: bool) -> str:
    if last < promise["since"]:
        return "not_applicable"
    if False in outcomes:
        return "not_met"
    if promise["decision"]:
        return "needs_decision"
    return "met" if True in outcomes and is_whole else "not_checked"


def _stores(job: Job) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in ("landing", "warehouse", "publish"):
        store = getattr(job.stores, name)
        found.append(
            {
                "store": name,
                "url": "a folder of the machine" if store.url.startswith("file:") else store.url,
                "country": store.residency.country,
                "operator": store.residency.operator,
                "residency": "proven" if store.residency.proven else "declared",
                "proof": store.residency.proof,
            }
        )
    return found


def _article_30(job: Job) -> dict[str, str | list[str]]:
    """Return an extract of the record of processing (GDPR Art. 30(2)), made from the settings and the register."""
    settings, promises = job.settings, register.load().promises
    stores = _stores(job)
    processors = {str(store["operator"]) for store in stores} - {"own"}
    return {
        "role": "processor, for the customers, who are the controllers",
        "purposes": [promises[name].promise for name in ("improvement-only", "groups-only")],
        "categories_of_processing": [
            "checking landed events against what was promised",
            "counting those that pass by service, user type, feature and time",
            "withholding and rounding what could tell of few people, and publishing the rest",
        ],
        "categories_of_persons": [f"users of {title}" for title in job.catalogue.services.values()],
        "categories_of_data": [
            f"events: {', '.join(EVENTS.kinds)}",
            f"consent log: {', '.join(CONSENTS.kinds)}",
            f"feedback, never brought together with these: {', '.join(FEEDBACK.kinds)}",
            "pseudonym and session_id only of those who agreed",
        ],
        "recipients": [
            "of events, rollups and exact evidence: the operations team",
            "of releases: whom the access rights of the published store let read",
            "further processors: " + (", ".join(sorted(processors)) or "none"),
        ],
        "transfers_outside_the_eea": "none: every store lies in "
        + ", ".join(sorted({str(store["country"]) for store in stores})),
        "retention": [
            f"identified rollups {settings.retention.identified_days} days",
            f"evidence {settings.retention.evidence_days} days: not removed by age yet, nor is the consent log",
            "events stay in the landing zone, under the collector's rules",
        ],
        "measures": [
            f"no figure of fewer than {settings.disclosure.threshold} people",
            f"counts rounded to {settings.disclosure.rounding}",
            "closed schema and vocabularies, detectors of personal data, quarantine of what fails",
            "pseudonym and session_id taken off where consent was not in force",
            "stores judged to lie in the EEA before the first byte is read",
            "releases and evidence chained by hash",
        ],
    }


def hashes(job: Job) -> dict[str, str]:
    """Return the hashes of the files that shaped the verdicts, and of the catalogue."""
    loaded = register.load().hashes
    named = {f"suite {name}" if name != "register" else name: value for name, value in loaded.items()}
    shared = rules(job.settings)["events"]
    return named | {name: shared[name] for name in ("detectors", "statements")} | {"catalogue": job.catalogue.digest}


def head(document: Mapping[str, Any]) -> str:
    """Return the hash by which the next evidence document, and `latest.json`, name this one."""
    return ledger.digest(document)
