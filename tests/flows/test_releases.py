"""Which releases the pipeline makes, in which order, and what it looks at for each."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import polars as pl
import pytest

from cetegra_usage.errors import StorageError
from cetegra_usage.model import Period
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import releases
from cetegra_usage.pipeline import run as runs
from cetegra_usage.pipeline.run import RefusedError
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.settings import load_settings
from cetegra_usage.store import lease
from cetegra_usage.store.local import LocalStore
from support import landed
from support.figures import releases as released
from support.figures import table
from support.landed import PERSON, change, event, identified

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUNDAY = date(2026, 5, 31)
WEEK, MONTH = Period.week(SUNDAY), Period.month(SUNDAY)
OTHER_TYPE = """
[[user_type]]
key = "it_admin"
title = "IT Admin"
"""


def test_a_month_is_looked_at_with_the_week_that_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    protect = mock.Mock(wraps=releases.protect)
    monkeypatch.setattr(releases, "protect", protect)
    config = landed.zone(tmp_path)
    landed.land_consents(config, [change(0.5, "granted", day=SUNDAY)], day=SUNDAY)
    landed.land_events(config, [identified(1, 9.0, PERSON, day=SUNDAY)], day=SUNDAY)
    landed.run(config, date(2026, 6, 4))
    asked = [(call.args[0], call.kwargs["ahead"] and call.kwargs["ahead"][0]) for call in protect.call_args_list]
    assert asked == [(WEEK, MONTH), (MONTH, None)]
    held = [[one.period for one in call.kwargs["released"]] for call in protect.call_args_list]
    assert held == [[], [WEEK]]


def test_releases_before_are_held_against_in_the_order_in_which_they_went_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late data of the first of two weeks: what its revision says of a day is newer than what the second week said."""
    asked = mock.Mock(wraps=releases.protect)
    monkeypatch.setattr(releases, "protect", asked)
    config = landed.zone(tmp_path, "[disclosure]\nthreshold = 1\nrounding = 1\n")
    monday = date(2026, 6, 1)
    for day in (monday, date(2026, 6, 8)):
        landed.land_events(config, [event(1, day=day)], day=day)
    landed.run(config, date(2026, 6, 18))
    landed.land_events(config, [event(1, day=date(2026, 6, 2))], day=date(2026, 6, 2))
    landed.run(config, date(2026, 6, 18))
    landed.land_events(config, [event(1, day=date(2026, 6, 9))], day=date(2026, 6, 9))
    landed.run(config, date(2026, 6, 18))
    *_, last = asked.call_args_list
    held = [(one.period.key, one.revision) for one in last.kwargs["released"]]
    assert held == [("2026-W23", 1), ("2026-W24", 1), ("2026-W23", 2), ("2026-W24", 2)]


def test_a_service_that_never_landed_holds_up_no_release_of_few(tmp_path: Path) -> None:
    """Three events in the week, all other days missing: that nobody used the other service follows, and is shown."""
    monday = date(2026, 6, 1)
    config = landed.zone(tmp_path)
    landed.declare_docs(config)
    with (tmp_path / "catalogue.toml").open("a", encoding="utf-8") as catalogue:
        catalogue.write(OTHER_TYPE)
    landed.land_events(config, [event(number, day=monday) for number in range(3)], day=monday)
    report = landed.run(config, date(2026, 6, 11))
    assert [release["period"] for release in report.as_json()["releases"]] == ["2026-W23"]
    days = pl.read_parquet(tmp_path / "publish/releases/2026-W23/r1/data/activity.parquet")
    told = days.filter((pl.col("day") > monday) & (pl.col("service") == "docs"))
    assert set(told.select("events", "events_status").rows()) == {(0, "published")}
    few = days.filter((pl.col("day") == monday) & (pl.col("service") != "docs") & (pl.col("user_type") != "it_admin"))
    assert set(few["events_status"]) == {"withheld"}


def test_a_release_is_refused_that_is_rounded_otherwise_than_one_before(tmp_path: Path) -> None:
    """A total of 43 that was shown as 43, and parts of 45 that are shown as such, tell of a part that neither shows."""
    monday = date(2026, 6, 1)
    config = landed.zone(tmp_path, "[disclosure]\nrounding = 1\n")
    landed.land_events(config, [event(number, day=monday) for number in range(600)], day=monday)
    landed.run(config, date(2026, 6, 11))
    config.write_text(config.read_text("utf-8").replace("rounding = 1", "rounding = 5"), "utf-8")
    with pytest.raises(RefusedError, match="rounded to 5, an earlier one to 1"):
        landed.run(config, date(2026, 6, 11))
    assert not (tmp_path / "publish/releases/2026-W23/r2").exists()


def test_failures_of_a_promise_tell_no_count_that_a_partition_withholds(tmp_path: Path) -> None:
    """Who is not in the log: 600 rows of one day are shown, three of the next are not, and not by their sum."""
    config = landed.zone(tmp_path)
    somebody = np.random.default_rng(1).integers(1 << 40, 1 << 62, 600).tolist()
    for day, lapsed in ((date(2026, 6, 3), 600), (date(2026, 6, 4), 3)):
        people = [identified(number, person=somebody[number], day=day) for number in range(lapsed)]
        landed.land_events(config, [*people, *(event(number, day=day) for number in range(600, 1200))], day=day)
        landed.land_consents(config, [change(1, "granted", day=day)], day=day)
    landed.run(config, date(2026, 6, 12))
    evidence = json.loads((tmp_path / "publish/releases/2026-W23/r1/evidence.json").read_text("utf-8"))
    parts = [
        result["count"]
        for one in evidence["partitions"]
        for result in one["results"]
        if result["expectation"] == "consent_in_force"
    ]
    assert parts[:2] == [600, "withheld"]
    assert {one["id"]: one["failures"] for one in evidence["promises"]}["consent-at-the-time"] == "withheld"


def test_no_release_is_made_with_another_key_than_those_before(tmp_path: Path) -> None:
    monday = date(2026, 6, 1)
    config = landed.zone(tmp_path)
    landed.land_events(config, [event(1, day=monday)], day=monday)
    landed.run(config, date(2026, 6, 11))
    (tmp_path / "warehouse/memory/key").unlink()
    landed.land_events(config, [event(number, day=monday) for number in range(2)], day=monday)
    with pytest.raises(StorageError, match="memory/key is gone"):
        landed.run(config, date(2026, 6, 11))
    assert not (tmp_path / "warehouse/memory/key").exists()


def test_a_range_of_days_publishes_no_period_of_which_other_days_have_landed(tmp_path: Path) -> None:
    config = landed.zone(tmp_path, "[disclosure]\nthreshold = 1\nrounding = 1\n")
    days = [SUNDAY, SUNDAY + timedelta(days=1), SUNDAY + timedelta(days=8)]
    for day in days:
        landed.land_events(config, [event(1, day=day)], day=day)
    today = date(2026, 6, 18)
    with jobs.opened(load_settings(config), today) as job:
        report = runs.run(job, *jobs.days_to_take(job, None, days[1]))
    assert [made.period.key for made in report.releases] == ["2026-W22", "2026-05", "2026-W23"]
    assert [made.period.key for made in landed.run(config, today).releases] == ["2026-W24"]


def test_what_was_published_too_early_is_said_once_nothing_more_is_waited_for(tmp_path: Path) -> None:
    config = landed.zone(tmp_path, "[disclosure]\nthreshold = 1\nrounding = 1\n")
    monday = date(2026, 6, 1)
    landed.land_events(config, [event(1, day=monday)], day=monday)
    landed.land_consents(config, [change(1, "granted", day=monday)], day=monday)
    with jobs.opened(load_settings(config), monday + timedelta(days=7)) as job:
        runs.run(job, *jobs.days_to_take(job, None, None))
        releases.publish_one(job, Period.week(monday))
    for days, status in ((7, "unavailable"), (10, "published")):
        landed.run(config, monday + timedelta(days=days))
        rows = table(released(tmp_path / "publish")["2026-W23"], "consent_changes")
        assert [row["granted_status"] for row in rows] == ["published"] * 4 + [status] * 3


MONDAY, AFTER = date(2026, 6, 1), date(2026, 6, 11)


@pytest.mark.parametrize("slept", [False, True], ids=["stopped", "asleep"])
@pytest.mark.parametrize("files", [0, 3], ids=["before the first file", "between two"])
def test_a_run_that_stood_still_changes_nothing_that_another_published_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, *, slept: bool
) -> None:
    """It stands still for more than a minute; where the machine slept, its own clock does not tell."""
    config = landed.zone(tmp_path, "[disclosure]\nthreshold = 1\nrounding = 1\n")
    landed.land_events(config, [event(1, day=MONDAY)], day=MONDAY)
    there: dict[str, bytes] = {}

    def overtaken() -> None:
        moved(monkeypatch, 61, slept=slept)
        landed.land_events(config, [event(2, day=MONDAY), event(3, day=MONDAY)], day=MONDAY)
        landed.run(config, AFTER)
        there.update(tree(tmp_path / "publish"))

    at_file(monkeypatch, files, overtaken)
    with pytest.raises(StorageError, match="the hold on the warehouse was lost"):
        landed.run(config, AFTER)
    assert there
    assert tree(tmp_path / "publish") == there
    assert verify(load_settings(config)).faults == []


@pytest.mark.parametrize("more", [0, 1], ids=["equal bytes", "other bytes"])
def test_what_a_run_left_that_died_while_it_published_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    config = landed.zone(tmp_path, "[disclosure]\nthreshold = 1\nrounding = 1\n")
    landed.land_events(config, [event(1, day=MONDAY)], day=MONDAY)

    def died() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        at_file(dying, 6, died)
        with pytest.raises(KeyboardInterrupt):
            landed.run(config, AFTER)
    release = tmp_path / "publish/releases/2026-W23/r1"
    assert len(tree(release)) == 6
    (release / "data/of-another-version.parquet").write_bytes(b"no table of this one")
    landed.land_events(config, [event(number, day=MONDAY) for number in range(1 + more)], day=MONDAY)
    report = landed.run(config, AFTER)
    assert [(one.period.key, one.revision) for one in report.releases] == [("2026-W23", 1)]
    assert verify(load_settings(config)).faults == []


def at_file(monkeypatch: pytest.MonkeyPatch, number: int, do: Callable[[], None]) -> None:
    """Do something once: when a release has so many files; where it has none, before its folder is looked at."""
    waits = [number]

    def slow(does: Callable[..., Any]) -> Callable[..., Any]:
        def slowly(self: LocalStore, path: str = "", *data: bytes) -> Any:
            if self.name == "publish" and path.startswith("releases/") and waits and (data or not number):
                left = waits.pop()
                if left:
                    waits.append(left - 1)
                else:
                    do()
            return does(self, path, *data)

        return slowly

    for name in ("list", "create", "put"):
        monkeypatch.setattr(LocalStore, name, slow(getattr(LocalStore, name)))


def moved(monkeypatch: pytest.MonkeyPatch, seconds: float, *, slept: bool) -> None:
    """Move the time on that leases see; the clock of a machine that slept counts only while it is awake."""
    clock = SimpleNamespace(
        time=lambda: time.time() + seconds, monotonic=lambda: time.monotonic() + (0 if slept else seconds)
    )
    monkeypatch.setattr(lease, "time", clock)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
