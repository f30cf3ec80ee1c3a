"""What becomes of a partition and of each of its rows: hand-written partitions, a verdict each."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from cetegra_usage import rollup
from cetegra_usage.errors import UsageError
from cetegra_usage.model import each_day
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import plan, state
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.settings import load_settings
from cetegra_usage.store import ObjectForbiddenError
from cetegra_usage.store.local import LocalStore
from support import landed
from support.landed import (
    DAY,
    EVENT,
    OTHER,
    PERSON,
    TODAY,
    change,
    event,
    failures,
    identified,
    land,
    only,
    recipient_of,
    response,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cetegra_usage.store import Entry

SOON = date(2026, 6, 10)
"""A day on which no period is complete: nothing is published."""
SESSION = "9b2f6a1e-51c7-4c0e-8a53-2f0d7b6e4c11"
BARE = {"disclosure.threshold": "1", "disclosure.rounding": "1"}
PERSONAL = "kari.nordmann@example.org"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return landed.zone(tmp_path)


def consenting(config: Path, *rows: dict[str, Any]) -> None:
    landed.land_consents(config, [change(1.0, "granted"), change(1.0, "granted", OTHER), *rows])


def test_lawful_rows_are_accepted(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [event(1), identified(2), identified(3, session_id=SESSION)])
    outcome = only(config)
    assert (outcome.state, failures(outcome)) == ("accepted", {})
    assert (outcome.rows.landed, outcome.rows.accepted) == (3, 3)


@pytest.mark.parametrize(
    ("changed", "expectation", "promise"),
    [
        ({"pseudonym": PERSON}, "no_pseudonym_without_consent", "id-only-with-consent"),
        ({"consent": True}, "pseudonym_with_consent", "id-only-with-consent"),
        ({"session_id": SESSION}, "session_only_with_consent", "session-only-with-consent"),
        ({"event_id": "6fa459ea-ee8a-11ca-894e-db77e160355e"}, "event_id_random", "unlinkable-without-consent"),
        ({"event_id": "00000000-0000-0000-0000-000000000000"}, "event_id_random", "unlinkable-without-consent"),
        ({"event_id": None}, "values_present", "fields-listed"),
        ({"event_id": "no id"}, "values_readable", "fields-listed"),
        ({"action": "delete"}, "action_declared", "no-content"),
        ({"service": "docs"}, "service_is_the_folders", "fields-listed"),
        ({"occurred_at": landed.at(0, DAY + timedelta(days=1))}, "inside_the_day", "fields-listed"),
    ],
)
def test_a_row_that_breaks_a_rule_quarantines_the_day(
    config: Path, changed: dict[str, Any], expectation: str, promise: str
) -> None:
    consenting(config)
    landed.land_events(config, [event(1), event(2, **changed)])
    outcome = only(config)
    assert outcome.state == "quarantined"
    assert {"promise": promise, "expectation": expectation, "count": 1} in list(outcome.failed)
    assert (outcome.rows.quarantined, outcome.rows.accepted) == (2, 0)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"consent": True, "pseudonym": "7.5"}, {"values_readable": 1}),
        ({"consent": True, "pseudonym": "7.5", "session_id": SESSION}, {"values_readable": 1}),
        ({"pseudonym": "7.5"}, {"values_readable": 1, "no_pseudonym_without_consent": 1}),
        ({"session_id": "a tab"}, {"values_readable": 1, "session_only_with_consent": 1}),
        ({"consent": True, "pseudonym": str(PERSON), "session_id": "a tab"}, {"values_readable": 1}),
    ],
)
@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_an_id_that_cannot_be_read_is_no_missing_one(
    config: Path, form: str, changed: dict[str, Any], found: dict[str, int]
) -> None:
    consenting(config)
    rows = [event(1), event(2, **changed)]
    if form == "parquet":
        schema = pa.schema([pa.field("pseudonym", pa.string()) if one.name == "pseudonym" else one for one in EVENT])
        landed.land_events(config, rows, schema=schema)
    else:
        land(config.parent / f"landing/events/service=workspace/day={DAY}", {"part.ndjson": landed.ndjson(rows)}, 2)
    assert failures(only(config)) == found


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_texts_that_no_column_holds_are_searched(config: Path, form: str) -> None:
    """Where an id or a time belongs, and under a key that is not listed, whatever it is called."""
    consenting(config)
    rows = [
        event(1, consent=True, pseudonym="kari@example.org"),
        event(2, occurred_at="10.1.2.3"),
        event(3) | {"it's/a~\"key": "as INC0012345 says"},
    ]
    other = [name for name in rows[2] if name not in EVENT.names]
    rows[0]["latency"] = 123_456_789_012  # a number can be many things
    if form == "parquet":
        texts = ("pseudonym", "occurred_at")
        schema = pa.schema([pa.field(one.name, pa.string()) if one.name in texts else one for one in EVENT])
        rows = [row | {"occurred_at": str(row["occurred_at"])} for row in rows]
        schema = schema.append(pa.field(other[0], pa.string())).append(pa.field("latency", pa.int64()))
        landed.land_events(config, rows, schema=schema)
    else:
        land(config.parent / f"landing/events/service=workspace/day={DAY}", {"part.ndjson": landed.ndjson(rows)}, 3)
    found = failures(only(config))
    assert (found.pop("no_direct_identifiers"), found.pop("no_device_data"), found["values_readable"]) == (1, 1, 2)
    assert found["no_content_values"] == 1


def test_a_float_is_no_pseudonym_and_not_a_missing_one(config: Path) -> None:
    consenting(config)
    rows = [event(1), event(2, consent=True, pseudonym=7.5), event(3, pseudonym=1e300)]
    land(config.parent / f"landing/events/service=workspace/day={DAY}", {"part.ndjson": landed.ndjson(rows)}, 3)
    assert failures(only(config)) == {"values_readable": 2, "no_pseudonym_without_consent": 1}


def test_a_column_that_is_not_there_is_no_missing_value(config: Path) -> None:
    consenting(config)
    rows = [event(1), event(2, user_type=None), event(3, consent=None), event(4, occurred_at=None)]
    schema = pa.schema([field for field in EVENT if field.name != "feature"])
    landed.land_events(config, [{**row, "feature": None} for row in rows], schema=schema)
    found = failures(only(config))
    assert (found["no_missing_columns"], found["values_present"]) == (1, 3)


@pytest.mark.parametrize("number", [5, 2**32, -7])
def test_a_small_pseudonym_is_no_opaque_number(config: Path, number: int) -> None:
    consenting(config)
    landed.land_events(config, [identified(1, person=number)])
    assert failures(only(config))["pseudonym_in_range"] == 1


def test_a_personal_value_blocks_and_is_never_shown(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [event(1), event(2, feature=PERSONAL)])
    outcome = only(config)
    assert outcome.state == "quarantined"
    assert failures(outcome)["no_direct_identifiers"] == 1
    landed.run(config, SOON)
    kept = [path for path in config.parent.rglob("*") if path.is_file() and "landing" not in path.parts]
    assert kept
    assert not [path for path in kept if b"nordmann" in path.read_bytes()]


def test_columns_are_closed(config: Path) -> None:
    consenting(config)
    schema = EVENT.append(pa.field("ip_address", pa.string()))
    landed.land_events(config, [event(1) | {"ip_address": "10.1.2.3"}], schema=schema)
    outcome = only(config)
    assert outcome.state == "quarantined"
    assert failures(outcome)["no_extra_columns"] == 1
    assert failures(outcome)["no_device_data"] == 2  # its name, and what stands in it


def test_a_missing_column_is_said_and_what_needs_it_is_not_checked(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [event(1)], schema=pa.schema([field for field in EVENT if field.name != "consent"]))
    outcome = only(config)
    assert failures(outcome) == {"no_missing_columns": 1}


def test_integers_and_ids_of_other_widths_are_cast(config: Path) -> None:
    consenting(config)
    schema = EVENT.set(7, pa.field("pseudonym", pa.uint64())).set(0, pa.field("event_id", pa.binary(16)))
    row = identified(1)
    row["event_id"] = bytes.fromhex(row["event_id"].replace("-", ""))
    landed.land_events(config, [row], schema=schema)
    assert only(config).state == "accepted"


def test_a_float_is_no_pseudonym(config: Path) -> None:
    consenting(config)
    row = identified(1, person=2**40)
    landed.land_events(config, [row], schema=EVENT.set(7, pa.field("pseudonym", pa.float64())))
    assert failures(only(config)) == {"no_mistyped_columns": 1}


def test_nanoseconds_are_cut_off_not_rounded_into_the_next_day(config: Path) -> None:
    consenting(config)
    schema = EVENT.set(1, pa.field("occurred_at", pa.timestamp("ns", tz="UTC")))
    last = pa.scalar(landed.at(0, DAY + timedelta(days=1)), pa.timestamp("ns", tz="UTC")).value - 1
    table = pa.Table.from_pylist([event(1)], EVENT).cast(schema)
    table = table.set_column(1, schema.field(1), pa.array([last], pa.timestamp("ns", tz="UTC")))
    landed.land_events(config, [event(1)])
    land(config.parent / f"landing/events/service=workspace/day={DAY}", {"part-0.parquet": _parquet(table)}, 1)
    assert failures(only(config)) == {}


@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize(
    ("folder", "rows", "schema", "expectation"),
    [
        ("events/service=workspace", [event(1), event(2)], EVENT, "values_readable"),
        ("consents", [change(1, "granted"), change(2, "granted")], landed.CHANGE, "consent_values_readable"),
        ("feedback", [landed.response(1), landed.response(2)], landed.FEEDBACK, "feedback_values_readable"),
    ],
)
def test_milliseconds_that_no_microseconds_hold_are_values_that_do_not_cast(
    config: Path, folder: str, rows: list[dict[str, Any]], schema: Any, expectation: str, zone: str | None
) -> None:
    lawful = int(landed.at(9).timestamp() * 1000)
    times = pa.array([2**62, lawful]).view(pa.timestamp("ms", zone))
    table = pa.Table.from_pylist(rows, schema).set_column(1, schema.names[1], times)
    land(config.parent / f"landing/{folder}/day={DAY}", {"part-0.parquet": _parquet(table)}, 2)
    (outcome,) = landed.check(config).values()
    counts = failures(outcome)
    assert (outcome.state, counts.pop(expectation)) == ("quarantined", 1)
    assert set(counts) <= {"notice_declared"}


def test_unknown_keys_are_held_and_taken_in_when_the_catalogue_knows_them(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [event(1), event(2, feature="cases.new_board"), event(3, action="order")])
    report = landed.run(config, flags=BARE)
    (outcome,) = report.outcomes
    assert (outcome.state, outcome.rows.held, outcome.rows.accepted) == ("accepted", 2, 1)
    assert failures(outcome) == {"feature_declared": 1, "action_listed": 1}
    more = landed.CATALOGUE.replace('"submit"]', '"submit", "order"]') + (
        '\n[[feature]]\nkey = "cases.new_board"\ntitle = "Board"\nservice = "workspace"\nactions = ["open"]\n'
        'owner = "the cases team"\nsince = 2026-01-01\n'
    )
    (config.parent / "catalogue.toml").write_text(more, "utf-8")
    report = landed.run(config, flags=BARE)
    (outcome,) = report.outcomes
    assert (outcome.state, outcome.rows.held, outcome.rows.accepted) == ("accepted", 0, 3)
    for release in report.releases:
        document = json.loads((config.parent / "publish" / release.path / "release.json").read_text("utf-8"))
        assert {erratum["cause"] for erratum in document["errata"]} == {"catalogue"}
    assert {release.revision for release in report.releases} >= {2}


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "cut short"])
def test_a_vocabulary_that_cannot_be_read_has_its_partitions_judged_anew(is_gone: bool, config: Path) -> None:  # noqa: FBT001
    consenting(config)
    landed.land_events(config, [event(1)])
    landed.run(config, SOON)
    for file in (config.parent / "warehouse" / "memory" / "vocabularies").iterdir():
        file.unlink() if is_gone else file.write_bytes(file.read_bytes()[:-9])
    assert [one.state for one in landed.run(config, SOON).outcomes] == ["unchanged"]
    catalogue = config.parent / "catalogue.toml"
    catalogue.write_text(landed.CATALOGUE.replace('"submit"]', '"submit", "order"]'), "utf-8")
    with jobs.opened(load_settings(config), SOON) as job:
        assert [item.reason for item in plan.make(job, DAY, DAY).items if item.is_taken] == ["catalogue"]
    assert [one.state for one in landed.run(config, SOON).outcomes] == ["accepted"]


def test_each_figure_that_changes_has_its_own_cause(config: Path) -> None:
    """A day came late, and the catalogue learned a key of the next: what looks at both has the graver cause."""
    after = DAY + timedelta(days=1)
    landed.land_events(config, [event(1)])
    landed.land_events(config, [event(2, day=after), event(3, day=after, feature="cases.new_board")], day=after)
    landed.run(config, flags=BARE)
    landed.land_events(config, [event(1), event(4)])
    more = landed.CATALOGUE + (
        '\n[[feature]]\nkey = "cases.new_board"\ntitle = "Board"\nservice = "workspace"\nactions = ["open"]\n'
        'owner = "the cases team"\nsince = 2026-01-01\n'
    )
    (config.parent / "catalogue.toml").write_text(more, "utf-8")
    week = next(release for release in landed.run(config, flags=BARE).releases if release.period.is_week)
    document = json.loads((config.parent / "publish" / week.path / "release.json").read_text("utf-8"))
    causes = {
        (erratum["row"].get("day", erratum["table"]), measure): erratum["cause"]
        for erratum in document["errata"]
        for measure in erratum["measures"]
        if erratum["table"] in {"activity", "features"}
    }
    assert causes[DAY.isoformat(), "events"] == "late data"
    assert {cause for (day, _), cause in causes.items() if day == DAY.isoformat()} == {"late data"}
    assert causes[after.isoformat(), "events"] == "catalogue"
    assert causes["features", "events"] == "catalogue"
    assert verify(load_settings(config)).faults == []


def test_equal_duplicates_are_counted_once_and_unequal_ones_block(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [event(1), event(1), event(2)])
    outcome = only(config)
    assert (outcome.state, outcome.rows.duplicate, outcome.rows.accepted) == ("accepted", 1, 2)
    landed.land_events(config, [event(1), event(1, hour=10), event(2)])
    assert failures(only(config)) == {"event_id_unique": 2}


def test_ids_outside_their_consent_are_stripped(config: Path) -> None:
    consenting(config, change(12.0, "withdrawn"), change(15.0, "granted"))
    rows = [identified(n, hour) for n, hour in enumerate([0.5, 2.0, 11.9, 12.0, 13.0, 15.0])]
    landed.land_events(config, rows)
    outcome = only(config)
    # 0:30 lies before the grant; 12:00 within the minute that clocks may differ; 13:00 after the withdrawal.
    assert (outcome.state, outcome.rows.stripped) == ("accepted", 2)
    assert failures(outcome) == {"consent_in_force": 2}
    assert [failed["promise"] for failed in outcome.failed] == ["consent-at-the-time"]


def test_an_interval_longer_than_nothing_is_needed(config: Path) -> None:
    landed.land_consents(config, [change(5.0, "granted"), change(5.0, "withdrawn")])
    landed.land_events(config, [identified(1, 5.0)])
    assert failures(only(config)) == {"consent_in_force": 1}


def test_sessions_of_two_and_sessions_that_outlive_their_consent_are_stripped_whole(config: Path) -> None:
    consenting(config, change(12.0, "withdrawn"), change(12.5, "granted"))
    another = SESSION.replace("9b", "8b")
    landed.land_events(
        config,
        [
            identified(1, 2.0, session_id=SESSION),
            identified(2, 3.0, OTHER, session_id=SESSION),
            identified(3, 11.0, session_id=another),
            identified(4, 13.0, session_id=another),
            identified(5, 14.0),
        ],
    )
    outcome = only(config)
    assert failures(outcome) == {"session_one_person": 1, "session_ends_with_consent": 1}
    assert (outcome.rows.stripped, outcome.rows.accepted) == (4, 5)


def test_without_a_consent_log_consent_is_not_checked(config: Path) -> None:
    landed.land_events(config, [identified(1)])
    landed.run(config)
    document = _evidence(config)
    status = {one["id"]: one["status"] for one in document["promises"]}
    assert status["consent-at-the-time"] == "not_checked"
    assert status["id-only-with-consent"] == "met"


def test_folders_of_other_services_are_held_or_blocked_and_named_only_where_they_may_be(config: Path) -> None:
    landed.land_consents(config, [])
    for service in ("crm", "Work-Space", "kari.nordmann_at_example.no", "user_48213", "a b", "..", "masked-1"):
        landed.land_events(config, [event(1, service=service), event(2, service=service)], service=service)
    (config.parent / "landing/events/nowhere").write_text("", "utf-8")
    report = landed.run(config, SOON)
    found = {outcome.partition.service: (outcome.state, failures(outcome)) for outcome in report.outcomes}
    undeclared = {"service_declared": 2, "feature_of_its_service": 2}
    key = {"service_is_a_key": 2}
    assert found == {
        "crm": ("accepted", undeclared),
        "Work-Space": ("quarantined", undeclared | key),
        "masked-1": ("accepted", undeclared),  # two dots have the shape of a key
        "masked-2": ("quarantined", undeclared | key | {"no_content_values": 2}),
        "masked-3": ("quarantined", undeclared | {"no_direct_identifiers": 2, "no_person_names": 2}),
        "masked-4": ("quarantined", undeclared | key),
        "masked-5": ("quarantined", undeclared | {"no_direct_identifiers": 2}),
    }
    assert (report.exit_code, report.strangers) == (13, 1)
    everywhere = [path for path in config.parent.rglob("*") if "landing" not in path.parts]
    assert not [path for path in everywhere if "nordmann" in str(path) or "48213" in str(path)]
    assert {outcome.state for outcome in landed.run(config, SOON).outcomes} == {"unchanged"}


def test_what_landed_of_an_undeclared_service_is_in_the_evidence(config: Path) -> None:
    landed.land_consents(config, [])
    landed.land_events(config, [event(1)])
    landed.land_events(config, [event(2, service="crm")], service="crm")
    day = DAY + timedelta(days=1)
    landed.land_consents(config, [], day=day)
    landed.land_events(config, [event(3, day=day, service="user_48213")], service="user_48213", day=day)
    landed.run(config)
    document = _evidence(config)
    undeclared = [
        (one["id"], one["state"]) for one in document["partitions"] if one["service"] not in {"workspace", ""}
    ]
    assert undeclared == [(f"events/crm/{DAY}", "accepted"), (f"events/masked-1/{day}", "quarantined")]
    status = {one["id"]: one["status"] for one in document["promises"]}
    assert (status["in-scope"], status["no-direct-identifiers"], status["no-device-data"]) == (
        "not_met",
        "not_met",
        "met",
    )
    assert verify(load_settings(config)).faults == []


def _of_few_people(config: Path) -> None:
    landed.land_events(
        config, [identified(number, person=PERSON + (number % 3 << 40), action="delete") for number in range(600)]
    )


def _of_a_few_copies(config: Path) -> None:
    rows = [event(number) for number in range(700)]
    landed.land_events(config, [*rows, *[rows[0]] * 600])


def _of_a_few_changes(config: Path) -> None:
    rows = [change(1 + number / 60, "granted" if number % 2 else "withdrawn") for number in range(600)]
    landed.land_consents(config, [*rows, *[rows[0]] * 600])
    landed.land_events(config, [event(1)])


def _of_whom_no_pseudonym_can_be_read(config: Path) -> None:
    rows = [identified(number, pseudonym="7.5") for number in range(600)]
    schema = pa.schema([pa.field("pseudonym", pa.string()) if one.name == "pseudonym" else one for one in EVENT])
    landed.land_events(config, rows, schema=schema)


def _of_a_column_of_another_type(config: Path) -> None:
    rows = [event(number, pseudonym=7.5) for number in range(600)]
    schema = pa.schema([pa.field("pseudonym", pa.float64()) if one.name == "pseudonym" else one for one in EVENT])
    landed.land_events(config, rows, schema=schema)


def _of_one_id(config: Path) -> None:
    landed.land_events(config, [event(1, number / 60) for number in range(600)])


def _of_a_few_sessions(config: Path) -> None:
    landed.land_events(config, [event(number, session_id=SESSION) for number in range(600)])


def _of_few_answers(config: Path) -> None:
    landed.land_feedback(config, [response(number, "thrown", number % 3) for number in range(600)])
    landed.land_events(config, [event(1)])


@pytest.mark.parametrize(
    ("landing", "partition", "fate"),
    [
        (_of_few_people, f"events/workspace/{DAY}", "quarantined"),
        (_of_whom_no_pseudonym_can_be_read, f"events/workspace/{DAY}", "quarantined"),
        (_of_a_column_of_another_type, f"events/workspace/{DAY}", "quarantined"),
        (_of_one_id, f"events/workspace/{DAY}", "quarantined"),
        (_of_a_few_sessions, f"events/workspace/{DAY}", "quarantined"),
        (_of_a_few_copies, f"events/workspace/{DAY}", "duplicate"),
        (_of_a_few_changes, f"consents/{DAY}", "duplicate"),
        (_of_few_answers, f"feedback/{DAY}", "quarantined"),
    ],
)
def test_a_count_of_many_rows_of_few_people_is_withheld(
    config: Path, landing: Callable[[Path], None], partition: str, fate: str
) -> None:
    consenting(config)
    landing(config)
    landed.run(config)
    one = next(one for one in _evidence(config)["partitions"] if one["id"] == partition)
    assert (one["rows"][fate], one["rows"]["landed"]) == ("withheld", "withheld")
    assert {result["count"] for result in one["results"] if result["count"]} <= {"withheld"}
    assert verify(load_settings(config)).faults == []


def test_no_difference_of_two_counts_is_a_third_that_is_withheld(config: Path) -> None:
    landed.land_consents(config, [])
    rows = [event(number, feature="cases.unheard_of") for number in range(1000)]
    landed.land_events(config, [*rows, *[rows[0]] * 9, *(event(number) for number in range(1000, 2000))])
    landed.run(config)
    one = next(one for one in _evidence(config)["partitions"] if one["id"] == f"events/workspace/{DAY}")
    shown = [one["rows"][fate] for fate in ("duplicate", "held", "landed")]
    assert [*shown, *(result["count"] for result in one["results"] if result["count"])] == ["withheld"] * 4
    assert verify(load_settings(config)).faults == []


def test_a_day_of_the_consent_log_that_lands_again_is_held_against_what_it_was(config: Path) -> None:
    """Whoever is not touched by the first change keeps a verdict that rests on the day as it was before."""
    day = DAY + timedelta(days=1)
    log = [change(1.0, "granted"), change(1.0, "granted", OTHER)]
    landed.land_consents(config, log)
    landed.land_consents(config, [], day=day)
    landed.land_events(config, [identified(1)])
    landed.land_events(config, [identified(2, person=OTHER, day=day)], day=day)

    def taken(*more: dict[str, Any]) -> list[str]:
        landed.land_consents(config, [*log, *more])
        report = landed.run(config, today=day + timedelta(days=1))  # no period is over, and nothing is published
        return [one.partition.id for one in report.outcomes if one.state != "unchanged"]

    assert len(taken()) == 2
    stranger = change(1.0, "granted", PERSON + 1)
    assert taken(stranger) == []
    assert taken(stranger) == []
    assert taken(stranger, change(2.0, "withdrawn", OTHER)) == [f"events/workspace/{day}"]
    assert taken() == [f"events/workspace/{day}"]
    assert taken() == []
    files = {path.name for path in (config.parent / f"warehouse/rollups/consents/{DAY}").iterdir()}
    assert len(files) <= 4


@pytest.mark.parametrize("is_cut", [True, False], ids=["cut short", "quarantined"])
def test_a_day_of_the_log_that_lands_again_and_is_not_accepted_lets_nothing_through(is_cut: bool, config: Path) -> None:  # noqa: FBT001
    """Plan, run and status say the same, as often as they are asked; whom it does not tell of keeps the verdict."""
    day, today = DAY + timedelta(days=1), DAY + timedelta(days=2)
    log = [change(1.0, "granted")]
    landed.land_consents(config, log)
    landed.land_consents(config, [], day=day)
    landed.land_events(config, [identified(1)])
    landed.land_events(config, [event(2, day=day)], day=day)
    landed.run(config, today=today)
    folder = landed.land_consents(config, log if is_cut else [change(1.0, "perhaps")])
    if is_cut:
        (folder / "part-0.parquet").write_bytes(b"PAR1")
    for _ in range(2):
        states = {one.partition.id: one.state for one in landed.run(config, today=today).outcomes}
        assert states[f"events/workspace/{DAY}"] == "incomplete"
        assert states[f"events/workspace/{day}"] == "unchanged"
        with jobs.opened(load_settings(config), today) as job:
            planned = {one["id"]: one["reason"] for one in (item.as_json() for item in plan.make(job, DAY, day).items)}
            known = {one["id"]: one["state"] for one in state.partitions(job)}
        assert planned[f"events/workspace/{DAY}"] == known[f"events/workspace/{DAY}"] == "incomplete"
        assert (planned[f"events/workspace/{day}"], known[f"events/workspace/{day}"]) == ("unchanged", "accepted")
        assert known[f"consents/{DAY}"] == ("incomplete" if is_cut else "quarantined")
    landed.land_consents(config, log)
    assert {one.state for one in landed.run(config, today=today).outcomes} <= {"accepted", "unchanged"}
    with jobs.opened(load_settings(config), today) as job:
        assert {one["state"] for one in state.partitions(job)} == {"accepted"}
    assert verify(load_settings(config)).faults == []


def test_a_day_of_the_log_that_is_not_over_tells_nothing_of_those_before(config: Path) -> None:
    today = DAY + timedelta(days=2)
    landed.land_consents(config, [change(1.0, "granted")])
    landed.land_consents(config, [], day=today)
    landed.land_consents(config, [], day=date(2062, 1, 1))
    landed.land_events(config, [identified(1)])
    landed.land_events(config, [event(2, day=DAY + timedelta(days=1))], day=DAY + timedelta(days=1))
    states = [one.state for one in landed.run(config, today=today).outcomes]
    assert states == ["accepted", "incomplete"]


def test_a_withdrawal_whose_grant_lands_later_is_judged_again(config: Path) -> None:
    day, today = DAY + timedelta(days=1), DAY + timedelta(days=2)
    landed.land_consents(config, [change(1.0, "withdrawn", day=day)], day=day)
    failed = {one.partition.id: failures(one) for one in landed.run(config, today=today).outcomes}
    assert failed == {f"consents/{day}": {"withdrawal_after_grant": 1}}
    landed.land_consents(config, [change(1.0, "granted")])
    assert landed.run(config, today=today).outcomes == []
    with jobs.opened(load_settings(config), today) as job:
        assert state.partitions(job) == []
        assert plan.make(job, DAY, day).pending == []


def test_a_withdrawal_that_is_there_no_more_gives_back_what_it_stripped(config: Path) -> None:
    consenting(config, change(2.0, "withdrawn"))
    landed.land_events(config, [identified(1)])
    rows = [landed.run(config, today=DAY + timedelta(days=1)).outcomes[-1].rows]
    consenting(config)
    rows.append(landed.run(config, today=DAY + timedelta(days=1)).outcomes[-1].rows)
    assert [one.stripped for one in rows] == [1, 0]


def test_files_that_change_before_they_are_rolled_up_are_incomplete(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consenting(config)
    folder = landed.land_events(config, [identified(1)], sealed=False)
    roll_up: Any = rollup.roll_up

    def late(*words: Any, **named: Any) -> Any:
        (folder / "part-0.parquet").write_bytes(landed.parquet([event(7, feature=PERSONAL)], EVENT))
        return roll_up(*words, **named)

    monkeypatch.setattr(rollup, "roll_up", late)
    (outcome,) = landed.run(config, today=DAY + timedelta(days=1)).outcomes
    assert (outcome.state, outcome.why) == ("incomplete", "its files changed while they were read")
    assert not list((config.parent / "warehouse/rollups/events").rglob("*.parquet"))


def test_a_day_of_the_log_that_is_quarantined_holds_up_whom_it_names(config: Path) -> None:
    day, today = DAY + timedelta(days=1), DAY + timedelta(days=2)
    consenting(config)
    landed.land_consents(config, [], day=day)
    landed.land_events(config, [identified(1)])
    landed.land_events(config, [identified(2, day=day)], day=day)
    landed.run(config, today=today)
    landed.land_consents(config, [change(1.0, "perhaps", day=day)], day=day)
    for _ in range(2):
        states = {one.partition.id: one.state for one in landed.run(config, today=today).outcomes}
        assert states[f"events/workspace/{day}"] == "incomplete"
        with jobs.opened(load_settings(config), today) as job:
            known = {one["id"]: one["state"] for one in state.partitions(job)}
        assert (known[f"events/workspace/{DAY}"], known[f"events/workspace/{day}"]) == ("accepted", "incomplete")


def test_a_day_that_is_put_back_as_it_was_is_no_longer_incomplete(config: Path) -> None:
    consenting(config)
    folder = landed.land_events(config, [event(1)])
    landed.run(config, SOON)
    content = (folder / "part-0.parquet").read_bytes()
    (folder / "part-0.parquet").write_bytes(content[:-9])
    (outcome,) = landed.run(config, SOON).outcomes
    assert outcome.state == "incomplete"
    (folder / "part-0.parquet").write_bytes(content)
    assert [one.state for one in landed.run(config, SOON).outcomes] == ["unchanged"]
    with jobs.opened(load_settings(config), TODAY) as job:
        assert {one["state"] for one in state.partitions(job)} == {"accepted"}


def test_a_folder_that_says_who_blocks_although_it_is_empty(config: Path) -> None:
    landed.land_consents(config, [])
    landed.land_events(config, [], service="user_48213")
    landed.land_events(config, [event(1)], service="user_48214")
    found = {name: failures(one) for name, one in landed.check(config).items() if name.startswith("events/")}
    assert found == {
        f"events/masked-1/{DAY}": {"no_direct_identifiers": 1},
        f"events/masked-2/{DAY}": {"no_direct_identifiers": 1, "service_is_the_folders": 1},
    }


def test_a_day_at_the_calendars_beginning_is_judged_and_begins_no_period(config: Path) -> None:
    """Neither does the one that a clock shows which was never set."""
    landed.land_consents(config, [])
    for day in (date.min, date(1969, 12, 31), date(1970, 1, 1)):
        landed.land_events(config, [event(1)], day=day)
    landed.land_events(config, [event(2)])
    report = landed.run(config, date(2026, 6, 14))
    assert [outcome.state for outcome in report.outcomes if outcome.partition.day < DAY] == ["quarantined"] * 3
    assert [release.period.key for release in report.releases] == ["2026-W23"]


def test_names_that_are_no_paths_and_seals_that_are_not_for_us_stop_their_own_partitions_alone(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consenting(config)
    landed.land_events(config, [event(1)])
    folder = landed.land_events(config, [event(2)], day=DAY - timedelta(days=1), name="part\\0.parquet", sealed=False)
    landed.land_events(config, [event(3)], service="a\\b")
    shut = landed.land_events(config, [event(4)], day=DAY - timedelta(days=2)) / "_seal.json"
    opened = Path.open

    def refuse(path: Path, *given: Any, **more: Any) -> Any:
        if path == shut:
            raise PermissionError(13, "Permission denied")
        return opened(path, *given, **more)

    monkeypatch.setattr(Path, "open", refuse)
    report = landed.run(config, SOON)
    states = {one.partition.id: one.state for one in report.outcomes if one.partition.kind == "events"}
    assert states.pop(f"events/workspace/{DAY}") == "accepted"
    assert (list(states.values()), report.exit_code) == (["incomplete"] * 3, 16)
    assert folder.is_dir()


def test_a_file_that_is_not_for_us_makes_its_own_partition_incomplete(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one object of a bucket may be, by its key or its rights."""
    consenting(config)
    landed.land_events(config, [event(1)])
    before = DAY - timedelta(days=1)
    landed.land_events(config, [event(2, day=before)], day=before)
    fetch = LocalStore.fetch

    def refuse(self: LocalStore, entry: Entry, into: Path) -> Path:
        if entry.path.endswith(f"{DAY}/part-0.parquet") and entry.path.startswith("events/"):
            raise ObjectForbiddenError("it cannot be used", why="a test", hint="none")
        return fetch(self, entry, into)

    with monkeypatch.context() as shut:
        shut.setattr(LocalStore, "fetch", refuse)
        report = landed.run(config, SOON)
    states = {one.partition.id: one.state for one in report.outcomes if one.partition.kind == "events"}
    assert states == {f"events/workspace/{before}": "accepted", f"events/workspace/{DAY}": "incomplete"}
    assert report.exit_code == 16
    report = landed.run(config, SOON)
    assert (report.exit_code, report.outcomes[-1].partition.day, report.outcomes[-1].state) == (0, DAY, "accepted")


def test_an_empty_list_of_accounts_compares_nothing(config: Path) -> None:
    (config.parent / "account-digests.txt").write_text("\n", "utf-8")
    with jobs.opened(load_settings(config), SOON) as job:
        assert jobs.digest_numbers(job.settings) is None


def test_events_wait_for_the_consent_log(config: Path) -> None:
    before = DAY - timedelta(days=1)
    landed.land_consents(config, [change(1.0, "granted", day=before)], day=before)
    landed.land_events(config, [identified(1)])
    (outcome,) = landed.run(config, today=DAY + timedelta(days=1)).outcomes
    assert outcome.state == "incomplete"
    assert str(DAY) in outcome.why
    with jobs.opened(load_settings(config), DAY + timedelta(days=1)) as job:
        (known,) = state.partitions(job)
    assert (known["state"], known["why"]) == ("incomplete", outcome.why)
    (outcome,) = landed.run(config, today=DAY + timedelta(days=4)).outcomes
    assert outcome.state == "accepted"


def test_a_quarantined_consent_log_lets_nothing_through(config: Path) -> None:
    landed.land_consents(config, [change(1.0, "given")])
    landed.land_events(config, [event(1)])
    report = landed.run(config, SOON)
    states = {outcome.partition.id: outcome.state for outcome in report.outcomes}
    assert states == {f"consents/{DAY}": "quarantined", f"events/workspace/{DAY}": "incomplete"}
    assert report.exit_code == 13


def test_late_consent_reopens_what_it_touches(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [identified(1), identified(2, person=OTHER)])
    next_day = DAY + timedelta(days=1)
    landed.land_events(config, [identified(1, person=OTHER, day=next_day)], day=next_day)
    assert [outcome.rows.stripped for outcome in landed.run(config, SOON).outcomes] == [0, 0]
    consenting(config, change(8.0, "withdrawn"))
    outcomes = {outcome.partition.day: outcome for outcome in landed.run(config, SOON).outcomes}
    assert (outcomes[DAY].state, outcomes[DAY].rows.stripped) == ("accepted", 1)
    assert outcomes[next_day].state == "unchanged"


def _flipped(folder: Path) -> None:
    file = folder / "part-0.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "part-0.parquet").write_bytes((folder / "part-0.parquet").read_bytes()[:200]),
        lambda folder: (folder / "part-0.parquet").unlink(),
        lambda folder: (folder / "more.parquet").write_bytes(b"PAR1"),
        lambda folder: (folder / "_seal.json").write_text("{", "utf-8"),
        _flipped,
    ],
    ids=["cut", "missing", "extra", "broken seal", "flipped byte"],
)
def test_what_differs_from_its_seal_is_incomplete_and_the_rest_goes_on(config: Path, damage: Any) -> None:
    consenting(config)
    other = DAY - timedelta(days=1)
    landed.land_events(config, [event(1, day=other)], day=other)
    damage(landed.land_events(config, [event(1)]))
    with jobs.opened(load_settings(config), TODAY) as job:
        planned = {
            item.partition.day: item.reason for item in plan.make(job, other, DAY).items if item.partition.service
        }
    assert planned == {other: "new", DAY: "new" if damage is _flipped else "incomplete"}  # no byte of a file is read
    report = landed.run(config, SOON)
    states = {outcome.partition.day: outcome.state for outcome in report.outcomes}
    assert states == {other: "accepted", DAY: "incomplete"}
    assert report.exit_code == 16


def test_an_incomplete_day_that_has_gone_from_landing_is_missing(config: Path) -> None:
    landed.land_events(config, [event(1)])
    cut = landed.land_events(config, [event(2, day=DAY + timedelta(days=1))], day=DAY + timedelta(days=1))
    cut.joinpath("part-0.parquet").write_bytes(b"PAR1")
    assert landed.run(config, DAY + timedelta(days=2)).exit_code == 16
    shutil.rmtree(cut)
    assert [release.period.key for release in landed.run(config, DAY + timedelta(days=9)).releases] == ["2026-W23"]
    document = json.loads((config.parent / "publish/releases/2026-W23/r1/evidence.json").read_text("utf-8"))
    states = {one["id"]: one["state"] for one in document["partitions"]}
    assert states[f"events/workspace/{DAY + timedelta(days=1)}"] == "missing"


def test_a_file_cut_in_half_without_a_seal_is_incomplete(config: Path) -> None:
    consenting(config)
    folder = landed.land_events(config, [event(1)], sealed=False)
    file = folder / "part-0.parquet"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert only(config).state == "incomplete"


def test_a_service_that_never_landed_has_nothing_to_hide(config: Path) -> None:
    """One person on one day, and days that are missing. That nobody used the other service its lack of days tells."""
    landed.declare_docs(config)
    consenting(config)
    landed.land_events(config, [identified(1)])
    report = landed.run(config)
    assert (report.exit_code, report.releases[-1].period.key) == (0, "2026-W23")
    activity = pl.read_parquet(config.parent / "publish" / report.releases[-1].path / "data/activity.parquet")
    assert set(activity.filter(service="docs")["dau_status"]) == {"published"}
    assert "withheld" in set(activity.filter(service="workspace")["dau_status"])


def test_a_service_whose_first_day_lands_late_is_taken_into_the_releases_that_said_it_had_none(config: Path) -> None:
    """Five people of it: zeros of every period that reaches the day were shown, and none of those is withheld now."""
    landed.declare_docs(config)
    monday = date(2026, 6, 1)
    persons = [recipient_of(number) for number in range(1, 31)]
    landed.land_consents(config, [change(0.0, "granted", person, day=monday) for person in persons], day=monday)
    for day in each_day(monday, monday + timedelta(days=20)):
        rows = [identified(number, person=person, day=day) for number, person in enumerate(persons, 1)]
        landed.land_events(config, rows[day.day % 7 :], day=day)
    periods = [release.period.key for release in landed.run(config, date(2026, 6, 26)).releases]
    few = [identified(99 + number, person=person, service="docs") for number, person in enumerate(persons[:5])]
    landed.land_events(config, [row | {"feature": "docs.page"} for row in few], service="docs")
    report = landed.run(config, date(2026, 6, 26))
    assert [(release.period.key, release.revision) for release in report.releases] == [(key, 2) for key in periods]
    for release in report.releases:
        activity = pl.read_parquet(config.parent / "publish" / release.path / "data/activity.parquet")
        assert set(activity.filter(pl.col("mau") > 0)["mau"]) == {30}


@pytest.mark.parametrize("services", [("workspace", "docs"), ("docs", "workspace")])
def test_a_pseudonym_of_two_services_is_told_of_both_whichever_lands_first(
    config: Path, services: tuple[str, str]
) -> None:
    consenting(config)
    feature = {"workspace": "cases.open_list", "docs": "docs.page"}
    landed.declare_docs(config)

    def land_and_run(service: str, **row: Any) -> dict[str, str]:
        rows = [identified(len(row) + 1, service=service, feature=feature[service]) | row]
        landed.land_events(config, rows, service=service)
        outcomes = {
            one.partition.service: one for one in landed.run(config, SOON, BARE).outcomes if one.partition.service
        }
        with jobs.opened(load_settings(config, BARE), TODAY) as job:
            assert not plan.make(job, DAY, DAY).pending
            records = job.ledger.latest.values()
            told = [
                record.partition.split("/")[1]
                for record in records
                if any(one["expectation"] == "pseudonym_one_service" for one in record.failed)
            ]
        return {service: outcomes[service].state for service in sorted(told)}

    first, second = services
    assert land_and_run(first) == {}
    assert land_and_run(second) == {"docs": "accepted", "workspace": "accepted"}
    assert land_and_run(first, pseudonym=None, consent=False) == {}
    assert {one.state for one in landed.run(config, SOON, BARE).outcomes} == {"unchanged"}


def test_a_seal_can_be_required(tmp_path: Path) -> None:
    config = landed.zone(tmp_path)
    text = config.read_text("utf-8").replace('url = "landing"', 'url = "landing"\nseal = "required"')
    config.write_text(text, "utf-8")
    consenting(config)
    landed.land_events(config, [event(1)], sealed=False)
    assert only(config).state == "incomplete"


@pytest.mark.parametrize("form", ["ndjson", "ndjson.gz", "ndjson.zst"])
def test_ndjson_is_read_as_parquet_is(config: Path, form: str) -> None:
    consenting(config)
    rows = [event(1), identified(2), identified(3, pseudonym=str(PERSON)), identified(4, session_id=SESSION)]
    content = landed.ndjson(rows)
    if form.endswith("gz"):
        content = gzip.compress(content)
    if form.endswith("zst"):
        content = pa.compress(content, "zstd", asbytes=True)
    land(config.parent / f"landing/events/service=workspace/day={DAY}", {f"a.{form}": content}, 4)
    outcome = only(config)
    assert (outcome.state, outcome.rows.accepted, failures(outcome)) == ("accepted", 4, {})


@pytest.mark.parametrize(
    ("line", "expectation"),
    [
        (lambda text: text.replace('"consent"', '"page": "x", "consent"'), "no_extra_columns"),
        (lambda text: text.replace('"consent"', '"action": "open", "consent"'), "no_extra_columns"),
        (lambda text: text.replace('"open"', '{"a": 1}'), "no_mistyped_columns"),
        (lambda text: text.replace('"action": "open", ', ""), "no_missing_columns"),
        (lambda text: text.replace(str(PERSON), f"{PERSON}.0"), "values_readable"),
        (lambda text: text.replace("+00:00", ""), "values_readable"),
    ],
    ids=["unknown key", "key twice", "nested", "key missing", "float", "no zone"],
)
def test_ndjson_is_closed_too(config: Path, line: Any, expectation: str) -> None:
    consenting(config)
    good, bad = landed.ndjson([identified(1)]).decode(), line(landed.ndjson([identified(2)]).decode())
    land(config.parent / f"landing/events/service=workspace/day={DAY}", {"a.ndjson": (good + bad).encode()}, 2)
    outcome = only(config)
    assert outcome.state == "quarantined"
    assert failures(outcome)[expectation] == 1


def test_every_form_that_a_file_may_have(config: Path) -> None:
    """One day a form; all days are checked together."""
    no_key = {"feature_is_a_key", "feature_declared", "no_content_values"}
    forms: dict[str, tuple[Callable[[date], dict[str, bytes]], str, set[str]]] = {
        "ids as text that is not marked as text": (_cast("event_id", pa.binary()), "accepted", set()),
        "nulls without a type": (_cast("session_id", pa.null()), "accepted", set()),
        "text by dictionary": (_cast("feature", pa.dictionary(pa.int32(), pa.string())), "accepted", set()),
        "large text": (_cast("feature", pa.large_string()), "accepted", set()),
        "time without a zone": (_cast("occurred_at", pa.timestamp("ms")), "accepted", set()),
        "a day in place of a time": (_cast("occurred_at", pa.date32()), "quarantined", {"no_mistyped_columns"}),
        "no time at all": (_times(2**63 - 1), "quarantined", {"inside_the_day"}),
        "a time far off": (_times(-(2**62)), "quarantined", {"inside_the_day"}),
        "pseudonyms far apart": (_people(PERSON, -PERSON), "quarantined", {"pseudonym_in_range"}),
        "several files of several forms": (_mixed, "accepted", set()),
        "blank lines, other line ends": (_lines(lambda text: text.replace(b"\n", b"\r\n\r\n")), "accepted", set()),
        "a file without a line": (_lines(lambda _: b""), "accepted", set()),
        "half a line": (_lines(lambda text: text[:-30]), "incomplete", set()),
        "a line without an end": (
            _lines(lambda text: text.replace(b"open", b"o" * 40_000_000, 1)),
            "incomplete",
            set(),
        ),
        "a long line that is no text": (
            _lines(lambda text: text.replace(b'"open"', b"[" + b"1," * 600_000 + b"1]", 1)),
            "incomplete",
            set(),
        ),
        "a text far too long for a key": (_feature(b"far " * 300_000), "quarantined", no_key),
        "the same, in escapes": (_feature(rb"\n\ud83d\ude00" * 100_000), "quarantined", no_key),
        "a comma before a bracket": (_lines(lambda text: text.replace(b"}", b", }", 1)), "incomplete", set()),
        "the same in a text": (_lines(_comma_in_a_text), "quarantined", {"feature_is_a_key", "feature_declared"}),
        "gzip, cut": (_lines(lambda text: gzip.compress(text)[:-12], ".gz"), "incomplete", set()),
        "gzip, a checksum that differs": (_lines(_other_checksum, ".gz"), "incomplete", set()),
        "zstd, cut": (_lines(lambda text: _zstd(text)[:-3], ".zst"), "incomplete", set()),
        "zstd, nothing in it": (_lines(lambda _: b"", ".zst"), "incomplete", set()),
        "zstd, and more behind it": (_lines(lambda text: _zstd(text) + b"more", ".zst"), "incomplete", set()),
        "zstd, two frames": (_lines(lambda text: _zstd(text) + _zstd(b"\n"), ".zst"), "accepted", set()),
        "a form that is none": (lambda _: {"a.csv": b""}, "incomplete", set()),
    }
    days = {DAY - timedelta(days=number): name for number, name in enumerate(forms, 1)}
    before = min(days) - timedelta(days=1)
    landed.land_consents(config, [change(1.0, "granted", day=before)], day=before)
    for day, name in days.items():
        land(config.parent / f"landing/events/service=workspace/day={day}", forms[name][0](day), None)
    found = {days[outcome.partition.day]: outcome for outcome in landed.check(config).values()}
    follows = {"consent_in_force"}  # of an id that is none, or outside its day
    assert {name: (one.state, set(failures(one)) - follows) for name, one in found.items()} == {
        name: (state, expected) for name, (_, state, expected) in forms.items()
    }


def test_ndjson_cut_at_a_lines_end_is_found_by_its_seal(config: Path) -> None:
    consenting(config)
    folder = config.parent / f"landing/events/service=workspace/day={DAY}"
    land(folder, {"a.ndjson": landed.ndjson([event(1), event(2)])}, 3)
    assert only(config).state == "incomplete"


def test_counted_pseudonyms_are_not_opaque(config: Path) -> None:
    people = [10**15 + 3 * number for number in range(40)]
    landed.land_consents(config, [change(1.0, "granted", person) for person in people])
    landed.land_events(config, [identified(number, person=person) for number, person in enumerate(people)])
    assert failures(only(config))["pseudonym_not_sequential"] >= 38


def test_a_sealed_day_without_files_is_a_day_without_events(config: Path) -> None:
    consenting(config)
    folder = config.parent / f"landing/events/service=workspace/day={DAY}"
    folder.mkdir(parents=True)
    (folder / "_seal.json").write_text('{"files": []}', "utf-8")
    outcome = only(config)
    assert (outcome.state, outcome.rows.landed) == ("accepted", 0)


def test_a_repaired_partition_is_taken_in_and_both_verdicts_stay(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [event(1), event(2, action="delete")])
    assert landed.run(config).exit_code == 13
    assert landed.run(config).exit_code == 0  # nothing new to do
    landed.land_events(config, [event(1), event(2)])
    report = landed.run(config)
    assert [outcome.state for outcome in report.outcomes] == ["accepted"]
    assert {release.revision for release in report.releases} == {2}
    (partition,) = [one for one in _evidence(config)["partitions"] if one["id"] == f"events/workspace/{DAY}"]
    assert partition["history"] == [{"state": "quarantined", "failed": ["action_declared"]}]


@pytest.mark.parametrize("days", [(TODAY, None), (None, TODAY), (TODAY, TODAY)])
def test_a_range_of_days_that_are_not_over_is_refused(config: Path, days: tuple[date | None, date | None]) -> None:
    with jobs.opened(load_settings(config), TODAY) as job, pytest.raises(UsageError, match="is not over yet"):
        jobs.days_to_take(job, *days)


def test_days_that_are_not_over_are_never_taken(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [event(1)])
    assert landed.run(config, today=DAY).outcomes == []


def test_every_row_is_accounted_for(config: Path) -> None:
    consenting(config, change(12.0, "withdrawn"))
    rows = [event(1), event(1), event(2, feature="cases.new_board"), event(2, feature="cases.new_board")]
    landed.land_events(config, [*rows, identified(3, 13.0), identified(4, 3.0)])
    rows_of = only(config).rows
    assert rows_of.landed == rows_of.accepted + rows_of.duplicate + rows_of.held + rows_of.quarantined == 6
    assert (rows_of.accepted, rows_of.duplicate, rows_of.held, rows_of.stripped) == (3, 2, 1, 1)
    landed.run(config, SOON, BARE)
    with jobs.opened(load_settings(config, BARE), landed.TODAY) as job:
        assert state.held_keys(job) == [("feature", "cases.new_board", 1)]


def _evidence(config: Path) -> dict[str, Any]:
    releases = sorted((config.parent / "publish/releases/2026-W23").iterdir())
    return json.loads((releases[-1] / "evidence.json").read_text("utf-8"))


def _parquet(table: Any) -> bytes:
    import io  # noqa: PLC0415

    import pyarrow.parquet as pq  # noqa: PLC0415

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _cast(column: str, kind: Any) -> Callable[[date], dict[str, bytes]]:
    def make(day: date) -> dict[str, bytes]:
        table = pa.Table.from_pylist([event(1, day=day), identified(2, day=day)], EVENT)
        place = EVENT.get_field_index(column)
        values = pa.nulls(2) if kind == pa.null() else table[column].cast(kind, safe=False)
        return {"a.parquet": _parquet(table.set_column(place, pa.field(column, kind), values))}

    return make


def _times(microseconds: int) -> Callable[[date], dict[str, bytes]]:
    def make(day: date) -> dict[str, bytes]:
        rows = [identified(1, day=day, session_id=SESSION)]
        table = pa.Table.from_pylist(rows, EVENT)
        times = pa.array([microseconds], pa.timestamp("us", "UTC"))
        return {"a.parquet": _parquet(table.set_column(1, EVENT.field(1), times))}

    return make


def _people(*people: int) -> Callable[[date], dict[str, bytes]]:
    return lambda day: {
        "a.ndjson": landed.ndjson([identified(number, person=one, day=day) for number, one in enumerate(people)])
    }


def _comma_in_a_text(text: bytes) -> bytes:
    return text.replace(b"cases.open_list", b'\\\\\\", }', 1)


def _lines(change_: Callable[[bytes], bytes], ending: str = "") -> Callable[[date], dict[str, bytes]]:
    return lambda day: {f"a.ndjson{ending}": change_(landed.ndjson([event(1, day=day), identified(2, day=day)]))}


def _feature(text: bytes) -> Callable[[date], dict[str, bytes]]:
    return _lines(lambda lines: lines.replace(b"cases.open_list", text, 1))


def _mixed(day: date) -> dict[str, bytes]:
    one, two, three, four = (landed.ndjson([event(number, day=day)]) for number in range(4))
    five = landed.parquet([event(5, day=day)], EVENT)
    return {"a.ndjson": one + two, "b.ndjson.gz": gzip.compress(three), "c.ndjson.zst": _zstd(four), "d.parquet": five}


def _zstd(content: bytes) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


def _other_checksum(content: bytes) -> bytes:
    packed = bytearray(gzip.compress(content))
    packed[-8] ^= 1
    return bytes(packed)


def test_the_plain_count_of_events_is_what_was_landed(config: Path) -> None:
    consenting(config)
    landed.land_events(config, [identified(number, person=PERSON) for number in range(12)])
    landed.run(config, flags=BARE)
    activity = pl.read_parquet(config.parent / "publish/releases/2026-W23/r1/data/activity.parquet")
    row = activity.filter((pl.col("day") == date(2026, 6, 3)) & (pl.col("service") == "all")).row(-1, named=True)
    assert (row["events"], row["identified_events"], row["dau"]) == (12, 12, 1)


def test_texts_that_would_fill_the_memory_quarantine_their_partition_alone(config: Path) -> None:
    """Some megabytes of each of three hundred rows, in a file of few kilobytes."""
    rows = [event(number, feature=f"{number}{'x' * 1_000_000}") for number in range(300)]
    landed.land_events(config, rows)
    landed.land_events(config, [event(1, day=DAY + timedelta(days=1))], day=DAY + timedelta(days=1))
    report = landed.run(config, SOON, {"engine.memory_limit": "700MB"})
    assert [outcome.state for outcome in report.outcomes] == ["quarantined", "accepted"]
    assert failures(report.outcomes[0])["feature_is_a_key"] == 300


@pytest.mark.parametrize("first", [PERSON, OTHER])
def test_a_session_of_two_outlives_the_consent_of_either(config: Path, first: int) -> None:
    landed.land_consents(
        config, [change(1, "granted", PERSON), change(1, "granted", OTHER), change(12, "withdrawn", first)]
    )
    second = OTHER if first == PERSON else PERSON
    rows = [identified(1, 11, person=first, session_id=SESSION), identified(2, 13, person=second, session_id=SESSION)]
    landed.land_events(config, rows)
    assert failures(only(config)) == {"session_one_person": 1, "session_ends_with_consent": 1}
