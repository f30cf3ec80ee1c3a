"""Synthetic landing zones: clean where nothing is broken, and broken exactly where a fault says so."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cetegra_usage import project, synth
from cetegra_usage.errors import UsageError
from cetegra_usage.settings import Settings, load_catalogue
from cetegra_usage.synth.files import Form
from support import plain_rules

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST = date(2026, 3, 30), date(2026, 5, 3)
SHORT: dict[str, Any] = {"first": date(2026, 3, 30), "last": date(2026, 4, 16), "users": 250}
"""Just long enough for a session that is too long, just enough people for pseudonyms to be counted."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo")
    synth.generate(root, first=FIRST, last=LAST)
    return root


@pytest.fixture(scope="module")
def events(demo: Path) -> pl.DataFrame:
    return pl.concat(
        pl.read_parquet(file, hive_partitioning=False) for file in sorted(demo.glob("events/*/*/*.parquet"))
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean")
    synth.generate(root, **SHORT)
    return root


def digests(root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in root.rglob("*")
        if file.is_file()
    }


def expectations(suite: str) -> dict[str, dict[str, Any]]:
    document = json.loads((project.root() / "expectations" / f"{suite}.json").read_text("utf-8"))
    return {entry["kwargs"]["column"]: entry["meta"] for entry in document["expectations"]}


# A zone without faults


def test_a_clean_zone_breaks_no_rule(demo: Path) -> None:
    assert plain_rules.judge(demo) == {}
    assert plain_rules.unsealed(demo) == set()


def test_equal_arguments_give_equal_bytes_and_another_seed_gives_others(clean: Path, tmp_path: Path) -> None:
    synth.generate(tmp_path / "again", **SHORT)
    synth.generate(tmp_path / "other", **SHORT, seed=1)
    assert digests(tmp_path / "again") == digests(clean)
    assert set(digests(tmp_path / "other").values()).isdisjoint(
        {digest for name, digest in digests(clean).items() if name.endswith(".parquet")}
    )


def test_every_day_has_its_partitions_and_the_log_begins_before_the_events(demo: Path) -> None:
    days = [FIRST + timedelta(days=number) for number in range(35)]
    for service in ("workspace", "docs"):
        assert sorted(folder.name for folder in (demo / f"events/service={service}").iterdir()) == [
            f"day={day}" for day in days
        ]
    log_days = sorted(folder.name.removeprefix("day=") for folder in (demo / "consents").iterdir())
    assert log_days == [str(FIRST + timedelta(days=number)) for number in range(-7, 35)]


def test_a_day_without_a_row_is_sealed_empty(tmp_path: Path) -> None:
    synth.generate(tmp_path, first=date(2026, 4, 4), last=date(2026, 4, 5), users=1)
    seals = [json.loads(seal.read_text("utf-8")) for seal in tmp_path.rglob("_seal.json")]
    assert {"files": []} in seals
    assert plain_rules.judge(tmp_path) == {}
    assert plain_rules.unsealed(tmp_path) == set()


def test_parquet_is_as_the_contract_would_have_it(demo: Path) -> None:
    file: Any = pq.ParquetFile(next(demo.glob("events/service=docs/*/*.parquet")))
    assert {name: str(file.schema_arrow.field(name).type) for name in ("event_id", "session_id", "occurred_at")} == {
        "event_id": "extension<arrow.uuid>",
        "session_id": "extension<arrow.uuid>",
        "occurred_at": "timestamp[us, tz=UTC]",
    }
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.metadata.metadata is None


@pytest.mark.parametrize("form", get_args(Form))
def test_every_form_holds_the_same_rows(clean: Path, tmp_path: Path, form: Form) -> None:
    synth.generate(tmp_path, **SHORT, form=form)
    folder = "events/service=workspace/day=2026-04-08"
    (file,) = [file for file in (tmp_path / folder).iterdir() if file.name != "_seal.json"]
    assert file.name == f"part-0.{form}"
    assert plain_rules.unsealed(tmp_path) == set()
    original: Any = pq.ParquetFile(clean / folder / "part-0.parquet")
    expected = original.read().to_pylist()
    if form == "parquet":
        assert file.read_bytes() == (clean / folder / "part-0.parquet").read_bytes()
        return
    data = file.read_bytes()
    if form == "ndjson.gz":
        data = gzip.decompress(data)
    if form == "ndjson.zst":
        stream: Any = pa.CompressedInputStream(pa.BufferReader(data), "zstd")
        data = stream.read()
    landed = [json.loads(line) for line in data.splitlines()]
    for row in landed:
        assert row["occurred_at"].endswith("Z")
        row["occurred_at"] = datetime.fromisoformat(row["occurred_at"]).astimezone(UTC)
    for row in expected:
        row["event_id"] = str(row["event_id"])
        row["session_id"] = row["session_id"] and str(row["session_id"])
    assert landed == expected


def test_the_catalogue_loads_with_a_feature_that_is_new_and_one_that_expires(demo: Path) -> None:
    catalogue = load_catalogue(Settings(folder=demo))
    assert list(catalogue.services) == ["workspace", "docs"]
    assert list(catalogue.user_types) == ["basic_user", "advanced_user", "it_admin"]
    assert len(catalogue.features) == 18
    assert sum(FIRST < feature.since <= LAST for feature in catalogue.features.values()) == 1
    assert sum(feature.expires is not None for feature in catalogue.features.values()) == 1


def test_nothing_uses_a_feature_before_it_is_there(demo: Path, events: pl.DataFrame) -> None:
    (new,) = [feature for feature in load_catalogue(Settings(folder=demo)).features.values() if feature.since > FIRST]
    used = events.filter(pl.col("feature") == new.key)["occurred_at"].dt.date()
    assert used.min() == new.since


# People


def test_people_choose_as_people_do(demo: Path, events: pl.DataFrame) -> None:
    log = pl.concat(pl.read_parquet(file) for file in sorted(demo.glob("consents/*/*.parquet")))
    states = log.group_by("pseudonym").agg(pl.col("state").sort_by("changed_at"))
    ways = Counter(tuple(row) for row in states["state"].to_list())
    assert set(ways) == {("granted",), ("granted", "withdrawn")}
    assert 0.03 < ways["granted", "withdrawn"] / states.height < 0.09
    assert 0.6 < events["consent"].mean() < 0.75  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]
    assert events.filter(pl.col("consent") & pl.col("session_id").is_null()).height > 0


def test_who_gives_consent_again_goes_on_under_another_id() -> None:
    from cetegra_usage.synth.people import NEVER, population  # noqa: PLC0415

    people = population(3000, FIRST, LAST, seed=0)["workspace"]
    again = people.granted[:, 1] < NEVER
    assert again.sum() > 10
    assert (people.withdrawn[again, 0] < people.granted[again, 1]).all()
    assert (people.pseudonyms[again, 0] != people.pseudonyms[again, 1]).all()


def test_use_is_skewed_and_weekends_are_quiet(events: pl.DataFrame) -> None:
    by_person = events.drop_nulls("pseudonym").group_by("pseudonym").len().sort("len", descending=True)["len"]
    heaviest = sum(by_person.head(by_person.len() // 10)) / sum(by_person)
    assert 0.3 < heaviest < 0.6
    by_weekday = dict(events.group_by(pl.col("occurred_at").dt.weekday().alias("day")).len().iter_rows())
    assert max(by_weekday[6], by_weekday[7]) < min(by_weekday[day] for day in range(1, 6)) / 4
    assert 100_000 < events.height < 300_000


def test_sessions_cross_midnight_and_types_change(events: pl.DataFrame) -> None:
    tabs = events.drop_nulls("session_id").group_by("session_id").agg(pl.col("occurred_at").dt.date().n_unique())
    assert tabs.filter(pl.col("occurred_at") > 1).height > 5
    types = events.drop_nulls("pseudonym").group_by("pseudonym").agg(pl.col("user_type").n_unique())
    assert types.filter(pl.col("user_type") > 1).height > 20


def test_event_ids_are_of_version_4_and_7(events: pl.DataFrame) -> None:
    versions = Counter(identifier[6] >> 4 for identifier in events["event_id"].to_list())
    assert set(versions) == {4, 7}


def test_most_weekly_cells_have_ten_users(events: pl.DataFrame) -> None:
    cells: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    weeks = events.drop_nulls("pseudonym").with_columns(week=pl.col("occurred_at").dt.truncate("1w").dt.date())
    for row in weeks.select("week", "service", "user_type", "feature", "pseudonym").unique().iter_rows():
        week, service, user_type, feature, person = row
        for kind in (user_type, "all"):
            for what in (feature, "all"):
                cells[week, service, kind, what].add(person)
    for week in {week for week, *_ in cells}:
        sizes = [len(persons) for (of, *_), persons in cells.items() if of == week]
        assert sum(size >= 10 for size in sizes) / len(sizes) > 0.85


def test_a_working_day_has_the_events_that_were_asked_for(tmp_path: Path) -> None:
    synth.generate(tmp_path, first=date(2026, 4, 16), last=date(2026, 4, 16), users=5000, events_per_day=60_000)
    rows = sum(
        json.loads(seal.read_text("utf-8"))["files"][0]["rows"] for seal in tmp_path.glob("events/*/*/_seal.json")
    )
    assert 50_000 < rows < 70_000


# Faults


def test_every_expectation_has_a_fault_with_its_promise_and_its_consequence() -> None:
    states = {"block": "quarantined", "strip": "accepted", "hold": "accepted", "warn": "accepted"}
    for suite in ("events", "consents", "feedback"):
        for name, meta in expectations(suite).items():
            faults = [fault for fault in synth.FAULTS.values() if fault.expectation == name]
            assert faults, name
            for fault in faults:
                assert (fault.promise, fault.state, fault.kind) == (meta["promise"], states[meta["class"]], suite), name
    known = {*expectations("events"), *expectations("consents"), *expectations("feedback"), None}
    assert {name for fault in synth.FAULTS.values() for name in (fault.expectation, *fault.follows)} <= known


@pytest.mark.parametrize("name", [fault.name for fault in synth.FAULTS.values() if fault.expectation])
def test_a_fault_breaks_its_rule_and_no_other(clean: Path, tmp_path: Path, name: str) -> None:
    fault = synth.FAULTS[name]
    partition = synth.generate(tmp_path, **SHORT, faults=[name])[name]
    middle = date(2026, 4, 13) if name == "few_rows" else date(2026, 4, 8)  # what is usual takes two weeks to know
    assert partition == fault.partition(middle)
    expected = {partition.id: {fault.expectation, *fault.follows}}
    if name == "pseudonym_of_both":  # it takes two
        expected["events/docs/2026-04-08"] = {fault.expectation}
    assert plain_rules.judge(tmp_path, account_ids=["account-4711"]) == expected
    assert plain_rules.unsealed(tmp_path) == set()
    before, after = digests(clean), digests(tmp_path)
    changed = {file.rsplit("/", 1)[0] for file in before | after if before.get(file) != after.get(file)}
    assert changed <= {partition.prefix, f"consents/day={middle}"}


@pytest.mark.parametrize("name", ["file_cut", "seal_mismatch", "seal_missing_file", "extra_file"])
def test_a_damaged_folder_is_not_what_its_seal_says(tmp_path: Path, name: str) -> None:
    partition = synth.generate(tmp_path, **SHORT, faults=[name])[name]
    assert synth.FAULTS[name].state == "incomplete"
    assert plain_rules.unsealed(tmp_path) == {partition.prefix}


def test_a_file_of_another_form_is_sealed_and_cannot_be_read(tmp_path: Path) -> None:
    partition = synth.generate(tmp_path, **SHORT, faults=["no_parquet"])["no_parquet"]
    assert plain_rules.unsealed(tmp_path) == set()
    with pytest.raises(pa.ArrowInvalid):
        pq.ParquetFile(tmp_path / partition.prefix / "part-0.parquet")


def test_equal_duplicates_break_nothing_and_are_there_twice(clean: Path, tmp_path: Path) -> None:
    partition = synth.generate(tmp_path, **SHORT, faults=["duplicate_equal"])["duplicate_equal"]
    assert plain_rules.judge(tmp_path) == {}
    frames = [pl.read_parquet(root / partition.prefix / "part-0.parquet") for root in (clean, tmp_path)]
    assert frames[1].height == frames[0].height + 3
    assert frames[1].unique().height == frames[0].height


def test_a_strip_fault_spares_the_days_around_it(tmp_path: Path) -> None:
    synth.generate(tmp_path, **SHORT, faults=["late_withdrawal", "id_never_granted"])
    broken = plain_rules.judge(tmp_path)
    assert list(broken.values()) == [{"consent_in_force"}, {"consent_in_force"}]


def test_faults_are_seeded_in_ndjson_too(tmp_path: Path) -> None:
    partition = synth.generate(tmp_path, **SHORT, faults=["extra_column"], form="ndjson")["extra_column"]
    (file,) = (tmp_path / partition.prefix).glob("*.ndjson")
    assert all("duration_ms" in json.loads(line) for line in file.read_text("utf-8").splitlines())


def test_all_faults_fit_into_one_zone_a_day_each(tmp_path: Path) -> None:
    faults = {name: fault for name, fault in synth.FAULTS.items() if fault.expectation}
    places = synth.generate(tmp_path, first=date(2026, 3, 30), last=date(2026, 6, 28), users=250, faults=list(faults))
    assert len({partition.day for partition in places.values()}) == len(faults)
    expected = {places[name].id: {fault.expectation, *fault.follows} for name, fault in faults.items()}
    expected[f"events/docs/{places['pseudonym_of_both'].day}"] = {"pseudonym_one_service"}
    assert plain_rules.judge(tmp_path, account_ids=["account-4711"]) == expected


# Refusals


def test_an_unknown_fault_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        synth.generate(tmp_path / "zone", **SHORT, faults=["exta_column"])
    assert "extra_column" in caught.value.hint
    assert not (tmp_path / "zone").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        {"first": LAST, "last": FIRST},
        {"first": FIRST, "last": LAST, "users": 0},
        {"first": FIRST, "last": FIRST + timedelta(days=5), "faults": ["session_for_days"]},
        {"first": FIRST, "last": FIRST + timedelta(days=5), "faults": ["few_rows"]},
        {"first": FIRST, "last": FIRST, "faults": ["extra_column", "null_value"]},
        {"first": FIRST, "last": LAST, "users": 1, "faults": ["counted_pseudonyms"]},
    ],
)
def test_what_cannot_be_generated_is_refused(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        synth.generate(tmp_path, **arguments)


@pytest.mark.parametrize("what", ["events", "consents", "feedback", "catalogue.toml"])
def test_a_zone_that_is_not_synthetic_is_left_alone(tmp_path: Path, what: str) -> None:
    (tmp_path / what).write_text("somebody's own", "utf-8")
    with pytest.raises(UsageError, match="not synthetic"):
        synth.generate(tmp_path, **SHORT)
    assert (tmp_path / what).read_text("utf-8") == "somebody's own"
    assert [file.name for file in tmp_path.iterdir()] == [what]


# A zone that is there already


@pytest.mark.parametrize("name", ["extra_file", "unknown_service", "consents_extra_column"])
def test_days_made_anew_are_as_if_they_had_never_been_broken(clean: Path, tmp_path: Path, name: str) -> None:
    synth.generate(tmp_path, **SHORT, faults=[name])
    assert digests(tmp_path) != digests(clean)
    synth.generate(tmp_path, **SHORT)
    assert digests(tmp_path) == digests(clean)


def test_a_zone_goes_on_with_other_days_and_stays_clean(tmp_path: Path) -> None:
    synth.generate(tmp_path, **SHORT)
    before = digests(tmp_path)
    synth.generate(tmp_path, first=date(2026, 4, 17), last=date(2026, 4, 24), users=250)
    after = digests(tmp_path)
    assert {name for name in before if before[name] != after[name] and not name.endswith("_seal.json")} == {
        "catalogue.toml"
    }
    assert len(list(tmp_path.glob("events/service=docs/*"))) == 26
    assert plain_rules.judge(tmp_path) == {}
    assert plain_rules.unsealed(tmp_path) == set()
