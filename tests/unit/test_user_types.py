"""User types withheld whole, where a release is too large: the rest tells of no type, and the shortcut finds as much.

The attack that knows no shortcut, type by type, is made beside it.
"""

from __future__ import annotations

import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cetegra_usage import definitions
from cetegra_usage.model import ALL, Period, periods_between
from cetegra_usage.project import root
from cetegra_usage.protect import Protection, ReleasedTables, protect, user_types
from cetegra_usage.protect.audit import AuditResult, audit
from cetegra_usage.protect.audit import user_types as shortcut
from cetegra_usage.settings import Disclosure
from support.marts import Population, population

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES = definitions.tables()
DISCLOSURE = Disclosure()
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 22)
WEEKS = [period for period in periods_between(FIRST, LAST) if period.is_week]
Tables = dict[str, pl.DataFrame]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every release for a large one."""
    monkeypatch.setattr(user_types, "MOST", 0)


def people(seed: int = 0, size: int = 60) -> Population:
    return population(FIRST, LAST, people=size, user_types=3, features=3, seed=seed, rate=0.5)


def release(world: Population, period: Period, held: list[ReleasedTables]) -> Protection:
    done = protect(period, world.marts(period), definitions=TABLES, disclosure=DISCLOSURE, released=held)
    revision = 1 + sum(one.period == period for one in held)
    held.append(ReleasedTables(period, revision, {name: table.frame for name, table in done.tables.items()}))
    return done


def attack_type_by_type(held: list[ReleasedTables], errata: Any, monkeypatch: pytest.MonkeyPatch) -> AuditResult:
    *before, last = held
    with monkeypatch.context() as patch:
        patch.setattr(shortcut, "hidden", lambda *_: False)
        earlier = [(one.period, one.tables) for one in before]
        return audit(last.period, last.tables, earlier, TABLES, DISCLOSURE, errata)


def figures_of_types(tables: Mapping[str, pl.DataFrame]) -> set[float]:
    """Every figure that is shown of a single type."""
    return {
        value
        for name, frame in tables.items()
        if "user_type" in frame.columns
        for measure in TABLES[name].measures
        for value in frame.filter(pl.col("user_type") != ALL)[measure.name].drop_nulls()
    }


def test_types_are_tied_by_nothing_but_that_they_add_up() -> None:
    """What the shortcut rests on: a link names types to add them up, in every table that has them, or all of them."""
    declared = tomllib.loads((root() / "sql" / "marts" / "links.toml").read_text("utf-8"))
    adding: list[str] = []
    for link in declared["link"]:
        named = [link.get(side, {}).get("user_type") for side in ("whole", "parts")]
        if named == [ALL, "each"]:
            assert link["relation"] == "sum"
            assert not {"nearly", "time", "missing"} & set(link)
            adding += link["tables"]
            continue
        tables = [(one, one) for one in link.get("tables", ())] or [(link["whole_table"], link["parts_table"])]
        for pair in tables:
            sides = zip(pair, named, strict=True)
            of = {kind or "the same" for table, kind in sides if "user_type" in TABLES[table].grain}
            assert of in ({ALL}, {"the same"}, set()), link["name"]
    assert sorted(adding) == sorted(name for name, table in TABLES.items() if "user_type" in table.grain)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(("seed", "size"), [(0, 60), (1, 300)])
def test_of_a_large_release_no_type_is_told(seed: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[ReleasedTables] = []
    for period in WEEKS:
        done = release(people(seed, size), period, held)
        assert done.audit is not None
        assert done.audit.passed
        assert done.withheld_by_rule["user types"]
        assert figures_of_types(held[-1].tables) <= {0}
        assert set(held[-1].tables["features"].filter(user_type=ALL)["events_status"]) >= {"published"}
        assert attack_type_by_type(held, (), monkeypatch).passed


@pytest.mark.usefixtures("large")
def test_a_type_is_nobody_where_nobody_is() -> None:
    world = people()
    silent = Population(world.events.filter(feature="f000"), world.services, world.user_types, world.features)
    frame = release(silent, WEEKS[0], []).tables["features"].frame.filter(service="docs", user_type="type2")
    assert dict(frame.select("feature", "events").iter_rows()) == {"f000": None, "f002": 0, ALL: None}


@pytest.mark.usefixtures("large")
def test_late_data_take_back_that_a_type_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """All types were nobody; some are not. That is taken back of all of them: nobody sees of which it holds still."""
    world = people(1, 300)
    is_late = world.events["feature"] == "f002"
    on_time = Population(world.events.filter(~is_late), world.services, world.user_types, world.features)
    held: list[ReleasedTables] = []
    release(on_time, WEEKS[0], held)
    done = release(world, WEEKS[0], held)
    then, now = (one.tables["features"].filter(service="docs", feature="f002") for one in held)
    assert then.filter(user_type="type2")["events"].to_list() == [0]
    assert set(now.filter(pl.col("user_type") != ALL)["events_status"]) == {"withheld"}
    assert done.audit is not None
    assert done.audit.recalled
    errata = {
        (name, measure.name, row)
        for name, frame in held[1].tables.items()
        for measure in TABLES[name].counts
        for row, (old, new) in enumerate(zip(held[0].tables[name][measure.name], frame[measure.name], strict=True))
        if old is not None and new is None
    }
    assert attack_type_by_type(held, errata, monkeypatch).passed


def test_what_was_told_of_types_before_is_attacked_with_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release grows too large: it shows of types what the ones before show, and is attacked type by type."""
    world, held = people(1, 300), list[ReleasedTables]()
    release(world, WEEKS[0], held)
    monkeypatch.setattr(user_types, "MOST", 0)
    monkeypatch.setattr(shortcut, "single", None)  # not taken
    done = release(world, WEEKS[1], held)
    assert done.audit is not None
    assert done.audit.passed
    new = held[-1].tables["activity"].filter(pl.col("user_type") != ALL)
    assert set(new["dau"].drop_nulls()) <= {0}


def test_a_release_of_one_type_is_never_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    marts = population(FIRST, LAST, people=60, user_types=1, features=3, seed=0).marts(WEEKS[0])
    monkeypatch.setattr(user_types, "MOST", 0)
    assert not user_types.are_too_many(marts, DISCLOSURE)
    assert user_types.are_too_many(people().marts(WEEKS[0]), DISCLOSURE)
    assert not user_types.are_too_many(people().marts(WEEKS[0]), Disclosure(threshold=5, rounding=10))


def changed(frame: pl.DataFrame, **columns: Any) -> pl.DataFrame:
    """A table with other values in the first row of a single type."""
    first = pl.int_range(pl.len()) == frame["user_type"].to_list().index("type0")
    return frame.with_columns(
        pl.when(first).then(pl.lit(value, frame.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in columns.items()
    )


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    "change",
    [
        lambda frame: changed(frame, users=50, users_status="published"),
        lambda frame: changed(frame, users=0, users_status="published"),
        lambda frame: changed(frame, events_per_user=2.5, events_per_user_status="published"),
        lambda frame: changed(frame, users_status="unavailable"),
        lambda frame: frame.filter(pl.col("user_type") != "type1"),
        lambda frame: frame.filter(pl.int_range(pl.len()) != frame["user_type"].to_list().index("type0")),
    ],
    ids=["figure", "nobody beside somebody", "mean", "unavailable", "type", "row"],
)
def test_the_attack_is_cut_short_only_where_nothing_is_told_of_types(change: Any) -> None:
    held: list[ReleasedTables] = []
    release(people(1, 300), WEEKS[0], held)
    period, tables = held[0].period, dict(held[0].tables)
    assert shortcut.hidden([(period, tables)], frozenset(), DISCLOSURE)
    told = tables | {"features": change(tables["features"])}
    assert not shortcut.hidden([(period, told)], frozenset(), DISCLOSURE)
    assert not shortcut.hidden([(period, told), (period, tables)], frozenset(), DISCLOSURE)
