"""Random people, many releases, late data and an erasure: whoever holds all of it learns of no few people.

The attacker here is a third one, written for the test: it knows the rows of single tables alone (user types, services,
features and actions add up), but the truth as well, and so sees whether what it infers is so.
"""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from scipy.optimize import linprog

from cetegra_usage import definitions
from cetegra_usage.model import Period, periods_between
from cetegra_usage.protect import Protection, ReleasedTables, attack, protect, suppress
from cetegra_usage.protect.audit import solve
from cetegra_usage.settings import Disclosure
from support.marts import Population, population

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = definitions.tables()
FIRST, LAST = date(2026, 2, 16), date(2026, 3, 1)
ACTIONS = ("opens", "navigations", "submits", "orders")
Cell = tuple[str, ...]


def releases(
    people: Population, disclosure: Disclosure, late: pl.Series, erased: int | None = None
) -> list[tuple[Protection, dict[str, pl.DataFrame]]]:
    """Release two weeks and the month around them; then come late events, somebody is erased, and two are revised."""
    held: list[ReleasedTables] = []
    made: list[tuple[Protection, dict[str, pl.DataFrame]]] = []
    ontime = Population(people.events.filter(~late), people.services, people.user_types, people.features)
    gone = people.events["person"].eq_missing(erased) if erased else late & ~late
    settled = Population(people.events.filter(~gone), people.services, people.user_types, people.features)
    periods = periods_between(FIRST, LAST)
    assert len(periods) == 3
    for period, whole in [(one, False) for one in periods] + [(one, True) for one in periods[:2]]:
        marts = (settled if whole else ontime).marts(period)
        done = protect(period, marts, definitions=TABLES, disclosure=disclosure, released=held)
        revision = 1 + sum(one.period == period for one in held)
        held.append(ReleasedTables(period, revision, {name: table.frame for name, table in done.tables.items()}))
        made.append((done, marts))
    return made


def rows(frame: pl.DataFrame, table: str) -> Iterator[tuple[Cell, list[Cell]]]:
    """Yield each total of a table with its parts, as the contract words it."""
    grain = [name for name in TABLES[table].grain if name not in {"user_type", "service", "feature"}]
    measures = [
        measure.name for measure in TABLES[table].counts if measure.name != "active_users" or table == "retention"
    ]
    has_feature = "feature" in frame.columns
    groups = frame.select(*grain).unique().rows() if grain else [()]
    places = set(frame.select("service", "user_type", *(["feature"] if has_feature else [])).iter_rows())
    for group, place in product(groups, sorted(places)):
        rest = tuple(map(str, group))
        for measure in measures:
            for axis in range(len(place)):
                additive = axis < 2 or measure in {"events", "identified_events", *ACTIONS}
                parts = [
                    other
                    for other in places
                    if other[axis] != "all" and all(other[at] == place[at] for at in range(len(place)) if at != axis)
                ]
                if place[axis] == "all" and additive and parts:
                    yield (measure, *rest, *place), [(measure, *rest, *other) for other in parts]
            if table == "features" and measure == "events":
                yield (measure, *rest, *place), [(action, *rest, *place) for action in ACTIONS]


def cells(frame: pl.DataFrame, table: str) -> dict[Cell, Any]:
    grain = [name for name in TABLES[table].grain if name not in {"user_type", "service", "feature"}]
    columns = [*grain, "service", "user_type", *(["feature"] if "feature" in frame.columns else [])]
    keys = [tuple(map(str, row)) for row in frame.select(columns).iter_rows()]
    return {
        (measure.name, *key): value
        for measure in TABLES[table].counts
        for key, value in zip(keys, frame[measure.name], strict=True)
    }


def inferred(frame: pl.DataFrame, table: str, disclosure: Disclosure) -> dict[Cell, tuple[float, float]]:
    """Return the interval of each withheld cell, by a programme of its own each."""
    figures = cells(frame, table)
    number = {cell: place for place, cell in enumerate(figures)}
    low, high = disclosure.rounding // 2, (disclosure.rounding - 1) // 2
    bounds = [
        (0, None)
        if figure is None
        else (0, 0)
        if figure == 0
        else (max(figure - low, disclosure.threshold), figure + high)
        for figure in figures.values()
    ]
    made = list(rows(frame, table))
    entries = [
        (row, number[cell], sign)
        for row, (whole, parts) in enumerate(made)
        for cell, sign in ((whole, -1.0), *((part, 1.0) for part in parts))
    ]
    row, column, sign = zip(*entries, strict=True)
    matrix = sparse.csr_matrix((sign, (row, column)), shape=(len(made), len(number)))
    found: dict[Cell, tuple[float, float]] = {}
    for cell, figure in figures.items():
        if figure is None:
            ends: list[float] = []
            for end in (1.0, -1.0):
                weights = np.zeros(len(number))
                weights[number[cell]] = end
                result = linprog(weights, A_eq=matrix, b_eq=np.zeros(len(made)), bounds=bounds, method="highs")
                assert result.status in {0, 3}
                ends.append(end * result.fun if result.status == 0 else float("inf"))
            found[cell] = ends[0], ends[1]
    return found


def test_a_month_that_its_last_week_completes_is_looked_at_with_that_week() -> None:
    """All that happened in May lies in two weeks, and what they tell of it the month can withhold no more.

    Where the week does not look at it, the month is refused.
    """
    first, last = date(2026, 5, 18), date(2026, 5, 31)
    people = population(first, last, people=120, user_types=2, features=3, seed=0, rate=0.6)
    before, week, month = periods_between(first, last)
    assert (week.is_week, month.last) == (True, week.last)
    held: list[ReleasedTables] = []

    def release(period: Period, ahead: Period | None = None) -> Protection:
        done = protect(
            period,
            people.marts(period),
            definitions=TABLES,
            disclosure=Disclosure(),
            released=held,
            ahead=(ahead, people.marts(ahead)) if ahead else None,
        )
        held.append(ReleasedTables(period, 1, {name: table.frame for name, table in done.tables.items()}))
        return done

    release(before)
    release(week, ahead=month)
    assert "nothing new" not in release(month).withheld_by_rule


@pytest.mark.parametrize(("seed", "size"), [(1, "small"), (2, "big")])
def test_nobody_learns_of_few_people(seed: int, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few people and many, exact figures and rounded: the same every time, so that a failure is the change's own.

    And once as if all of it were big: through the inside, from corner to corner, exposed cells together.
    """
    together = mock.Mock(wraps=suppress._together)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if size == "big":
        monkeypatch.setattr(suppress, "_together", together)
        for module, names in ((attack, ["LARGE"]), (suppress, ["LARGE", "_EXACT", "_CROWD"]), (solve, ["_MANY"])):
            for name in names:
                monkeypatch.setattr(module, name, 1)
    draw = np.random.default_rng(seed)
    rounding = (1, 5)[seed % 2]
    people, user_types = int(draw.integers(30, 150)), int(draw.integers(2, 4))
    disclosure = Disclosure(threshold=10, rounding=rounding)
    world = population(FIRST, LAST, people=people, user_types=user_types, features=2, seed=seed, rate=0.3)
    late = pl.Series(draw.random(len(world.events)) < 0.02)
    for done, marts in releases(world, disclosure, late, erased=3):
        assert done.audit is not None
        assert done.audit.passed
        for table in ("features", "sessions"):
            if table not in done.tables:
                continue
            truth = cells(marts[table], table)
            for cell, (low, high) in inferred(done.tables[table].frame, table, disclosure).items():
                assert low < 1 - 1e-6 or high > disclosure.threshold - 1 + 1e-6, cell
                assert high - low >= rounding - 1e-6, cell
                assert low - 1e-6 <= truth[cell] <= high + 1e-6, "the attacker's own rows must hold"
    assert together.called == (size == "big")


@pytest.mark.parametrize("key", ["2026-W09", "2026-02"])
def test_nearly_all_that_can_be_shown_is_shown(key: str) -> None:
    """Of what has the threshold's users, complementary rules take next to nothing: rounding has hidden it already."""
    world = population(FIRST, LAST, people=3_000, user_types=3, features=20, seed=1)
    period = Period.parse(key)
    marts = world.marts(period)
    done = protect(period, marts, definitions=TABLES, disclosure=Disclosure())
    used = marts["features"]["users"] > 0
    published = done.tables["features"].frame["users_status"] == "published"
    assert int((published & used).sum()) >= 0.7 * int(used.sum())
    assert done.withheld_by_rule.get("complementary", 0) < 0.01 * done.cells


def test_the_same_cell_is_the_same_figure_in_every_release() -> None:
    world = population(FIRST, LAST, people=300, user_types=2, features=2, seed=5, rate=0.4)
    nothing_late = pl.Series(np.zeros(len(world.events), dtype=bool))
    seen: dict[tuple[Any, ...], tuple[Any, str]] = {}
    for done, _ in releases(world, Disclosure(), nothing_late):
        for table, grain in (("activity", "day"), ("feature_weeks", "week")):
            frame = done.tables[table].frame
            keys = [name for name in frame.columns if name in {grain, "service", "user_type", "feature"}]
            for measure in TABLES[table].counts:
                for row in frame.select(*keys, measure.name, f"{measure.name}_status").iter_rows():
                    *key, figure, status = row
                    assert seen.setdefault((table, measure.name, *key), (figure, status)) == (figure, status)
