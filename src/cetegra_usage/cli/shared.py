"""What several commands share: options, settings from them, and how results are printed."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cetegra_usage.errors import UsageError
from cetegra_usage.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Day(click.ParamType[date]):
    """A day, as 2026-04-01."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read it; click says what is wrong where it cannot be read."""
        if isinstance(value, date):
            return value
        try:
            day = datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007  # a day has no zone
        except ValueError:
            self.fail("a day is written as 2026-04-01", param, ctx)
        if not _EARLIEST <= day <= _LATEST:
            self.fail(f"days run from {_EARLIEST} to {_LATEST}", param, ctx)
        return day


DAY = Day()
_EARLIEST, _LATEST = date(1970, 1, 1), date(9000, 1, 1)


def days(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --from and --to."""
    command = click.option("--to", "last", type=DAY, metavar="DAY", help="Last day; the day before today without it.")(
        command
    )
    return click.option("--from", "first", type=DAY, metavar="DAY", help="First day; the first there is without it.")(
        command
    )


def today(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --today."""
    return click.option("--today", type=DAY, metavar="DAY", help="The day that is not over; the clock's without it.")(
        command
    )


def why(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --reason, which may not be empty, nor name a pseudonym."""

    def said(_: click.Context, __: click.Parameter, value: str) -> str:
        if not value.strip():
            raise click.BadParameter("it is empty")
        if re.search(r"\d{10}", value):  # nobody who is named there could ever be erased
            raise click.BadParameter("it holds a long number, as pseudonyms are: it stays in the ledger for ever")
        return value

    return click.option("--reason", required=True, metavar="TEXT", callback=said, help="Why; stays in the ledger.")(
        command
    )


def parsed(flags: Sequence[str]) -> dict[str, str]:
    """Read `--set section.key=value`.

    Raises:
        UsageError: One has no `=`.
    """
    pairs = [flag.partition("=") for flag in flags]
    if any(not equals for _, equals, _ in pairs):
        raise UsageError("--set takes SECTION.KEY=VALUE", why="one has no `=`", hint="--set disclosure.threshold=10")
    return {key.strip(): value for key, _, value in pairs}


def loaded(config: str | None, flags: Sequence[str]) -> Settings:
    """Load the settings that a command works with."""
    return load_settings(Path(config) if config else None, parsed(flags))


def print_json(document: Any) -> None:
    """Print the one document of `--json`."""
    click.echo(json.dumps(document, ensure_ascii=False, default=str))


def talk(text: str) -> None:
    """Say something that is no result."""
    click.echo(text, err=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under their columns, as wide as they are; a pipe gets the same text as a terminal."""
    texts = [["" if value is None else str(value) for value in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(columns, *texts, strict=True)]
    for line in (list(columns), *texts):
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
