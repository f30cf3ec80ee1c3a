"""One function a table; its docstring restates the contract's definition, its body counts with sets and loops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from support.reference.facts import ALL, Event, Period, Person, Span, Status, World, fits, midnight

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import date

Row = dict[str, Any]
"""A row: `period`, dimensions, then each measure `m` and its twin `m_status`."""

WORST_FIRST: tuple[Status, ...] = ("unavailable", "undefined", "partial", "published")
COMPLETIONS = frozenset({"submit", "order"})


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure and its status; the figure is None where it is unavailable or undefined."""

    value: float | None
    status: Status


def reference(world: World, key: str) -> dict[str, list[Row]]:
    """Return every table of a period such as `2026-W14` or `2026-04`."""
    period = Period.parse(key)
    return {name: [{"period": key} | row for row in table(world, period)] for name, table in TABLES.items()}


def activity(world: World, period: Period) -> Iterator[Row]:
    """Each day x service x user_type."""
    for day in period.span.days:
        for service, user_type in grid(world):
            yield {"day": day} | _activity(world, day, service, user_type)


def _activity(world: World, day: date, service: str, user_type: str) -> Row:
    """Events and identified events of the day, users of the day, of the 7 and of the 28 days that end with it."""
    one, seven, four_weeks = (Span.ending(day, days) for days in (1, 7, 28))
    events = count(world, service, [one], lambda s: len(typed(world.events(s, one), user_type)))
    identified = count(world, service, [one], lambda s: len(identified_of(typed(world.events(s, one), user_type))))
    dau, wau, mau = (
        count(world, service, [window], lambda s, window=window: len(users(world, s, window, day, user_type)))
        for window in (one, seven, four_weeks)
    )
    return {"service": service, "user_type": user_type} | measures(
        events=events,
        identified_events=identified,
        coverage=ratio(identified, events),
        dau=dau,
        wau=wau,
        mau=mau,
        stickiness=ratio(dau, mau),
    )


def features(world: World, period: Period) -> Iterator[Row]:
    """Each service x user_type x feature."""
    for service, user_type in grid(world):
        for feature in [*world.features(service), ALL]:
            yield _feature(world, period.span, service, user_type, feature)


def _feature(world: World, span: Span, service: str, user_type: str, feature: str) -> Row:
    """Events of the period by the type written on them, users by their one type of the period.

    `events_per_user` takes the users' identified events of the feature, whatever the type on them; a user is new whose
    first ever use of the feature lies in the period (`all`: who is first seen in it).
    """

    def total(number: Callable[[str], int]) -> Cell:
        return count(world, service, [span], number)

    def events_of(s: str) -> list[Event]:
        return of_feature(typed(world.events(s, span), user_type), feature)

    def users_of(s: str) -> set[Person]:
        return feature_users(world, s, span, user_type, feature)

    def events_of_users(s: str) -> int:
        those = users_of(s)
        return sum(world.person(event) in those for event in of_feature(world.events(s, span), feature))

    def new_users_of(s: str) -> int:
        first = world.first_used(s, feature, span.last)
        return sum(first[person] >= span.first for person in users_of(s))

    def by_action(action: str) -> Cell:
        return total(lambda s: sum(event.action == action for event in events_of(s)))

    events = total(lambda s: len(events_of(s)))
    all_events = total(lambda s: len(typed(world.events(s, span), user_type)))
    identified = total(lambda s: len(identified_of(events_of(s))))
    users_ = total(lambda s: len(users_of(s)))
    active = total(lambda s: len(users(world, s, span, span.first, user_type)))
    return {"service": service, "user_type": user_type, "feature": feature} | measures(
        events=events,
        share_of_events=ratio(events, all_events),
        opens=by_action("open"),
        navigations=by_action("navigate"),
        submits=by_action("submit"),
        orders=by_action("order"),
        identified_events=identified,
        coverage=ratio(identified, events),
        users=users_,
        active_users=active,
        adoption=ratio(users_, active),
        events_per_user=ratio(total(events_of_users), users_),
        new_users=total(new_users_of),
    )


def feature_weeks(world: World, period: Period) -> Iterator[Row]:
    """Each of the 13 weeks x service x user_type x feature: as in `features`, a week at a time."""
    for week in period.thirteen_weeks:
        for service, user_type in grid(world):
            for feature in [*world.features(service), ALL]:
                whole = _feature(world, Span.week(week), service, user_type, feature)
                kept = ("service", "user_type", "feature", *twins("events", "users", "active_users", "adoption"))
                yield {"week": week} | {column: whole[column] for column in kept}


def engagement(world: World, period: Period) -> Iterator[Row]:
    """Each service x user_type x active_days: users active on exactly so many of the 28 days to the period's end."""
    window = Span.ending(period.span.last, 28)
    for service, user_type in grid(world):
        for active_days in range(1, 29):

            def number(s: str, user_type: str = user_type, active_days: int = active_days) -> int:
                those = users(world, s, window, period.span.first, user_type)
                days = {(world.person(event), event.day) for event in world.events(s, window)}
                return sum(sum(whose == person for whose, _ in days) == active_days for person in those)

            cell = count(world, service, [window], number)
            yield {"service": service, "user_type": user_type, "active_days": active_days} | measures(users=cell)


def lifecycle(world: World, period: Period) -> Iterator[Row]:
    """Each week x service x user_type."""
    for week in period.weeks:
        for service, user_type in grid(world):
            yield {"week": week} | _lifecycle(world, week, service, user_type)


def _lifecycle(world: World, monday: date, service: str, user_type: str) -> Row:
    """Users by what they were the week before: new, returning, resurrected, dormant; and withdrawn, which overlaps.

    Type of this week, or of the week before for those who are not active in this one.
    """
    this, previous = Span.week(monday), Span.week(monday - timedelta(days=7))
    end = midnight(this.last + timedelta(days=1))

    def people(s: str) -> tuple[set[Person], set[Person], set[Person]]:
        """Return who of the type is active this week, who was the week before and is not, and who is new."""
        now, before = world.users(s, this, monday), world.users(s, previous, monday)
        first = world.first_used(s, ALL, this.last)
        active = {person for person, its in now.items() if fits(user_type, its)}
        gone = {person for person, its in before.items() if fits(user_type, its) and person not in now}
        return active, gone, {person for person in active if first[person] >= monday}

    def new(s: str) -> int:
        return len(people(s)[2])

    def returning(s: str) -> int:
        active, _, fresh = people(s)
        return len((active - fresh) & set(world.users(s, previous, monday)))

    def resurrected(s: str) -> int:
        active, _, fresh = people(s)
        return len(active - fresh - set(world.users(s, previous, monday)))

    def dormant(s: str) -> int:
        return sum(world.log.in_force_before(person, end) for person in people(s)[1])

    def withdrawn(s: str) -> int:
        active, gone, _ = people(s)
        return sum(
            world.log.withdrawn_within(person, this) and not world.log.in_force_before(person, end)
            for person in active | gone
        )

    both = [this, previous]
    return {"service": service, "user_type": user_type} | measures(
        new=count(world, service, [this], new),
        returning=count(world, service, both, returning),
        resurrected=count(world, service, both, resurrected),
        dormant=count(world, service, both, dormant),
        withdrawn=count(world, service, both, withdrawn) if world.log.known else Cell(None, "unavailable"),
    )


def retention(world: World, period: Period) -> Iterator[Row]:
    """Each cohort_week of the 13 x service x user_type x weeks_since, where the later week is one of the 13 too."""
    for cohort_week in period.thirteen_weeks:
        for service, user_type in grid(world):
            for weeks_since in range(13):
                if cohort_week + timedelta(weeks=weeks_since) in period.thirteen_weeks:
                    yield {"cohort_week": cohort_week} | _retention(world, cohort_week, service, user_type, weeks_since)


def _retention(world: World, monday: date, service: str, user_type: str, weeks_since: int) -> Row:
    """Users first seen in the cohort week, by its type, not withdrawn before the later Monday; those active later."""
    cohort, later = Span.week(monday), Span.week(monday + timedelta(weeks=weeks_since))

    def members(s: str) -> set[Person]:
        first = world.first_used(s, ALL, cohort.last)
        return {person for person in users(world, s, cohort, later.first, user_type) if first[person] >= monday}

    cohort_users = count(world, service, [cohort], lambda s: len(members(s)))
    active_users = count(world, service, [cohort, later], lambda s: len(members(s) & set(world.active(s, later))))
    return {"service": service, "user_type": user_type, "weeks_since": weeks_since} | measures(
        cohort_users=cohort_users, active_users=active_users, retention=ratio(active_users, cohort_users)
    )


def sessions(world: World, period: Period) -> Iterator[Row]:
    """Each service x user_type of the first event: sessions begun in the period, their length, their events."""
    for service, user_type in grid(world):
        there = [s for s in members_of(world, service) if world.status(s, period.span) != "unavailable"]
        found = [session for s in there for session in sessions_of(world, s, period, user_type)]
        number = count(world, service, [period.span], lambda s, t=user_type: len(sessions_of(world, s, period, t)))
        events = count(
            world, service, [period.span], lambda s, t=user_type: sum(map(len, sessions_of(world, s, period, t)))
        )
        middle = number
        if number.status != "unavailable":
            microseconds = [
                (session[-1].occurred_at - session[0].occurred_at) // timedelta(microseconds=1) for session in found
            ]
            middle = Cell(median(microseconds) / 1_000_000, number.status) if found else Cell(None, "undefined")
        yield {"service": service, "user_type": user_type} | measures(
            sessions=number, median_seconds=middle, events_per_session=ratio(events, number)
        )


def transitions(world: World, period: Period) -> Iterator[Row]:
    """Each service x pair of features that occurred: consecutive events of a session with different features."""

    def pairs(s: str) -> list[tuple[str, str]]:
        return [
            (one.feature, other.feature)
            for session in world.sessions(s, period.span)
            for one, other in pairwise(session)
            if one.feature != other.feature
        ]

    for service in [*world.services, ALL]:
        for pair in sorted({pair for s in members_of(world, service) for pair in pairs(s)}):
            cell = count(world, service, [period.span], lambda s, pair=pair: pairs(s).count(pair))
            yield {"service": service, "from_feature": pair[0], "to_feature": pair[1]} | measures(transitions=cell)


def funnels(world: World, period: Period) -> Iterator[Row]:
    """Each service x user_type of the first event x feature that lists `open` and `submit` or `order`."""
    eligible = [
        key for key, its in world.catalogue.features.items() if "open" in its.actions and COMPLETIONS & set(its.actions)
    ]
    for service, user_type in grid(world):
        for feature in [*(f for f in world.features(service) if f in eligible), ALL]:
            wanted = eligible if feature == ALL else [feature]
            opened, completed = (
                count(
                    world,
                    service,
                    [period.span],
                    lambda s, t=user_type, wanted=wanted, reached=reached: sum(
                        any(reached(session, f) for f in wanted) for session in sessions_of(world, s, period, t)
                    ),
                )
                for reached in (is_opened, is_completed)
            )
            yield {"service": service, "user_type": user_type, "feature": feature} | measures(
                sessions_opened=opened, sessions_completed=completed, completion=ratio(completed, opened)
            )


def is_opened(session: list[Event], feature: str) -> bool:
    """Tell whether a session has an `open` of the feature."""
    return any(event.action == "open" for event in of_feature(session, feature))


def is_completed(session: list[Event], feature: str) -> bool:
    """Tell whether a session has an `open` of the feature and later a `submit` or `order` of it."""
    actions = [event.action for event in of_feature(session, feature)]
    return "open" in actions and not COMPLETIONS.isdisjoint(actions[actions.index("open") :])


def first_use(world: World, period: Period) -> Iterator[Row]:
    """Each service x user_type x feature x within_days (1, 7, 28)."""
    for service, user_type in grid(world):
        for feature in [*world.features(service), ALL]:
            for within_days in (1, 7, 28):
                yield _first_use(world, period.span, service, user_type, feature, within_days)


def _first_use(  # the dimensions of the table
    world: World, span: Span, service: str, user_type: str, feature: str, within_days: int
) -> Row:
    """Users first seen in the 56 days that end with the period, long enough ago; those who soon used the feature.

    Type of the first-seen day. Observed: first day + within_days - 1 <= last day. Adopted: first use less than
    within_days days after the first-seen day.
    """
    window = Span.ending(span.last, 56)

    def observed(s: str) -> dict[Person, date]:
        return {
            person: seen
            for person, seen in world.first_used(s, ALL, span.last).items()
            if seen >= window.first
            and seen + timedelta(days=within_days - 1) <= span.last
            and person in users(world, s, Span(seen, seen), span.first, user_type)
        }

    def adopters(s: str) -> int:
        used = world.first_used(s, feature, span.last)
        return sum(
            person in used and used[person] - seen < timedelta(days=within_days) for person, seen in observed(s).items()
        )

    users_ = count(world, service, [window], lambda s: len(observed(s)))
    adopters_ = count(world, service, [window], adopters)
    return {"service": service, "user_type": user_type, "feature": feature, "within_days": within_days} | measures(
        users=users_, adopters=adopters_, share=ratio(adopters_, users_)
    )


def consent_changes(world: World, period: Period) -> Iterator[Row]:
    """Each day: distinct rows of the log; without a log, or where a day of it could not be accepted, unavailable."""
    for day in period.span.days:
        states = [change.state for change in world.log.changes if change.changed_at.date() == day]
        there = world.log.known and day not in world.unread_consent_days
        cells = {
            state: Cell(states.count(state), "published") if there else Cell(None, "unavailable")
            for state in ("granted", "withdrawn")
        }
        yield {"day": day} | measures(**cells)


def feedback(world: World, period: Period) -> Iterator[Row]:
    """Each declared notice: recipients who were shown it and did something, and of each the last rating."""
    status = world.feedback_status(period.span)
    for notice in world.catalogue.notices:
        rows = world.responses(period.span, notice)
        rating = {row.recipient: row.rating for row in rows if row.rating is not None}

        def cell(number: int) -> Cell:
            return Cell(None, status) if status == "unavailable" else Cell(number, status)

        did = {
            kind: cell(len({row.recipient for row in rows if row.kind == kind}))
            for kind in ("shown", "opened", "dismissed", "answered")
        }
        stars = {f"rating_{n}": cell(list(rating.values()).count(n)) for n in range(1, 6)}
        mean = ratio(cell(sum(rating.values())), cell(len(rating)))
        rate = ratio(did["answered"], did["shown"])
        yield {"notice": notice} | measures(
            **did, response_rate=replace(rate, value=rate.value and min(rate.value, 1.0)), mean_rating=mean, **stars
        )


TABLES: dict[str, Callable[[World, Period], Iterator[Row]]] = {
    "activity": activity,
    "features": features,
    "feature_weeks": feature_weeks,
    "engagement": engagement,
    "lifecycle": lifecycle,
    "retention": retention,
    "sessions": sessions,
    "transitions": transitions,
    "funnels": funnels,
    "first_use": first_use,
    "consent_changes": consent_changes,
    "feedback": feedback,
}


def grid(world: World) -> list[tuple[str, str]]:
    """Return every declared service x user type, and the totals."""
    return [(service, user_type) for service in [*world.services, ALL] for user_type in [*world.user_types, ALL]]


def members_of(world: World, service: str) -> list[str]:
    """Return the services that a value of the dimension stands for."""
    return [s for s in world.services if fits(service, s)]


def count(world: World, service: str, windows: Collection[Span], number: Callable[[str], int]) -> Cell:
    """Count in each service and add up; a service whose own figure is unavailable adds nothing."""
    status = world.status(service, *windows)
    if status == "unavailable":
        return Cell(None, status)
    there = [s for s in members_of(world, service) if world.status(s, *windows) != "unavailable"]
    return Cell(sum(number(s) for s in there), status)


def ratio(numerator: Cell, denominator: Cell) -> Cell:
    """Divide; the worst status of the parts counts, and nothing over nothing is undefined."""
    statuses: set[Status] = {numerator.status, denominator.status}
    if denominator.value == 0:
        statuses.add("undefined")
    worst: Status = next(status for status in WORST_FIRST if status in statuses)
    if worst in {"unavailable", "undefined"} or numerator.value is None or not denominator.value:
        return Cell(None, worst)
    return Cell(numerator.value / denominator.value, worst)


def twins(*names: str) -> list[str]:
    """Return each measure's name and its twin's."""
    return [column for name in names for column in (name, f"{name}_status")]


def measures(**cells: Cell) -> Row:
    """Return each measure's figure and its twin."""
    row: Row = {}
    for name, cell in cells.items():
        row |= {name: cell.value, f"{name}_status": cell.status}
    return row


def users(world: World, service: str, window: Span, begins: date, user_type: str) -> set[Person]:
    """Return the users of one service's window whose one type in it is the cell's."""
    return {person for person, its in world.users(service, window, begins).items() if fits(user_type, its)}


def feature_users(world: World, service: str, span: Span, user_type: str, feature: str) -> set[Person]:
    """Return those of the users of a span who used the feature in it."""
    used = {world.person(event) for event in of_feature(world.events(service, span), feature)}
    return {person for person in users(world, service, span, span.first, user_type) if person in used}


def sessions_of(world: World, service: str, period: Period, user_type: str) -> list[list[Event]]:
    """Return one service's sessions of the period whose first event bears the cell's type."""
    return [session for session in world.sessions(service, period.span) if fits(user_type, session[0].user_type)]


def typed(events: Iterable[Event], user_type: str) -> list[Event]:
    """Return the events that bear the cell's type."""
    return [event for event in events if fits(user_type, event.user_type)]


def of_feature(events: Iterable[Event], feature: str) -> list[Event]:
    """Return the events of the cell's feature, in the order given."""
    return [event for event in events if fits(feature, event.feature)]


def identified_of(events: Iterable[Event]) -> list[Event]:
    """Return the events that carry a pseudonym."""
    return [event for event in events if event.pseudonym is not None]
