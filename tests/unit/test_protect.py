"""Protection of small tables that tell too much: each safe alone, unsafe together."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from cetegra_usage import definitions
from cetegra_usage.errors import DisclosureError
from cetegra_usage.model import Period
from cetegra_usage.protect import Protection, ReleasedTables, protect, protect_count
from cetegra_usage.protect.attack import Goal, System, exposed, settled
from cetegra_usage.protect.audit import audit
from cetegra_usage.protect.audit.facts import Weighed
from cetegra_usage.protect.audit.judge import balance
from cetegra_usage.protect.audit.rows import Rows
from cetegra_usage.protect.audit.solve import Polytope
from cetegra_usage.protect.means import weighed
from cetegra_usage.protect.rounding import interval, round_half_up, three_figures
from cetegra_usage.protect.suppress import Plan, complement
from cetegra_usage.settings import Disclosure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WEEK = Period.parse("2026-W14")
TABLES = definitions.tables()
PLAIN = Disclosure(threshold=10, rounding=1)
ROUNDED = Disclosure(threshold=10, rounding=5)
Counts = dict[tuple[str, str], int]


def sessions(
    counts: Counts, people: Mapping[tuple[str, str], float] | None = None, period: Period = WEEK
) -> pl.DataFrame:
    """The table `sessions`, whose one count adds up over services and user types: totals are made here."""
    grid = dict(counts)
    services = sorted({service for service, _ in counts})
    kinds = sorted({kind for _, kind in counts})
    for kind in kinds:
        grid["all", kind] = sum(counts[service, kind] for service in services)
    for service in [*services, "all"]:
        grid[service, "all"] = sum(grid[service, kind] for kind in kinds)
    rows = [
        {
            "period": period.key,
            "service": service,
            "user_type": kind,
            "sessions": count,
            "sessions_people": float((people or {}).get((service, kind), count)),
            "median_seconds": 60.0 if count else None,
            "events_per_session": 4.0 if count else None,
        }
        for (service, kind), count in grid.items()
    ]
    empty = pl.when(pl.col("sessions") > 0).then(pl.lit("published")).otherwise(pl.lit("undefined"))
    return pl.DataFrame(rows).with_columns(
        pl.lit("published").alias("sessions_status"),
        empty.alias("median_seconds_status"),
        empty.alias("events_per_session_status"),
    )


def shown(frame: pl.DataFrame, measure: str = "sessions") -> dict[tuple[str, str], int | str]:
    return {
        (row["service"], row["user_type"]): row[measure] if row[measure] is not None else row[f"{measure}_status"]
        for row in frame.iter_rows(named=True)
    }


def protected(
    frame: pl.DataFrame, disclosure: Disclosure, *released: ReleasedTables, period: Period = WEEK
) -> pl.DataFrame:
    result = protect(period, {"sessions": frame}, definitions=TABLES, disclosure=disclosure, released=released)
    return result.tables["sessions"].frame


def released(frame: pl.DataFrame, revision: int = 1, period: Period = WEEK) -> ReleasedTables:
    return ReleasedTables(period, revision, {"sessions": frame})


@pytest.mark.parametrize(
    ("count", "step", "figure"), [(0, 5, 0), (2, 5, 0), (3, 5, 5), (12, 5, 10), (13, 5, 15), (5, 10, 10), (7, 1, 7)]
)
def test_counts_are_rounded_half_up(count: int, step: int, figure: int) -> None:
    assert round_half_up(count, step) == figure


@pytest.mark.parametrize(("figure", "expected"), [(0, (0, 0)), (10, (10, 12)), (50, (48, 52))])
def test_a_figure_stands_for_the_counts_that_round_to_it_and_may_be_shown(
    figure: int, expected: tuple[int, int]
) -> None:
    assert interval(figure, ROUNDED) == expected


@pytest.mark.parametrize(("value", "expected"), [(1234.5, 1230.0), (0.012345, 0.0123), (3.125, 3.12), (0.0, 0.0)])
def test_means_keep_three_figures(value: float, expected: float) -> None:
    assert three_figures(value) == expected


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, "withheld"), (9, "withheld"), (10, 10), (13, 15)])
def test_counts_of_evidence_are_protected_likewise(count: int, expected: int | str) -> None:
    assert protect_count(count, ROUNDED) == expected


def test_threshold_one_and_rounding_one_change_nothing() -> None:
    exact = sessions({("docs", "a"): 1, ("docs", "b"): 3, ("workspace", "a"): 0, ("workspace", "b"): 7})
    published = protected(exact, Disclosure(threshold=1, rounding=1))
    assert published.columns == [
        "period", "service", "user_type", "sessions", "sessions_status",
        "median_seconds", "median_seconds_status", "events_per_session", "events_per_session_status",
    ]  # fmt: skip
    assert published.equals(exact.select(published.columns))


def test_a_small_cell_is_withheld_with_what_is_made_from_it() -> None:
    published = protected(
        sessions({("docs", "a"): 7, ("docs", "b"): 70, ("workspace", "a"): 60, ("workspace", "b"): 80}), ROUNDED
    )
    for measure in ("sessions", "median_seconds", "events_per_session"):
        assert shown(published, measure)["docs", "a"] == "withheld"


def test_few_people_behind_many_sessions_are_few() -> None:
    counts = {("docs", "a"): 400, ("docs", "b"): 700, ("workspace", "a"): 600, ("workspace", "b"): 800}
    published = protected(sessions(counts, people={("docs", "a"): 4.0}), ROUNDED)
    assert shown(published)["docs", "a"] == "withheld"


def test_exact_margins_cost_four_cells_and_no_more() -> None:
    """One small cell in a table with exact totals: two in its row and two in its column must go."""
    counts = {("docs", "a"): 7, ("docs", "b"): 70, ("workspace", "a"): 60, ("workspace", "b"): 80}
    figures = shown(protected(sessions(counts), PLAIN))
    assert sum(figure == "withheld" for figure in figures.values()) == 4


def test_rounding_that_leaves_enough_open_costs_no_further_cell() -> None:
    """Once all are rounded to 5, what is missing from three figures is anything between 0 and 11."""
    counts = {(service, kind): 60 for service in ("docs", "mail", "workspace") for kind in "abc"}
    figures = shown(protected(sessions(counts | {("docs", "a"): 7}), ROUNDED))
    assert sum(figure == "withheld" for figure in figures.values()) == 1


def test_a_zero_of_a_small_group_is_withheld_and_a_zero_of_everybody_stays() -> None:
    counts = {("docs", "a"): 6, ("docs", "b"): 0, ("workspace", "a"): 60, ("workspace", "b"): 0}
    figures = shown(protected(sessions(counts), ROUNDED))
    assert figures["docs", "all"] == "withheld"  # six in all
    assert figures["all", "b"] == 0  # nobody at all
    counts = {("docs", "a"): 6, ("docs", "b"): 0, ("workspace", "a"): 60, ("workspace", "b"): 30}
    assert shown(protected(sessions(counts), ROUNDED))["docs", "b"] == "withheld"


def test_one_person_who_made_nearly_all_is_withheld() -> None:
    frame = sessions({("docs", "a"): 400, ("docs", "b"): 700, ("workspace", "a"): 600, ("workspace", "b"): 800})
    top = pl.when((pl.col("service") == "docs") & (pl.col("user_type") == "a")).then(390).otherwise(5)
    figures = shown(protected(frame.with_columns(sessions_top=top), ROUNDED))
    assert figures["docs", "a"] == "withheld"


COUNTS = {("docs", "a"): 40, ("docs", "b"): 70, ("workspace", "a"): 60, ("workspace", "b"): 80}


def test_a_revision_that_tells_of_few_latecomers_is_withheld() -> None:
    first = protected(sessions(COUNTS), ROUNDED)
    late = sessions(COUNTS | {("docs", "a"): 43})
    second = shown(protected(late, ROUNDED, released(first)))
    assert shown(first)["docs", "a"] == 40
    assert second["docs", "a"] == "withheld"  # 45 after 40: between one and nine came late
    assert second["workspace", "b"] == shown(first)["workspace", "b"]


def test_a_revision_by_many_is_published() -> None:
    first = protected(sessions(COUNTS), ROUNDED)
    assert shown(protected(sessions(COUNTS | {("docs", "a"): 90}), ROUNDED, released(first)))["docs", "a"] == 90


def test_what_was_published_stays_published_and_others_go_instead() -> None:
    """A complement that an earlier release shows cannot hide anything: another one is taken."""
    counts = {("docs", kind): count for kind, count in zip("abcd", (7, 11, 300, 500), strict=True)} | {
        ("workspace", kind): 0 for kind in "abcd"
    }
    frame = sessions(counts)
    free = shown(protected(frame, PLAIN))
    assert free["docs", "b"] == "withheld"
    hides = (pl.col("user_type") == "b") | (pl.col("user_type") == "c") & (pl.col("service") == "none")
    known = frame.drop("sessions_people").with_columns(
        pl.when(hides).then(pl.col("sessions")).alias("sessions"),
        pl.when(hides).then(pl.lit("published")).otherwise(pl.lit("unavailable")).alias("sessions_status"),
    )
    bound = shown(protected(frame, PLAIN, released(known)))
    assert bound["docs", "b"] == 11
    assert bound["docs", "a"] == "withheld"
    assert sum(bound["docs", kind] == "withheld" for kind in "cd") >= 1


def test_a_release_that_earlier_ones_have_given_away_is_refused() -> None:
    """Everything but one cell is out already, to the unit: withholding that one hides nothing."""
    counts = {("docs", "a"): 7, ("docs", "b"): 70, ("workspace", "a"): 60, ("workspace", "b"): 80}
    frame = sessions(counts)
    small = (pl.col("service") == "docs") & (pl.col("user_type") == "a")
    known = frame.drop("sessions_people").with_columns(
        pl.when(~small).then(pl.col("sessions")).alias("sessions"),
        pl.when(small).then(pl.lit("withheld")).otherwise(pl.lit("published")).alias("sessions_status"),
    )
    with pytest.raises(DisclosureError) as refused:
        protected(frame, PLAIN, released(known))
    assert refused.value.exit_code == 14
    assert "7" not in refused.value.what.replace(WEEK.key, "")


@pytest.mark.parametrize(
    ("small", "best"),
    [([("s1", "a")], 4), ([("s1", "a"), ("s1", "b")], 4), ([("s1", "a"), ("s2", "b"), ("s3", "c")], 6)],
)
def test_no_more_goes_than_the_best_choice_takes(small: list[tuple[str, str]], best: int) -> None:
    """The least number of cells by which every row and column with a small one has two; within 1.3 times of it."""
    counts = {(service, kind): 50 + 7 * n for n, (service, kind) in enumerate(product(("s1", "s2", "s3"), "abc"))}
    figures = shown(protected(sessions(counts | dict.fromkeys(small, 7)), PLAIN))
    assert best <= sum(figure == "withheld" for figure in figures.values()) <= 1.3 * best


def mart(name: str, period: Period, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """A table of which only some measures are available: each count with as many people behind it, or `m_people`."""
    made: list[dict[str, Any]] = []
    for row in rows:
        full: dict[str, Any] = {"period": period.key} | {one: row[one] for one in TABLES[name].grain}
        for measure in TABLES[name].measures:
            value = row.get(measure.name)
            full |= {measure.name: value, f"{measure.name}_status": "unavailable" if value is None else "published"}
            if measure.kind == "count":
                full[f"{measure.name}_people"] = float(row.get(f"{measure.name}_people", value or 0))
                full[f"{measure.name}_top"] = row.get(f"{measure.name}_top", 0)
        made.append(full)
    kinds = {m.name: pl.Int64 if m.kind == "count" else pl.Float64 for m in TABLES[name].measures}
    return pl.DataFrame(made, schema_overrides=kinds)


def withheld(result: Protection, table: str, measure: str, *by: str) -> set[Any]:
    """The places of a table where a measure is withheld, by some of its dimensions."""
    frame = result.tables[table].frame.filter(pl.col(f"{measure}_status") == "withheld")
    return set(frame[by[0]]) if len(by) == 1 else set(frame.select(by).rows())


def kinds(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(counts) | {"all": sum(counts.values())}


def test_a_margin_under_another_name_is_the_same_margin() -> None:
    """The week's users stand in two tables, their Sunday's weekly ones in a third: each hides what the others do."""
    place = {"service": "docs", "feature": "all", "week": WEEK.first, "day": WEEK.last}
    counts = kinds({"a": 7, "b": 70, "c": 80})
    users = [place | {"user_type": kind, "users": count, "wau": count} for kind, count in counts.items()]
    tables = {name: mart(name, WEEK, users) for name in ("features", "feature_weeks", "activity")}
    result = protect(WEEK, tables, definitions=TABLES, disclosure=PLAIN)
    gone = withheld(result, "features", "users", "user_type")
    assert "a" in gone
    assert len(gone) == 2
    assert withheld(result, "feature_weeks", "users", "user_type") == gone
    assert withheld(result, "activity", "wau", "user_type") == gone


def test_who_withdrew_in_between_hides_nothing_else() -> None:
    """Sunday's weekly users are one fewer than the week's: who reads both knows within one what the other hides."""
    place = {"service": "docs", "feature": "all", "week": WEEK.first, "day": WEEK.last}
    counts, later = kinds({"a": 7, "b": 70, "c": 80}), kinds({"a": 7, "b": 69, "c": 80})
    week = mart("feature_weeks", WEEK, [place | {"user_type": kind, "users": count} for kind, count in counts.items()])
    day = mart("activity", WEEK, [place | {"user_type": kind, "wau": count} for kind, count in later.items()])
    result = protect(WEEK, {"feature_weeks": week, "activity": day}, definitions=TABLES, disclosure=PLAIN)
    gone = withheld(result, "feature_weeks", "users", "user_type")
    also = withheld(result, "activity", "wau", "user_type")
    assert "a" in gone & also
    assert len(gone & also) == 2


def test_four_weeks_that_are_a_month_hide_a_small_one_from_it() -> None:
    """February 2027 begins on a Monday: its weeks add up to it."""
    month = Period.parse("2027-02")
    held: list[ReleasedTables] = []
    for first, count in zip(range(4), (7, 100, 110, 120), strict=True):
        week = Period.week(month.first + timedelta(weeks=first))
        held.append(released(protected(sessions({("docs", "a"): count}), PLAIN, *held, period=week), period=week))
    whole = protected(sessions({("docs", "a"): 337}, period=month), PLAIN, *held, period=month)
    assert set(shown(whole).values()) == {"withheld"}


def test_what_earlier_releases_tell_is_not_withheld_for_others() -> None:
    """All weeks show `c`, so their month's is known: withholding it there hides nothing, be it ever so cheap."""
    month = Period.parse("2027-02")
    held: list[ReleasedTables] = []
    counts = [
        {("docs", "a"): few, ("docs", "b"): many, ("docs", "c"): 50} for few, many in ((0, 900),) * 3 + ((7, 20),)
    ]
    for first, count in enumerate(counts):
        week = Period.week(month.first + timedelta(weeks=first))
        held.append(released(protected(sessions(count), PLAIN, *held, period=week), period=week))
    gone = {place for place, figure in shown(held[-1].tables["sessions"]).items() if figure == "withheld"}
    assert gone == {(service, kind) for service in ("docs", "all") for kind in ("a", "b")}
    total = {place: sum(count[place] for count in counts) for place in counts[0]}
    whole = protected(sessions(total, period=month), PLAIN, *held, period=month)
    assert {place for place, figure in shown(whole).items() if figure == "withheld"} == gone


def windows(tuesday: str, wednesday: str, *, active: int | None, left: int | None) -> dict[str, pl.DataFrame]:
    """Two days with the same weekly users, each without those of two types; nobody was active a week before.

    Args:
        tuesday: The types that are withheld.
        wednesday: Likewise.
        active: How many are active on Wednesday, if that is available.
        left: How many withdrew on Tuesday, if that is not withheld.
    """
    days = [WEEK.first + timedelta(days=day) for day in (-5, 1, 2)]
    rows: list[dict[str, Any]] = []
    for kind, count in kinds({"a": 7, "b": 70, "c": 80}).items():
        place = {"service": "docs", "user_type": kind}
        rows += [
            place | {"day": days[0], "dau": 0},
            place | {"day": days[1], "wau": None if kind in tuesday else count},
            place | {"day": days[2], "wau": None if kind in wednesday else count, "dau": active},
        ]
    activity = mart("activity", WEEK, rows)
    gone = (pl.col("day") > days[0]) & pl.col("wau").is_null()
    changes = mart("consent_changes", WEEK, [{"day": days[1], "withdrawn": left}])
    nobody = pl.when(pl.col("withdrawn").is_null()).then(pl.lit("withheld")).otherwise(pl.lit("published"))
    return {
        "activity": activity.with_columns(
            pl.when(gone).then(pl.lit("withheld")).otherwise("wau_status").alias("wau_status")
        ),
        "consent_changes": changes.with_columns(nobody.alias("withdrawn_status")),
    }


@pytest.mark.parametrize(
    ("active", "left", "exposed"),
    [(0, None, True), (None, 0, True), (None, None, False)],
    ids=["nobody comes", "nobody leaves", "some leave"],
)
def test_the_attacker_finds_what_windows_that_slide_give_away(
    active: int | None, left: int | None, *, exposed: bool
) -> None:
    """Where nobody comes, or nobody leaves, weekly users of two days bound one another, and tell what they hide."""

    def seen(tuesday: str, wednesday: str) -> int:
        made = windows(tuesday, wednesday, active=active, left=left)
        figures = {name: frame.select(pl.exclude("^.*_(people|top)$")) for name, frame in made.items()}
        return audit(WEEK, figures, [], TABLES, PLAIN).exposed

    assert seen("ab", "ab") == seen("ac", "ac") == 0
    assert (seen("ab", "ac") > 0) == exposed


def test_windows_that_slide_hide_the_same() -> None:
    """Nobody comes on Wednesday, so what Tuesday's weekly users hide, Wednesday's do."""
    tables = windows("", "", active=0, left=0)
    result = protect(WEEK, tables, definitions=TABLES, disclosure=PLAIN)
    gone = withheld(result, "activity", "wau", "day", "user_type")
    assert len(gone) == 4
    assert len({kind for _, kind in gone}) == 2


def test_who_was_active_a_week_ago_is_not_told_by_who_came_back() -> None:
    """Last week's 57 users are known; 4 of them stayed away: how many returned would tell."""
    place = {"service": "docs", "user_type": "all", "feature": "all"}
    before = Period.parse("2026-W13")
    week = mart("feature_weeks", before, [place | {"week": before.first, "users": 57}])
    known = protect(before, {"feature_weeks": week}, definitions=TABLES, disclosure=PLAIN)
    held = ReleasedTables(before, 1, {"feature_weeks": known.tables["feature_weeks"].frame})
    row = place | {"week": WEEK.first, "returning": 53, "dormant": 4, "withdrawn": 0}
    tables = {"lifecycle": mart("lifecycle", WEEK, [row])}
    result = protect(WEEK, tables, definitions=TABLES, disclosure=PLAIN, released=[held])
    assert withheld(result, "lifecycle", "dormant", "service")
    assert withheld(result, "lifecycle", "returning", "service")


def test_days_of_engagement_do_not_tell_what_monthly_users_leave() -> None:
    place = {"service": "docs", "user_type": "all", "day": WEEK.last}
    days = {1: 40, 2: 30, 3: 4, 4: 20}
    rows = [place | {"active_days": day, "users": count} for day, count in days.items()]
    tables = {"engagement": mart("engagement", WEEK, rows), "activity": mart("activity", WEEK, [place | {"mau": 94}])}
    result = protect(WEEK, tables, definitions=TABLES, disclosure=PLAIN)
    gone = withheld(result, "engagement", "users", "active_days")
    assert 3 in gone
    assert len(gone) > 1 or withheld(result, "activity", "mau", "service")


@pytest.mark.parametrize("before", [0, 12])
def test_who_is_active_is_of_a_cohort_once_all_cohorts_are_shown(before: int) -> None:
    """Three weeks after one of nobody, 94 are active: 40 and 50 of the first two cohorts leave 4 of the last."""
    place = {"service": "docs", "user_type": "all", "feature": "all"}
    weeks = [WEEK.first - timedelta(weeks=back) for back in range(4)]
    users = zip(weeks, (94, 90, 60, before), strict=True)
    cohorts = zip(weeks, (4, 50, 40, 0), strict=True)
    tables = {
        "feature_weeks": mart("feature_weeks", WEEK, [place | {"week": week, "users": count} for week, count in users]),
        "retention": mart(
            "retention",
            WEEK,
            [
                place | {"cohort_week": week, "weeks_since": since, "active_users": count}
                for since, (week, count) in enumerate(cohorts)
            ],
        ),
    }
    result = protect(WEEK, tables, definitions=TABLES, disclosure=PLAIN)
    gone = withheld(result, "retention", "active_users", "weeks_since")
    assert 0 in gone
    assert (len(gone) > 1 or bool(withheld(result, "feature_weeks", "users", "week"))) is (before == 0)


def test_two_periods_that_end_on_one_day_each_show_all_days_of_engagement() -> None:
    """The week told no monthly users, so its one small figure could stand alone; the month must not tell them now."""
    month = Period.parse("2026-05")
    week = Period.week(month.last)
    assert week.last == month.last
    place = {"service": "docs", "user_type": "all", "day": month.last}
    days = [place | {"active_days": day, "users": count} for day, count in ((1, 40), (2, 30), (3, 4))]
    alone = protect(week, {"engagement": mart("engagement", week, days)}, definitions=TABLES, disclosure=PLAIN)
    assert withheld(alone, "engagement", "users", "active_days") == {3}
    held = ReleasedTables(week, 1, {"engagement": alone.tables["engagement"].frame})
    tables = {"engagement": mart("engagement", month, days), "activity": mart("activity", month, [place | {"mau": 74}])}
    result = protect(month, tables, definitions=TABLES, disclosure=PLAIN, released=[held])
    assert withheld(result, "activity", "mau", "service")


def test_new_users_of_weeks_are_not_told_by_who_is_observed() -> None:
    """First users look back 56 days: the eight weeks that end with the period."""
    place = {"service": "docs", "user_type": "all", "feature": "all", "within_days": 1}
    held: list[ReleasedTables] = []

    def release(week: Period, new: int, **more: pl.DataFrame) -> Protection:
        tables = {"lifecycle": mart("lifecycle", week, [place | {"week": week.first, "new": new}])} | more
        result = protect(week, tables, definitions=TABLES, disclosure=PLAIN, released=held)
        held.append(ReleasedTables(week, 1, {name: table.frame for name, table in result.tables.items()}))
        return result

    for back in range(7, 0, -1):
        release(Period.week(WEEK.first - timedelta(weeks=back)), 20)
    result = release(WEEK, 4, first_use=mart("first_use", WEEK, [place | {"users": 144}]))
    assert withheld(result, "lifecycle", "new", "service")
    assert withheld(result, "first_use", "users", "service")


def test_new_users_of_a_week_are_not_told_by_cohorts_of_weeks_that_no_release_shows() -> None:
    """First users look back eight weeks, and retention shows the cohorts of all of them, in one release."""
    place = {"service": "docs", "user_type": "all", "feature": "all", "within_days": 1, "weeks_since": 0}
    cohorts = {WEEK.first - timedelta(weeks=back): 20 if back else 4 for back in range(8)}
    tables = {
        "retention": mart(
            "retention", WEEK, [place | {"cohort_week": week, "cohort_users": new} for week, new in cohorts.items()]
        ),
        "first_use": mart("first_use", WEEK, [place | {"users": 144}]),
    }
    result = protect(WEEK, tables, definitions=TABLES, disclosure=PLAIN)
    gone = withheld(result, "retention", "cohort_users", "cohort_week")
    assert WEEK.first in gone
    assert len(gone) > 1 or withheld(result, "first_use", "users", "service")


def test_who_returns_is_not_told_by_the_cohort_of_a_week_ago() -> None:
    """At least 38 return, and at most the 42 that were active: at most four did not, fewer than rounding hides."""
    before = WEEK.first - timedelta(weeks=1)
    place = {"service": "docs", "user_type": "all", "feature": "all", "weeks_since": 1}
    tables = {
        "feature_weeks": mart("feature_weeks", WEEK, [place | {"week": before, "users": 42}]),
        "lifecycle": mart("lifecycle", WEEK, [place | {"week": WEEK.first, "returning": 39, "dormant": 3}]),
        "retention": mart("retention", WEEK, [place | {"cohort_week": before, "active_users": 38}]),
    }
    result = protect(WEEK, tables, definitions=TABLES, disclosure=ROUNDED)
    assert withheld(result, "lifecycle", "dormant", "week") == {WEEK.first}
    more = [("feature_weeks", "users", "week"), ("retention", "active_users", "cohort_week")]
    assert any(withheld(result, *one) for one in more)


def test_a_mean_does_not_tell_the_total_that_is_withheld() -> None:
    """One person made nearly all events: with users and events per user shown, the events would be known."""
    row = {"service": "docs", "user_type": "all", "feature": "all", "users": 40, "users_people": 40}
    row |= {"identified_events": 400, "identified_events_people": 40, "identified_events_top": 390}
    tables = {"features": mart("features", WEEK, [row | {"events_per_user": 10.0}])}
    result = protect(WEEK, tables, definitions=TABLES, disclosure=ROUNDED)
    assert withheld(result, "features", "identified_events", "service")
    assert withheld(result, "features", "events_per_user", "service")
    assert not withheld(result, "features", "users", "service")


@pytest.fixture
def of_three_types() -> pl.DataFrame:
    """What three types used; of `c` there are four people. Each mean is safe alone: with all of them `c` is known."""
    types = {"a": (91, 131), "b": (103, 616), "c": (4, 4), "all": (198, 751)}
    place = {"service": "docs", "feature": "all", "events": 3000, "events_people": 198}
    rows = [
        place
        | {"user_type": kind, "users": users, "identified_events": events, "identified_events_people": users}
        | {"events_per_user": events / users}
        for kind, (users, events) in types.items()
    ]
    return mart("features", WEEK, rows)


def test_means_of_other_types_do_not_tell_of_one_that_is_withheld(of_three_types: pl.DataFrame) -> None:
    """Types add up, and so do the events of their users: 3.79 x 198 less 1.44 x 91 and 5.98 x 103 leave four people."""
    result = protect(WEEK, {"features": of_three_types}, definitions=TABLES, disclosure=ROUNDED)
    assert withheld(result, "features", "users", "user_type") == {"c"}
    assert withheld(result, "features", "events_per_user", "user_type") == {"a", "b", "c"}


def test_the_attacker_sees_means_that_tell_of_one_that_is_withheld(of_three_types: pl.DataFrame) -> None:
    result = protect(WEEK, {"features": of_three_types}, definitions=TABLES, disclosure=ROUNDED)
    published = result.tables["features"].frame
    assert audit(WEEK, {"features": published}, [], TABLES, ROUNDED).passed
    is_a = pl.col("user_type") == "a"
    told = published.with_columns(
        events_per_user=pl.when(is_a).then(1.44).otherwise("events_per_user"),
        events_per_user_status=pl.when(is_a).then(pl.lit("published")).otherwise("events_per_user_status"),
    )
    assert audit(WEEK, {"features": told}, [], TABLES, ROUNDED).told == 1


def of_services(table: str, **counts: tuple[int, int, int]) -> pl.DataFrame:
    """A mart of three services and their sum: of `docs`, the last, two people stand behind every count."""
    place = {"user_type": "all", "feature": "all", "day": WEEK.last}
    rows = [
        place | {"service": service} | {name: own[number] for name, own in counts.items()}
        for number, service in enumerate(("a", "b", "docs"))
    ]
    rows.append(place | {"service": "all"} | {name: sum(own) for name, own in counts.items()})
    few = {f"{name}_people": 2 for name in counts}
    return mart(table, WEEK, [row | (few if row["service"] == "docs" else {}) for row in rows])


def without_docs(frame: pl.DataFrame, *counts: str) -> pl.DataFrame:
    """What a threshold alone would publish."""
    is_docs = pl.col("service") == "docs"
    return frame.select(pl.exclude("^.*_(people|top)$")).with_columns(
        *(pl.when(~is_docs).then((2 * pl.col(name) + 5) // 10 * 5).alias(name) for name in counts),
        *(
            pl.when(is_docs).then(pl.lit("withheld")).otherwise(f"{name}_status").alias(f"{name}_status")
            for name in counts
        ),
    )


def test_where_there_are_events_there_is_somebody() -> None:
    """By their sum there are none to six users of the day. That they made a hundred events says that there are some."""
    alone = of_services("activity", dau=(30, 30, 2))
    beside = of_services("activity", dau=(30, 30, 2), identified_events=(300, 300, 100))
    assert audit(WEEK, {"activity": without_docs(alone, "dau")}, [], TABLES, ROUNDED).passed
    assert audit(WEEK, {"activity": without_docs(beside, "dau", "identified_events")}, [], TABLES, ROUNDED).exposed
    assert withheld(
        protect(WEEK, {"activity": alone}, definitions=TABLES, disclosure=ROUNDED), "activity", "dau", "service"
    ) == {"docs"}
    result = protect(WEEK, {"activity": beside}, definitions=TABLES, disclosure=ROUNDED)
    assert {
        *withheld(result, "activity", "dau", "service"),
        *withheld(result, "activity", "identified_events", "service"),
    } > {"docs"}


def test_events_of_sessions_are_events() -> None:
    """By their sum the events of `docs` are 156 to 164. 108 sessions of 1.52 events each are at least 164."""
    events = of_services("features", identified_events=(298, 400, 164))
    length = pl.when(pl.col("service") == "docs").then(164 / 108).otherwise(pl.lit(None, pl.Float64))
    status = pl.when(pl.col("service") == "docs").then(pl.lit("published")).otherwise(pl.lit("unavailable"))
    place = {"user_type": "all"}
    rows = [place | {"service": "docs", "sessions": 108}]
    long = mart("sessions", WEEK, rows).with_columns(
        length.alias("events_per_session"), status.alias("events_per_session_status")
    )
    tables = {"features": events, "sessions": long}
    result = protect(WEEK, tables, definitions=TABLES, disclosure=ROUNDED)
    shown = result.tables["sessions"].frame
    naive = {"features": without_docs(events, "identified_events"), "sessions": shown}
    told = shown.with_columns(events_per_session=pl.lit(1.52), events_per_session_status=pl.lit("published"))
    silent = shown.with_columns(
        events_per_session=pl.lit(None, pl.Float64), events_per_session_status=pl.lit("withheld")
    )
    assert audit(WEEK, naive | {"sessions": silent}, [], TABLES, ROUNDED).passed
    assert audit(WEEK, naive | {"sessions": told}, [], TABLES, ROUNDED).exposed
    gone = withheld(result, "features", "identified_events", "service") - {"docs"}
    assert gone or withheld(result, "sessions", "events_per_session", "service")


def test_the_whole_has_no_mean_that_its_parts_would_tell(of_three_types: pl.DataFrame) -> None:
    plenty = of_three_types.filter(pl.col("user_type") != "c").select(pl.exclude("^.*_(people|top)$"))
    hidden = plenty.with_columns(
        events_per_user=pl.when(pl.col("user_type") != "all").then("events_per_user"),
        events_per_user_status=pl.when(pl.col("user_type") == "all")
        .then(pl.lit("withheld"))
        .otherwise("events_per_user_status"),
    )
    assert audit(WEEK, {"features": hidden}, [], TABLES, PLAIN).told == 1


def test_nearly_everybody_is_a_small_rest() -> None:
    """Stickiness near 100 %: five of sixty were not there that day."""
    row = {"service": "docs", "user_type": "all", "day": WEEK.last, "mau": 60, "dau": 55}
    result = protect(WEEK, {"activity": mart("activity", WEEK, [row])}, definitions=TABLES, disclosure=ROUNDED)
    assert withheld(result, "activity", "dau", "service") or withheld(result, "activity", "mau", "service")
    assert withheld(result, "activity", "stickiness", "service")


def test_the_attacker_finds_what_margins_give_away() -> None:
    counts = {("docs", "a"): 7, ("docs", "b"): 70, ("workspace", "a"): 60, ("workspace", "b"): 80}
    frame = sessions(counts)
    naive = frame.with_columns(
        pl.when(pl.col("sessions") < 10).then(None).otherwise(pl.col("sessions")).alias("sessions"),
        pl.when(pl.col("sessions") < 10)
        .then(pl.lit("withheld"))
        .otherwise(pl.lit("published"))
        .alias("sessions_status"),
    ).drop("sessions_people")
    result = audit(WEEK, {"sessions": naive}, [], TABLES, PLAIN)
    assert not result.passed
    assert result.exposed == 1
    assert result.told == 2  # the median and the mean of what is withheld


def test_the_attacker_finds_what_two_releases_give_away() -> None:
    """Each withholds another cell of the same sum; together they withhold one."""
    frame = sessions({("docs", "a"): 7, ("docs", "b"): 11, ("docs", "c"): 12}).drop("sessions_people")

    def without(*kinds: str) -> dict[str, pl.DataFrame]:
        chosen = pl.col("user_type").is_in(kinds)
        part = pl.col("user_type") != "all"  # of parts all means are shown, or none
        hidden_in = {"sessions": chosen, "median_seconds": chosen, "events_per_session": part}
        hidden = [
            expression
            for name, gone in hidden_in.items()
            for expression in (
                pl.when(~gone).then(pl.col(name)).alias(name),
                pl.when(gone).then(pl.lit("withheld")).otherwise(pl.lit("published")).alias(f"{name}_status"),
            )
        ]
        return {"sessions": frame.with_columns(hidden)}

    assert audit(WEEK, without("a", "b"), [], TABLES, PLAIN).passed
    assert audit(WEEK, without("a", "c"), [], TABLES, PLAIN).passed
    assert audit(WEEK, without("a", "c"), [(WEEK, without("a", "b"))], TABLES, PLAIN).exposed > 0


def test_the_attacker_sees_a_figure_below_the_threshold() -> None:
    frame = sessions({("docs", "a"): 7, ("docs", "b"): 70, ("workspace", "a"): 60, ("workspace", "b"): 80})
    assert audit(WEEK, {"sessions": frame.drop("sessions_people")}, [], TABLES, PLAIN).told == 1


def _equations(sums: Sequence[tuple[tuple[int, ...], int]]) -> Rows:
    """Return what the auditor reads where some cells add up to another."""
    sure = np.zeros(len(sums), dtype=bool)
    row, part = np.array([(row, cell) for row, (cells, _) in enumerate(sums) for cell in cells], dtype=np.intp).T
    whole = np.array([whole for _, whole in sums], dtype=np.intp)
    return Rows(whole, np.zeros(len(sums), dtype=np.int8), sure, sure, np.zeros(len(sums), dtype=np.intp), row, part)


def test_great_counts_that_are_withheld_hide_nothing_of_what_their_sums_tell() -> None:
    """Three cells, and the sum of each two: each of them is half of what it shares, to the unit."""
    circle = _equations([((0, 1), 3), ((1, 2), 4), ((0, 2), 5)])
    lower, upper = np.array([0.0] * 3 + [9000.0] * 3), np.array([np.inf] * 3 + [9000.0] * 3)
    for rows, expected in ((circle.keep(np.array([True, True, False])), 0), (circle, 3)):
        polytope = Polytope(rows, lower, upper, np.zeros(6, dtype=np.intp), np.zeros(6, dtype=np.intp), 50)
        assert polytope.intervals(np.arange(3), threshold=10, width=5)[1].sum() == expected


def test_great_counts_that_are_withheld_are_safe_where_only_what_they_are_at_least_is_told() -> None:
    """Two groups of 9,000 people, each covered by the same two cells."""
    cells = np.array([2, 0, 1, 3, 0, 1])
    told = System(
        row=np.array([0, 0, 0, 1, 1, 1]),
        cell=cells,
        sign=np.where(cells < 2, -1.0, 1.0),  # the two groups come after the two cells
        equal=np.zeros(2, dtype=bool),
        weak=np.zeros(2, dtype=bool),
        lower=np.array([0.0, 0.0, 8998.0, 8998.0]),
        upper=np.array([np.inf, np.inf, 9002.0, 9002.0]),
        window=np.zeros(4, dtype=np.intp),
        theme=np.zeros(4, dtype=np.intp),
    )
    truth = np.array([6000.0, 5000.0, 9000.0, 9000.0])
    assert exposed(told, np.array([0]), truth, Goal(threshold=10, width=5)).cells.tolist() == []


def test_only_protect_makes_a_protected_table(tmp_path: Path) -> None:
    for line in (
        "from cetegra_usage.model import ProtectedTable\nProtectedTable('sessions', pl.DataFrame(), {})",
        "from cetegra_usage.protect.protection import _Protected\n_Protected('sessions', pl.DataFrame(), {})",
    ):
        attempt = tmp_path / "attempt.py"
        attempt.write_text(f"# pyright: strict\nimport polars as pl\n{line}\n", "utf-8")
        judged = subprocess.run(
            [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(attempt)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert judged.returncode == 1, judged.stdout
        assert "reportAbstractUsage" in judged.stdout or "reportPrivateUsage" in judged.stdout


def test_the_auditor_shares_no_code_with_the_protector() -> None:
    import ast  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    import cetegra_usage.protect.audit as package  # noqa: PLC0415

    for file in Path(str(package.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("cetegra_usage.protect"):
                assert node.module.startswith("cetegra_usage.protect.audit"), f"{file.name}: {node.module}"


def test_of_rows_that_contradict_only_those_are_left_out_that_must() -> None:
    """Three cells that are 5 by the sums of each two, and 16 together; beside them one that is nobody."""
    pairs = [((0, 1), 3), ((1, 2), 3), ((0, 2), 3), ((0, 1, 2), 4), ((5,), 6)]
    lower, upper = np.array([0.0, 0, 0, 10, 16, 0, 0]), np.array([np.inf] * 3 + [10, 16, np.inf, 0])
    entries = [(row, cell, 1.0) for row, (parts, _) in enumerate(pairs) for cell in parts]
    entries += [(row, whole, -1.0) for row, (_, whole) in enumerate(pairs)]
    row, cell, sign = zip(*entries, strict=True)
    for weak in (None, 3, 0):
        told = System(
            row=np.array(row),
            cell=np.array(cell),
            sign=np.array(sign),
            equal=np.ones(5, dtype=bool),
            weak=np.arange(5) == weak,
            lower=lower,
            upper=upper,
            window=np.zeros(7, dtype=np.intp),
            theme=np.zeros(7, dtype=np.intp),
        )
        left, point = settled(told, np.zeros(7), np.zeros(7, dtype=bool))
        assert left.rows == 4
        assert np.allclose(left.matrix() @ point, 0)
        assert np.allclose(point[:3], [5, 5, 5]) == (weak != 0)
    attacker = Polytope(_equations(pairs), lower, upper, np.zeros(7, dtype=np.intp), np.zeros(7, dtype=np.intp), 50)
    assert attacker.intervals(np.array([0, 1, 2, 5]), threshold=10, width=5)[1].all()


def test_a_cell_is_hidden_between_nobody_and_the_width_where_it_cannot_be_many() -> None:
    """3 of 5 people, 5 known before: it can't be 10 or more, but anything from 0 to 5 once the other 2 are withheld."""
    others = 130  # each of 100 people, who cover the target too: more cells than are looked at exactly
    row = np.array([0, 0, 0, *[1] * (others + 1)])
    cell = np.array([0, 1, 2, 0, *range(3, 3 + others)])
    many = [100.0] * others
    point = np.array([3.0, 2.0, 5.0, *many])
    told = System(
        row=row,
        cell=cell,
        sign=np.array([1.0, 1.0, -1.0, 1.0, *[-1.0] * others]),
        equal=np.array([True, False]),
        weak=np.zeros(2, dtype=bool),
        lower=np.array([0.0, 2.0, 5.0, *many]),
        upper=np.array([np.inf, 2.0, 5.0, *many]),
        window=np.zeros(len(point), dtype=np.intp),
        theme=np.zeros(len(point), dtype=np.intp),
    )
    free = np.arange(len(point)) != 2
    plan = Plan(told, np.arange(len(point)) == 0, free, np.ones(len(point)), ~free & free)
    assert complement(plan, np.array([0]), point, Goal(10, 5)).tolist() == [1]


def notices(period: Period, *rows: Mapping[str, int]) -> pl.DataFrame:
    """The table `feedback` of a notice a row: counts that are not given are 0, the mean is that of the ratings."""
    counts = ("shown", "opened", "dismissed", "answered", *(f"rating_{stars}" for stars in range(1, 6)))
    full: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        stars = [row.get(f"rating_{one}", 0) for one in range(1, 6)]
        mean = sum(one * count for one, count in enumerate(stars, 1)) / sum(stars) if sum(stars) else None
        full.append({"notice": f"n{number}"} | dict.fromkeys(counts, 0) | dict(row) | {"mean_rating": mean})
    rate = pl.col("answered") / pl.col("shown")
    is_rate, is_mean = pl.col("shown") > 0, pl.col("mean_rating").is_not_null()
    return mart("feedback", period, full).with_columns(
        pl.when(is_rate).then(rate).alias("response_rate"),
        *(
            pl.when(there).then(pl.lit("published")).otherwise(pl.lit("undefined")).alias(f"{name}_status")
            for name, there in (("response_rate", is_rate), ("mean_rating", is_mean))
        ),
    )


def row_of(result: Protection, notice: str = "n0") -> dict[str, Any]:
    """A notice's row as it is published; in place of a figure that is withheld, `withheld`."""
    row = result.tables["feedback"].frame.row(by_predicate=pl.col("notice") == notice, named=True)
    return {
        one: row[one] if row[f"{one}_status"] != "withheld" else "withheld" for one in row if f"{one}_status" in row
    }


MANY = {"shown": 4000, "opened": 2000, "answered": 1250, "rating_3": 400, "rating_4": 500, "rating_5": 300}


@pytest.mark.parametrize("late", [{"opened": 3}, {"answered": 1}, {"answered": 9, "rating_5": 9}])
def test_who_answers_late_costs_the_notice_a_figure_and_no_other_table_one(late: Mapping[str, int]) -> None:
    """Nobody was shown it in the week: a reader would be sure that nobody answered."""
    exact = {"feedback": notices(WEEK, late, MANY), "sessions": sessions({("docs", "a"): 60, ("docs", "b"): 310})}
    result = protect(WEEK, exact, definitions=TABLES, disclosure=ROUNDED)
    assert "withheld" not in shown(result.tables["sessions"].frame).values()
    assert "withheld" not in row_of(result, "n1").values()
    told = row_of(result)
    assert [told[name] for name in late if name != "rating_5"] == ["withheld"]
    assert told["shown"] == "withheld"


def test_few_who_answered_without_a_rating_are_not_told_by_exact_counts() -> None:
    """Where a 0 is withheld, they may have rated so."""
    exact = {"feedback": notices(WEEK, {"shown": 200, "answered": 60, "rating_1": 30, "rating_4": 28})}
    told = row_of(protect(WEEK, exact, definitions=TABLES, disclosure=PLAIN))
    assert {name for name, figure in told.items() if figure == "withheld"} == {"rating_2", "mean_rating"}


@pytest.mark.parametrize(("rated", "mean"), [(990, "withheld"), (1000, 2.4)])
def test_a_mean_of_few_ratings_is_sharper_than_their_rounding(rated: int, mean: float | str) -> None:
    """Half a hundredth of each of 1,000 people is 5: several sharper ones, of weeks and their month, are equations."""
    one, four = rated * 8 // 15, rated - rated * 8 // 15
    exact = {"feedback": notices(WEEK, {"shown": 4000, "answered": rated + 50, "rating_1": one, "rating_4": four})}
    told = row_of(protect(WEEK, exact, definitions=TABLES, disclosure=ROUNDED))
    assert {name: told[name] for name in ("rating_1", "rating_4", "mean_rating")} == {
        "rating_1": round_half_up(one, 5),
        "rating_4": round_half_up(four, 5),
        "mean_rating": mean,
    }
    figures = exact["feedback"].select(pl.exclude("^.*_(people|top)$"))
    assert audit(WEEK, {"feedback": figures}, [], TABLES, ROUNDED).told == (mean == "withheld")


@pytest.mark.parametrize("step", [1, 5, 7])
def test_a_mean_of_weighed_counts_narrows_each_to_what_can_be(step: int) -> None:
    """Protector and auditor, each with code of its own, find what trying every count finds."""
    rng = np.random.default_rng(step)
    weights = np.arange(1, 6, dtype=np.float64)
    for _ in range(20):
        counts = rng.integers(10, 30, 5) * (rng.random(5) < 0.6)
        if not counts.any():
            continue
        mean = three_figures(float(counts @ weights / counts.sum()))
        bounds = [
            interval(round_half_up(int(count), step), Disclosure(threshold=10, rounding=step)) for count in counts
        ]
        tried = np.array(list(product(*(range(least, most + 1) for least, most in bounds))), dtype=np.float64)
        fits = tried[np.abs(tried @ weights / tried.sum(axis=1) - mean) <= 0.005 + 1e-12]  # half a unit
        expected = fits.min(axis=0).tolist(), fits.max(axis=0).tolist()
        lower, upper = (np.array(ends, dtype=np.float64) for ends in zip(*bounds, strict=True))
        low, high = weighed(lower, upper, weights, mean)
        assert (low.tolist(), high.tolist()) == expected
        balance(Weighed(np.arange(5)[None], weights, np.array([mean])), lower, upper)
        assert (lower.tolist(), upper.tolist()) == expected
