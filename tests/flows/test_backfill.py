"""Days that are taken again: on purpose, which leaves its reason; or since they landed again, and are the same."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cetegra_usage import landing, ledger
from cetegra_usage.errors import StorageError
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import run as runs
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.settings import load_settings
from cetegra_usage.store import open_store
from support.landed import DAY, TODAY, event, land_events, run, zone

if TYPE_CHECKING:
    from pathlib import Path

REASON = "the collector sent the day twice"


def test_a_backfill_redoes_its_days_alone_and_says_why(tmp_path: Path) -> None:
    config = zone(tmp_path)
    for day in (DAY, DAY + timedelta(days=1)):
        land_events(config, [event(number, day=day) for number in range(3)], day=day)
    today = DAY + timedelta(days=2)
    assert len(run(config, today).outcomes) == len(run(config, today).outcomes) == 2
    with jobs.opened(load_settings(config), today) as job:
        report = runs.run(job, DAY, DAY, again=REASON)
    assert [(outcome.partition.day, outcome.state) for outcome in report.outcomes] == [(DAY, "accepted")]
    settings = load_settings(config)
    found = ledger.load(open_store("warehouse", settings.warehouse, folder=settings.folder))
    reasons = [
        [record.body["reason"] for record in found.verdicts[f"events/workspace/{day}"]]
        for day in (DAY, today - timedelta(days=1))
    ]
    assert reasons == [["new", f"correction: {REASON}"], ["new"]]


def test_a_backfill_corrects_only_what_was_judged_before(tmp_path: Path) -> None:
    config = zone(tmp_path)
    land_events(config, [event(1)])
    with jobs.opened(load_settings(config), DAY + timedelta(days=2)) as job:
        runs.run(job, DAY, DAY, again=REASON)
        (record,) = job.ledger.verdicts[f"events/workspace/{DAY}"]
    assert record.body["reason"] == f"new: {REASON}"


def test_what_landed_again_and_is_the_same_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = zone(tmp_path)
    land_events(config, [event(1)])
    today = DAY + timedelta(days=1)
    run(config, today)
    for file in (tmp_path / "landing").rglob("*"):
        if file.is_file():
            os.utime(file, (1, 1))
    fetched: list[str] = []
    fetch = landing.fetch
    monkeypatch.setattr(landing, "fetch", lambda *given, **more: fetched.append("") or fetch(*given, **more))
    for times in (1, 1):
        assert {outcome.state for outcome in run(config, today).outcomes} == {"unchanged"}
        assert len(fetched) == times


def test_a_rollup_in_which_a_bit_flipped_is_no_figure_and_is_made_again(tmp_path: Path) -> None:
    config = zone(tmp_path)
    land_events(config, [event(1)])
    run(config, DAY + timedelta(days=1))
    (file,) = (tmp_path / "warehouse" / "rollups").rglob("*-totals.*")
    content = file.read_bytes()
    for change in range(len(content) // 2, len(content) // 2 + 8):
        file.write_bytes(content[:change] + bytes([content[change] ^ 1]) + content[change + 1 :])
        with pytest.raises(StorageError, match="cannot be read as what it must be") as failed:
            run(config)
        assert str(DAY) in failed.value.hint
    with jobs.opened(load_settings(config), TODAY) as job:
        runs.run(job, DAY, DAY, again="damaged")
    assert file.read_bytes() == content
    assert verify(load_settings(config)).faults == []
