"""The commands `plan`, `run`, `backfill`, `check` and `publish`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from cetegra_usage.cli import common, server
from cetegra_usage.cli.shared import DAY, days, loaded, parsed, print_json, print_table, talk, today, why
from cetegra_usage.errors import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cetegra_usage.pipeline.process import Outcome
    from cetegra_usage.pipeline.run import Report

WORK_PENDING = 8
_PUBLISHING = "cetegra_usage.pipeline.releases"
_HEAVY = (_PUBLISHING, "great_expectations")


@click.command()
@common
@days
@today
@click.option("--exit-code", is_flag=True, help=f"Leave with {WORK_PENDING} if there is work.")
def plan(
    config: str | None,
    flags: Sequence[str],
    first: date | None,
    last: date | None,
    today: date | None,
    *,
    as_json: bool,
    exit_code: bool,
) -> int:
    """Say what `run` would do with each partition, and why; write nothing."""
    from cetegra_usage.pipeline import job as jobs  # noqa: PLC0415
    from cetegra_usage.pipeline import plan as plans  # noqa: PLC0415
    from cetegra_usage.pipeline import releases  # noqa: PLC0415

    with jobs.opened(loaded(config, flags), today) as job:
        made = plans.make(job, *jobs.days_to_take(job, first, last))
        periods, strangers = releases.due(job), job.zone.strangers
    entries = [item.as_json() for item in made.items]
    if as_json:
        print_json({"partitions": entries, "periods": periods, "pending": len(made.pending)})
    else:
        shown = [entry for entry in entries if entry["reason"] != "unchanged"]
        if shown:
            print_table(
                ["partition", "reason", "why"], [[entry["id"], entry["reason"], entry["why"]] for entry in shown]
            )
        if periods:
            click.echo(f"to publish: {', '.join(periods)}")
        talk(f"{len(made.pending)} of {len(entries)} partitions are pending")
    _tell(strangers)
    return WORK_PENDING if exit_code and (made.pending or periods) else 0


@click.command()
@common
@days
@today
def run(
    config: str | None,
    flags: Sequence[str],
    first: date | None,
    last: date | None,
    today: date | None,
    *,
    as_json: bool,
) -> int:
    """Check, accept and roll up what is pending; publish the periods that are complete."""
    return _done("run", config, flags, as_json=as_json, today=today, first=first, last=last)


@click.command()
@common
@click.option("--from", "first", type=DAY, required=True, metavar="DAY", help="First day.")
@click.option("--to", "last", type=DAY, required=True, metavar="DAY", help="Last day.")
@why
def backfill(config: str | None, flags: Sequence[str], first: date, last: date, reason: str, *, as_json: bool) -> int:
    """Redo a range of days on purpose, whether or not anything changed; the reason stays in the ledger.

    Partitions that have gone from landing keep what they have. A release is revised only where a figure, a status or a
    verdict changes; its errata then name a correction.
    """
    return _done("backfill", config, flags, as_json=as_json, first=first, last=last, reason=reason)


@click.command()
@common
@days
@today
def check(
    config: str | None,
    flags: Sequence[str],
    first: date | None,
    last: date | None,
    today: date | None,
    *,
    as_json: bool,
) -> int:
    """Check every partition of a range; keep nothing."""
    return _done("check", config, flags, as_json=as_json, today=today, first=first, last=last)


@click.command()
@common
@today
@click.option("--period", required=True, metavar="PERIOD", help="An ISO week (2026-W14) or a month (2026-04).")
def publish(config: str | None, flags: Sequence[str], today: date | None, period: str, *, as_json: bool) -> int:
    """Publish one period (again); a new revision is made only where something changed."""
    from cetegra_usage.model import Period  # noqa: PLC0415
    from cetegra_usage.pipeline import job as jobs  # noqa: PLC0415
    from cetegra_usage.pipeline import releases  # noqa: PLC0415

    wanted = Period.parse(period)
    with jobs.opened(loaded(config, flags), today) as job:
        made = releases.publish_one(job, wanted)
    if as_json:
        print_json({"partitions": [], "releases": [release.as_json() for release in made]})
    for release in made:
        if not as_json:
            click.echo(f"{release.period.key} r{release.revision}  {release.path}")
    if not made:
        talk(f"{wanted.key}: nothing changed, so that the release stays as it is")
    return 0


def start(name: str, config: str | None, flags: Sequence[str], **parameters: Any) -> Report:
    """Run a flow of the room `flows` under the settings of the command."""
    from cetegra_usage.pipeline import installation  # noqa: PLC0415
    from cetegra_usage.project import load_flows  # noqa: PLC0415
    from cetegra_usage.store import open_all  # noqa: PLC0415

    settings = loaded(config, flags)
    open_all(settings)  # what is refused is refused at once, before a server starts
    installation.runner(settings.engine)
    started = server.begin()
    flows = load_flows()
    for module in _HEAVY:
        # While the server starts this process would only wait; a check publishes nothing.
        if started.is_awaited and not (name == "check" and module == _PUBLISHING):
            import_module(module)
    started.use()
    return flows.start(name, settings.engine, config=config, flags=parsed(flags), **parameters)


def _done(name: str, config: str | None, flags: Sequence[str], *, as_json: bool, **parameters: Any) -> int:
    """Run a flow, print what it did, and return the exit code; what is refused is told after the rest."""
    try:
        return show(start(name, config, flags, **parameters), as_json=as_json)
    except DisclosureError as error:
        from cetegra_usage.pipeline.run import RefusedError  # noqa: PLC0415  # heavy

        if isinstance(error, RefusedError) and not as_json:
            show(error.report, as_json=False)
        raise


def show(report: Report, *, as_json: bool) -> int:
    """Print what a run did and return its exit code."""
    _tell(report.strangers)
    if as_json:
        print_json(report.as_json())
        return report.exit_code
    for outcome in report.outcomes:
        if outcome.state != "unchanged":
            click.echo(_line(outcome))
    for release in report.releases:
        click.echo(f"published    {release.period.key} r{release.revision}  {release.path}")
    states = [outcome.state for outcome in report.outcomes]
    counts = ", ".join(
        f"{states.count(state)} {state}"
        for state in ("accepted", "quarantined", "incomplete", "unchanged")
        if state in states
    )
    talk(f"{counts or 'nothing landed in this range'}; {len(report.releases)} released")
    return report.exit_code


def _tell(strangers: int) -> None:
    if strangers:
        talk(f"{strangers} file(s) lie where no partition is: they are never read")


def _line(outcome: Outcome) -> str:
    rows = outcome.rows
    fates = {"duplicate": rows.duplicate, "held": rows.held, "stripped": rows.stripped}
    said = [f"{rows.landed} rows", *(f"{number} {fate}" for fate, number in fates.items() if number)]
    said += [f"{entry['expectation']}: {entry['count']}" for entry in outcome.failed]
    return f"{outcome.state:<12} {outcome.partition.id}  {'; '.join([outcome.why] if outcome.why else said)}"
