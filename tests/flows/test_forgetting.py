"""Who stays withdrawn is forgotten, closed rows stay what they were, and late data ends as if all had come at once."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cetegra_usage import ledger, rollup
from cetegra_usage.errors import UsageError
from cetegra_usage.model import Period
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import releases
from cetegra_usage.pipeline.run import INCOMPLETE
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.settings import load_settings
from cetegra_usage.store import open_store
from support.figures import releases as released
from support.figures import table
from support.landed import OTHER, PERSON, change, identified, land_consents, land_events, run, zone

if TYPE_CHECKING:
    from pathlib import Path

EXACT = "[disclosure]\nthreshold = 1\nrounding = 1\n"
JUNE = [date(2026, 6, 22) + timedelta(days=n) for n in range(8)]
BEFORE, LATE, GONE = date(2026, 6, 21), JUNE[1], JUNE[6]
CLOSED = date(2026, 7, 6)
"""June is over and waited for, its last week is not: forgotten is who withdrew in June before that week."""


def landed(folder: Path, *, without: date | None = None) -> Path:
    """Land eight days: one person who withdraws on the last but one, and one who stays."""
    config = zone(folder, EXACT)
    land_consents(config, [change(0, "granted", who, day=BEFORE) for who in (PERSON, OTHER)], day=BEFORE)
    for number, day in enumerate(JUNE):
        if day != without:
            land_day(config, number, day)
    land_consents(config, [change(20, "withdrawn", day=GONE)], day=GONE)
    return config


def land_day(config: Path, number: int, day: date) -> None:
    people = [who for who in (PERSON, OTHER) if (day <= GONE if who == PERSON else number % 2)]
    land_events(config, [identified(n, person=who, day=day) for n, who in enumerate(people, 10 * number)], day=day)


def stored(config: Path) -> dict[str, bytes]:
    """Return the files of the rollups that the ledger says hold, and make sure that there are no others."""
    there = {
        file.relative_to(config.parent / "warehouse").as_posix(): file.read_bytes()
        for file in (config.parent / "warehouse" / "rollups").rglob("*.parquet")
    }
    settings = load_settings(config)
    found = ledger.load(open_store("warehouse", settings.warehouse, folder=settings.folder))
    assert set(there) == {file.path for record in found.latest.values() for file in record.rollups}
    return there


def figures(config: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    return {
        period: {name: table(release, name) for name in ("features", "activity", "retention", "lifecycle", "sessions")}
        for period, release in released(config.parent / "publish").items()
    }


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = landed(tmp_path_factory.mktemp("once"))
    run(config, CLOSED)
    return config


def test_nothing_but_the_log_knows_who_was_forgotten(at_once: Path) -> None:
    people = {
        pseudonym
        for file in (at_once.parent / "warehouse").rglob("*.parquet")
        if "consents" not in file.as_posix() and "pseudonym" in (frame := pl.read_parquet(file)).columns
        for pseudonym in frame["pseudonym"]
    }
    assert people == {OTHER}
    stored(at_once)


def test_files_that_were_written_again_verify_and_only_they_may_be_gone(at_once: Path, tmp_path: Path) -> None:
    assert verify(load_settings(at_once)).faults == []
    shutil.copytree(at_once.parent, tmp_path / "copy")
    gone = max((tmp_path / "copy/warehouse/rollups/events").rglob("*persons*.parquet"))
    gone.unlink()
    faults = verify(load_settings(tmp_path / "copy" / at_once.name)).faults
    assert [fault.place for fault in faults] == [gone.relative_to(tmp_path / "copy/warehouse").as_posix()]


def test_the_row_that_closed_before_counts_them(at_once: Path) -> None:
    (row,) = [
        row
        for row in figures(at_once)["2026-06"]["features"]
        if {row["service"], row["user_type"], row["feature"]} == {"all"}
    ]
    assert (row["users"], row["new_users"]) == (2, 2)


def test_a_partition_that_comes_after_that_ends_as_if_it_had_been_there(at_once: Path, tmp_path: Path) -> None:
    config = landed(tmp_path, without=LATE)
    run(config, CLOSED)
    land_day(config, JUNE.index(LATE), LATE)
    made = run(config, CLOSED)
    assert {release.revision for release in made.releases} == {2}
    assert stored(config) == stored(at_once)
    assert figures(config) == {
        period: tables for period, tables in figures(at_once).items() if period in figures(config)
    }


def test_no_release_is_made_while_a_partition_of_theirs_cannot_be_rolled_up_once_more(
    at_once: Path, tmp_path: Path
) -> None:
    config = landed(tmp_path, without=LATE)
    run(config, CLOSED)
    land_day(config, JUNE.index(LATE), LATE)
    (file,) = (tmp_path / f"landing/events/service=workspace/day={JUNE[2]}").glob("*.parquet")
    content = file.read_bytes()
    file.write_bytes(content[:40])
    report = run(config, CLOSED)
    assert (report.exit_code, report.releases) == (INCOMPLETE, [])
    file.write_bytes(content)
    made = run(config, CLOSED)
    assert {release.revision for release in made.releases} == {2}
    assert stored(config) == stored(at_once)
    assert {key: tables for key, tables in figures(at_once).items() if key in figures(config)} == figures(config)


def test_a_withdrawal_that_comes_after_that_strips_what_it_must(tmp_path: Path) -> None:
    config = landed(tmp_path)
    run(config, CLOSED)
    early = JUNE[4]
    land_consents(config, [change(0, "withdrawn", day=early)], day=early)
    run(config, CLOSED)
    (row,) = [
        row
        for row in figures(config)["2026-06"]["features"]
        if {row["service"], row["user_type"], row["feature"]} == {"all"}
    ]
    assert (row["events"], row["identified_events"]) == (7 + 4, 4 + 4)
    stored(config)
    assert verify(load_settings(config)).faults == []


def test_who_was_to_go_and_is_found_again_is_told_by_the_next_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = landed(tmp_path)
    without = rollup.without

    def but_not_use(connection: Any, files: Any, gone: Any, into: Path) -> dict[str, Path]:
        made = without(connection, files, gone, into)
        return {table: file for table, file in made.items() if table != "use"}

    monkeypatch.setattr(rollup, "without", but_not_use)
    run(config, CLOSED)
    for weeks in (1, 2):  # as long as it is there
        (made,) = run(config, CLOSED + timedelta(weeks=weeks)).releases
        evidence = json.loads((tmp_path / "publish" / made.path / "evidence.json").read_text("utf-8"))
        said = {one["expectation"]: one["success"] for one in evidence["release"]}
        assert said.pop("withdrawn_are_gone") is False
        assert all(said.values())
        assert next(one["status"] for one in evidence["promises"] if one["id"] == "withdrawal-holds") == "not_met"


def test_publish_makes_no_figures_without_those_who_were_forgotten(tmp_path: Path) -> None:
    config = landed(tmp_path)
    run(config, CLOSED)
    before = figures(config)
    config.write_text(config.read_text("utf-8") + "[session]\nmax_days = 5\n", "utf-8")
    with jobs.opened(load_settings(config), CLOSED) as job, pytest.raises(UsageError, match="before a run"):
        releases.publish_one(job, Period.parse("2026-W26"))
    run(config, CLOSED)
    with jobs.opened(load_settings(config), CLOSED) as job:
        assert releases.publish_one(job, Period.parse("2026-W26")) == []
    assert figures(config) == before
