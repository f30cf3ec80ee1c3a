"""Run the flow once for each named fault, in one process with one Prefect server: `failing_run.py SETTINGS FAULT ...`.

A fault of the data's statements is put into the statement, so that DuckDB's own message quotes a row. What happened
is printed, a line of JSON a run; tracebacks go to stderr, as from a crash.
"""

from __future__ import annotations

import errno
import json
import sys
import traceback
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cetegra_usage import sql
from cetegra_usage.check import judge
from cetegra_usage.errors import CetegraUsageError, DisclosureError
from cetegra_usage.pipeline import releases
from cetegra_usage.project import load_flows
from cetegra_usage.settings import load_settings
from cetegra_usage.store.local import LocalStore

TODAY = date(2026, 6, 12)
ROLL_UP = """SELECT CAST('x' || pseudonym AS INTEGER) FROM accepted
WHERE pseudonym IS NOT NULL AND ($user_types, $features, $day) IS NOT NULL"""
MEASURE = "SELECT * FROM ({}) WHERE CAST('x' || pseudonym AS INTEGER) > 0"
_load = sql.load
_create = LocalStore.create


def _quoting(statement: str, failing: str) -> Any:
    """Return `sql.load`, but that one statement, `{}` in its place, fails on a value, which DuckDB's message quotes."""

    def load(name: str) -> Any:
        found = _load(name)
        return replace(found, text=failing.format(f"\n{found.text}\n")) if name == statement else found

    return load


def _refused(*_: Any, **__: Any) -> Any:
    raise DisclosureError("refused", why="on purpose", hint="none")


def _broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("on purpose")


def _no_answer(*_: Any, **__: Any) -> Any:
    raise OSError(errno.EIO, "on purpose")


def _full(store: LocalStore, path: str, data: bytes) -> bool:
    if path.startswith("releases/"):
        raise OSError(errno.ENOSPC, "on purpose")
    return _create(store, path, data)


FAULTS: dict[str, list[Any]] = {
    "gx": [patch.object(judge, "_failing", _broken)],
    "roll up": [patch.object(sql, "load", _quoting("identified", ROLL_UP))],
    "store": [patch.object(LocalStore, "fetch", _no_answer)],
    "measure": [patch.object(sql, "load", _quoting("lawful_persons", MEASURE))],
    "protect": [patch.object(releases, "protect", _refused)],
    "publish": [patch.object(LocalStore, "create", _full)],
    "none": [],
}


def main(config: str, *faults: str) -> None:
    """Run the flow under each fault."""
    flows = load_flows()
    settings = load_settings(Path(config))
    flows.batch = flows.batch.with_options(retries=0)
    for fault in faults:
        told: dict[str, Any] = {"fault": fault, "failed": False}
        with ExitStack() as stack:
            for patched in FAULTS[fault]:
                stack.enter_context(patched)
            try:
                report = flows.start(
                    "run", settings.engine, config=config, flags={}, today=TODAY, first=None, last=None
                )
                told["report"] = report.as_json()
            except (CetegraUsageError, RuntimeError, OSError) as error:
                told["failed"] = True
                is_told = isinstance(error, CetegraUsageError)
                told["error"] = error.as_json() if is_told else type(error).__name__
                told["report"] = error.beside() if is_told else {}
                traceback.print_exc()
        sys.stdout.write(json.dumps(told, default=str) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
