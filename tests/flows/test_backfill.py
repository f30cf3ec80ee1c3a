"""A range that is redone on purpose leaves its reason, and figures that are the same make no revision."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cetegra_usage import ledger
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import run as runs
from cetegra_usage.settings import load_settings
from cetegra_usage.store import open_store
from support.landed import DAY, event, land_events, run, zone

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
        [record.body["reason"] for record in found.of(f"events/workspace/{day}")]
        for day in (DAY, today - timedelta(days=1))
    ]
    assert reasons == [["new", f"correction: {REASON}"], ["new"]]
