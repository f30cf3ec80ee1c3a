"""What is known of each partition, for `status`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from cetegra_usage.model import Partition, Rows
from cetegra_usage.pipeline import plan

if TYPE_CHECKING:
    from cetegra_usage.pipeline.job import Job


def partitions(job: Job) -> list[dict[str, Any]]:
    """Return each partition's last state, rows, failures and when, by id.

    Event partitions are all there; one of the consent log or of feedback is there while something of it fails.
    A partition that was tried and is incomplete shows as that, whatever its verdict before; one that waits for the
    consent log too (`when` is None where it was never judged).
    """
    attempts = job.known.attempts
    landed = {partition.id for partition in job.zone.partitions}
    waiting = _waiting(job)
    found: list[dict[str, Any]] = []
    for partition in sorted({*attempts, *waiting, *job.ledger.latest}):
        record = job.ledger.latest.get(partition)
        if partition in attempts:
            attempt = attempts[partition]
            found.append(_incomplete(partition, attempt.when, attempt.why))
        elif partition in waiting:
            found.append(_incomplete(partition, record.when if record else None, waiting[partition]))
        elif record and (partition.startswith("events/") or record.failed):
            entry = {
                "id": partition,
                "state": record.state,
                "rows": asdict(record.rows),
                "failed": record.failed,
                "when": record.when,
            }
            if partition not in landed:
                lost = " Its held rows are lost." if record.rows.held else ""
                entry["why"] = f"It has gone from landing and cannot be redone.{lost}"
            found.append(entry)
    return found


def _incomplete(partition: str, when: str | None, why: str) -> dict[str, Any]:
    rows = asdict(Rows())
    return {"id": partition, "state": "incomplete", "rows": rows, "failed": [], "when": when, "why": why}


def _waiting(job: Job) -> dict[str, str]:
    """Return the event partitions that no run takes before the consent log is there, and why."""
    last = job.today - timedelta(days=1)
    consents = [partition for partition in job.zone.partitions if partition.kind == "consents"]
    refused = [partition.day for partition in consents if partition.id in job.known.attempts]
    refused += [
        Partition.parse(record.partition).day
        for record in job.ledger.latest.values()
        if record.partition.startswith("consents/") and record.state == "quarantined"
    ]
    if plan.blocked_from(job, last, refused) is None:
        return {}
    items = plan.make(job, date.min, last).items
    return {item.partition.id: plan.waits(item.waits_for) for item in items if item.waits_for}


def held_keys(job: Job) -> list[tuple[str, str, int]]:
    """Return the keys that are held: (column, key, rows), most rows first.

    Only keys that every detector lets pass stand in the ledger; only those with at least `threshold` rows are shown.
    Rows of a partition that has gone from landing are lost, and wait for nothing.
    """
    rows: dict[tuple[str, str], int] = {}
    for partition in job.zone.partitions:
        record = job.ledger.latest.get(partition.id)
        for column, key, count in record.body["held"] if record else ():
            rows[column, key] = rows.get((column, key), 0) + count
    shown = [
        (column, key, count) for (column, key), count in rows.items() if count >= job.settings.disclosure.threshold
    ]
    return sorted(shown, key=lambda entry: (-entry[2], entry[0], entry[1]))


def lost_rows(job: Job) -> int:
    """Return how many held rows are lost: their partitions have gone from landing."""
    landed = {partition.id for partition in job.zone.partitions}
    return sum(record.rows.held for partition, record in job.ledger.latest.items() if partition not in landed)
