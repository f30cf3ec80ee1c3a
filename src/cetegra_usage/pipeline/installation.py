"""What is installed, and whether any of it would talk to third parties: the part of `doctor` that no settings shape."""

from __future__ import annotations

import asyncio
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata, util
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from cetegra_usage.errors import CetegraUsageError, ConfigurationError
from cetegra_usage.project import version
from cetegra_usage.quiet import ALWAYS
from cetegra_usage.sql import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cetegra_usage.settings import Engine

_ANSWER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        kind: `setting`, `store`, `telemetry` or `version`.
        name: Which one.
        found: What is there; says why nothing was looked at where the state is `skipped`.
        fault: What is wrong with it.
        skipped: Whether it was left alone, because of a fault elsewhere.
    """

    kind: Literal["setting", "store", "telemetry", "version"]
    name: str
    found: str = ""
    fault: CetegraUsageError | None = None
    skipped: bool = False

    @property
    def state(self) -> str:
        """`ok`, `fault` or `skipped`."""
        return "fault" if self.fault else "skipped" if self.skipped else "ok"

    def as_json(self) -> dict[str, Any]:
        """Return it as the `--json` document shows it; a fault has `code`, `what`, `why` and `hint`."""
        document = {"kind": self.kind, "name": self.name, "state": self.state, "found": self.found}
        return document | (self.fault.as_json() if self.fault else {})


def runner(engine: Engine) -> None:
    """Make sure that there is what the settings say the work is done with.

    Raises:
        ConfigurationError: Dask is not installed, or its scheduler is not named or does not answer.
    """
    if engine.runner != "dask":
        return
    if not util.find_spec("prefect_dask"):
        raise ConfigurationError(
            "engine.runner is dask, which is not installed",
            why="it comes with the extra of that name alone",
            hint="install cetegra-usage[dask], or set engine.runner to threads",
        )
    if not engine.address:
        raise ConfigurationError(
            "engine.runner is dask, and engine.address says nothing",
            why="workers are reached through their scheduler",
            hint="set engine.address in cetegra-usage.toml",
        )
    try:
        with ThreadPoolExecutor(1) as thread:  # this one may be in a loop already
            thread.submit(asyncio.run, _reach(engine.address)).result()
    except (OSError, ValueError, TypeError):  # nobody answers; or it is no address; or a certificate is asked for
        pass
    else:
        return
    raise ConfigurationError(
        "no scheduler of Dask answers at engine.address",
        why=f"one is reached there within {_ANSWER_SECONDS} seconds, by tcp://HOST:PORT or as Dask's own settings say",
        hint="start it, or mend engine.address in cetegra-usage.toml",
    )


async def _reach(address: str) -> None:
    from distributed import Security  # noqa: PLC0415  # heavy
    from distributed.comm.core import connect as connect_to  # noqa: PLC0415

    given: dict[str, Any] = Security().get_connection_args("client")
    # Its own time limit does not end the wait for somebody who speaks something else.
    async with asyncio.timeout(_ANSWER_SECONDS):
        comm = await connect_to(address, timeout=_ANSWER_SECONDS, **given)
    comm.abort()


def telemetry() -> Iterator[Finding]:
    """Look at every switch, and at what the libraries made of them."""
    for name, value in ALWAYS.items():
        fault = None
        if os.environ.get(name) != value:
            fault = _talks(f"{name} is not {value}", f"set {name}={value}")
        yield Finding("telemetry", name, os.environ.get(name, ""), fault)
    with connect() as connection:
        asked = "SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%known_extensions'"
        fetches = [name for name, value in connection.sql(asked).fetchall() if value != "false"]
    fault = _talks("DuckDB would fetch extensions", "report a bug") if fetches else None
    yield Finding("telemetry", "DuckDB", "fetches no extension", fault)
    yield _prefect()


def _prefect() -> Finding:
    """Look where flows report to: their own server here, or one that somebody names."""
    from prefect.settings import Settings  # noqa: PLC0415  # heavy

    current = Settings()
    if current.server.analytics_enabled:
        return Finding("telemetry", "Prefect", fault=_talks("Prefect would report to its maker", "report a bug"))
    host = urlsplit(current.api.url or "").hostname
    if host and (host == "prefect.cloud" or host.endswith(".prefect.cloud")):
        return Finding("telemetry", "Prefect", host, _talks("flows report to a third party", "unset PREFECT_API_URL"))
    return Finding("telemetry", "Prefect", f"flows report to {host or 'a server of their own, here'}")


def _talks(what: str, hint: str) -> ConfigurationError:
    return ConfigurationError(what, why="no third party learns that this runs, or on what", hint=hint)


def versions() -> Iterator[Finding]:
    """Hold what is installed against what the package asks for."""
    yield Finding("version", "cetegra-usage", version())
    for entry in sorted(metadata.requires("cetegra-usage") or []):
        if "extra ==" in entry:
            continue
        name = re.split(r"[<>=!~; ]", entry)[0]
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed = ""
        fault = None
        if not _meets(installed, entry):
            fault = ConfigurationError(
                f"{name} {installed or 'is missing'}{' is not what is needed' if installed else ''}",
                why=f"needed is {entry}",
                hint="install what requirements.lock names",
            )
        yield Finding("version", name, installed, fault)


def _meets(installed: str, requirement: str) -> bool:
    """Whether a version meets the bounds `>=`, `<` and `==` of a requirement: the only ones that this project uses."""
    have = _numbers(installed)
    tests = {">=": have.__ge__, "<": have.__lt__, "==": have.__eq__}
    bounds = re.findall(r"(>=|<|==)([\d.]+)", requirement)
    return bool(installed) and all(tests[sign](_numbers(bound)) for sign, bound in bounds)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.split("+", maxsplit=1)[0]))
