"""Who stays withdrawn is forgotten, closed rows stay what they were, and late data ends as if all had come at once."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cetegra_usage import ledger, rollup
from cetegra_usage.errors import StorageError, UsageError
from cetegra_usage.model import Period
from cetegra_usage.pipeline import forgetting, releases, retention
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import run as runs
from cetegra_usage.pipeline.run import INCOMPLETE, RefusedError
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.settings import load_settings
from cetegra_usage.store import open_store
from support.figures import releases as released
from support.figures import table
from support.landed import CATALOGUE, OTHER, PERSON, change, identified, land_consents, land_events, run, zone

if TYPE_CHECKING:
    from pathlib import Path

EXACT = "[disclosure]\nthreshold = 1\nrounding = 1\n"
JUNE = [date(2026, 6, 22) + timedelta(days=n) for n in range(8)]
BEFORE, LATE, GONE = date(2026, 6, 21), JUNE[1], JUNE[6]
FEATURE = """
[[feature]]
key = "{key}"
title = "Another"
service = "workspace"
actions = [{actions}]
owner = "the cases team"
since = 2026-01-01
"""
FIGURES = {
    "features": ["users", "new_users", "events"],
    "lifecycle": ["new"],
    "sessions": ["sessions"],
    "funnels": ["sessions_opened"],
}
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


def land_day(config: Path, number: int, day: date, of: str = "cases.open_list") -> None:
    people = [who for who in (PERSON, OTHER) if (day <= GONE if who == PERSON else number % 2)]
    rows = [
        identified(n, person=who, day=day, feature=of, session_id=f"9b2f6a1e-51c7-4c0e-8a53-{n:012d}")
        for n, who in enumerate(people, 10 * number)
    ]
    land_events(config, rows, day=day)


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
        assert False not in said.values()
        assert next(one["status"] for one in evidence["promises"] if one["id"] == "withdrawal-holds") == "not_met"


def test_publish_makes_no_figures_without_those_who_were_forgotten(
    at_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = landed(tmp_path, without=LATE)
    run(config, CLOSED)
    land_day(config, JUNE.index(LATE), LATE)
    with monkeypatch.context() as patched:
        patched.setattr(runs, "_restore", _dies)
        with pytest.raises(MemoryError):
            run(config, CLOSED)
    with jobs.opened(load_settings(config), CLOSED) as job, pytest.raises(UsageError, match="before a run"):
        releases.publish_one(job, Period.parse("2026-W26"))
    run(config, CLOSED)
    with jobs.opened(load_settings(config), CLOSED) as job:
        assert releases.publish_one(job, Period.parse("2026-W26")) == []
    assert figures(config) == figures(at_once)


def _dies(*_: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("is_retained", [False, True], ids=["forgotten", "beyond retention"])
def test_what_closed_stays_whatever_the_catalogue_and_the_settings_say_later(is_retained: bool, tmp_path: Path) -> None:  # noqa: FBT001
    config = landed(tmp_path)
    catalogue = tmp_path / "catalogue.toml"
    only_opened = CATALOGUE + FEATURE.format(key="cases.opened", actions='"open"')
    catalogue.write_text(only_opened, "utf-8")
    land_day(config, 1, JUNE[1], of="cases.opened")
    flags = {"retention.identified_days": "92"}
    today = CLOSED
    run(config, today, flags)
    before = of_all(config)
    assert before["sessions", "sessions"] > 0
    assert before["funnels", "sessions_opened"] > 0
    shutil.rmtree(tmp_path / "landing" / "events")
    if is_retained:
        today += timedelta(days=92)
        with jobs.opened(load_settings(config, flags), today) as job:
            assert retention.retain(job).partitions
    more = only_opened.replace('actions = ["open"]', 'actions = ["open", "submit"]')
    more += FEATURE.format(key="cases.new", actions='"open", "submit"')
    catalogue.write_text(more + '[[service]]\nkey = "docs"\ntitle = "Docs"\n', "utf-8")
    flags |= {"consent.skew_seconds": "61", "session.max_days": "9"}
    with jobs.opened(load_settings(config, flags), today) as job:
        (made,) = releases.publish_one(job, Period.parse("2026-W26"))
    assert made.revision > 1
    assert of_all(config) == before
    # They had no funnel when the row closed: nobody can tell any more how many opened one.
    funnels = {
        row["feature"]: (row["sessions_opened"], row["sessions_opened_status"])
        for row in table(released(tmp_path / "publish")["2026-W26"], "funnels")
        if row["service"] == row["user_type"] == "all"
    }
    assert funnels["cases.opened"] == funnels["cases.new"] == (None, "unavailable")


def test_a_damaged_tally_of_people_who_were_forgotten_is_not_made_again(at_once: Path, tmp_path: Path) -> None:
    config = shutil.copytree(at_once.parent, tmp_path / "copy") / at_once.name
    (file,) = (config.parent / "warehouse" / "tallies" / "features").glob(f"{JUNE[0]}*")
    content = file.read_bytes()
    file.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    with jobs.opened(load_settings(config), CLOSED) as job, pytest.raises(StorageError, match="tallies/features"):
        releases.publish_one(job, Period.parse("2026-W26"))
    file.write_bytes(content)
    with jobs.opened(load_settings(config), CLOSED) as job:
        assert releases.publish_one(job, Period.parse("2026-W26")) == []


def of_all(config: Path) -> dict[tuple[str, str], Any]:
    """Return some figures of everybody, in the last release of a week."""
    release = released(config.parent / "publish")["2026-W26"]
    found: dict[tuple[str, str], Any] = {}
    for name, measures in FIGURES.items():
        grain = ("service", "user_type", "feature")
        rows = [row for row in table(release, name) if {row.get(key, "all") for key in grain} == {"all"}]
        found |= {(name, measure): sum(row[measure] for row in rows) for measure in measures}
    return found


def test_forgetting_that_does_not_come_to_its_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = landed(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(forgetting, "_forget", _dies)
        with pytest.raises(MemoryError):
            run(config, CLOSED)
    assert released(tmp_path / "publish") == {}
    with jobs.opened(load_settings(config), CLOSED) as job:
        by_hand = releases.publish_one(job, Period.parse("2026-W26"))
    made = [(by_hand, (None, "not_checked")), (run(config, CLOSED).releases, (True, "met"))]
    for found, expected in made:
        assert found
        for release in found:
            evidence = json.loads((tmp_path / "publish" / release.path / "evidence.json").read_text("utf-8"))
            said = {one["expectation"]: one["success"] for one in evidence["release"]}
            promises = {one["id"]: one["status"] for one in evidence["promises"]}
            assert (said["withdrawn_are_gone"], promises["withdrawal-holds"]) == expected


def test_what_is_refused_has_its_tallies_before_anybody_is_forgotten(tmp_path: Path) -> None:
    config = landed(tmp_path)
    run(config, JUNE[-1] + timedelta(days=2))  # its week is released, June not yet
    with pytest.raises(RefusedError):
        run(config, CLOSED, {"disclosure.rounding": "5", "disclosure.threshold": "10"})
    assert not in_rollups(config, PERSON)
    shutil.rmtree(tmp_path / "landing" / "events")
    run(config, CLOSED)
    (row,) = [
        row
        for row in figures(config)["2026-06"]["features"]
        if {row["service"], row["user_type"], row["feature"]} == {"all"}
    ]
    assert (row["users"], row["new_users"]) == (2, 2)


def in_rollups(config: Path, person: int) -> bool:
    files = (config.parent / "warehouse" / "rollups" / "events").rglob("*-persons.*.parquet")
    return any(person in pl.read_parquet(file)["pseudonym"] for file in files)
