"""Whatever lands: every published cell, statuses included, is what the plain-Python reference makes of the contract."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from uuid import UUID

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cetegra_usage.model import Catalogue, Feature
from cetegra_usage.pipeline import job, run
from cetegra_usage.settings import load_settings
from support.figures import GRAINS, differences, mistyped, releases, table
from support.reference import Change, Event, Fate, reference, settle
from support.zones import PSEUDONYMS, Layout, Zone, write, zones

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOW = settings(
    deadline=None,
    phases=[Phase.generate],  # an example takes seconds: shrinking one would take an hour
    derandomize=True,  # the same zones every time: a finding is a failure of the change, not of the day
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def run_on(zone: Zone, config: Path) -> dict[str, dict[str, object]]:
    """Run the pipeline in this process; return what it says of each event partition, by id."""
    with job.opened(load_settings(config, environment={}), zone.today) as opened:
        report = run.run(opened, *job.days_to_take(opened, None, None)).as_json()
    return {partition["id"]: partition for partition in report["partitions"] if partition["id"].startswith("events/")}


def fates(zone: Zone) -> dict[str, tuple[str, Fate]]:
    """Return the state and, where it is accepted, the rows' fates that each partition must come to."""
    settled = settle(zone.events, zone.consents, zone.catalogue, zone.skew_seconds)
    return {
        f"events/{service}/{day}": (state, settled.get((service, day), ([], Fate()))[1])
        for (service, day), state in zone.partitions.items()
    }


@settings(SLOW, max_examples=5)
@given(zone=zones(max_days=16))
def test_every_published_cell_is_the_references(zone: Zone) -> None:
    with tempfile.TemporaryDirectory() as folder:
        partitions = run_on(zone, write(zone, Path(folder)))
        for partition, (state, fate) in fates(zone).items():
            assert partitions[partition]["state"] == state, partition
            if state == "accepted":
                rows = {name: getattr(fate, name) for name in ("landed", "accepted", "duplicate", "held", "stripped")}
                assert partitions[partition]["rows"] == rows | {"quarantined": 0}, partition
        assert_published_is_the_references(zone, Path(folder))


@settings(SLOW, max_examples=3)
@given(zone=zones(max_days=12, max_walks=12), steps=st.lists(st.integers(0, 2), min_size=7, max_size=7))
def test_any_order_of_arrival_ends_the_same(zone: Zone, steps: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = write(zone, Path(folder))
        landing, waiting = Path(folder) / "landing", Path(folder) / "waiting"
        landing.rename(waiting)
        landing.mkdir()
        days = sorted(waiting.rglob("day=*"))
        for step in sorted(set(steps)):
            for number, day in enumerate(days):
                if steps[number % len(steps)] == step:
                    place = landing / day.relative_to(waiting)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    day.rename(place)
            run_on(zone, config)
        assert_published_is_the_references(zone, Path(folder))


@pytest.mark.parametrize("is_anybody", [True, False], ids=["people", "nobody"])
def test_a_consent_log_that_lands_last_ends_as_if_it_had_been_there(is_anybody: bool, tmp_path: Path) -> None:  # noqa: FBT001
    # Without a log nobody is doubted. It begins after the week, with one of the people: the other one is not in it.
    at = datetime(2026, 6, 1, 9, tzinfo=UTC)
    stranger, known = PSEUDONYMS[:2]
    walked = [(who if is_anybody else None, at + timedelta(days=n)) for n, who in enumerate((stranger, known))]
    zone = _week(walked, [Change(known, at + timedelta(days=9), "granted")])
    config = write(zone, tmp_path)
    log, waiting = tmp_path / "landing" / "consents", tmp_path / "waiting"
    log.rename(waiting)
    run_on(zone, config)
    waiting.rename(log)
    run_on(zone, config)
    assert_published_is_the_references(zone, tmp_path)
    assert {partition["state"] for partition in run_on(zone, config).values()} == {"unchanged"}


@pytest.mark.parametrize("is_at_once", [True, False], ids=["at once", "forgotten meanwhile"])
def test_who_was_forgotten_begins_anew_whatever_the_skew_and_the_sessions_id(is_at_once: bool, tmp_path: Path) -> None:  # noqa: FBT001
    # 31 May 2026 is a Sunday: week and month of the withdrawal end with it, and the skew reaches into the next day.
    who, other = PSEUDONYMS[:2]
    old, session, new = UUID(int=4 << 76 | 1), UUID(int=4 << 76 | 2), datetime(2026, 6, 10, 9, tzinfo=UTC)
    at = datetime(2026, 5, 29, 9, tzinfo=UTC)
    walked = [
        (who, at, old),
        (who, at, session),
        (other, at, UUID(int=4 << 76 | 3)),
        (who, datetime(2026, 6, 1, 0, 0, 20, tzinfo=UTC), old),
        (other, new, None),
        (who, new - timedelta(seconds=30), session),
        (who, new + timedelta(days=1), session),
        (other, new + timedelta(days=1), UUID(int=4 << 76 | 4)),
    ]
    consents = [
        *(Change(pseudonym, at - timedelta(days=1), "granted") for pseudonym in (who, other)),
        Change(who, datetime(2026, 5, 31, 23, 59, 50, tzinfo=UTC), "withdrawn"),
        Change(who, new, "granted"),
    ]
    zone = replace(_zone(walked, consents, date(2026, 5, 25), 28), today=date(2026, 7, 12))
    config = write(zone, tmp_path)
    if not is_at_once:
        for today in (date(2026, 6, 3), date(2026, 6, 9)):
            run_on(replace(zone, today=today), config)
    run_on(zone, config)
    assert_published_is_the_references(zone, tmp_path)
    of_old = [pl.read_parquet(file) for file in (tmp_path / "warehouse/rollups").rglob("*-persons.*")]
    assert set(pl.concat(of_old).filter(pseudonym=who)["day"]) == {new.date(), (new + timedelta(days=1)).date()}


@pytest.mark.parametrize("layout", get_args(Layout))
def test_a_pseudonym_keeps_every_digit_whatever_the_layout(layout: Layout, tmp_path: Path) -> None:
    # A week in which one of two people has withdrawn: who it was must be told apart by the last digits too.
    at = datetime(2026, 6, 1, 9, tzinfo=UTC)
    there, gone = PSEUDONYMS[:2]
    walked = [(pseudonym, at + timedelta(days=n)) for n, pseudonym in enumerate((None, gone, there, there))]
    consents = [Change(pseudonym, at - timedelta(days=1), "granted") for pseudonym in (gone, there)]
    zone = _week(walked, [*consents, Change(gone, at + timedelta(days=2), "withdrawn")], layout)
    run_on(zone, write(zone, tmp_path))
    schemas = [pq.read_schema(file) for file in (tmp_path / "warehouse").rglob("*.parquet")]
    assert {str(schema.field("pseudonym").type) for schema in schemas if "pseudonym" in schema.names} == {"int64"}
    assert_published_is_the_references(zone, tmp_path)


def _week(
    walked: Sequence[tuple[int | None, datetime]], consents: Sequence[Change], layout: Layout = "parquet"
) -> Zone:
    """Return the first week of June 2026 in one service: an event each, the last of them landed twice."""
    zone = _zone([(pseudonym, at, None) for pseudonym, at in walked], consents, date(2026, 6, 1), 7, layout)
    return replace(zone, today=date(2026, 6, 12), events=(*zone.events, zone.events[-1]))


def _zone(
    walked: Sequence[tuple[int | None, datetime, UUID | None]],
    consents: Sequence[Change],
    first: date,
    days: int,
    layout: Layout = "parquet",
) -> Zone:
    """Return some days of one service: an event each."""
    events = [
        Event(
            event_id=UUID(int=(4 << 76) | (2 << 62) | n),
            occurred_at=at,
            service="docs",
            user_type="basic_user",
            action="open",
            feature="docs.page",
            consent=pseudonym is not None,
            pseudonym=pseudonym,
            session_id=session_id,
        )
        for n, (pseudonym, at, session_id) in enumerate(walked)
    ]
    return Zone(
        catalogue=Catalogue(
            services={"docs": "Docs"},
            user_types={"basic_user": "Basic user"},
            features={"docs.page": Feature("docs.page", "Page", "docs", ("open",), "team", first)},
            notices={},
            digest="",
        ),
        events=tuple(events),
        consents=tuple(consents),
        partitions={("docs", first + timedelta(days=n)): "accepted" for n in range(days)},
        today=first + timedelta(days=days),
        layout=layout,
    )


def assert_published_is_the_references(zone: Zone, folder: Path) -> None:
    published = releases(folder / "publish")
    assert published.keys() >= set(zone.periods())
    world = zone.world()
    for period, release in published.items():
        expected = reference(world, period)
        said = [line for name in GRAINS for line in differences(name, expected[name], table(release, name))]
        assert said == [], period
        assert [mistyped(release, name) for name in GRAINS] == [{}] * len(GRAINS)
