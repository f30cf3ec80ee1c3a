"""Which rows close when, what they look at, and how much of that is there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cetegra_usage.measure import Contents, ServiceCalendar, Unit, fingerprint, needs, terms, units
from cetegra_usage.measure.units import status, trend_weeks, weeks_ending_in
from cetegra_usage.model import Catalogue, Feature, Kind, Partition, Period
from cetegra_usage.settings import Settings

D = date.fromisoformat
WEEK = (D("2026-03-30"), D("2026-04-05"))


def days(first: str, count: int) -> frozenset[date]:
    return frozenset(D(first) + timedelta(days=n) for n in range(count))


def test_a_month_has_the_weeks_whose_sunday_lies_in_it() -> None:
    assert weeks_ending_in(Period.parse("2026-02")) == [
        D("2026-01-26"),
        D("2026-02-02"),
        D("2026-02-09"),
        D("2026-02-16"),
    ]


def test_the_weeks_of_a_period_end_on_or_before_its_last_day() -> None:
    assert trend_weeks(Period.parse("2026-05"))[-1] == D("2026-05-25")  # 31 May 2026 is a Sunday
    assert trend_weeks(Period.parse("2026-06"))[-1] == D("2026-06-22")
    of_a_year_of_53 = trend_weeks(Period.parse("2026-W53"))
    assert (of_a_year_of_53[0], of_a_year_of_53[-1], len(of_a_year_of_53)) == (D("2026-10-05"), D("2026-12-28"), 13)


def test_a_period_has_a_unit_for_each_row_that_closes() -> None:
    found = [unit.table for unit in units(Period.parse("2026-04"))]
    assert {table: found.count(table) for table in found} == {
        "activity": 30,
        "consent_changes": 30,
        "lifecycle": 4,
        "feature_weeks": 13,
        "retention": 13,
        **dict.fromkeys(("features", "engagement", "sessions", "transitions", "funnels", "first_use", "feedback"), 1),
    }


HERE = ServiceCalendar(D("2026-01-01"), days("2026-01-01", 120))
MISSING = ServiceCalendar(D("2026-01-01"), frozenset())
LACKS_ONE = ServiceCalendar(D("2026-01-01"), days("2026-01-01", 120) - {D("2026-04-01")})
BEGINS_ON_SATURDAY = ServiceCalendar(D("2026-04-04"), days("2026-04-04", 30))
BEGINS_MISSING_ON_SATURDAY = ServiceCalendar(D("2026-04-04"), days("2026-04-06", 30))
NEVER = ServiceCalendar()


@pytest.mark.parametrize(
    ("calendars", "expected"),
    [
        ([HERE], "published"),
        ([LACKS_ONE], "partial"),
        ([MISSING], "unavailable"),
        ([NEVER], "published"),
        ([BEGINS_ON_SATURDAY], "published"),
        ([BEGINS_MISSING_ON_SATURDAY], "unavailable"),
        ([HERE, MISSING], "partial"),
        ([MISSING, MISSING], "unavailable"),
        ([MISSING, NEVER], "unavailable"),
    ],
)
def test_status_of_one_window(calendars: list[ServiceCalendar], expected: str) -> None:
    assert status(calendars, [WEEK]) == expected


def test_two_windows_are_as_good_as_the_worse() -> None:
    later = (D("2026-04-06"), D("2026-04-12"))
    assert status([BEGINS_MISSING_ON_SATURDAY], [later]) == "published"
    assert status([BEGINS_MISSING_ON_SATURDAY], [WEEK, later]) == "unavailable"
    assert status([LACKS_ONE], [later, WEEK]) == "partial"


def test_a_tally_is_kept_until_something_that_it_is_made_from_changes() -> None:
    unit = Unit("activity", D("2026-04-05"), D("2026-04-05"))
    before = {at("events", "2026-03-09"): "a", at("events", "2026-04-05"): "b", at("consents", "2025-01-01"): "c"}

    def of(contents: dict[Partition, str], unit: Unit = unit) -> str:
        return fingerprint(unit, Contents(contents), terms(unit, catalogue=catalogue("o"), settings=Settings()))

    unseen = [at("events", "2026-03-08"), at("events", "2026-04-06"), at("consents", "2026-04-06")]
    assert of(before | dict.fromkeys(unseen, "x")) == of(before)
    others = [of(before | {partition: "x"}) for partition in [*before, Partition("events", "new", D("2026-04-05"))]]
    assert of(before) not in others
    assert len(set(others)) == len(others)


def test_changes_of_consent_are_those_of_the_day() -> None:
    unit = Unit("consent_changes", D("2026-04-05"), D("2026-04-05"))
    by = terms(unit, catalogue=catalogue("o"), settings=Settings())
    made = [
        fingerprint(unit, Contents({at("consents", day): "a"}), by)
        for day in ("2026-04-04", "2026-04-05", "2026-04-06")
    ]
    assert made[0] == made[2] != made[1]


@pytest.mark.parametrize(("table", "hangs_on_it"), [("funnels", True), ("features", False)])
def test_funnels_hang_on_what_the_catalogue_lists(table: str, hangs_on_it: bool) -> None:  # noqa: FBT001
    unit = Unit(table, D("2026-04-01"), D("2026-04-30"))
    made = [terms(unit, catalogue=catalogue(actions), settings=Settings()) for actions in ("o", "os")]
    assert (made[0] != made[1]) == hangs_on_it


def at(kind: Kind, day: str) -> Partition:
    return Partition(kind, "docs" if kind == "events" else "", D(day))


def catalogue(actions: str) -> Catalogue:
    names = {"o": "open", "s": "submit"}
    feature = Feature("docs.page", "Page", "docs", tuple(names[letter] for letter in actions), "team", D("2026-01-01"))
    return Catalogue({"docs": "Docs"}, {}, {"docs.page": feature}, {}, "")


def test_what_is_kept_is_not_read_again() -> None:
    month = Period.parse("2026-04")
    settings = Settings()
    everything = needs(units(month), settings)
    oldest_cohort = D("2026-01-26") - timedelta(
        weeks=12
    )  # of the oldest later week, and its Sunday looks back 395 days
    assert everything.first == oldest_cohort + timedelta(days=6 - 394)
    last_day = needs([unit for unit in units(month) if unit.table == "activity" and unit.last == month.last], settings)
    assert (last_day.first, last_day.last) == (D("2026-04-03"), D("2026-04-30"))
    assert last_day.wants("persons", D("2026-04-03"))
    assert not last_day.wants("use", D("2026-04-29"))
    assert not last_day.wants("sessions", D("2026-04-30"))
