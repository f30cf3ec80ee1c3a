"""`forget`: who asked for it is in no file any more, nothing brings them back, and no released figure moves."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from cetegra_usage import rollup
from cetegra_usage.cli import main
from cetegra_usage.errors import StorageError, UsageError
from cetegra_usage.pipeline import erasure, plan, summaries
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import run as runs
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.settings import load_settings
from support import landed
from support.canaries import holding
from support.figures import releases, table
from support.landed import OTHER, PERSON, change, event, identified, land_consents, land_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EXACT = "[disclosure]\nthreshold = 1\nrounding = 1\n"
DAYS = [date(2026, 6, 1) + timedelta(days=number) for number in range(9)]
"""A week that is over, and two days of the next."""
WEEK, NEXT = DAYS[:7], DAYS[7:]
BEGINNING = DAYS[0] - timedelta(days=1)
TODAY = DAYS[-1] + timedelta(days=1)


def usage(config: Path, days: Sequence[date]) -> None:
    """Land the same of two people each day, and an event of nobody; a session of each spans its day."""
    for day in days:
        number = 10 * day.day
        rows = [event(number, day=day)]
        for nth, who in enumerate((PERSON, OTHER), 1):
            session = f"{who:016x}"[:8] + f"-0000-4000-8000-{day.day:012x}"
            rows += [
                identified(number + 3 * nth + more, 9 + more, who, day=day, session_id=session) for more in range(2)
            ]
        land_events(config, rows, day=day)
        if day != BEGINNING:
            land_consents(config, [], day=day)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week that was released, and two days of the next that were taken in."""
    config = landed.zone(tmp_path_factory.mktemp("erasure"), EXACT)
    land_consents(config, [change(0, "granted", who, day=BEGINNING) for who in (PERSON, OTHER)], day=BEGINNING)
    usage(config, DAYS)
    landed.run(config, TODAY)
    return config


@pytest.fixture
def config(taken: Path, tmp_path: Path) -> Path:
    shutil.copytree(taken.parent, tmp_path / "copy")
    return tmp_path / "copy" / taken.name


def erase(config: Path, *pseudonyms: int, today: date = TODAY) -> erasure.Erasure:
    with jobs.opened(load_settings(config), today) as job:
        return erasure.erase(job, pseudonyms or [PERSON], "asked for")


def found(config: Path) -> set[str]:
    """Return whose pseudonym is in a file of warehouse or publish, in whatever form."""
    folders = [config.parent / name for name in ("warehouse", "publish")]
    return {name for _, name in holding(folders, {"person": PERSON, "other": OTHER})}


def published(config: Path) -> dict[str, bytes]:
    folder = config.parent / "publish"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def again(config: Path, days: Sequence[date] = DAYS, today: date = TODAY) -> runs.Report:
    with jobs.opened(load_settings(config), today) as job:
        return runs.run(job, days[0], days[-1], again="to see")


def everybody(config: Path, period: str) -> dict[str, Any]:
    """Return the row of all features of a released period."""
    rows = table(releases(config.parent / "publish")[period], "features")
    return next(row for row in rows if {row["service"], row["user_type"], row["feature"]} == {"all"})


def test_nobody_finds_who_was_erased_and_no_figure_moves(config: Path) -> None:
    before = published(config)
    assert found(config) == {"person", "other"}
    done = erase(config)
    assert found(config) == {"other"}
    assert done.listed == 1
    assert done.partitions == [f"consents/{BEGINNING}", *(f"events/workspace/{day}" for day in DAYS)]
    assert done.searched["publish"] == len(before)
    assert published(config) == before
    assert verify(load_settings(config)).faults == []
    report = landed.run(config, TODAY)
    assert ({outcome.state for outcome in report.outcomes}, report.releases) == ({"unchanged"}, [])
    assert found(config) == {"other"}


def test_a_clock_that_is_behind_leaves_nobody(config: Path) -> None:
    before = published(config)
    assert f"events/workspace/{DAYS[-1]}" in erase(config, today=DAYS[3]).partitions
    assert found(config) == {"other"}
    again(config)
    assert (found(config), published(config)) == ({"other"}, before)


def test_what_is_done_again_brings_nobody_back_moves_nothing_and_breaks_no_promise(config: Path) -> None:
    # A withdrawal of theirs has no grant before it any more, and what it stripped stays stripped.
    land_consents(config, [change(0, "withdrawn", day=DAYS[-1])], day=DAYS[-1])
    taken = {one.partition: (one.rows, one.failed) for one in landed.run(config, TODAY).outcomes}
    assert [rows.stripped for rows, _ in taken.values()] == [0] * (len(DAYS) - 1) + [2]
    before = published(config)
    erase(config)
    report = again(config, [BEGINNING, DAYS[-1]])
    assert {one.partition: (one.rows, one.failed) for one in report.outcomes} == taken
    assert {outcome.state for outcome in report.outcomes} == {"accepted"}
    assert found(config) == {"other"}
    assert (report.releases, published(config)) == ([], before)
    assert verify(load_settings(config)).faults == []


def test_what_changes_for_others_redoes_nothing(config: Path) -> None:
    erase(config)
    log = [change(0, "granted", who, day=BEGINNING) for who in (PERSON, OTHER, PERSON + 1)]
    land_consents(config, [*log, change(1, "withdrawn", PERSON + 1, day=BEGINNING)], day=BEGINNING)
    report = landed.run(config, TODAY)
    assert {outcome.state for outcome in report.outcomes} == {"unchanged"}


def test_a_row_that_changes_because_data_came_late_counts_one_fewer_and_no_other_row_moves(config: Path) -> None:
    erase(config)
    usage(config, [TODAY])
    land_events(config, [event(900, day=NEXT[0])], day=NEXT[0])
    report = landed.run(config, TODAY + timedelta(days=9))
    assert [(release.period.key, release.revision) for release in report.releases] == [("2026-W24", 1)]
    assert (everybody(config, "2026-W23")["users"], everybody(config, "2026-W24")["users"]) == (2, 1)


def test_what_comes_late_of_them_is_not_taken_in(config: Path) -> None:
    erase(config)
    more = [change(0, "granted", who, day=BEGINNING) for who in (PERSON, OTHER, PERSON + 1)]
    land_consents(config, more, day=BEGINNING)
    late = [identified(900, 12, day=WEEK[2]), identified(901, 12, OTHER, day=WEEK[2])]
    land_events(config, late, day=WEEK[2])
    with jobs.opened(load_settings(config), TODAY) as job:
        pending = {item.partition.id: item.reason for item in plan.make(job, date.min, DAYS[-1]).pending}
    assert pending == {f"consents/{BEGINNING}": "changed", f"events/workspace/{WEEK[2]}": "changed"}
    landed.run(config, TODAY)
    assert found(config) == {"other"}
    assert verify(load_settings(config)).faults == []


def test_a_grant_of_a_later_day_begins_a_new_person_and_without_one_the_id_is_stripped(config: Path) -> None:
    erase(config, PERSON, OTHER)
    days = [TODAY + timedelta(days=number) for number in range(5)]
    usage(config, days)
    rows = pq.ParquetFile(config.parent / f"landing/events/service=workspace/day={days[1]}/part-0.parquet").read()
    soon = identified(999, 0, OTHER, day=days[1])  # within the skew of the day before
    land_events(config, [*rows.to_pylist(), soon], day=days[1])
    land_consents(config, [change(0, "granted", day=days[1])], day=days[1])
    assert {one.partition.day: one.rows.stripped for one in checked(config, days[-1]).outcomes}[days[1]] == 3
    report = landed.run(config, days[-1] + timedelta(days=1))
    rows = {outcome.partition.day: outcome.rows for outcome in report.outcomes if outcome.rows}
    # Of the day itself the log no longer tells.
    assert [rows[day].stripped for day in days] == [0, 3, 2, 2, 2]
    where = holding([config.parent / "warehouse/rollups"], {"person": PERSON, "other": OTHER})
    assert {name for _, name in where} == {"person"}
    assert {day for day in [*DAYS, *days] if any(f"/{day}/" in path for path, _ in where)} == set(days[1:])
    weeks = [everybody(config, week) for week in ("2026-W23", "2026-W24")]
    assert [(week["users"], week["new_users"]) for week in weeks] == [(2, 2), (1, 1)]
    assert weeks[1]["identified_events"] == 3 * 4 + 4 * 2  # events stay counted, as what they were


def checked(config: Path, last: date) -> runs.Report:
    with jobs.opened(load_settings(config), last + timedelta(days=1)) as job:
        return runs.check(job, BEGINNING, last)


def test_without_a_log_they_stay_away(tmp_path: Path) -> None:
    config = landed.zone(tmp_path, EXACT)
    usage(config, DAYS)
    shutil.rmtree(tmp_path / "landing/consents")
    landed.run(config, TODAY)
    erase(config)
    usage(config, [TODAY + timedelta(days=1)])
    shutil.rmtree(tmp_path / "landing/consents")
    landed.run(config, TODAY + timedelta(days=2))
    assert found(config) == {"other"}


def test_a_file_that_cannot_be_read_is_no_more_than_incomplete(config: Path) -> None:
    erase(config)
    folder = land_events(
        config, [identified(number, day=WEEK[1]) for number in range(2_000)], day=WEEK[1], sealed=False
    )
    (folder / "_seal.json").unlink()
    content = bytearray((folder / "part-0.parquet").read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    (folder / "part-0.parquet").write_bytes(content)
    states = {outcome.partition.day: outcome.state for outcome in landed.run(config, TODAY).outcomes}
    assert states == {day: "incomplete" if day == WEEK[1] else "unchanged" for day in DAYS}


def test_the_log_as_it_was_before_knows_them_no_more(config: Path) -> None:
    """A day of it landed again, and verdicts rest on what it was: both are kept, and both are written anew."""
    log = [change(0, "granted", who, day=BEGINNING) for who in (PERSON, OTHER, PERSON + 1)]
    land_consents(config, log, day=BEGINNING)
    landed.run(config, TODAY)
    assert len(list((config.parent / f"warehouse/rollups/consents/{BEGINNING}").iterdir())) == 2
    assert verify(load_settings(config)).faults == []
    done = erase(config)
    assert f"consents/{BEGINNING}" in done.partitions
    assert found(config) == {"other"}
    assert verify(load_settings(config)).faults == []
    land_consents(config, [*log, change(12, "withdrawn", OTHER, day=BEGINNING)], day=BEGINNING)
    report = landed.run(config, TODAY)
    assert {outcome.rows.stripped for outcome in report.outcomes if outcome.rows} == {2}
    assert found(config) == {"other"}
    assert verify(load_settings(config)).faults == []
    assert (
        len(list((config.parent / f"warehouse/rollups/consents/{BEGINNING}").iterdir())) == 1
    )  # nobody rests on others


def test_two_days_of_the_log_that_are_the_same_file(config: Path) -> None:
    twice = [change(0, "granted", who, day=BEGINNING) for who in (PERSON, OTHER, OTHER)]
    land_consents(config, twice, day=BEGINNING)
    landed.run(config, TODAY)
    erase(config)
    assert found(config) == {"other"}
    assert verify(load_settings(config)).faults == []


@pytest.mark.parametrize("damage", ["list", "key"])
def test_without_the_list_or_its_key_nothing_is_taken_in(config: Path, damage: str) -> None:
    erase(config)
    warehouse = config.parent / "warehouse"
    (warehouse / "memory/key" if damage == "key" else next((warehouse / "erased").iterdir())).unlink()
    for work in (lambda: landed.run(config, TODAY), lambda: erase(config, OTHER)):
        with pytest.raises(StorageError, match="the list of who was erased cannot be used"):
            work()


def test_what_cannot_be_searched_is_told(config: Path) -> None:
    (config.parent / "publish/other.parquet").write_bytes(b"PAR1")
    (config.parent / "publish/other.gz").write_bytes(b"no gzip")
    with pytest.raises(StorageError, match="nobody can say who is in 2 files of publish"):
        erase(config)


def test_what_died_on_the_way_is_done_by_doing_it_again(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> None:
        raise StorageError("the store went away", why="for this test", hint="none")

    with monkeypatch.context() as patched:
        patched.setattr(summaries, "forget", die)
        with pytest.raises(StorageError):
            erase(config)
    again(config, WEEK[:1])  # already nobody is taken in
    assert holding([config.parent / f"warehouse/rollups/events/workspace/{WEEK[0]}"], {"person": PERSON}) == set()
    assert f"events/workspace/{WEEK[0]}" not in erase(config).partitions
    assert found(config) == {"other"}
    assert verify(load_settings(config)).faults == []


def test_who_is_found_again_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = rollup.without

    def but_not_use(connection: Any, files: Any, gone: Any, into: Path) -> dict[str, Path]:
        made = without(connection, files, gone, into)
        return {name: file for name, file in made.items() if name != "use"}

    monkeypatch.setattr(rollup, "without", but_not_use)
    with pytest.raises(StorageError, match=rf"still in {len(DAYS)} files of warehouse") as refused:
        erase(config)
    assert str(PERSON) not in str(refused.value)


def test_the_command(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names"
    names.write_bytes(f"\ufeff{PERSON}\r\n\r\n {OTHER} \n{PERSON}\n".encode())
    with pytest.raises(SystemExit) as ended:
        main(["forget", "--config", str(config), "--file", str(names), "--reason", "asked for", "--json"])
    assert ended.value.code == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["listed"], len(said["partitions"])) == (2, 1 + len(DAYS))
    assert found(config) == set()
    segments = sorted((config.parent / "warehouse/ledger").iterdir(), key=lambda path: int(path.stem))
    assert all(record["body"]["reason"] == "asked for" for record in json.loads(segments[-1].read_text())["records"])


def test_a_reason_that_says_who(config: Path) -> None:
    with jobs.opened(load_settings(config), TODAY) as job, pytest.raises(UsageError) as refused:
        erasure.erase(job, [PERSON], f"ticket of user{PERSON}")
    assert str(PERSON) not in f"{refused.value.what}{refused.value.why}{refused.value.hint}"
    assert found(config) == {"person", "other"}


@pytest.mark.parametrize(
    "lines", [b"", b"\n\n", b"7318264991027446117\nsomebody@example.org", b"4294967296", b"-7", b"9223372036854775808"]
)
def test_a_file_that_lists_no_pseudonyms(
    lines: bytes, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names"
    names.write_bytes(lines)
    with pytest.raises(SystemExit) as ended:
        main(["forget", "--config", str(config), "--file", str(names), "--reason", "asked for"])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert not any(line.decode() in err for line in lines.split() if len(line) > 2)
    assert found(config) == {"person", "other"}
