"""The command itself, with its own Prefect server: what a user types, sees, and gets as exit code."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from distributed import Client, LocalCluster

from cetegra_usage.cli import main
from cetegra_usage.errors import ConfigurationError, DisclosureError
from cetegra_usage.model import Partition, Period, Rows
from cetegra_usage.pipeline.process import Outcome
from cetegra_usage.pipeline.releases import Release
from cetegra_usage.pipeline.run import RefusedError, Report
from cetegra_usage.settings import load_settings
from support import landed
from support.landed import change, event, identified

if TYPE_CHECKING:
    from collections.abc import Generator

COMMAND = str(Path(sys.executable).with_name("cetegra-usage"))
TODAY = "2026-06-18"


def call(*words: str, cwd: Path, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [COMMAND, *words],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def answer(*words: str, cwd: Path, code: int = 0) -> Any:
    return json.loads(call(*words, "--json", cwd=cwd, code=code).stdout)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration of two weeks, with every connection that the process and its children asked for beside it."""
    folder = tmp_path_factory.mktemp("demo")
    trace = ["strace", "-f", "-qq", "-e", "trace=connect", "-o", str(folder / "connections")]
    done = subprocess.run(
        [*trace, COMMAND, "demo", "d", "--days", "14"],
        cwd=folder,
        env=os.environ | {"PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "stdout").write_text(done.stdout, "utf-8")
    return folder / "d"


def test_demo_prints_where_the_pages_are(demo: Path) -> None:
    printed = re.findall(r"(/\S+\.html)", (demo.parent / "stdout").read_text("utf-8"))
    assert len([page for page in printed if page.endswith(("usage.html", "compliance.html"))]) >= 4
    assert all(Path(page).is_file() for page in printed)


def test_no_connection_leaves(demo: Path) -> None:
    asked = (demo.parent / "connections").read_text("utf-8")
    families = set(re.findall(r"sa_family=(AF_\w+)", asked))
    assert families  # the watch works: the embedded server is asked over loopback
    addresses = set(re.findall(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', asked))
    outside = {one or other for one, other in addresses if not (one or other).startswith(("127.", "::1"))}
    assert outside == set()
    assert families <= {"AF_UNIX", "AF_LOCAL", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_UNSPEC"}


def test_a_second_run_does_nothing(demo: Path) -> None:
    assert answer("plan", "--exit-code", "--today", TODAY, cwd=demo)["pending"] == 0
    before = _bytes(demo / "publish")
    report = answer("run", "--today", TODAY, cwd=demo)
    assert {partition["state"] for partition in report["partitions"]} == {"unchanged"}
    assert report["releases"] == []
    assert _bytes(demo / "publish") == before


@pytest.fixture
def cluster() -> Generator[Any]:
    """A cluster of Dask: a scheduler, and two workers in processes of their own."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as started:  # pyright: ignore[reportArgumentType]
        yield started


def test_the_same_input_gives_the_same_bytes_on_workers_of_dask(demo: Path, cluster: Any, tmp_path: Path) -> None:
    on = {"CETEGRA_USAGE_ENGINE_RUNNER": "dask", "CETEGRA_USAGE_ENGINE_ADDRESS": cluster.scheduler_address}
    call("demo", "again", "--days", "14", cwd=tmp_path, code=0, **on)
    with Client(cluster) as client:
        done: Any = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert len(done) == 2
    assert all(done.values())
    first, again = (
        {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((folder / "publish" / "releases").rglob("*"))
            if path.parent.name == "data" or path.name == "usage.html"
        }
        for folder in (demo, tmp_path / "again")
    )
    assert first
    assert first == again


def test_status_tells_of_every_partition(demo: Path) -> None:
    found = answer("status", cwd=demo)["partitions"]
    assert len(found) == 28
    for partition in found:
        rows = partition["rows"]
        assert rows["landed"] == rows["accepted"] + rows["duplicate"] + rows["held"] + rows["quarantined"]
        assert partition["state"] == "accepted"
        assert partition["when"]


def test_the_published_tables_can_be_asked(demo: Path) -> None:
    found = answer("sql", "query", "SELECT count(DISTINCT period) AS periods FROM features", cwd=demo)
    assert found["columns"] == ["periods"]
    assert found["rows"][0][0] >= 2
    text = "SELECT 1 / 0 AS endless, 'nan'::DOUBLE AS none, MAP {DATE '2026-06-01': [1.5::DECIMAL(3, 1)]} AS many"
    assert answer("sql", "query", text, cwd=demo)["rows"] == [[None, None, {"2026-06-01": [1.5]}]]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY features TO '/tmp/features.csv'",
        "ATTACH '/tmp/other.db'",
        "SET enable_external_access = true",
        "SELECT 1; SELECT 2",
        "INSTALL httpfs",
        "DROP VIEW features",
        "SELECT current_setting('memory_limit')",
        "SELECT * FROM duckdb_settings",
        "DESCRIBE FROM duckdb_settings()",
        "SHOW memory_limit",
        "SELECT * FROM query('SELECT 1')",
        "WITH more AS (INSERT INTO features_rows SELECT * FROM features_rows) SELECT 1",
    ],
)
def test_nothing_else_can_be_reached_from_a_query(demo: Path, text: str) -> None:
    refused = call("sql", "query", text, cwd=demo, code=2)
    assert refused.stdout == ""
    assert "hint:" in refused.stderr


def test_no_published_count_of_users_is_small(demo: Path) -> None:
    for file in (demo / "publish").rglob("data/features.parquet"):
        users = pl.read_parquet(file)["users"].drop_nulls()
        assert users.filter(users.is_between(1, 9)).is_empty()


def test_most_weekly_cells_are_published(demo: Path) -> None:
    for file in (demo / "publish" / "releases").glob("*-W2[34]/r1/data/features.parquet"):
        frame = pl.read_parquet(file).filter((pl.col("users_status") != "published") | (pl.col("users") > 0))
        assert (frame["users_status"] == "published").mean() >= 0.7  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]


def test_one_changed_file_redoes_one_partition(demo: Path, tmp_path: Path) -> None:
    _copy(demo, tmp_path / "d")
    partition = tmp_path / "d/landing/events/service=docs/day=2026-06-05"
    frame = pl.read_parquet(partition / "part-0.parquet")
    half = frame.head(frame.height // 2)
    half.write_parquet(partition / "part-0.parquet")
    content = (partition / "part-0.parquet").read_bytes()
    landed.land(partition, {"part-0.parquet": content}, half.height)
    before = _bytes(tmp_path / "d/publish/releases")
    report = answer("run", "--today", TODAY, "--set", "engine.runner=processes", cwd=tmp_path / "d")
    taken = [partition for partition in report["partitions"] if partition["state"] != "unchanged"]
    assert [partition["id"] for partition in taken] == ["events/docs/2026-06-05"]
    assert {release["revision"] for release in report["releases"]} == {2}
    after = _bytes(tmp_path / "d/publish/releases")
    assert {name: after[name] for name in before} == before  # a release is never changed
    release = json.loads((tmp_path / "d/publish" / report["releases"][0]["path"] / "release.json").read_text("utf-8"))
    assert {erratum["cause"] for erratum in release["errata"]} == {"late data"}


def test_bad_partitions_have_their_state_and_exit_code(tmp_path: Path) -> None:
    config = landed.zone(tmp_path)
    landed.land_consents(config, [change(1.0, "granted")])
    landed.land_events(config, [event(1), identified(2), identified(3, pseudonym=None)])
    assert call("run", "--today", TODAY, cwd=tmp_path, code=13).stdout.startswith("quarantined")
    landed.land_events(config, [event(1)]).joinpath("part-0.parquet").write_bytes(b"PAR1")
    (found,) = answer("run", "--today", TODAY, cwd=tmp_path, code=16)["partitions"]
    assert (found["state"], found["rows"]["landed"]) == ("incomplete", 0)


def test_status_says_why_beside_what_failed_and_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = landed.zone(tmp_path)
    landed.land_consents(config, [change(1.0, "granted")])
    folder = landed.land_events(config, [event(1), event(2, feature="cases.new"), identified(3, person=landed.OTHER)])
    landed.run(config, date(2026, 6, 10))
    shutil.rmtree(folder)
    monkeypatch.chdir(tmp_path)

    def said(*words: str) -> Any:
        with pytest.raises(SystemExit) as stopped:
            main(["status", "--today", "2026-06-10", *words])
        assert stopped.value.code == 0
        return capsys.readouterr()

    row = said().out.splitlines()[-1]
    assert "consent_in_force" in row
    assert row.endswith("  It has gone from landing and cannot be redone. Its held rows are lost.")
    assert "lost, since their partitions have gone from landing: 1 held rows" in said("--held").err
    assert json.loads(said("--held", "--json").out) == {"held": [], "lost": 1}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("publish", "--period", "2026-W99"), 2),
        (("run", "--from", "2026-06-09", "--to", "2026-06-01"), 2),
        (("run", "--to", "yesterday"), 2),
        (("nothing",), 2),
        (("demo", "."), 2),
        (("run", "--set", "landing.country=US"), 12),
        (("run", "--set", "landing.county=NO"), 10),
        (("run", "--set", "disclosure.threshold=none"), 10),
        (("plan", "--config", "nowhere.toml"), 10),
        (("run", "--set", "landing.url=nowhere"), 11),
        (("sql", "show", "nothing"), 2),
        (("sql", "show", "**x"), 2),
        (("plan", "--today", "0001-01-01"), 2),
        (("plan", "--set", "consent.skew_seconds=86400"), 10),
        (("status", "--set", "landing.wait_days=1000000"), 10),
        (("plan", "--set", "retention.identified_days=1000000"), 10),
        (("plan", "--set", "session.max_days=1000000"), 10),
        (("backfill", "--from", "2026-06-01", "--to", "2026-06-01", "--reason", " "), 2),
        (("backfill", "--from", "2026-06-01", "--to", "2026-06-01", "--reason", "for 7318264991027446117"), 2),
    ],
)
def test_errors_say_what_why_and_what_next(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
) -> None:
    landed.zone(tmp_path)
    done = call(*words, cwd=tmp_path, code=code)
    assert done.stdout == ""
    assert re.match(r"error\[\w+\]: .+\n  .+\nhint: .+\n$", done.stderr)
    if words[0] != "nothing":
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as stopped:
            main([*words, "--json"])
        assert stopped.value.code == code
        shown = json.loads(capsys.readouterr().out)
        assert set(shown["error"]) == {"code", "what", "why", "hint"}


def test_a_fault_of_the_program_is_an_error_like_any_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError(landed.PERSON)

    monkeypatch.setattr("cetegra_usage.cli.shared.load_settings", fail)
    with pytest.raises(SystemExit) as stopped:
        main(["config", "show", "--json"])
    said = capsys.readouterr()
    assert stopped.value.code == 1
    assert json.loads(said.out)["error"]["code"] == "bug"
    assert said.err.startswith("error[bug]: ")
    assert str(landed.PERSON) not in said.out + said.err


def test_what_is_done_is_told_although_a_release_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = Outcome(Partition("events", "workspace", landed.DAY), "quarantined", Rows(landed=2, quarantined=2))
    report = Report([done], [Release(Period.week(landed.DAY), 1, "releases/2026-W23/r1")])

    def refuse(*_: Any, **__: Any) -> None:
        raise RefusedError(DisclosureError("refused", why="on purpose", hint="none"), report)

    monkeypatch.setattr("cetegra_usage.cli.running.start", refuse)
    for words in (["run"], ["run", "--json"]):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 14
    text, document = capsys.readouterr().out.split("{", 1)
    assert re.findall(r"^(\w+)", text, re.MULTILINE) == ["quarantined", "published"]
    error = {"code": "disclosure", "what": "refused", "why": "on purpose", "hint": "none"}
    assert json.loads("{" + document) == report.as_json() | {"error": error}


@pytest.mark.parametrize("words", [["sql", "list"], ["--help"], ["run", "--help"]], ids=" ".join)
def test_output_that_nobody_reads_to_its_end_is_no_fault(tmp_path: Path, words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([COMMAND, *words], cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_error_that_nobody_reads_keeps_its_exit_code(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [COMMAND, "status", "--json", "--config", "none.toml"],
        cwd=tmp_path,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert done.returncode == 10
    assert b"Traceback" not in done.stderr


def test_an_empty_section_is_known_or_refused(tmp_path: Path) -> None:
    known = "[disclosure]\n[landing.storage]\n"
    assert load_settings(landed.zone(tmp_path / "known", known)).disclosure.threshold == 10
    with pytest.raises(ConfigurationError, match="disclosur "):
        load_settings(landed.zone(tmp_path / "unknown", "[disclosur]\n"))


def test_config_show_names_each_origin(tmp_path: Path) -> None:
    landed.zone(tmp_path)
    done = call(
        "config", "show", "--json", "--set", "session.max_days=9", cwd=tmp_path, CETEGRA_USAGE_CONSENT_SKEW_SECONDS="5"
    )
    shown = json.loads(done.stdout)
    assert shown["session.max_days"] == {"value": 9, "origin": "flag"}
    assert shown["consent.skew_seconds"]["value"] == 5
    assert shown["consent.skew_seconds"]["origin"].startswith("environment")
    assert shown["landing.country"]["origin"] == "file cetegra-usage.toml"
    assert shown["disclosure.threshold"] == {"value": 10, "origin": "default"}


@pytest.mark.parametrize("words", [("--help",), ("run", "--help"), ("--version",)])
def test_help_loads_nothing_heavy(words: tuple[str, ...], tmp_path: Path) -> None:
    code = f"""
import sys
from cetegra_usage.cli import main
try:
    main({list(words)!r})
except SystemExit as stop:
    assert stop.code == 0
heavy = {{"duckdb", "polars", "pyarrow", "pandas", "prefect", "great_expectations", "altair", "scipy", "phonenumbers"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)


def test_every_command_has_help() -> None:
    listed = re.findall(r"^  (\w+) +[A-Z]", call("--help", cwd=Path.cwd()).stdout, re.MULTILINE)
    assert {"demo", "generate", "plan", "run", "backfill", "check", "publish", "status", "sql", "config"} <= set(listed)
    for command in listed:
        assert "Usage: cetegra-usage" in call(command, "--help", cwd=Path.cwd()).stdout


def _bytes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
