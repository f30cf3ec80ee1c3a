"""A run: what is pending is taken, then the periods that are complete are published."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cetegra_usage.check import evidence
from cetegra_usage.errors import DisclosureError
from cetegra_usage.pipeline import plan, process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cetegra_usage.model import Partition
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.pipeline.releases import Release

QUARANTINED = 13
INCOMPLETE = 16


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did.

    Attributes:
        outcomes: One an event partition of the range, and one for each partition of the consent log or of feedback of
            which something failed.
        releases: The releases that were made.
        strangers: Number of files of the landing zone that lie where no partition is.
    """

    outcomes: Sequence[process.Outcome]
    releases: Sequence[Release] = field(default_factory=list["Release"])
    strangers: int = 0

    @property
    def exit_code(self) -> int:
        """The exit code of the contract: quarantined before incomplete before done."""
        states = {outcome.state for outcome in self.outcomes}
        if "quarantined" in states:
            return QUARANTINED
        return INCOMPLETE if "incomplete" in states else 0

    def as_json(self) -> dict[str, Any]:
        """Return it as the `--json` document shows it."""
        return {
            "partitions": [outcome.as_json() for outcome in self.outcomes],
            "releases": [release.as_json() for release in self.releases],
        }


class RefusedError(DisclosureError):
    """Raised when all is done but the releases that disclosure control refused.

    Attributes:
        refusal: Why it refused the first of them.
        report: What was done.
    """

    def __init__(self, refusal: DisclosureError, report: Report) -> None:
        super().__init__(refusal.what, why=refusal.why, hint=refusal.hint)
        self.refusal = refusal
        self.report = report

    def __reduce__(self) -> tuple[object, ...]:
        """Leave the report behind where an error is kept, as Prefect does: its counts are exact."""
        return self.refusal.__reduce__()

    def beside(self) -> dict[str, Any]:
        """Return what was done."""
        return self.report.as_json()


def run(
    job: Job, first: date, last: date, each: process.Each = process.one_by_one, *, again: str | None = None
) -> Report:
    """Take what is pending in a range of days, and publish the periods that are complete.

    Args:
        job: What is there.
        first: The first day.
        last: The last day.
        each: How batches are given to workers.
        again: The reason why the range is redone although nothing changed (a backfill).

    Raises:
        StorageError: A store does not answer, or another run holds the warehouse.
        RefusedError: Disclosure control refused a release; all else is done.
    """
    from cetegra_usage.pipeline import forgetting, releases  # noqa: PLC0415  # heavy: charts

    with job.held():
        outcomes = _take(job, first, last, each, keep=True, again=again)
        lacking = forgetting.lacking(job, releases.pending(job))
        _restore(job, lacking, each)
        waits = releases.untaken(job, first, last)
        if lacking:  # a partition that is not accepted now brings nobody back
            waits += releases.waiting(job)
        releases.tally(job, waits)
        forgetting.forget(job, releases.closed(job, waits))
        made, refused = releases.publish_complete(job, waits)  # which tell whether who had to go is gone
    report = Report(outcomes, made, job.zone.strangers)
    if refused:
        raise RefusedError(refused[0], report)
    return report


def check(job: Job, first: date, last: date, each: process.Each = process.one_by_one) -> Report:
    """Judge every partition of a range that is there, and keep nothing."""
    return Report(_take(job, first, last, each, keep=False, again="check"), strangers=job.zone.strangers)


def _take(
    job: Job, first: date, last: date, each: process.Each, *, keep: bool, again: str | None
) -> list[process.Outcome]:
    """Take the consent log first, since events rest on it; then the events of the days that it covers, and feedback."""
    planned = plan.make(job, first, last, again=again is not None)
    consents = [item for item in planned.items if item.partition.kind == "consents"]
    outcomes = _outcomes(job, consents, each, keep=keep, again=again)
    if keep:
        outcomes = _with_stale(job, consents, outcomes, each, again=again)
        # What could not be read now is to be held against the others once it can.
        is_whole = all(outcome.state != "incomplete" for outcome in outcomes)
        if is_whole and all(plan.parse(one).day <= last for one in job.ledger.latest if one.startswith("consents/")):
            job.known.compared = job.ledger.count
    fresh = {
        outcome.partition: job.spec.folder(outcome.partition) / evidence.CHANGES
        for outcome in outcomes
        if not keep and outcome.state == "accepted"
    }
    process.write_intervals(job, fresh)
    waits = plan.blocked_from(job, last, [one.partition.day for one in outcomes if _is_refused(job, one)])
    events = [replace(item, waits_for=None).waiting(waits) for item in planned.items if item.partition.kind == "events"]
    told = _outcomes(job, events, each, keep=keep, again=again)
    if keep:
        told = _with_stale(job, events, told, each, again=again, waits=waits)
    told = _amiss(job, outcomes) + told
    feedback = [item for item in planned.items if item.partition.kind == "feedback"]
    return told + _amiss(job, _outcomes(job, feedback, each, keep=keep, again=again))


def _amiss(job: Job, outcomes: Sequence[process.Outcome]) -> list[process.Outcome]:
    """Return those outcomes of which there is something to tell beside that all is well."""
    return [outcome for outcome in outcomes if _is_refused(job, outcome) or outcome.failed]


def _restore(job: Job, lacking: Sequence[Partition], each: process.Each) -> None:
    """Roll up once more, from the landing zone, partitions out of which somebody went who has to be counted again."""
    if not lacking:
        return
    from cetegra_usage.pipeline import summaries  # noqa: PLC0415  # heavy

    first = min(partition.day for partition in lacking)
    planned = plan.make(job, first, job.today - timedelta(days=1), again=True)
    items = [replace(item, reason="restored") for item in planned.items if item.partition in lacking and item.is_taken]
    for _, of_kind in groupby(items, key=lambda item: item.partition.kind):  # as planned: kind by kind
        process.process(job, list(of_kind), each, keep=True)
    summaries.drop(job)


def _is_refused(job: Job, outcome: process.Outcome) -> bool:
    record = job.ledger.latest.get(outcome.partition.id)
    was_refused = outcome.state == "unchanged" and record is not None and record.state == "quarantined"
    return was_refused or outcome.state in {"quarantined", "incomplete"}


def _outcomes(
    job: Job, items: Sequence[plan.Item], each: process.Each, *, keep: bool, again: str | None
) -> list[process.Outcome]:
    taken = [item for item in items if item.is_taken]
    found = {outcome.partition: outcome for outcome in process.process(job, taken, each, keep=keep, reason=again)}
    return [found.get(item.partition) or process.unchanged(item) for item in items]


def _with_stale(
    job: Job,
    items: Sequence[plan.Item],
    outcomes: Sequence[process.Outcome],
    each: process.Each,
    *,
    again: str | None,
    waits: date | None = None,
) -> list[process.Outcome]:
    """Judge again what was held against partitions that this run has taken; return all outcomes."""
    if all(one.state == "unchanged" for one in outcomes):  # the plan has looked
        return list(outcomes)
    unchanged = [item for item, one in zip(items, outcomes, strict=True) if one.state == "unchanged"]
    late = [item.waiting(waits) for item in plan.stale(job, unchanged)]
    redone = {one.partition: one for one in _outcomes(job, late, each, keep=True, again=again)}
    return [redone.get(one.partition, one) for one in outcomes]
