"""The plain-Python reference against figures worked out by hand, many after the fixtures of well-known systems."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from cetegra_usage.model import Catalogue, Feature
from support.reference import Change, Event, Fate, Period, World, reference, settle

if TYPE_CHECKING:
    from collections.abc import Iterable

ANNE, BENT, CARI, DAG = (7_000_000_000_000_000_000 + n * 104_729 for n in range(4))
SERIAL = count(1)


def uuid(number: int) -> UUID:
    """A version 4 UUID that sorts by a number."""
    return UUID(int=(number << 80) | (4 << 76) | (2 << 62))


def at(text: str) -> datetime:
    """Read `2026-04-01` (noon) or `2026-04-01 09:30`."""
    return datetime.fromisoformat(text if " " in text else f"{text} 12:00").replace(tzinfo=UTC)


def catalogue(
    services: str = "desk", user_types: str = "basic admin", features: str = "news:o case:os cart:on"
) -> Catalogue:
    """Make a catalogue from words; a feature is `key:actions@service`, the first service being understood."""
    actions = {"o": "open", "n": "navigate", "s": "submit", "r": "order"}
    first, *_ = services.split()
    entries = [entry.partition("@") for entry in features.split()]
    return Catalogue(
        services={key: key for key in services.split()},
        user_types={key: key for key in user_types.split()},
        features={
            key: Feature(key, key, service or first, tuple(actions[a] for a in letters), "team", date(2020, 1, 1))
            for key, letters, service in ((*named.split(":"), service) for named, _, service in entries)
        },
        notices={},
        digest="",
    )


def event(  # the columns of an event
    who: int | None,
    when: str,
    feature: str = "news",
    action: str = "open",
    *,
    service: str = "desk",
    user_type: str = "basic",
    session: int | None = None,
    number: int | None = None,
) -> Event:
    """Make one event; its event_id sorts by `number`, by default in the order of making."""
    return Event(
        event_id=uuid(number or next(SERIAL)),
        occurred_at=at(when),
        service=service,
        user_type=user_type,
        action=action,
        feature=feature,
        consent=who is not None,
        pseudonym=who,
        session_id=uuid(session) if session else None,
    )


def uses(who: int | None, *times: str, **columns: Any) -> list[Event]:
    """Make an event at each time."""
    return [event(who, when, **columns) for when in times]


def granted(who: int, when: str) -> Change:
    return Change(who, at(when), "granted")


def withdrawn(who: int, when: str) -> Change:
    return Change(who, at(when), "withdrawn")


def world(
    events: Iterable[Event],
    consents: Iterable[Change] | None = None,
    *,
    to: str,
    declared: Catalogue | None = None,
    not_accepted: Iterable[str] = (),
    **settings: Any,
) -> World:
    """Let every day of each service land from its first event on; `not_accepted` names days of every service."""
    events = list(events)
    last = date.fromisoformat(to)
    partitions: dict[tuple[str, date], str] = {}
    for service in {its.service for its in events}:
        first = min(its.day for its in events if its.service == service)
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            partitions[service, day] = "quarantined" if day.isoformat() in not_accepted else "accepted"
    return World(events, consents, partitions, declared or catalogue(), **settings)


def column(table: list[dict[str, Any]], measure: str, **where: Any) -> list[Any]:
    """Return a measure of the rows that match, in the table's order; a dimension not named is `all`."""
    dimensions = {key: "all" for key in ("service", "user_type", "feature") if key in table[0]} | where
    return [row[measure] for row in table if all(row[key] == value for key, value in dimensions.items())]


def cell(table: list[dict[str, Any]], measure: str, **where: Any) -> Any:
    """Return the one figure of a measure, or its status where there is no figure."""
    (value,) = column(table, measure, **where)
    (status,) = column(table, f"{measure}_status", **where)
    return status if value is None else value


# --- periods ------------------------------------------------------------------------------------------------------


def test_a_period_is_an_iso_week_or_a_month() -> None:
    assert Period.parse("2026-W53").span == (date(2026, 12, 28), date(2027, 1, 3))
    assert Period.parse("2028-02").span == (date(2028, 2, 1), date(2028, 2, 29))
    assert Period.parse("2026-12").span == (date(2026, 12, 1), date(2026, 12, 31))


def test_weekly_rows_are_the_weeks_whose_sunday_lies_in_the_period() -> None:
    assert [day.isoformat() for day in Period.parse("2026-05").weeks] == [
        "2026-04-27",
        "2026-05-04",
        "2026-05-11",
        "2026-05-18",
        "2026-05-25",
    ]
    assert Period.parse("2027-W01").weeks == [date(2027, 1, 4)]


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2026-05", "2026-03-02", "2026-05-25"),
        ("2026-12", "2026-09-28", "2026-12-21"),
        ("2026-W53", "2026-10-05", "2026-12-28"),
    ],
)
def test_the_13_weeks_end_on_or_before_the_last_day(period: str, first: str, last: str) -> None:
    weeks = Period.parse(period).thirteen_weeks
    assert (len(weeks), weeks[0].isoformat(), weeks[-1].isoformat()) == (13, first, last)


# --- activity -----------------------------------------------------------------------------------------------------


def test_daily_weekly_and_monthly_users_of_rolling_windows() -> None:
    # anne on the 1st and 2nd, bent on the 8th, cari on the 1st and again 28 days later, when her first day is out.
    these = [
        *uses(ANNE, "2026-06-01", "2026-06-01 18:00", "2026-06-02"),
        *uses(BENT, "2026-06-08"),
        *uses(CARI, "2026-06-01", "2026-06-29"),
        *uses(None, "2026-06-02"),
    ]
    table = reference(world(these, to="2026-06-30"), "2026-06")["activity"]
    days = {row["day"].day: row for row in table if row["service"] == row["user_type"] == "all"}
    figures = {d: tuple(days[d][m] for m in ("events", "identified_events", "dau", "wau", "mau")) for d in days}
    assert len(figures) == 30
    assert figures[1] == (3, 3, 2, 2, 2)
    assert figures[2] == (2, 1, 1, 2, 2)
    assert figures[3] == (0, 0, 0, 2, 2)
    assert figures[7] == (0, 0, 0, 2, 2)
    assert figures[8] == (1, 1, 1, 2, 3)  # seven days back is the 2nd: cari is out, anne is in
    assert figures[9] == (0, 0, 0, 1, 3)
    assert figures[28] == (0, 0, 0, 0, 3)  # 28 days back is the 1st
    assert figures[29] == (1, 1, 1, 1, 3)  # anne by the 2nd, cari by the 29th
    assert figures[30] == (0, 0, 0, 1, 2)  # the 3rd on: bent and cari
    assert days[8]["stickiness"] == 1 / 3
    assert days[2]["coverage"] == 1 / 2
    assert (days[3]["coverage"], days[3]["coverage_status"]) == (None, "undefined")


def test_days_before_the_first_partition_are_empty_and_a_ratio_of_nothing_is_undefined() -> None:
    table = reference(world(uses(ANNE, "2026-06-10"), to="2026-06-30"), "2026-06")["activity"]
    assert cell(table, "dau", day=date(2026, 6, 9)) == 0
    assert cell(table, "stickiness", day=date(2026, 6, 9)) == "undefined"
    assert cell(table, "stickiness", day=date(2026, 6, 11)) == 0


def test_the_grid_is_every_declared_service_and_type_and_their_totals() -> None:
    table = reference(world([], to="2026-06-30", declared=catalogue("desk docs")), "2026-W24")["activity"]
    assert len(table) == 7 * 3 * 3
    assert {row["dau"] for row in table} == {0}
    assert {row["dau_status"] for row in table} == {"published"}


def test_a_user_has_one_type_a_window_the_latest() -> None:
    these = [
        *uses(ANNE, "2026-06-01", user_type="basic"),
        *uses(ANNE, "2026-06-02", user_type="admin"),
        *uses(None, "2026-06-02 13:00", user_type="basic"),
    ]
    table = reference(world(these, to="2026-06-07"), "2026-W23")["activity"]
    second = {"day": date(2026, 6, 2)}
    assert [cell(table, "wau", user_type=t, **second) for t in ("basic", "admin", "all")] == [0, 1, 1]
    assert [cell(table, "events", user_type=t, **second) for t in ("basic", "admin", "all")] == [1, 1, 2]
    assert cell(table, "wau", user_type="basic", day=date(2026, 6, 1)) == 1


def test_of_two_events_at_one_instant_the_greater_event_id_is_the_later() -> None:
    these = [
        event(ANNE, "2026-06-01", user_type="admin", number=2**40),
        event(ANNE, "2026-06-01", user_type="basic", number=2**41),
    ]
    table = reference(world(these, to="2026-06-07"), "2026-W23")["activity"]
    assert cell(table, "dau", user_type="basic", day=date(2026, 6, 1)) == 1


def test_one_pseudonym_in_two_services_is_two_users() -> None:
    these = [*uses(ANNE, "2026-06-01"), *uses(ANNE, "2026-06-01", service="docs", feature="page")]
    declared = catalogue("desk docs", features="news:o page:o@docs")
    table = reference(world(these, to="2026-06-07", declared=declared), "2026-W23")["activity"]
    assert [cell(table, "dau", service=s, day=date(2026, 6, 1)) for s in ("desk", "docs", "all")] == [1, 1, 2]


# --- missing days -------------------------------------------------------------------------------------------------


def test_a_missing_day_is_unavailable_and_makes_its_windows_partial() -> None:
    these = uses(ANNE, "2026-06-01", "2026-06-02", "2026-06-03")
    table = reference(world(these, to="2026-06-07", not_accepted=["2026-06-02"]), "2026-W23")["activity"]
    second = next(row for row in table if row["day"].day == 2 and row["service"] == row["user_type"] == "all")
    assert {m: (second[m], second[f"{m}_status"]) for m in ("events", "dau", "wau", "stickiness", "coverage")} == {
        "events": (None, "unavailable"),
        "dau": (None, "unavailable"),
        "wau": (1, "partial"),
        "stickiness": (None, "unavailable"),
        "coverage": (None, "unavailable"),
    }


def test_of_all_services_the_one_that_is_there_makes_the_total_partial() -> None:
    declared = catalogue("desk docs never", features="news:o page:o@docs")
    these = [*uses(ANNE, "2026-06-01", "2026-06-02"), *uses(BENT, "2026-06-01", service="docs", feature="page")]
    partitions = {("desk", date(2026, 6, 1)): "accepted", ("desk", date(2026, 6, 2)): "quarantined"}
    partitions |= {("docs", date(2026, 6, 1)): "accepted", ("docs", date(2026, 6, 2)): "accepted"}
    table = reference(World(these, None, partitions, declared), "2026-W23")["activity"]

    def of(service: str, day: int) -> tuple[Any, str]:
        row = next(
            row for row in table if row["day"].day == day and row["service"] == service and row["user_type"] == "all"
        )
        return row["dau"], row["dau_status"]

    assert of("all", 1) == (2, "published")
    assert of("desk", 2) == (None, "unavailable")
    assert of("all", 2) == (0, "partial")
    assert of("never", 2) == (0, "published")
    assert of("all", 3) == (None, "unavailable")  # nothing landed, and `never` does not make it available


def test_days_before_the_first_partition_make_no_window_available() -> None:
    table = reference(world(uses(ANNE, "2026-06-05"), to="2026-06-05", not_accepted=["2026-06-05"]), "2026-W23")[
        "activity"
    ]
    assert cell(table, "wau", day=date(2026, 6, 5)) == "unavailable"
    assert cell(table, "wau", day=date(2026, 6, 4)) == 0


# --- features -----------------------------------------------------------------------------------------------------


def test_features_count_events_of_all_and_users_of_those_who_consented() -> None:
    these = [
        *uses(ANNE, "2026-05-20", feature="case"),
        *uses(ANNE, "2026-06-01", "2026-06-02", feature="case"),
        *uses(ANNE, "2026-06-03", feature="case", action="submit", user_type="admin"),
        *uses(BENT, "2026-06-03", feature="news"),
        *uses(None, "2026-06-03", feature="case"),
    ]
    table = reference(world(these, to="2026-06-07"), "2026-W23")["features"]
    assert len(table) == 2 * 3 * 4
    case = next(r for r in table if (r["service"], r["user_type"], r["feature"]) == ("all", "all", "case"))
    assert {key: value for key, value in case.items() if not key.endswith("_status")} == {
        "period": "2026-W23",
        "service": "all",
        "user_type": "all",
        "feature": "case",
        "events": 4,
        "share_of_events": 4 / 5,
        "opens": 3,
        "navigations": 0,
        "submits": 1,
        "orders": 0,
        "identified_events": 3,
        "coverage": 3 / 4,
        "users": 1,
        "active_users": 2,
        "adoption": 1 / 2,
        "events_per_user": 3.0,
        "new_users": 0,
    }
    assert cell(table, "new_users") == 1  # bent; anne was seen in May
    assert cell(table, "new_users", feature="news") == 1
    # anne's one type is the latest: all three of her events are an admin's use, one event is written `admin`
    assert [cell(table, m, user_type="admin", feature="case") for m in ("events", "users", "events_per_user")] == [
        1,
        1,
        3,
    ]
    assert cell(table, "events_per_user", user_type="basic", feature="case") == "undefined"


def test_first_ever_use_looks_back_so_many_days_and_no_further() -> None:
    these = uses(ANNE, "2026-03-09", "2026-06-01")
    for days, new in ((91, 0), (90, 1)):  # 91 days that end on 7 June begin on 9 March
        tables = reference(world(these, to="2026-06-07", identified_days=days), "2026-W23")
        assert cell(tables["features"], "new_users") == new
        assert cell(tables["lifecycle"], "new", week=date(2026, 6, 1)) == new


def test_feature_weeks_take_each_week_by_itself() -> None:
    these = [
        *uses(ANNE, "2026-05-25", "2026-05-31", feature="case"),
        *uses(ANNE, "2026-06-01"),
        *uses(BENT, "2026-06-01"),
    ]
    table = reference(world(these, to="2026-06-07"), "2026-W23")["feature_weeks"]
    assert column(table, "events", feature="case") == [0] * 11 + [2, 0]
    assert column(table, "users", feature="case") == [0] * 11 + [1, 0]
    assert column(table, "active_users", feature="case") == [0] * 11 + [1, 2]
    assert column(table, "adoption", feature="case") == [None] * 11 + [1.0, 0.0]
    assert table[0].keys() == {
        *("period", "week", "service", "user_type", "feature"),
        *("events", "events_status", "users", "users_status"),
        *("active_users", "active_users_status", "adoption", "adoption_status"),
    }


# --- engagement ---------------------------------------------------------------------------------------------------


def test_engagement_counts_users_by_their_active_days_as_stickiness_does_elsewhere() -> None:
    # One on nine days in a row, one on every other of them.
    these = [
        *uses(ANNE, *(f"2026-06-{day:02} {hour}:00" for day in range(11, 20) for hour in (10, 15))),
        *uses(BENT, *(f"2026-06-{day:02}" for day in (11, 13, 15, 17, 19))),
        *uses(None, "2026-06-11"),
    ]
    table = reference(world(these, to="2026-06-30"), "2026-06")["engagement"]
    assert column(table, "users") == [int(days in {5, 9}) for days in range(1, 29)]


def test_engagement_looks_at_28_days_whatever_the_period() -> None:
    these = uses(ANNE, "2026-05-10", "2026-05-11", "2026-06-07")
    table = reference(world(these, to="2026-06-07"), "2026-W23")["engagement"]
    assert column(table, "users") == [0, 1, *([0] * 26)]


# --- lifecycle ----------------------------------------------------------------------------------------------------


def test_lifecycle_by_week_as_known_from_elsewhere() -> None:
    # PostHog's weekly fixture: six weeks from 3 February 2020.
    these = [
        *uses(ANNE, "2020-02-01", "2020-02-05", "2020-02-10", "2020-02-15", "2020-02-27", "2020-03-02"),
        *uses(BENT, "2020-02-11", "2020-02-18"),
        *uses(CARI, "2020-02-12"),
        *uses(DAG, "2020-02-27"),
    ]
    weeks = [f"2020-W{number:02}" for number in range(6, 12)]
    there = world(these, to="2020-03-15")
    rows = [reference(there, week)["lifecycle"] for week in weeks]
    assert [cell(table, "new") for table in rows] == [0, 2, 0, 1, 0, 0]
    assert [cell(table, "returning") for table in rows] == [1, 1, 1, 0, 1, 0]
    assert [cell(table, "resurrected") for table in rows] == [0, 0, 0, 1, 0, 0]
    assert [cell(table, "dormant") for table in rows] == [0, 0, 2, 1, 1, 1]
    assert [cell(table, "withdrawn") for table in rows] == ["unavailable"] * 6  # no consent log


def test_lifecycle_of_withdrawals() -> None:
    these = [
        *uses(ANNE, "2026-06-02", "2026-06-09"),  # returns, then withdraws on Wednesday
        *uses(BENT, "2026-06-02"),  # not active, withdraws
        *uses(CARI, "2026-06-02"),  # not active, withdraws and comes back: dormant
        *uses(DAG, "2026-06-02"),  # withdrew the week before: no user of this row at all
    ]
    log = [
        *(granted(who, "2026-06-01") for who in (ANNE, BENT, CARI, DAG)),
        *(withdrawn(who, "2026-06-10") for who in (ANNE, BENT, CARI)),
        granted(CARI, "2026-06-12"),
        withdrawn(DAG, "2026-06-03"),
    ]
    table = reference(world(these, log, to="2026-06-14"), "2026-W24")["lifecycle"]
    measures = ("new", "returning", "resurrected", "dormant", "withdrawn")
    assert [cell(table, measure) for measure in measures] == [0, 1, 0, 1, 2]


def test_lifecycle_type_of_this_week_or_of_the_one_before() -> None:
    these = [
        *uses(ANNE, "2026-06-02", user_type="basic"),
        *uses(ANNE, "2026-06-09", user_type="admin"),
        *uses(BENT, "2026-06-02", user_type="admin"),
    ]
    table = reference(world(these, to="2026-06-14"), "2026-W24")["lifecycle"]
    assert [cell(table, "returning", user_type=t) for t in ("basic", "admin")] == [0, 1]
    assert [cell(table, "dormant", user_type=t) for t in ("basic", "admin")] == [0, 1]


def test_lifecycle_after_a_week_that_is_missing_knows_only_who_is_new() -> None:
    gone = [f"2026-06-{day:02}" for day in range(1, 8)]
    these = [*uses(ANNE, "2026-05-25", "2026-06-09"), *uses(BENT, "2026-06-09")]
    table = reference(world(these, [], to="2026-06-14", not_accepted=gone), "2026-W24")["lifecycle"]
    assert cell(table, "new") == 0  # the log is there and grants nobody anything
    table = reference(world(these, to="2026-06-14", not_accepted=gone), "2026-W24")["lifecycle"]
    assert cell(table, "new") == 1
    assert [cell(table, m) for m in ("returning", "resurrected", "dormant")] == ["unavailable"] * 3
    table = reference(world(these, to="2026-06-14", not_accepted=gone[:6]), "2026-W24")["lifecycle"]
    assert column(table, "resurrected_status") == ["partial"]
    assert column(table, "new_status") == ["published"]


# --- retention ----------------------------------------------------------------------------------------------------


def test_retention_by_week_of_first_being_seen() -> None:
    # Weeks of 1, 8, 15 and 22 June: anne in all but the third, bent in the first and third, cari from the second on.
    these = [
        *uses(ANNE, "2026-06-01", "2026-06-09", "2026-06-22"),
        *uses(BENT, "2026-06-07", "2026-06-21"),
        *uses(CARI, "2026-06-08", "2026-06-15", "2026-06-28"),
    ]
    table = reference(world(these, to="2026-06-28"), "2026-W26")["retention"]
    assert column(table, "cohort_users", cohort_week=date(2026, 6, 1)) == [2, 2, 2, 2]
    assert column(table, "active_users", cohort_week=date(2026, 6, 1)) == [2, 1, 1, 1]
    assert column(table, "retention", cohort_week=date(2026, 6, 1)) == [1.0, 0.5, 0.5, 0.5]
    assert column(table, "active_users", cohort_week=date(2026, 6, 8)) == [1, 1, 1]
    assert column(table, "cohort_users", cohort_week=date(2026, 6, 15)) == [0, 0]
    assert column(table, "retention", cohort_week=date(2026, 6, 15)) == [None, None]
    assert len(table) == 91 * 2 * 3


def test_who_withdraws_leaves_the_cohort_from_the_next_monday_on_until_consent_is_given_again() -> None:
    these = uses(ANNE, "2026-06-01", "2026-06-09", "2026-06-23")
    log = [granted(ANNE, "2026-06-01 00:00"), withdrawn(ANNE, "2026-06-10"), granted(ANNE, "2026-06-18")]
    table = reference(world(these, log, to="2026-06-28"), "2026-W26")["retention"]
    assert column(table, "cohort_users", cohort_week=date(2026, 6, 1)) == [1, 1, 0, 1]
    assert column(table, "active_users", cohort_week=date(2026, 6, 1)) == [1, 1, 0, 1]


# --- withdrawal and forgetting --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "users_of_the_week"),
    [("2026-06-07 23:59", 0), ("2026-06-08 00:00", 1), ("2026-06-08 00:01", 1)],
)
def test_a_change_at_a_rows_very_beginning_is_not_before_it(end: str, users_of_the_week: int) -> None:
    these = uses(ANNE, "2026-06-05", "2026-06-08 00:00")
    log = [granted(ANNE, "2026-06-01"), withdrawn(ANNE, end)]
    table = reference(world(these, log, to="2026-06-14", skew_seconds=120), "2026-W24")
    assert cell(table["features"], "users") == users_of_the_week
    assert cell(table["features"], "identified_events") == 1


def test_activity_begins_with_its_day() -> None:
    these = uses(ANNE, "2026-06-01", "2026-06-04")
    log = [granted(ANNE, "2026-06-01 00:00"), withdrawn(ANNE, "2026-06-02"), granted(ANNE, "2026-06-04 09:00")]
    table = reference(world(these, log, to="2026-06-07"), "2026-W23")["activity"]
    assert column(table, "wau") == [1, 1, 0, 0, 1, 1, 1]
    assert column(table, "dau") == [1, 0, 0, 0, 0, 0, 0]  # on the 4th consent was given again inside the row
    assert column(table, "identified_events") == [1, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("again", "new"),
    [("2026-06-30 23:59", 0), ("2026-07-01 00:00", 1)],
)
def test_who_is_still_withdrawn_when_week_and_month_have_ended_is_forgotten(again: str, new: int) -> None:
    these = uses(ANNE, "2026-06-02", "2026-07-08")
    log = [granted(ANNE, "2026-06-01"), withdrawn(ANNE, "2026-06-03"), granted(ANNE, again)]
    tables = reference(world(these, log, to="2026-07-12"), "2026-W28")
    assert cell(tables["lifecycle"], "new") == new
    assert cell(tables["features"], "new_users") == new


def test_the_week_of_a_withdrawal_may_end_after_its_month() -> None:
    # Withdrawn on Tuesday 30 June, back on Saturday 4 July: not forgotten, the week is not over.
    these = uses(ANNE, "2026-06-22", "2026-07-08")
    log = [granted(ANNE, "2026-06-01"), withdrawn(ANNE, "2026-06-30"), granted(ANNE, "2026-07-04")]
    table = reference(world(these, log, to="2026-07-12"), "2026-W28")["lifecycle"]
    assert [cell(table, "new"), cell(table, "resurrected")] == [0, 1]


# --- row fates ----------------------------------------------------------------------------------------------------


def fate(events: list[Event], consents: list[Change] | None = None) -> Fate:
    (found,) = settle(events, consents, catalogue(), 60).values()
    return found[1]


def test_an_event_outside_its_consent_is_stripped_with_a_minute_of_grace() -> None:
    log = [granted(ANNE, "2026-06-01 09:00"), withdrawn(ANNE, "2026-06-01 10:00")]
    times = ["08:58:59", "08:59:00", "09:30:00", "10:00:59", "10:01:00"]
    these = [event(ANNE, f"2026-06-01 {time}") for time in times]
    assert fate(these, log) == Fate(landed=5, accepted=5, stripped=2)
    assert fate(these, None) == Fate(landed=5, accepted=5)
    assert fate(these, []) == Fate(landed=5, accepted=5, stripped=5)


@pytest.mark.parametrize(
    ("changes", "stripped"),
    [
        (["granted 09:00", "withdrawn 09:00"], 1),
        (["withdrawn 09:00", "granted 09:00"], 1),
        (["withdrawn 09:00", "granted 09:01"], 0),
        (["granted 09:00", "granted 10:00", "withdrawn 11:00"], 1),
        (["granted 09:00", "withdrawn 11:00", "granted 11:30", "withdrawn 11:30"], 1),
    ],
)
def test_an_interval_of_nothing_lets_nothing_through(changes: list[str], stripped: int) -> None:
    log = [{"granted": granted, "withdrawn": withdrawn}[s](ANNE, f"2026-06-01 {t}") for s, t in map(str.split, changes)]
    assert fate([event(ANNE, "2026-06-01 12:00")], log).stripped == stripped


def test_a_session_of_two_people_or_on_both_sides_of_an_end_of_consent_is_stripped_whole() -> None:
    log = [
        *(granted(who, "2026-06-01 00:00") for who in (ANNE, BENT)),
        withdrawn(ANNE, "2026-06-01 10:00"),
        granted(ANNE, "2026-06-01 11:00"),
    ]
    both = [event(ANNE, "2026-06-01 09:00", session=1), event(BENT, "2026-06-01 12:00", session=1)]
    assert fate(both, log).stripped == 2
    across = [event(ANNE, "2026-06-01 09:00", session=1), event(ANNE, "2026-06-01 12:00", session=1)]
    assert fate(across, log).stripped == 2
    grace = [event(ANNE, "2026-06-01 09:00", session=1), event(ANNE, "2026-06-01 10:00:59", session=1)]
    assert fate(grace, log).stripped == 0
    by_a_held_row = [event(ANNE, "2026-06-01 09:00", session=1), event(ANNE, "2026-06-01 12:00", "unknown", session=1)]
    assert fate(by_a_held_row, log) == Fate(landed=2, accepted=1, held=1, stripped=1)


def test_what_the_catalogue_does_not_know_is_held_and_equal_rows_count_once() -> None:
    one = event(None, "2026-06-01")
    these = [
        *(one, one, one),
        event(None, "2026-06-01", "unknown"),
        event(None, "2026-06-01", user_type="guest"),
        event(None, "2026-06-01", action="order"),
    ]
    assert fate(these) == Fate(landed=6, accepted=1, duplicate=2, held=3)


# --- sessions, transitions, funnels -----------------------------------------------------------------------------------


def test_midnight_does_not_cut_a_session_and_the_periods_end_does() -> None:
    these = [
        *uses(ANNE, "2026-06-06 23:50", "2026-06-07 00:10", session=1),
        *uses(ANNE, "2026-06-07 23:00", "2026-06-07 23:30", "2026-06-08 00:30", session=2),
    ]
    first = reference(world(these, to="2026-06-14"), "2026-W23")["sessions"]
    assert [cell(first, m) for m in ("sessions", "median_seconds", "events_per_session")] == [2, 1500.0, 2.0]
    second = reference(world(these, to="2026-06-14"), "2026-W24")["sessions"]
    assert [cell(second, m) for m in ("sessions", "median_seconds", "events_per_session")] == [
        0,
        "undefined",
        "undefined",
    ]
    month = reference(world(these, to="2026-06-30"), "2026-06")["sessions"]
    assert [cell(month, m) for m in ("sessions", "median_seconds", "events_per_session")] == [2, 3300.0, 2.5]


def test_a_session_bears_the_type_of_its_first_event_and_belongs_to_one_service_and_person() -> None:
    these = [
        event(ANNE, "2026-06-01 10:00", user_type="admin", session=1, number=2**40 + 1),
        event(ANNE, "2026-06-01 10:00", user_type="basic", session=1, number=2**40),
        event(BENT, "2026-06-02 10:00", user_type="admin", session=1),
        event(BENT, "2026-06-02 10:00", user_type="admin"),
    ]
    table = reference(world(these, to="2026-06-07"), "2026-W23")["sessions"]
    assert [cell(table, "sessions", user_type=t) for t in ("basic", "admin", "all")] == [1, 1, 2]
    assert [cell(table, "median_seconds", user_type=t) for t in ("basic", "admin")] == [0.0, 0.0]


def test_transitions_are_consecutive_events_of_a_session_with_different_features() -> None:
    walk = ["news", "news", "case", "news", "case"]
    these = [
        *(event(ANNE, f"2026-06-01 10:0{n}", feature, session=1) for n, feature in enumerate(walk)),
        event(ANNE, "2026-06-01 11:00", "cart", session=2),
        event(ANNE, "2026-06-01 12:00", "news"),
    ]
    table = reference(world(these, to="2026-06-07"), "2026-W23")["transitions"]
    found = {(row["service"], row["from_feature"], row["to_feature"]): row["transitions"] for row in table}
    assert found == {
        ("desk", "case", "news"): 1,
        ("desk", "news", "case"): 2,
        ("all", "case", "news"): 1,
        ("all", "news", "case"): 2,
    }


def test_a_funnel_is_an_open_and_a_later_submit_or_order_in_one_session() -> None:
    declared = catalogue(features="case:os cart:or form:s news:o")
    these = [
        *(
            event(ANNE, "2026-06-01 10:00", "case", "open", session=1),
            event(ANNE, "2026-06-01 10:01", "case", "submit", session=1),
        ),
        *(
            event(ANNE, "2026-06-01 11:00", "case", "submit", session=2),
            event(ANNE, "2026-06-01 11:01", "case", "open", session=2),
        ),
        *(
            event(BENT, "2026-06-01 10:00", "cart", "open", session=3),
            event(BENT, "2026-06-01 10:01", "case", "submit", session=3),
        ),
        *(
            event(BENT, "2026-06-01 12:00", "cart", "open", session=4),
            event(BENT, "2026-06-01 12:01", "cart", "order", session=4),
        ),
        event(BENT, "2026-06-01 12:02", "case", "open", session=4),
        event(BENT, "2026-06-01 13:00", "news", "open", session=5),
    ]
    table = reference(world(these, to="2026-06-07", declared=declared), "2026-W23")["funnels"]
    assert {row["feature"] for row in table} == {"case", "cart", "all"}
    assert [cell(table, "sessions_opened", feature=f) for f in ("case", "cart", "all")] == [3, 2, 4]
    assert [cell(table, "sessions_completed", feature=f) for f in ("case", "cart", "all")] == [1, 1, 2]
    assert [cell(table, "completion", feature=f) for f in ("case", "cart", "all")] == [1 / 3, 0.5, 0.5]
    assert cell(table, "completion", user_type="admin") == "undefined"


# --- first use ----------------------------------------------------------------------------------------------------


def test_first_use_waits_until_each_person_was_observed_long_enough() -> None:
    these = [
        *uses(ANNE, "2026-06-01"),
        *uses(ANNE, "2026-06-08", feature="case"),  # 7 days later: not within 7, within 28
        *uses(BENT, "2026-06-20", feature="case"),
        *uses(CARI, "2026-06-28", feature="news"),
        *uses(DAG, "2026-04-30", "2026-06-28", feature="case"),  # first seen before the 56 days
    ]
    table = reference(world(these, to="2026-06-28"), "2026-W26")["first_use"]
    assert column(table, "users", feature="case") == [3, 2, 1]
    assert column(table, "adopters", feature="case") == [1, 1, 1]
    assert column(table, "share", feature="case") == [1 / 3, 1 / 2, 1.0]
    assert column(table, "adopters") == [3, 2, 1]


# --- consent changes ----------------------------------------------------------------------------------------------


def test_consent_changes_are_distinct_rows_of_the_log_by_day() -> None:
    log = [
        granted(ANNE, "2026-06-01"),
        granted(ANNE, "2026-06-01"),
        granted(BENT, "2026-06-01"),
        withdrawn(ANNE, "2026-06-02"),
    ]
    table = reference(
        world(uses(ANNE, "2026-06-01"), log, to="2026-06-07", unread_consent_days=[date(2026, 6, 3)]), "2026-W23"
    )["consent_changes"]
    assert column(table, "granted") == [2, 0, None, 0, 0, 0, 0]
    assert column(table, "withdrawn") == [0, 1, None, 0, 0, 0, 0]
    without = reference(world(uses(ANNE, "2026-06-01"), to="2026-06-07"), "2026-W23")["consent_changes"]
    assert column(without, "withdrawn_status") == ["unavailable"] * 7
