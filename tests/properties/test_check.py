"""Sorted numbers prove what is clean, and the rows themselves say what is not: however ids fall together as numbers."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import UUID

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cetegra_usage import sql
from cetegra_usage.check import evidence, numbers
from cetegra_usage.model import Catalogue, Feature, Partition
from cetegra_usage.settings import Settings
from support import landed
from support.landed import DAY, OTHER, PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SESSIONS = [str(UUID(int=number << 70, version=4)) for number in (3, 5, 8)]
PARTITION = Partition("events", "workspace", DAY)
NUMBER = "CREATE OR REPLACE TEMP MACRO id_number(id) AS CASE WHEN id IS NOT NULL THEN (4::UBIGINT << 60) + {} END"
ALL_ALIKE = (NUMBER.format("0"), numbers.MACROS[1])
FEW = (NUMBER.format("(hash(id) & 3)"), numbers.MACROS[1])

hours = st.sampled_from([8.0, 9.0, 10.0, 11.0, 12.0])
rows = st.builds(
    lambda number, hour, person, session: landed.identified(number, hour, person, session_id=session),
    st.integers(1, 30),
    hours,
    st.sampled_from([PERSON, OTHER]),
    st.sampled_from([None, *SESSIONS]),
)
broken = st.sampled_from([{}, {}, {}, {"pseudonym": None}, {"consent": False}, {"pseudonym": 7}, {"event_id": None}])
outside = st.just({"occurred_at": landed.at(8, DAY + timedelta(days=1))})  # nobody is settled then
turns = st.one_of(  # also on the days beside, and within the skew
    st.builds(landed.at, hours),
    st.builds(landed.at, st.sampled_from([0.0, 1 / 60, 23 + 59 / 60]), st.sampled_from([DAY, DAY - timedelta(days=1)])),
)
logs = st.lists(st.tuples(st.sampled_from([PERSON, OTHER]), turns, st.none() | turns), max_size=3)


@settings(max_examples=25, deadline=None)
@given(events=st.lists(rows, min_size=3, max_size=12), log=logs, change=broken | outside)
def test_what_is_counted_and_accepted_does_not_depend_on_the_numbers(
    events: list[dict[str, Any]], log: list[tuple[int, datetime, datetime | None]], change: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        file = root / "part-0.parquet"
        file.write_bytes(landed.parquet([events[0] | change, *events[1:]], landed.EVENT))
        intervals = [
            {
                "pseudonym": person,
                "granted_at": granted.replace(tzinfo=None),
                "withdrawn_at": withdrawn.replace(tzinfo=None) if withdrawn else None,
            }
            for person, granted, withdrawn in log
        ]
        types = {"pseudonym": pl.Int64, "granted_at": pl.Datetime("us"), "withdrawn_at": pl.Datetime("us")}
        pl.DataFrame(intervals, schema=types).write_parquet(root / "intervals.parquet")
        with mock.patch.object(evidence, "_settled", return_value=np.empty(0, np.int64)):  # nor of the log
            asked_of_rows = _examined(root, file, ALL_ALIKE)
        assert _examined(root, file, numbers.MACROS) == asked_of_rows
        with mock.patch.object(numbers, "ROWS_AT_ONCE", 2), mock.patch.object(numbers, "EVENTS_AT_ONCE", 3):
            assert _examined(root, file, FEW) == asked_of_rows


def test_lawful_rows_are_asked_nothing(tmp_path: Path) -> None:
    ids = [str(UUID(int=number << 70, version=4)) for number in range(1, 40)]
    events = [landed.identified(1, 9, session_id=SESSIONS[0], event_id=event_id) for event_id in ids]
    (tmp_path / "part-0.parquet").write_bytes(landed.parquet(events, landed.EVENT))
    with sql.connect() as connection:
        connection.read_parquet(str(tmp_path / "part-0.parquet")).project(
            "event_id::UUID AS event_id, session_id::UUID AS session_id, occurred_at::TIMESTAMP AS occurred_at, "
            "consent, pseudonym"
        ).create_view("landed")
        for macro in numbers.MACROS:
            connection.execute(macro)
        found, sessions = numbers.events(connection, len(events)), numbers.sessions(connection, np.empty(0, np.int64))
    assert (found.count, found.are_random, found.repeated.size) == (len(events), True, 0)
    assert sessions is not None
    assert list(sessions.persons) == [PERSON]
    assert sessions.spans.rows() == [(PERSON, *[landed.at(9).replace(tzinfo=None)] * 2)]
    assert (sessions.seen.size, sessions.sharing.size) == (1, 0)


def _examined(root: Path, file: Path, macros: Sequence[str]) -> tuple[Any, ...]:
    into = Path(tempfile.mkdtemp(dir=root))
    feature = Feature("cases.open_list", "Cases", "workspace", ("open", "submit"), "the cases team", DAY)
    catalogue = Catalogue({"workspace": "Workspace"}, {"basic_user": "Basic User"}, {feature.key: feature}, {}, "")
    context = evidence.Context(root / "intervals.parquet")
    with mock.patch.object(numbers, "MACROS", macros):
        found = evidence.examine(PARTITION, [file], context, catalogue, Settings(), {}, into)
    with sql.connect() as connection:
        evidence.accepted(connection, [file], into)
        accepted = sorted(connection.sql("SELECT accepted::VARCHAR FROM accepted").fetchall())
    return found.counts, found.rows, accepted
