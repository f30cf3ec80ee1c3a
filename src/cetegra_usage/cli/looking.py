"""The commands `doctor`, `status`, `verify`, `sql` and `config`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cetegra_usage.cli import common
from cetegra_usage.cli.shared import loaded, print_json, print_table, talk, today

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


@click.command()
@common
def doctor(config: str | None, flags: Sequence[str], *, as_json: bool) -> int:
    """Look at each setting and store, at what is installed and at what would talk: ok, or the fault and what mends it.

    Of warehouse and publish it is tried whether they can be written safely; what is made for that is removed.
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    from cetegra_usage.pipeline import doctor as doctors  # noqa: PLC0415

    findings = doctors.examine(lambda: loaded(config, flags), datetime.now(UTC).date())
    faults = [finding.fault for finding in findings if finding.fault]
    if as_json:
        print_json({"ok": not faults, "findings": [finding.as_json() for finding in findings]})
    else:
        print_table(
            ["state", "kind", "name", "found"],
            [[finding.state, finding.kind, finding.name, finding.found] for finding in findings],
        )
        for fault in faults:
            click.echo(f"\nfault[{fault.code}]: {fault.what}\n  {fault.why}\nhint: {fault.hint}")
        talk(f"{len(faults)} faults" if faults else "all is well")
    return doctors.exit_code(findings)


@click.command()
@common
@today
@click.option("--held", is_flag=True, help="The keys that are held, where they pass every detector and are many.")
def status(config: str | None, flags: Sequence[str], today: date | None, *, as_json: bool, held: bool) -> int:
    """A row a partition: state, rows, verdict, when."""
    from cetegra_usage.pipeline import job as jobs  # noqa: PLC0415
    from cetegra_usage.pipeline import state  # noqa: PLC0415

    with jobs.opened(loaded(config, flags), today) as job:
        if held:
            keys, lost = state.held_keys(job), state.lost_rows(job)
            if as_json:
                shown = [dict(zip(("column", "key", "rows"), entry, strict=True)) for entry in keys]
                print_json({"held": shown, "lost": lost})
                return 0
            print_table(["column", "key", "rows"], keys)
            if lost:
                talk(f"lost, since their partitions have gone from landing: {lost} held rows")
            return 0
        entries = state.partitions(job)
    if as_json:
        print_json({"partitions": entries})
        return 0
    print_table(
        ["partition", "state", "landed", "accepted", "duplicate", "held", "stripped", "failed", "when", "why"],
        [
            [
                entry["id"],
                entry["state"],
                *(entry["rows"][fate] for fate in ("landed", "accepted", "duplicate", "held", "stripped")),
                ", ".join(failed["expectation"] for failed in entry["failed"]),
                entry["when"],
                entry.get("why"),
            ]
            for entry in entries
        ],
    )
    return 0


@click.command()
@common
@click.argument("period", required=False)
def verify(config: str | None, flags: Sequence[str], period: str | None, *, as_json: bool) -> int:
    """Compute every hash of the evidence and of the releases again; with the published files alone, theirs."""
    from cetegra_usage.errors import EvidenceError  # noqa: PLC0415
    from cetegra_usage.model import Period  # noqa: PLC0415
    from cetegra_usage.pipeline.verify import verify as verify_all  # noqa: PLC0415

    found = verify_all(loaded(config, flags), Period.parse(period) if period else None)
    if as_json:
        print_json(found.as_json())
    else:
        for fault in found.faults:
            place = f"record {fault.place}" if isinstance(fault.place, int) else fault.place
            click.echo(f"fault        {place}: {fault.what}")
        for what in found.not_checked:
            click.echo(f"not checked  {what}")
        counted = [f"{number} {kind}" for kind, number in sorted(found.checked.items())]
        click.echo(f"checked      {', '.join(counted) or 'nothing'}")
    if found.faults:
        talk(f"error[{EvidenceError.code}]: {len(found.faults)} faults: the evidence does not verify")
        talk("  a record, a release or a manifest is not what its hash, or another record, says")
        talk("hint: docs/runbook.md, The evidence does not verify")
        return EvidenceError.exit_code
    return 0


@click.group()
def sql() -> None:
    """The warehouse's statements, and a look at the published tables."""


@sql.command("list")
@common
def sql_list(config: str | None, flags: Sequence[str], *, as_json: bool) -> None:  # noqa: ARG001  # every command takes them
    """List every statement: its room, name, and what it is."""
    from cetegra_usage.sql import statements  # noqa: PLC0415

    rows = [[statement.room, statement.name, statement.title, statement.grain] for statement in statements()]
    columns = ["room", "name", "title", "grain"]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns[:3], [row[:3] for row in rows])


@sql.command("show")
@common
@click.argument("name")
def sql_show(config: str | None, flags: Sequence[str], name: str, *, as_json: bool) -> None:  # noqa: ARG001
    """Show one statement as it stands."""
    from cetegra_usage.sql import load  # noqa: PLC0415

    statement = load(name)
    if as_json:
        print_json(
            {
                "name": statement.name,
                "room": statement.room,
                "title": statement.title,
                "grain": statement.grain,
                "inputs": statement.inputs,
                "parameters": statement.parameters,
                "text": statement.text,
            }
        )
    else:
        click.echo(statement.text, nl=False)


@sql.command("query")
@common
@click.argument("text")
def sql_query(config: str | None, flags: Sequence[str], text: str, *, as_json: bool) -> None:
    """Look at the published tables: each is a view over the latest revision of every period."""
    from cetegra_usage.pipeline.query import query  # noqa: PLC0415

    columns, rows = query(loaded(config, flags), text)
    if as_json:
        print_json({"columns": columns, "rows": rows})
    else:
        print_table(columns, rows)


@click.group()
def config() -> None:
    """The settings."""


@config.command("show")
@common
def config_show(config: str | None, flags: Sequence[str], *, as_json: bool) -> None:
    """Show each setting with its value and origin; what could be a secret is masked."""
    rows = list(loaded(config, flags).rows())
    if as_json:
        print_json({key: {"value": value, "origin": origin} for key, value, origin in rows})
    else:
        print_table(["setting", "value", "origin"], rows)
    sys.stdout.flush()
