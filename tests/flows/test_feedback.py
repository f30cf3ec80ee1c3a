"""Notices and surveys: partitions written by hand, their fates, their table, and the fence around their purpose."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, UUID, uuid1, uuid5

import polars as pl
import pyarrow as pa
import pytest

from cetegra_usage import sql
from cetegra_usage.cli import main
from cetegra_usage.pipeline import erasure, plan, process, release_checks, retention, state
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import run as runs
from cetegra_usage.pipeline.verify import verify
from cetegra_usage.protect import Protection
from cetegra_usage.publish.pages import usage
from cetegra_usage.settings import load_settings
from support import landed
from support.canaries import holding
from support.landed import FEEDBACK, event, land_events, land_feedback, recipient_of, response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EXACT = "[disclosure]\nthreshold = 1\nrounding = 1\n"
NOTICES = "".join(f'\n[[notice]]\nkey = "{key}"\ntitle = "{key}"\n' for key in ("downtime", "survey"))
WEEK = [date(2026, 6, 1) + timedelta(days=number) for number in range(7)]
TODAY = date(2026, 6, 11)
"""The first day on which the week is waited for no longer."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A zone whose catalogue knows two notices, with a week of events and of no feedback."""
    config = landed.zone(tmp_path, EXACT)
    (tmp_path / "catalogue.toml").write_text(landed.CATALOGUE + NOTICES, "utf-8")
    for day in WEEK:
        land_events(config, [event(day.day, day=day)], day=day)
    return config


def judged(config: Path) -> process.Outcome:
    """Check, and return the outcome of the one feedback partition of which something failed."""
    (found,) = [outcome for name, outcome in landed.check(config, TODAY).items() if name.startswith("feedback/")]
    return found


def released(config: Path, period: str = "2026-W23", table: str = "feedback") -> dict[str, dict[str, Any]]:
    """Return the latest revision of the table by notice."""
    entries = json.loads((config.parent / "publish/latest.json").read_text("utf-8"))["releases"]
    (path,) = [entry["path"] for entry in entries if entry["period"] == period]
    frame = pl.read_parquet(config.parent / "publish" / path / "data" / f"{table}.parquet")
    return {row["notice"]: row for row in frame.iter_rows(named=True)}


def figures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in row if f"{name}_status" in row}


def statuses(row: Mapping[str, Any]) -> set[str]:
    counts = ("shown", "opened", "dismissed", "answered", *(f"rating_{stars}" for stars in range(1, 6)))
    return {row[f"{name}_status"] for name in counts}


VERSION_1 = str(uuid1(node=0x00005E005301, clock_seq=7))
COMPANY_OF_A_NAME = str(uuid5(NAMESPACE_DNS, "example.org"))
WRONG: list[tuple[list[dict[str, Any]], dict[str, int]]] = [
    ([{"kind": "snoozed"}], {"kind_declared": 1}),
    ([{"rating": 4}], {"rating_with_answer": 1}),
    ([{"kind": "answered", "rating": 6}], {"rating_with_answer": 1}),
    ([{"kind": "answered", "rating": 0}], {"rating_with_answer": 1}),
    ([{"recipient": 2**32}], {"recipient_in_range": 1}),
    ([{"recipient": -5}], {"recipient_in_range": 1}),
    ([{"event_id": VERSION_1}], {"feedback_id_random": 1}),
    ([{"event_id": str(UUID(int=0))}], {"feedback_id_random": 1}),
    ([{"company": COMPANY_OF_A_NAME}], {"company_opaque": 1}),
    ([{"company": None}], {"feedback_values_present": 1}),
    ([{"recipient": None, "notice": None}, {}], {"feedback_values_present": 2}),
    ([{"company": "Example AS"}], {"feedback_values_readable": 1}),
    ([{"occurred_at": landed.at(0, date(2026, 1, 1))}], {"feedback_inside_the_day": 1}),
    (
        [{"event_id": str(UUID(int=5, version=4)), "kind": kind} for kind in ("shown", "opened")],
        {"feedback_id_unique": 1},
    ),
    ([{"notice": "planned-downtime"}], {"notice_is_a_key": 1, "notice_declared": 1}),
    ([{"notice": "survey.post_at_example_dot_org"}], {"feedback_no_direct_identifiers": 1, "notice_declared": 1}),
    ([{"kind": "10.2.3.4"}], {"kind_declared": 1, "feedback_no_device_data": 1}),
    ([{"recipient": 2**40 + number} for number in range(40)], {"recipient_not_sequential": 39}),
]
"""Partitions by what of their rows is wrong, and what it breaks."""


def test_what_breaks_a_rule_quarantines_the_partition_and_nothing_else(config: Path) -> None:
    days = [WEEK[0] + timedelta(days=number) for number in range(len(WRONG))]
    for day, (rows, _) in zip(days, WRONG, strict=True):
        land_feedback(config, [response(n, day=day) | row for n, row in enumerate(rows, 1)], day=day)
    found = landed.check(config, days[-1] + timedelta(days=1))
    for day, (rows, expected) in zip(days, WRONG, strict=True):
        outcome = found[f"feedback/{day}"]
        assert landed.failures(outcome) == expected
        assert outcome.state == "quarantined"
        assert outcome.rows.quarantined == outcome.rows.landed == len(rows)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            FEEDBACK.append(pa.field("user_agent", pa.string())),
            {"feedback_no_extra_columns", "feedback_no_device_data"},
        ),
        (
            FEEDBACK.remove(FEEDBACK.get_field_index("recipient")),
            {"feedback_no_missing_columns", "feedback_values_present"},
        ),
        (FEEDBACK.set(4, pa.field("rating", pa.float64())), {"feedback_no_mistyped_columns"}),
    ],
)
def test_the_schema_is_closed(config: Path, schema: Any, expected: set[str]) -> None:
    land_feedback(config, [response(1) | {"user_agent": None}], schema=schema)
    outcome = judged(config)
    assert outcome.state == "quarantined"
    assert expected >= set(landed.failures(outcome)) >= {next(iter(sorted(expected)))}


def test_lines_of_json_are_judged_alike(config: Path) -> None:
    folder = config.parent / f"landing/feedback/day={landed.DAY}"
    good = response(1, "answered", rating=4)
    landed.land(folder, {"a.ndjson": landed.ndjson([good, response(2)])}, 2)
    assert not any(name.startswith("feedback/") for name in landed.check(config, TODAY))  # nothing of it failed
    for wrong, expected in (
        ({"rating": 4.0}, "feedback_values_readable"),
        ({"rating": [4]}, "feedback_no_mistyped_columns"),
        ({"comment": "fine"}, "feedback_no_extra_columns"),
    ):
        landed.land(folder, {"a.ndjson": landed.ndjson([good | wrong])}, 1)
        assert expected in landed.failures(judged(config))


def test_every_row_is_accounted_for_and_a_notice_that_is_declared_later_is_taken_in(config: Path) -> None:
    unknown = response(3, notice="tomorrow")
    land_feedback(config, [response(1), response(1), response(2, "opened"), unknown, unknown])
    report = landed.run(config, TODAY)
    (found,) = [outcome for outcome in report.outcomes if outcome.partition.kind == "feedback"]
    rows = found.rows
    assert (found.state, rows.landed, rows.accepted, rows.duplicate, rows.held) == ("accepted", 5, 2, 2, 1)
    assert landed.failures(found) == {"notice_declared": 2}
    assert report.exit_code == 0
    with jobs.opened(load_settings(config), TODAY) as job:
        assert state.held_keys(job) == [("notice", "tomorrow", 1)]
        assert "feedback/2026-06-03" in {entry["id"] for entry in state.partitions(job)}
    assert "tomorrow" not in released(config)
    catalogue = config.parent / "catalogue.toml"
    catalogue.write_text(catalogue.read_text("utf-8") + NOTICES.replace("survey", "tomorrow").split("\n\n")[1], "utf-8")
    with jobs.opened(load_settings(config), TODAY) as job:
        assert {(item.partition.id, item.reason) for item in plan.make(job, WEEK[0], WEEK[-1]).pending} == {
            ("feedback/2026-06-03", "catalogue")
        }
    landed.run(config, TODAY)
    assert released(config)["tomorrow"]["shown"] == 1


def test_the_table_counts_recipients_and_each_ones_last_rating(config: Path) -> None:
    two = WEEK[1]
    days = {
        WEEK[0]: [
            response(1, "shown", 1, day=WEEK[0]),
            response(2, "shown", 2, day=WEEK[0]),
            response(3, "shown", 3, day=WEEK[0]),
            response(4, "shown", 4, day=WEEK[0]),
            response(5, "answered", 1, rating=2, day=WEEK[0]),
            response(6, "opened", 1, day=WEEK[0]),
            response(7, "dismissed", 2, day=WEEK[0]),
        ],
        two: [
            response(1, "shown", 1, day=two),
            response(2, "answered", 1, rating=5, day=two, occurred_at=landed.at(10, two)),
            response(3, "answered", 1, rating=4, day=two),
            response(4, "answered", 1, day=two, occurred_at=landed.at(11, two)),
            response(5, "answered", 3, rating=3, day=two),
            response(6, "answered", 4, day=two),
        ],
    }
    for day in WEEK:
        land_feedback(config, days.get(day, []), day=day)
    landed.run(config, TODAY)
    found = released(config)
    assert figures(found["downtime"]) == {
        "shown": 4,
        "opened": 1,
        "dismissed": 1,
        "answered": 3,
        "response_rate": 0.75,
        "mean_rating": 4.0,
        "rating_1": 0,
        "rating_2": 0,
        "rating_3": 1,
        "rating_4": 0,
        "rating_5": 1,
    }
    assert set(figures(found["survey"]).values()) == {0, None}
    assert (found["survey"]["response_rate_status"], found["survey"]["mean_rating_status"]) == ("undefined",) * 2
    assert statuses(found["downtime"]) == statuses(found["survey"]) == {"published"}


def test_days_before_the_first_are_empty_and_days_that_lack_are_missing(config: Path) -> None:
    landed.run(config, TODAY)
    assert statuses(released(config)["downtime"]) == {"published"}  # it never landed
    land_feedback(config, [response(1, day=WEEK[3])], day=WEEK[3])
    for day in WEEK[4:6]:
        land_feedback(config, [], day=day)
    landed.run(config, TODAY)
    row = released(config)["downtime"]
    assert (row["shown"], statuses(row)) == (1, {"partial"})
    land_feedback(config, [], day=WEEK[6])
    landed.run(config, TODAY)
    row = released(config)["downtime"]
    assert (row["shown"], statuses(row)) == (1, {"published"})
    land_feedback(config, [response(1, "snoozed", day=WEEK[3])], day=WEEK[3])
    for day in WEEK[4:]:
        land_feedback(config, [response(1, "snoozed", day=day)], day=day)
    assert landed.run(config, TODAY).exit_code == runs.QUARANTINED
    row = released(config)["downtime"]
    assert (row["shown"], statuses(row)) == (None, {"unavailable"})
    release = json.loads((config.parent / "publish/releases/2026-W23/r4/release.json").read_text("utf-8"))
    assert {(one["table"], one["cause"]) for one in release["errata"]} == {("feedback", "late data")}
    assert verify(load_settings(config)).faults == []


def test_no_event_waits_for_feedback_and_no_feedback_for_the_consent_log(config: Path) -> None:
    landed.land_consents(config, [], day=WEEK[0])
    for day in WEEK[2:]:
        landed.land_consents(config, [], day=day)
    folder = land_feedback(config, [response(1)])
    (config.parent / f"landing/consents/day={WEEK[0]}/part-0.parquet").write_bytes(b"no parquet")
    report = landed.run(config, TODAY)
    assert {outcome.state for outcome in report.outcomes if outcome.partition.kind == "events"} == {"incomplete"}
    with jobs.opened(load_settings(config), TODAY) as job:
        assert job.ledger.latest["feedback/2026-06-03"].state == "accepted"
    (folder / "part-0.parquet").write_bytes(b"cut")
    report = landed.run(config, TODAY)
    assert [o.state for o in report.outcomes if o.partition.kind == "feedback"] == ["incomplete"]


def test_nothing_of_a_recipient_is_published_and_the_company_is_not_even_kept(config: Path) -> None:
    for day in WEEK:
        land_feedback(config, [response(n, "shown", n, day=day) for n in range(1, 6)], day=day)
    landed.run(config, TODAY)
    wanted = {"recipient": recipient_of(3), "company": UUID(int=77, version=4)}
    assert {name for _, name in holding([config.parent / "publish"], wanted)} == set()
    assert {name for _, name in holding([config.parent / "warehouse"], wanted)} == {"recipient"}


def test_who_is_erased_is_in_no_rollup_of_feedback_and_does_not_come_back(config: Path) -> None:
    for day in WEEK:
        land_feedback(config, [response(n, "shown", n, day=day) for n in range(1, 6)], day=day)
    landed.run(config, TODAY)
    before = released(config)
    with jobs.opened(load_settings(config), TODAY) as job:
        found = erasure.erase(job, [recipient_of(3)], "asked for")
    assert found.partitions == [f"feedback/{day}" for day in WEEK]
    warehouse = [config.parent / "warehouse"]
    assert not holding(warehouse, {"recipient": recipient_of(3)})
    with jobs.opened(load_settings(config), TODAY) as job:
        runs.run(job, WEEK[0], WEEK[-1], again="to see")
    assert verify(load_settings(config)).faults == []
    assert not holding(warehouse, {"recipient": recipient_of(3)})
    assert released(config) == before
    assert holding(warehouse, {"recipient": recipient_of(4)})


def test_retention_takes_rollups_of_recipients_and_no_figure(config: Path) -> None:
    for day in WEEK:
        land_feedback(config, [response(n, "shown", n, day=day) for n in range(1, 6)], day=day)
    landed.run(config, TODAY)
    before = released(config)
    later = WEEK[2] + timedelta(days=395)
    with jobs.opened(load_settings(config), later) as job:
        taken = retention.retain(job)
        assert [name for name in taken.partitions if name.startswith("feedback/")] == [
            f"feedback/{d}" for d in WEEK[:2]
        ]
    assert verify(load_settings(config)).faults == []
    assert sorted(path.parent.name for path in config.parent.glob("warehouse/rollups/feedback/*/*")) == [
        str(day) for day in WEEK[2:]
    ]
    with jobs.opened(load_settings(config), TODAY) as job:
        runs.run(job, *jobs.days_to_take(job, None, None))
    assert released(config) == before


def test_what_retention_took_is_rolled_up_again_for_late_data_of_both_kinds(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "render", lambda _: "")  # of sixteen releases
    config.write_text(config.read_text("utf-8") + "[retention]\nidentified_days = 92\n", "utf-8")
    land_feedback(config, [response(1, day=WEEK[1])], day=WEEK[1])
    for day in WEEK[2:]:
        land_feedback(config, [], day=day)
    landed.run(config, TODAY)
    later = TODAY + timedelta(days=92)
    with jobs.opened(load_settings(config), later) as job:
        retention.retain(job)
    for day in WEEK[2:4]:
        land_events(config, [event(10 + day.day, day=day), event(20, day=day)], day=day)
        land_feedback(config, [response(1, "opened", 2, day=day)], day=day)
    landed.run(config, later)
    row = released(config)["downtime"]
    assert (row["shown"], row["opened"], statuses(row)) == (1, 1, {"published"})
    assert [fault for fault in verify(load_settings(config)).faults if "usage page" not in fault.what] == []


def test_what_a_producer_calls_a_file_is_kept_nowhere(config: Path) -> None:
    folder = config.parent / f"landing/feedback/day={landed.DAY}"
    name = "kari.nordmann_at_example.org.parquet"
    landed.land(folder, {name: landed.parquet([response(1)], FEEDBACK)}, 1)
    landed.run(config, TODAY)
    assert not holding([config.parent / "warehouse", config.parent / "publish"], {"name": name})
    with jobs.opened(load_settings(config), TODAY) as job:
        assert [entry.name for entry in job.ledger.latest["feedback/2026-06-03"].inputs] == ["1.parquet"]


def test_the_fence_stands_in_every_statement_and_falls_with_one(config: Path) -> None:
    land_feedback(config, [response(1)])
    with jobs.opened(load_settings(config), TODAY) as job:
        subject = release_checks.subject(job, Protection({}, 0, {}, None))
    assert release_checks.counts(subject)["no_feedback_join"] == 0
    of_feedback = {
        one.name for one in sql.statements() if any(name in one.inputs for name in ("feedback", "responses"))
    }
    assert of_feedback == {"judged_feedback", "responses", "notice_recipients"}


def test_the_command_tells_of_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    land_feedback(config, [response(1, "snoozed")])
    with pytest.raises(SystemExit) as ended:
        main(["run", "--config", str(config), "--today", str(TODAY), "--json"])
    assert ended.value.code == runs.QUARANTINED
    told = {one["id"]: one for one in json.loads(capsys.readouterr().out)["partitions"]}
    assert told["feedback/2026-06-03"]["failed"] == [
        {"promise": "no-content", "expectation": "kind_declared", "count": 1}
    ]
