"""No offending value is written anywhere, whichever stage fails; no identifier and no small count is published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest

from support import canaries, landed
from support.landed import EVENT, PERSON, change, event, identified

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST = date(2026, 6, 1)
PERSONAL: dict[str, str | int | UUID] = {
    "mail": "ragnhild.canarsdottir@fjordpost.example",
    "address": "185.213.77.41",
    "address 6": "2a02:26f0:c4ab:19::77d1",
    "name": "ragnhild_canarsdottir",
    "folder": "oluf.canarsen_at_fjordpost.example",
    "prose": "jeg venter fortsatt paa svar om sykmeldingen min",
    "national": "17056842193",
    "column": "canary_email_of_the_boss",
    "key": "canaryNestedKey",
    "nested": "canary-nested-value-4471",
    "unreadable time": "canary o'clock 1187",
    "unreadable id": "canary-no-uuid-at-all",
    "unreadable number": "canary-no-number-5520",
    "unreadable file": "canary-in-a-file-that-is-no-parquet",
    "cut line": "canary-in-a-line-that-is-cut",
    "state": "canary-state-perhaps",
    "account": 41_207_663,
}
IDENTIFIERS: dict[str, str | int | UUID] = {
    **{f"person {number}": PERSON + number for number in range(25)},
    **{f"session {number}": UUID(int=0x5EA1_0DD5 << 96 | number * 7_919, version=4) for number in range(25)},
}
FAULTS = ("gx", "roll up", "store", "measure", "protect", "publish", "none")
DRIVER = Path(__file__).with_name("failing_run.py")


def _plant(folder: Path) -> Path:
    """Land two lawful days, and days in which each kind of value stands where it could be carried."""
    config = landed.zone(folder)
    people = range(25)
    landed.land_consents(config, [change(0.5, "granted", PERSON + n, day=FIRST) for n in people], day=FIRST)
    days = [FIRST + timedelta(days=n) for n in range(7)]
    for day in days[1:]:
        landed.land_consents(config, [], day=day)
    for day in days[:2]:
        lawful = [event(n, 8 + n / 20, day=day) for n in range(100)]
        lawful += [
            identified(200 + n, 9 + n / 20, PERSON + n % 25, day=day, session_id=str(IDENTIFIERS[f"session {n % 25}"]))
            for n in range(100)
        ]
        landed.land_events(config, lawful, day=day)
    texts = [PERSONAL[name] for name in ("mail", "address", "address 6", "name", "prose", "national")]
    landed.land_events(config, [event(n, day=days[2], feature=text) for n, text in enumerate(texts)], day=days[2])
    landed.land_events(config, [], day=days[2], service=str(PERSONAL["folder"]))
    extra = EVENT.append(pa.field(str(PERSONAL["column"]), pa.string()))
    carried = [event(1, day=days[3]) | {str(PERSONAL["column"]): PERSONAL["mail"]}]
    landed.land_events(config, carried, day=days[3], schema=extra)
    nested = event(1, day=days[4]) | {str(PERSONAL["key"]): {"deep": PERSONAL["nested"]}}
    uncast = event(
        2,
        day=days[4],
        event_id=PERSONAL["unreadable id"],
        occurred_at=PERSONAL["unreadable time"],
        pseudonym=PERSONAL["unreadable number"],
        consent=True,
    )
    account = identified(3, 9, int(PERSONAL["account"]), day=days[4])
    folder_of = "landing/events/service=workspace/day={}"
    landed.land(folder / folder_of.format(days[4]), {"a.ndjson": landed.ndjson([nested, uncast, account])}, 3)
    cut = b'{"event_id": "' + str(PERSONAL["cut line"]).encode()
    landed.land(folder / folder_of.format(days[5]), {"a.ndjson": cut}, None)
    no_file = str(PERSONAL["unreadable file"]).encode()
    landed.land(folder / folder_of.format(days[6]), {"a.parquet": b"PAR1" + no_file + b"PAR1"}, None)
    after = FIRST + timedelta(days=7)
    landed.land_consents(config, [change(3, str(PERSONAL["state"]), day=after)], day=after)
    return config


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zone, and everything that a process wrote which ran it once for each stage that fails, then as it is."""
    world = tmp_path_factory.mktemp("canaries")
    config = _plant(world / "zone")
    for name in ("home", "temporary", "prefect"):
        (world / name).mkdir()
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(config), *FAULTS],
        env=os.environ
        | {"HOME": str(world / "home"), "TMPDIR": str(world / "temporary"), "PREFECT_HOME": str(world / "prefect")}
        | {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "600"},
        capture_output=True,
        check=False,
        timeout=1500,
    )
    (world / "said").mkdir()
    (world / "said/stdout").write_bytes(done.stdout)
    (world / "said/stderr").write_bytes(done.stderr)
    assert done.returncode == 0, done.stderr[-3000:]
    return world


def _written(world: Path, values: Mapping[str, str | int | UUID]) -> set[tuple[str, str]]:
    folders = [world / name for name in ("home", "temporary", "prefect", "said", "zone/warehouse", "zone/publish")]
    return canaries.holding(folders, values)


def test_each_stage_failed_in_its_turn(world: Path) -> None:
    told = [json.loads(line) for line in (world / "said/stdout").read_text("utf-8").splitlines()]
    assert [one["fault"] for one in told] == list(FAULTS)
    assert [one["failed"] for one in told] == [True] * (len(FAULTS) - 1) + [False]
    # What was judged before the measure failed is unchanged in the last run, and incomplete is what was never judged.
    last = {one["id"].rsplit("/", 1)[-1]: one for one in told[-1]["report"]["partitions"]}
    assert min(last[f"2026-06-0{day}"]["rows"]["accepted"] for day in (1, 2)) > 0
    assert min(last[f"2026-06-0{day}"]["rows"]["quarantined"] for day in (3, 4, 5, 8)) > 0
    assert {last[f"2026-06-0{day}"]["state"] for day in (6, 7)} == {"incomplete"}
    assert told[-1]["report"]["releases"]
    refused = told[FAULTS.index("protect")]
    assert (refused["error"]["code"], refused["report"]["releases"]) == ("disclosure", [])
    assert len(refused["report"]["partitions"]) == len(told[-1]["report"]["partitions"])


def test_the_search_finds_what_is_there(world: Path) -> None:
    found = canaries.holding([world / "zone/landing"], PERSONAL | IDENTIFIERS)
    assert {name for _, name in found} == {*PERSONAL, *IDENTIFIERS}
    assert b"cetegra-usage run" in (world / "prefect/prefect.db").read_bytes()  # Prefect wrote down what happened


def test_no_offending_value_is_written_anywhere(world: Path) -> None:
    assert _written(world, PERSONAL) == set()


def test_identifiers_stand_in_rollups_and_the_consent_log_alone(world: Path) -> None:
    found = {Path(file).relative_to(world / "zone/warehouse").as_posix() for file, _ in _written(world, IDENTIFIERS)}
    assert {file for file in found if not file.startswith("rollups/")} == {"memory/consents.parquet"}


def test_no_small_count_is_published(world: Path) -> None:
    pages = sorted((world / "zone/publish").rglob("*.html"))
    documents = sorted((world / "zone/publish").rglob("*.json"))
    assert {page.name for page in pages if canaries.counts_in_page(page.read_text("utf-8"))} >= {
        "usage.html",
        "compliance.html",
    }
    assert documents
    for page in pages:
        assert canaries.small_in_page(page.read_text("utf-8"), 10) == [], page
    for document in documents:
        assert canaries.small_in_document(json.loads(document.read_bytes()), 10) == [], document


def test_a_small_count_would_be_found() -> None:
    assert canaries.small_in_page("<td>1,200</td><td>7<small>of 20</small></td><td> 7 </td>", 10) == [7]
    assert canaries.small_in_page('<path aria-label="Monday: 3 active users"></path><p>4 rows</p>', 10) == [3, 4]
    document: Any = {
        "revision": 2,
        "partitions": [{"rows": {"landed": 6, "held": 0}}],
        "withheld": {"by_rule": {"a": 4}},
    }
    assert canaries.small_in_document(document, 10) == [".partitions.rows.landed", ".withheld.by_rule.a"]
