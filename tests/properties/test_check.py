"""Sorted numbers prove what is clean, and the rows themselves say what is not: however ids fall together as numbers."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from itertools import combinations, product, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import UUID

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from cetegra_usage import sql
from cetegra_usage.check import evidence, numbers, reader
from cetegra_usage.model import Catalogue, Feature, Partition
from cetegra_usage.settings import Settings
from support import landed
from support.landed import DAY, OTHER, PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

SESSIONS = [str(UUID(int=number << 70, version=4)) for number in (3, 5, 8)]
NUMBERED = pa.field("File_Row_Number", pa.int64())
PARTITION = Partition("events", "workspace", DAY)
# The version stays what it is.
NUMBER = "CREATE OR REPLACE TEMP MACRO id_number(id) AS ((id::UHUGEINT >> 76 & 15)::UBIGINT << 60) + {}"
ALL_ALIKE = (NUMBER.format("0"),)
FEW = (NUMBER.format("(hash(id) & 3)"),)

hours = st.sampled_from([8.0, 9.0, 10.0, 11.0, 12.0])
rows = st.builds(
    lambda number, hour, person, session: landed.identified(number, hour, person, session_id=session),
    st.integers(1, 30),
    hours,
    st.sampled_from([PERSON, OTHER]),
    st.sampled_from([None, *SESSIONS]),
)
broken = st.sampled_from(
    [
        {},
        {},
        {},
        {"pseudonym": None},
        {"pseudonym": None, "session_id": SESSIONS[0]},
        {"consent": False},
        {"consent": False, "pseudonym": None, "session_id": SESSIONS[0]},
        {"pseudonym": 7},
        {"event_id": None},
        {"session_id": str(UUID(int=3 << 70, version=5))},
        {"feature": "cases.unheard_of"},
        {"occurred_at": None},
        *({"occurred_at": landed.at(8, DAY + timedelta(days=days))} for days in (-9, 1)),
    ]
)
logs = st.lists(st.tuples(st.sampled_from([PERSON, OTHER]), hours, st.none() | hours), max_size=3)


@settings(max_examples=14, deadline=None)
@given(events=st.lists(rows, min_size=3, max_size=12), log=logs, change=broken)
def test_what_is_counted_and_accepted_does_not_depend_on_the_numbers(
    events: list[dict[str, Any]], log: list[tuple[int, float, float | None]], change: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = [root / f"part-{number}.parquet" for number in (0, 1)]
        for file, of in zip(files, ([events[0] | change, events[1]], events[2:]), strict=True):
            file.write_bytes(landed.parquet(of, landed.EVENT))
        _log(root, [(person, *(hour and landed.at(hour) for hour in turns)) for person, *turns in log])
        asked_of_rows = _examined(root, files, ALL_ALIKE)
        assert _examined(root, files, numbers.MACROS) == asked_of_rows
        with mock.patch.multiple(numbers, ROWS_AT_ONCE=2, EVENTS_AT_ONCE=3, ASKED_KEPT=1):
            assert _examined(root, files, FEW) == asked_of_rows


def test_whose_consent_turns_within_the_day_is_asked_when_their_events_were(tmp_path: Path) -> None:
    skew = timedelta(seconds=Settings().consent.skew_seconds)
    day, night = landed.at(0), landed.at(0, DAY + timedelta(days=1))
    instants = [day, day + skew / 2, day + skew, landed.at(12), night - skew, night - skew / 2, night - skew / 60]
    turns = [day - skew * 2, day, day + skew / 60, day + skew / 2, day + skew, day + skew * 2]
    turns += [landed.at(11), night - skew, night - skew / 2, night, night + skew / 2]
    lives = [(), *combinations(turns, 1), *combinations(turns, 2), *combinations(turns, 3), *combinations(turns, 4)]
    file, log, events, lapsed, outlived = tmp_path / "part-0.parquet", [], [], 0, 0
    for person, (life, times) in enumerate(product(lives, combinations(instants, 2)), start=1 << 33):
        intervals = list(zip_longest(life[::2], life[1::2]))
        log += [(person, *interval) for interval in intervals]
        session = str(UUID(int=person << 20, version=4))
        for at in times:
            event_id = str(UUID(int=len(events) + 1 << 20, version=4))
            row = landed.identified(1, 9, person, session_id=session, event_id=event_id, occurred_at=at)
            events.append(row)
            lapsed += not any(granted - skew <= at and (not end or at < end + skew) for granted, end in intervals)
        outlived += any(end and times[0] < end and times[1] >= end + skew for _, end in intervals)
    file.write_bytes(landed.parquet(events, landed.EVENT))
    _log(tmp_path, log)
    found = _examined(tmp_path, [file], numbers.MACROS)
    assert (found[0]["consent_in_force"], found[0]["session_ends_with_consent"]) == (lapsed, outlived)
    with mock.patch.object(evidence, "_settled", return_value=np.empty(0, np.int64)) as of_nobody:
        assert _examined(tmp_path, [file], numbers.MACROS) == found
    of_nobody.assert_called_once()


def test_a_session_that_goes_on_as_nobodys_outlives_its_consent(tmp_path: Path) -> None:
    night = landed.at(0, DAY + timedelta(days=1))
    rows = [
        landed.identified(1, 9, session_id=SESSIONS[0]),
        landed.identified(2, 9, session_id=SESSIONS[0])
        | {"pseudonym": None, "consent": False, "occurred_at": night.replace(hour=5)},
    ]
    (tmp_path / "part-0.parquet").write_bytes(landed.parquet(rows, landed.EVENT))
    _log(tmp_path, [(PERSON, landed.at(0), night)])  # in force all day: nobody asks when their events were
    counts, fates, _ = _examined(tmp_path, [tmp_path / "part-0.parquet"], numbers.MACROS)
    assert (counts["session_ends_with_consent"], counts["session_only_with_consent"], fates.stripped) == (1, 1, 2)


def test_rows_are_found_where_a_column_hides_their_number(tmp_path: Path) -> None:
    events = [landed.identified(number, 9, session_id=SESSIONS[0]) for number in (1, 2, 2, 3, 3)]
    events[4] |= {"user_type": "another"}
    found = []
    for name, schema in (("plain", landed.EVENT), ("hidden", landed.EVENT.append(NUMBERED))):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "part-0.parquet"
        file.write_bytes(landed.parquet([event | {NUMBERED.name: 0} for event in events], schema))
        _log(file.parent, [(PERSON, landed.at(0), None)])
        found.append(_examined(file.parent, [file], numbers.MACROS))
    plain, hidden = found
    assert (plain[0]["event_id_unique"], plain[1].duplicate) == (2, 1)
    assert plain[0] | {"no_extra_columns": 1} == hidden[0]
    assert plain[1:] == hidden[1:]


def test_where_repeated_ids_stand_is_known_whatever_files_and_threads(tmp_path: Path) -> None:
    """Three files of some row groups, that DuckDB reads by four threads: it keeps their order, on which this rests."""
    ids = np.random.default_rng(1).bytes(16 * 600_000)
    ids = [ids[16 * n : 16 * n + 16] for n in range(600_000)]
    for first, again in ((7, 250_001), (130_000, 599_999), (131_072, 131_073)):
        ids[again] = ids[first]
    files = [tmp_path / f"part-{number}.parquet" for number in range(3)]
    for file, of in zip(files, (ids[:250_000], ids[250_000:250_002], ids[250_002:]), strict=True):
        column = pa.array(of, pa.binary(16))
        empty = {name: pa.nulls(len(of)) for name in reader.EVENTS.kinds if name != "event_id"}
        pq.write_table(pa.table({"event_id": column} | empty), file, row_group_size=50_000)
    with sql.connect() as connection:
        connection.execute("SET threads = 4")
        reader.view(connection, files, reader.EVENTS)
        for macro in numbers.MACROS:
            connection.execute(macro)
        found = numbers.events(connection, len(ids))
    assert found.places is not None
    assert found.places.tolist() == [7, 130_000, 131_072, 131_073, 250_001, 599_999]


def test_how_many_rows_one_person_has_is_the_same_whatever_the_threads(tmp_path: Path) -> None:
    persons = np.random.default_rng(1).integers(1 << 33, (1 << 33) + 40, 90_000)
    empty = {name: pa.nulls(len(persons)) for name in reader.EVENTS.kinds if name != "pseudonym"}
    pq.write_table(pa.table({"pseudonym": persons} | empty), tmp_path / "part-0.parquet", row_group_size=7_000)
    found = set[int]()
    for threads in (1, 2, 3):
        with sql.connect() as connection, mock.patch.object(numbers, "ROWS_AT_ONCE", 10_000):
            connection.execute(f"SET threads = {threads}")
            reader.view(connection, [tmp_path / "part-0.parquet"], reader.EVENTS)
            for macro in numbers.MACROS:
                connection.execute(macro)
            found.add(numbers.sessions(connection, None, None).most)
    (most,) = found
    assert most == sum(int(np.unique(part, return_counts=True)[1].max()) for part in np.split(persons, 9))


def test_lawful_rows_are_asked_nothing(tmp_path: Path) -> None:
    ids = [str(UUID(int=number << 70, version=4)) for number in range(1, 40)]
    events = [landed.identified(1, 9, session_id=SESSIONS[0], event_id=event_id) for event_id in ids]
    (tmp_path / "part-0.parquet").write_bytes(landed.parquet(events, landed.EVENT))
    with sql.connect() as connection:
        reader.view(connection, [tmp_path / "part-0.parquet"], reader.EVENTS)
        for macro in numbers.MACROS:
            connection.execute(macro)
        found, sessions = (
            numbers.events(connection, len(events)),
            numbers.sessions(connection, np.empty(0, np.int64), None),
        )
    assert (found.count, found.random, found.repeated.size) == (len(events), len(events), 0)
    assert list(sessions.persons) == [PERSON]
    assert sessions.spans.rows() == [(PERSON, *[landed.at(9).replace(tzinfo=None)] * 2)]
    assert (sessions.seen.size, sessions.sharing.size) == (1, 0)


def _log(root: Path, intervals: Sequence[tuple[Any, ...]]) -> None:
    """Write when whose consent was in force: person, granted, withdrawn or None."""
    types = {"pseudonym": pl.Int64, "granted_at": pl.Datetime("us"), "withdrawn_at": pl.Datetime("us")}
    rows = [(person, *(at and at.replace(tzinfo=None) for at in turns)) for person, *turns in intervals]
    pl.DataFrame(rows, schema=types, orient="row").write_parquet(root / "intervals.parquet")


def _examined(root: Path, files: Sequence[Path], macros: Sequence[str]) -> tuple[Any, ...]:
    into = Path(tempfile.mkdtemp(dir=root))
    feature = Feature("cases.open_list", "Cases", "workspace", ("open", "submit"), "the cases team", DAY)
    catalogue = Catalogue({"workspace": "Workspace"}, {"basic_user": "Basic User"}, {feature.key: feature}, {}, "")
    context = evidence.Context(root / "intervals.parquet")
    databases = sql.Databases(memory_limit="1GB", spill=into / "spill")
    with mock.patch.object(numbers, "MACROS", macros), databases:
        found = evidence.examine(databases, PARTITION, files, context, catalogue, Settings(), {}, into)
    with sql.connect() as connection:
        groups = evidence.accepted(connection, files, into)
        if not found.counts["values_present"]:  # else nothing of it is rolled up
            counted = (
                "user_type, feature, action, count(*) FROM accepted WHERE action IN ('open', 'submit') GROUP BY ALL"
            )
            assert sorted(groups.rows()) == sorted(connection.sql(f"SELECT {counted}").fetchall())
        if not found.counts["event_id_unique"] and not found.counts["values_present"]:  # else it is quarantined
            assert _with_ids(connection, "landed") - _with_ids(connection, "accepted") == found.rows.stripped
        accepted = sorted(connection.sql("SELECT accepted::VARCHAR FROM accepted").fetchall())
    return found.counts, found.rows, accepted


def _with_ids(connection: duckdb.DuckDBPyConnection, view: str) -> int:
    """Return of how many events that are not held a view has an id of somebody."""
    some = connection.view(view).filter("coalesce(pseudonym::VARCHAR, session_id::VARCHAR) IS NOT NULL")
    kept = some.filter("event_id IN (SELECT event_id FROM accepted)").project("event_id, pseudonym, session_id")
    return len(kept.distinct())
