"""Summaries of the past, as the pipeline keeps them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from cetegra_usage.pipeline import job, summaries
from cetegra_usage.settings import load_settings
from support import landed
from support.landed import PERSON, change, identified

if TYPE_CHECKING:
    from pathlib import Path

EARLY, LATE = date(2026, 3, 2), date(2026, 4, 20)
TODAY = date(2026, 4, 27)
EARLY_SUNDAY, LATE_SUNDAY = date(2026, 3, 8), date(2026, 4, 26)


def test_a_summary_that_is_read_stays_while_a_later_one_is_made(tmp_path: Path) -> None:
    config = landed.zone(tmp_path)
    landed.land_consents(config, [change(0.5, "granted", day=EARLY)], day=EARLY)
    for day in (EARLY, LATE):
        landed.land_events(config, [identified(1, 9.0, PERSON, day=day)], day=day)
    landed.run(config, TODAY)
    settings = load_settings(config)
    with job.opened(settings, TODAY) as opened, opened.held():
        summaries.drop(opened)
        summaries.summary(opened, "workspace", EARLY_SUNDAY)
    with job.opened(settings, TODAY) as opened, opened.held():
        early = summaries.summary(opened, "workspace", EARLY_SUNDAY)
        late = summaries.summary(opened, "workspace", LATE_SUNDAY)
        assert early
        assert all(file.path.is_file() for file in (*early, *late))
    before = {file: file.read_bytes() for file in (tmp_path / "warehouse" / "known").rglob("*.parquet")}
    for file, content in before.items():
        file.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    with job.opened(settings, TODAY) as opened, opened.held():  # what is not what its record says is as good as none
        summaries.summary(opened, "workspace", LATE_SUNDAY)
    late = [file for file in before if str(LATE_SUNDAY) in str(file)]
    assert late
    assert all(file.read_bytes() == before[file] for file in late)
