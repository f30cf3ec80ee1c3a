"""The commands `retain` and `forget`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cetegra_usage.cli import common
from cetegra_usage.cli.shared import loaded, print_json, talk, today, why

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


@click.command()
@common
@today
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
def retain(config: str | None, flags: Sequence[str], today: date | None, *, as_json: bool, dry_run: bool) -> None:
    """Remove identified detail that is older than retention allows, and what dead runs left."""
    from cetegra_usage.pipeline import job as jobs  # noqa: PLC0415
    from cetegra_usage.pipeline import retention  # noqa: PLC0415

    with jobs.opened(loaded(config, flags), today) as job:
        taken = retention.due(job) if dry_run else retention.retain(job)
    if as_json:
        print_json(taken.as_json() | {"dry_run": dry_run})
        return
    for partition in taken.partitions:
        click.echo(f"identified detail  {partition}")
    for store, path in taken.leftovers:
        click.echo(f"leftover           {store}  {path}")
    would = "would go" if dry_run else "gone"
    talk(f"{would}: identified detail of {len(taken.partitions)} partitions, {len(taken.leftovers)} leftovers")


@click.command()
@common
@click.option(
    "--file",
    "file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Pseudonyms (and recipients), one a line.",
)
@why
def forget(config: str | None, flags: Sequence[str], file: Path, reason: str, *, as_json: bool) -> None:
    """Erase the people listed in a file from warehouse and publish, and search both for them."""
    from cetegra_usage.pipeline import erasure  # noqa: PLC0415
    from cetegra_usage.pipeline import job as jobs  # noqa: PLC0415

    pseudonyms = erasure.listed(file)
    with jobs.opened(loaded(config, flags), None) as job:
        done = erasure.erase(job, pseudonyms, reason)
    if as_json:
        print_json(done.as_json())
        return
    for partition in done.partitions:
        click.echo(f"written anew  {partition}")
    for store, files in done.searched.items():
        click.echo(f"searched      {store}: {files} files, nobody found")
    talk(f"{done.listed} listed, gone from {len(done.partitions)} partitions; figures that were released stay")
    talk("what has landed of them is the collector's to remove; if it lands again, no id of theirs is taken in")
