"""The commands `demo` and `generate`."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cetegra_usage.cli import common, server
from cetegra_usage.cli.shared import DAY, print_json, talk

if TYPE_CHECKING:
    from collections.abc import Sequence

DEMO_FIRST = date(2026, 6, 1)
DEMO_DAYS = 35
_SETTINGS = """\
# The settings of the demonstration: three folders of this machine.
[landing]
url = "landing"
country = "NO"
seal = "required"

[warehouse]
url = "warehouse"
country = "NO"

[publish]
url = "publish"
country = "NO"

[catalogue]
path = "landing/catalogue.toml"
"""


@click.command()
@common
@click.argument(
    "folder", metavar="[DIR]", default="cetegra-usage-demo", type=click.Path(file_okay=False, path_type=Path)
)
@click.option("--days", default=DEMO_DAYS, show_default=True, type=click.IntRange(1), help="Days of the landing zone.")
def demo(config: str | None, flags: Sequence[str], folder: Path, days: int, *, as_json: bool) -> int:
    """Make a small landing zone in DIR, run everything on it, print where the reports are."""
    from cetegra_usage.cli.running import start  # noqa: PLC0415
    from cetegra_usage.errors import UsageError  # noqa: PLC0415
    from cetegra_usage.synth import generate as write  # noqa: PLC0415

    if config:
        raise UsageError("demo takes no --config", why="it writes its own settings", hint="cetegra-usage demo DIR")
    settings = folder / "cetegra-usage.toml"
    if settings.is_file() and settings.read_bytes() != _SETTINGS.encode():
        raise UsageError(
            f"{settings} is not the demonstration's",
            why="a demonstration has a folder of its own, and runs no other deployment",
            hint="cetegra-usage demo DIR, where DIR is another, or not there yet",
        )
    last = DEMO_FIRST + timedelta(days=days - 1)
    if not settings.exists():
        server.begin()
        talk(f"making a landing zone of {days} days in {folder}")
        write(folder / "landing", first=DEMO_FIRST, last=last)
        settings.write_text(_SETTINGS, "utf-8")
    talk("running the flow (its own Prefect server starts with it)")
    report = start("run", str(settings), flags, today=last + timedelta(days=4), first=None, last=None)
    published = (folder / "publish").resolve()
    if as_json:
        print_json(report.as_json() | {"index": str(published / "index.html")})
        return report.exit_code
    for release in report.releases:
        click.echo(f"{release.period.key}  usage       {published / release.path / 'usage.html'}")
        click.echo(f"{'':<{len(release.period.key)}}  compliance  {published / release.path / 'compliance.html'}")
    click.echo(f"all releases: {published / 'index.html'}")
    return report.exit_code


@click.command()
@common
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "first", required=True, type=DAY, metavar="DAY", help="First day with events.")
@click.option("--to", "last", required=True, type=DAY, metavar="DAY", help="Last day with events.")
@click.option("--users", default=3000, show_default=True, type=click.IntRange(1), help="People in all services.")
@click.option("--seed", default=0, show_default=True, type=int, help="What chance depends on.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="A fault to put in; may be given several times.")
def generate(
    config: str | None,
    flags: Sequence[str],
    folder: Path,
    first: date,
    last: date,
    users: int,
    seed: int,
    faults: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Write synthetic landing partitions and a catalogue into DIR; each fault breaks one promise."""
    from cetegra_usage.synth import generate as write  # noqa: PLC0415

    del config, flags  # every command takes them; this one needs none
    broken = write(folder, first=first, last=last, users=users, seed=seed, faults=faults)
    places = {name: partition.id for name, partition in broken.items()}
    if as_json:
        print_json({"landing": str(folder), "catalogue": str(folder / "catalogue.toml"), "faults": places})
        return
    for name, partition in places.items():
        click.echo(f"{name}  {partition}")
    talk(f"landing zone and catalogue are in {folder}")
