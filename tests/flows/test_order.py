"""The last verdicts are the same, in whichever order partitions land: what one is held against may come after it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import plan
from cetegra_usage.pipeline.run import INCOMPLETE
from cetegra_usage.settings import load_settings
from support import landed
from support.landed import OTHER, PERSON, change, event, identified

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST = date(2026, 6, 1)
TODAY = FIRST + timedelta(days=40)
LATER = FIRST + timedelta(days=13)
WEEKS = [FIRST + timedelta(weeks=number) for number in range(4)]
THIRD, FOURTH = (landed.recipient_of(number) for number in (3, 4))


def of_docs(number: int, person: int, **changed: Any) -> dict[str, Any]:
    return identified(number, person=person, day=FIRST, service="docs", feature="docs.page", **changed)


def landings(config: Path) -> list[Callable[[], Any]]:
    """Return what lands: partitions that warn of one another, some rows of which are held, stripped or quarantined."""
    tab, other_tab, silent_tab = (f"{number}b2f6a1e-51c7-4c0e-8a53-2f0d7b6e4c11" for number in (1, 2, 3))
    people = [PERSON, OTHER, THIRD, FOURTH]
    before = FIRST - timedelta(days=1)

    def events(rows: list[dict[str, Any]], day: date, service: str = "workspace") -> Callable[[], Any]:
        return lambda: landed.land_events(config, rows, day=day, service=service)

    def filled(day: date, count: int) -> list[dict[str, Any]]:
        return [event(number, day=day) for number in range(100, 100 + count)]

    def log(rows: list[dict[str, Any]], day: date) -> Callable[[], Any]:
        return lambda: landed.land_consents(config, rows, day=day)

    next_day, last = WEEKS[1] + timedelta(days=1), WEEKS[3] + timedelta(days=1)
    few = [*filled(WEEKS[2], 2), identified(3, person=THIRD, day=WEEKS[2], session_id=other_tab)]
    return [
        log([change(1, "granted", person, day=before) for person in people[:3]], before),
        log([change(23, "withdrawn", person, day=last) for person in (OTHER, THIRD)], last),
        log([change(22, "withdrawn", FOURTH, day=WEEKS[2])], WEEKS[2]),
        # Held, stripped and accepted pseudonyms, each of them in both services.
        events(
            [
                *filled(FIRST, 120),
                identified(1, person=PERSON, day=FIRST, session_id=tab),
                identified(2, person=OTHER, day=FIRST, feature="cases.unheard_of"),
                identified(3, person=FOURTH, day=FIRST),
                identified(4, person=PERSON, day=FIRST, session_id=silent_tab),
            ],
            FIRST,
        ),
        events([of_docs(4, PERSON), of_docs(5, OTHER), of_docs(6, FOURTH), of_docs(7, THIRD)], FIRST, "docs"),
        events(filled(WEEKS[1], 120), WEEKS[1]),
        events([*few, event(1, day=WEEKS[2], user_type="ola@example.org")], WEEKS[2]),
        events(filled(WEEKS[3], 110), WEEKS[3]),
        events([identified(1, person=PERSON, day=next_day, session_id=tab)], next_day),
        events([identified(1, person=PERSON, day=LATER, session_id=silent_tab)], LATER),
        events([identified(2, person=THIRD, day=last, session_id=other_tab)], last),
    ]


def verdicts(config: Path) -> dict[str, Any]:
    with jobs.opened(load_settings(config), TODAY) as job:
        assert plan.make(job, date.min, TODAY - timedelta(days=1)).pending == []
        return {
            partition: (record.state, record.rows, {one["expectation"]: one["count"] for one in record.body["results"]})
            for partition, record in job.ledger.latest.items()
        }


def zone(root: Path) -> Path:
    config = landed.zone(root)
    text = config.read_text("utf-8").replace('url = "landing"', 'url = "landing"\nwait_days = 300')
    config.write_text(text, "utf-8")  # nothing is published
    landed.declare_docs(config)
    return config


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    config = zone(tmp_path_factory.mktemp("once"))
    for land in landings(config):
        land()
    landed.run(config, TODAY)
    return verdicts(config)


def test_partitions_are_held_against_one_another(at_once: dict[str, Any]) -> None:
    failed = {
        partition: sorted(
            name
            for name, count in results.items()
            if count and name in {"pseudonym_one_service", "session_short", "volume_as_usual", "withdrawal_after_grant"}
        )
        for partition, (_, _, results) in at_once.items()
    }
    assert {partition: names for partition, names in failed.items() if names} == {
        f"consents/{WEEKS[2]}": ["withdrawal_after_grant"],
        f"events/docs/{FIRST}": ["pseudonym_one_service"],
        f"events/workspace/{FIRST}": ["pseudonym_one_service"],
        f"events/workspace/{WEEKS[1] + timedelta(days=1)}": ["session_short"],
        f"events/workspace/{LATER}": ["session_short"],
        f"events/workspace/{WEEKS[2]}": ["volume_as_usual"],
    }


def test_whichever_comes_first(at_once: dict[str, Any], tmp_path: Path) -> None:
    """The newest first, and the log last: a run after each."""
    config = zone(tmp_path)
    for land in reversed(landings(config)):
        land()
        landed.run(config, TODAY)
    assert verdicts(config) == at_once


def test_a_day_of_the_log_that_lands_again_with_less_leaves_later_withdrawals_without_grants(tmp_path: Path) -> None:
    day, later = FIRST, FIRST + timedelta(days=3)
    found = []
    for name, grants in (("before", [PERSON]), ("replaced", [OTHER, PERSON])):
        config = zone(tmp_path / name)
        for people in (grants, [PERSON])[-len(grants) :]:
            landed.land_consents(config, [change(1, "granted", person, day=day) for person in people], day=day)
            landed.land_consents(config, [change(1, "withdrawn", OTHER, day=later)], day=later)
            landed.run(config, TODAY)
        found.append(verdicts(config))
    assert found[0] == found[1]
    assert found[0][f"consents/{later}"][2]["withdrawal_after_grant"] == 1


def test_what_cannot_be_checked_is_not_judged_again_and_again(tmp_path: Path) -> None:
    """Without a column that consent is checked by; once before there is a log, and once more with it."""
    config = zone(tmp_path)
    schema = pa.schema([field for field in landed.EVENT if field.name != "pseudonym"])
    landed.land_events(config, [event(1, day=FIRST)], day=FIRST, schema=schema)
    landed.run(config, TODAY)
    landed.land_consents(config, [change(1, "granted", day=WEEKS[1])], day=WEEKS[1])
    assert [one.state for one in landed.run(config, TODAY).outcomes] == ["quarantined"]
    assert verdicts(config)[f"events/workspace/{FIRST}"][2]["consent_in_force"] is None


def test_consent_of_rows_that_are_held_is_judged_again_with_the_log(tmp_path: Path) -> None:
    config = zone(tmp_path)
    landed.land_consents(config, [change(1, "granted", day=FIRST)], day=FIRST)
    landed.land_consents(config, [], day=WEEKS[1])
    landed.land_events(config, [identified(1, day=WEEKS[1], feature="cases.unheard_of")], day=WEEKS[1])
    landed.run(config, TODAY)
    assert verdicts(config)[f"events/workspace/{WEEKS[1]}"][2]["consent_in_force"] == 0
    landed.land_consents(config, [change(5, "withdrawn", day=WEEKS[1])], day=WEEKS[1])
    landed.run(config, TODAY)
    assert verdicts(config)[f"events/workspace/{WEEKS[1]}"][2]["consent_in_force"] == 1


def test_a_day_of_the_log_that_cannot_be_read_is_held_against_an_earlier_one_once_it_can(tmp_path: Path) -> None:
    config = zone(tmp_path)
    later = FIRST + timedelta(days=2)
    landed.land_events(config, [event(1, day=FIRST)], day=FIRST)
    folder = landed.land_consents(config, [change(9, "withdrawn", day=later)], day=later)
    landed.run(config, TODAY)
    assert verdicts(config)[f"consents/{later}"][2]["withdrawal_after_grant"] == 1
    content = (folder / "part-0.parquet").read_bytes()
    (folder / "part-0.parquet").write_bytes(content[:50])
    landed.land_consents(config, [change(8, "granted", day=FIRST)], day=FIRST)
    assert landed.run(config, TODAY).exit_code == INCOMPLETE
    (folder / "part-0.parquet").write_bytes(content)
    landed.run(config, TODAY)
    assert verdicts(config)[f"consents/{later}"][2]["withdrawal_after_grant"] == 0
