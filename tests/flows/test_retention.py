"""`retain`: old identified detail goes, what is counted of everybody stays, and no release moves."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cetegra_usage.cli import cli
from cetegra_usage.pipeline import job, leftovers, memory, release_checks, run
from cetegra_usage.protect import Protection
from cetegra_usage.synth import generate

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST = date(2026, 4, 6), date(2026, 4, 14)
KEPT_DAYS = 92


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine days that were run, of which the first two are older than retention allows on the 96th day."""
    folder = tmp_path_factory.mktemp("retention")
    generate(folder / "landing", first=FIRST, last=LAST, users=40)
    stores = "".join(f'[{name}]\nurl = "{name}"\ncountry = "NO"\n' for name in ("landing", "warehouse", "publish"))
    more = f'[catalogue]\npath = "landing/catalogue.toml"\n[retention]\nidentified_days = {KEPT_DAYS}\n'
    more += "[disclosure]\nthreshold = 1\n"
    (folder / "cetegra-usage.toml").write_text(stores + more, "utf-8")
    return folder


def call(folder: Path, capsys: pytest.CaptureFixture[str], *words: str, today: date) -> dict[str, Any]:
    line = ["retain", "--config", str(folder / "cetegra-usage.toml"), "--today", today.isoformat(), "--json", *words]
    cli.main(line, standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def tables(opened: job.Job) -> dict[str, set[str]]:
    """Return the rolled-up tables of each partition of events and feedback that are in the warehouse."""
    found: dict[str, set[str]] = {}
    for entry in (*opened.stores.warehouse.list("rollups/events"), *opened.stores.warehouse.list("rollups/feedback")):
        found.setdefault(memory.partition_of(entry.path), set()).add(memory.table_of(entry.path))
    return found


def kept_too_long(opened: job.Job) -> int | None:
    """Return how many partitions a release would call older than retention allows."""
    of_nothing = release_checks.subject(opened, Protection({}, 0, {}, None))
    return release_checks.counts(of_nothing)["identified_within_retention"]


def everything(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_retention(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cetegra_usage.settings import load_settings  # noqa: PLC0415

    settings = load_settings(folder / "cetegra-usage.toml", {}, {})
    with job.opened(settings, LAST + timedelta(days=4)) as opened:
        run.run(opened, FIRST, LAST)
        before = tables(opened)
    released, today = everything(folder / "publish"), FIRST + timedelta(days=KEPT_DAYS + 2)
    kinds = ("events/docs", "events/workspace", "feedback")
    old = [f"{kind}/{FIRST + timedelta(days=day)}" for kind in kinds for day in (0, 1)]
    orphan = "rollups/events/docs/2026-04-06/0-use.0.parquet"
    (folder / "warehouse" / orphan).write_bytes(b"of a run that died")

    with job.opened(settings, today) as opened:
        assert kept_too_long(opened) == len(old)
    warehouse = everything(folder / "warehouse")
    said = call(folder, capsys, "--dry-run", today=today)
    assert said == {"partitions": old, "leftovers": [{"store": "warehouse", "path": orphan}], "dry_run": True}
    assert everything(folder / "warehouse") == warehouse

    assert call(folder, capsys, today=today) == said | {"dry_run": False}
    with job.opened(settings, today) as opened:
        after = tables(opened)
        assert leftovers.find(opened) == []
        assert kept_too_long(opened) == 0
        assert {partition for partition in before if after.get(partition) != before[partition]} == set(old)
        left = {"events": {"totals"}, "feedback": set[str]()}
        assert all(after.get(partition, set()) == left[partition.split("/")[0]] for partition in old)
        assert {record.state for record in opened.ledger.latest.values()} == {"accepted"}
    assert everything(folder / "publish") == released

    assert call(folder, capsys, today=today) == {"partitions": [], "leftovers": [], "dry_run": False}
    with job.opened(settings, LAST + timedelta(days=5)) as opened:
        again = run.run(opened, FIRST, LAST)
    assert {outcome.state for outcome in again.outcomes} == {"unchanged"}
    assert again.releases == []
    assert everything(folder / "publish") == released
