"""Whatever recipients do, over some days: the table `feedback` is what plain Python makes of its definition."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from cetegra_usage import sql
from cetegra_usage.check import evidence, judge, reader, register
from cetegra_usage.measure import RollupFile, ServiceCalendar, Source, Unit
from cetegra_usage.measure.tallies import tally
from cetegra_usage.model import Catalogue, Partition, Rows
from cetegra_usage.rollup import roll_up_feedback
from cetegra_usage.settings import Settings
from support import landed
from support.rollups import THOROUGH

FIRST = date(2026, 6, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(4)]
CATALOGUE = Catalogue({"desk": "Desk"}, {"basic": "Basic"}, {}, {"downtime": "Downtime", "survey": "Survey"}, "")
KINDS = ("shown", "opened", "dismissed", "answered")
MOMENTS = (0, 1, 43_200_000_000, 86_399_999_999)
"""Microseconds after midnight: both ends of a day, and ties."""


@dataclass(frozen=True)
class Response:
    """A row of feedback."""

    event_id: UUID
    occurred_at: datetime
    notice: str
    kind: str
    rating: int | None
    recipient: int


@st.composite
def responses(draw: st.DrawFn) -> list[Response]:
    """Draw rows of few recipients, some of them landed twice."""
    rows: list[Response] = []
    for number in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(KINDS))
        day, moment = draw(st.sampled_from(DAYS)), draw(st.sampled_from(MOMENTS))
        rows.append(
            Response(
                UUID(int=(draw(st.integers(0, 3)) << 100) + number, version=4),
                datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(microseconds=moment),
                draw(st.sampled_from(("downtime", "survey", "unheard_of"))),
                kind,
                draw(st.one_of(st.none(), st.integers(1, 5))) if kind == "answered" else None,
                landed.recipient_of(draw(st.integers(1, 3))),
            )
        )
    return rows + [row for row in rows if draw(st.integers(0, 4)) == 0]


def expected(rows: list[Response]) -> dict[str, dict[str, Any]]:
    """Count recipients; of each, the rating of the last answer that has one (ties: the greater event_id)."""
    found: dict[str, dict[str, Any]] = {}
    for notice in {row.notice for row in rows} & set(CATALOGUE.notices):
        its = [row for row in rows if row.notice == notice]
        last: dict[int, int] = {}
        for row in sorted(its, key=lambda row: (row.occurred_at, row.event_id.bytes)):
            if row.rating is not None:
                last[row.recipient] = row.rating
        stars = Counter(last.values())
        found[notice] = {
            **{kind: len({row.recipient for row in its if row.kind == kind}) for kind in KINDS},
            **{f"rating_{number}": stars[number] for number in range(1, 6)},
            "rated": len(last),
            "stars": sum(last.values()),
        }
    return found


def rows_of(rows: list[Response]) -> Rows:
    """Return the fate of a day's rows: of equal ones one is kept, and then held or accepted."""
    kept = set(rows)
    held = sum(row.notice not in CATALOGUE.notices for row in kept)
    return Rows(landed=len(rows), accepted=len(kept) - held, duplicate=len(rows) - len(kept), held=held)


@settings(THOROUGH, max_examples=60)
@given(rows=responses())
def test_what_recipients_did_is_counted_as_defined(rows: list[Response]) -> None:
    needs = {one.id: one.needs for one in register.load().suite("feedback")}
    files: list[RollupFile] = []
    counts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as root, sql.Databases(memory_limit="1GB", spill=Path(root)) as databases:
        for day in DAYS:
            own = [row for row in rows if row.occurred_at.date() == day]
            folder = Path(root) / str(day)
            folder.mkdir()
            file = folder / "part-0.parquet"
            company = {"company": str(UUID(int=77, version=4))}
            file.write_bytes(
                landed.parquet([vars(row) | company | {"event_id": str(row.event_id)} for row in own], landed.FEEDBACK)
            )
            partition = Partition("feedback", "", day)
            found = evidence.examine_feedback(databases, partition, [file], CATALOGUE, None, needs, folder)
            assert found.rows == rows_of(own)
            counts[partition.id] = dict(found.counts)
            with databases.empty() as connection:
                reader.view(connection, [file], reader.FEEDBACK)
                connection.read_parquet(str(folder / evidence.HELD_NOTICES)).create_view("held_notices")
                (made,) = roll_up_feedback(connection, folder)
            files.append(RollupFile("", day, "responses", 0, 1, made))
        for verdict in judge.judge("feedback", counts).values():
            assert {result.expectation.id for result in verdict.failed} <= {"notice_declared"}
        source = Source({"desk": ServiceCalendar()}, files, ServiceCalendar(FIRST, frozenset(DAYS)))
        unit = Unit("feedback", FIRST, DAYS[-1])
        made_of = tally([unit], source, catalogue=CATALOGUE, settings=Settings(folder=Path(root)))[unit]
    told = {row.pop("notice"): row for row in made_of.drop("service").iter_rows(named=True)}
    assert told == expected(rows)
