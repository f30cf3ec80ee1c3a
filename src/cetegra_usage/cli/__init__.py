"""The command `cetegra-usage`: parses and prints; nothing else."""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from cetegra_usage.errors import CetegraUsageError
from cetegra_usage.quiet import silence

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

INTERRUPTED = 130
UNREAD = 141
TERMINATED = 143

_COMMANDS = {
    "demo": "making",
    "generate": "making",
    "doctor": "looking",
    "plan": "running",
    "run": "running",
    "backfill": "running",
    "check": "running",
    "publish": "running",
    "retain": "keeping",
    "forget": "keeping",
    "status": "looking",
    "verify": "looking",
    "sql": "looking",
    "config": "looking",
}
"""The module of each command, imported when it is called: help loads none of the heavy ones."""

_HELP = {
    "demo": "Make a small landing zone, run everything on it, print where the reports are.",
    "generate": "Write synthetic landing partitions and a catalogue; each fault breaks one promise.",
    "doctor": "Each setting, each store, residency, telemetry, versions: ok, or the fault and what mends it.",
    "plan": "Say what `run` would do, and why; write nothing.",
    "run": "Check, accept and roll up what is pending; publish the periods that are complete.",
    "backfill": "Redo a range of days on purpose; the reason stays in the ledger.",
    "check": "Check only; keep nothing.",
    "publish": "Publish one period (again).",
    "retain": "Remove identified detail that is older than retention allows, and what dead runs left.",
    "forget": "Erase the people listed in a file from warehouse and publish, and search both for them.",
    "status": "A row a partition: state, rows, verdict, when.",
    "verify": "Compute every hash of the evidence and of the releases again.",
    "sql": "The warehouse's statements, and a look at the published tables.",
    "config": "The settings.",
}


class _Lazy(click.Group):
    """A group that imports a command's module when the command is called.

    Where nobody reads what a command prints to its end, as behind `head`, it ends quietly: 141, as a shell has it.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module  # noqa: PLC0415

        return getattr(import_module(f"cetegra_usage.cli.{_COMMANDS[cmd_name]}"), cmd_name)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _perhaps_unread():  # its own help is printed here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _perhaps_unread():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_HELP.items()))


@contextmanager
def _perhaps_unread() -> Generator[None]:
    try:
        yield
    except BrokenPipeError as error:
        if not _is_unread():
            raise ConnectionError from error  # click would take it for the reader's
        _say_no_more()
        raise click.exceptions.Exit(UNREAD) from None


def _is_unread() -> bool:
    """Whether whoever read what is printed has gone."""
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)  # of an end that is gone it is told without asking
    return bool(reader.poll(0))


def _say_no_more() -> None:
    """Let nobody read what Python still writes out at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        from cetegra_usage.project import version  # noqa: PLC0415

        click.echo(f"cetegra-usage {version()}")
        ctx.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def cli() -> None:
    """Usage analytics of Cetegra: the privacy notice as checks, and reports that protect the people behind them.

    Each command takes --config FILE (default: cetegra-usage.toml here, if there is one), --set SECTION.KEY=VALUE,
    and --json. Results go to stdout, talk to stderr.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave the process with its exit code."""
    silence()
    # Left to itself, a terminated process would leave its embedded Prefect server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(arguments, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except (click.Abort, KeyboardInterrupt):
        what, why = "the command was interrupted", "nothing half done is visible"
        sys.exit(_show("interrupted", INTERRUPTED, what, why, "run it again", arguments))
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        context = f"{error.ctx.command_path} --help" if error.ctx else "cetegra-usage --help"
        sys.exit(_show("usage", 2, error.format_message(), "the command does not take it", context, arguments))
    except CetegraUsageError as error:
        beside = error.beside()
        sys.exit(_show(error.code, error.exit_code, error.what, error.why, error.hint, arguments, beside))
    except Exception as error:  # noqa: BLE001  # its own words may quote rows: where it happened is all that is said
        what, why = f"an unexpected {type(error).__name__}", f"a fault of this program, at {_place(error)}"
        sys.exit(_show("bug", 1, what, why, "cetegra-usage doctor; report it with the version", arguments))


def _place(error: Exception) -> str:
    """Return the last place of this package that an exception passed."""
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if "cetegra_usage" in frame.filename]
    return f"{places[-1].name}, line {places[-1].lineno}" if places else "an unknown place"


def _show(
    code: str,
    exit_code: int,
    what: str,
    why: str,
    hint: str,
    arguments: list[str],
    beside: dict[str, Any] | None = None,
) -> int:
    """Print an error as the contract shapes it, and return its exit code."""
    if "--json" in arguments:
        import json  # noqa: PLC0415

        document = (beside or {}) | {"error": {"code": code, "what": what, "why": why, "hint": hint}}
        try:
            click.echo(json.dumps(document))
        except BrokenPipeError:
            _say_no_more()
    click.echo(f"{click.style(f'error[{code}]', fg='red', bold=True)}: {what}", err=True, color=_colour())
    click.echo(f"  {why}", err=True)
    click.echo(f"hint: {hint}", err=True)
    return exit_code


def _colour() -> bool | None:
    """Keep NO_COLOR; otherwise let click look whether it is a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command takes: `config`, `flags` (from --set) and `as_json`."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
        click.option(
            "--set", "flags", multiple=True, metavar="SECTION.KEY=VALUE", help="A setting, above environment and file."
        ),
        click.option("--config", type=click.Path(dir_okay=False), metavar="FILE", help="The settings' file."),
    ):
        command = option(command)
    return command
