"""What changed since the period before?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import changes, tables
from cetegra_usage.publish.pages.cells import Figures, Shown, write
from cetegra_usage.publish.pages.facts import period_title
from cetegra_usage.publish.pages.sections.movers import movers
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cetegra_usage.model import Period
    from cetegra_usage.publish.pages.facts import Facts
    from cetegra_usage.publish.pages.view import Earlier

_WHOLE = {"service": ALL, "user_type": ALL, "feature": ALL}
_WEEK = timedelta(days=6)
_MEASURES = ("users", "new_users", "events", "coverage")


@dataclass(frozen=True, slots=True)
class Card:
    """One of the four figures.

    Attributes:
        label: What it counts.
        base: Of whom, and when.
        where: Which cell it is, for machines.
        shown: The figure.
        changes: The difference to each release that it is compared with.
    """

    label: str
    base: str
    where: str
    shown: Shown
    changes: list[str]


def section(facts: Facts) -> dict[str, Any] | None:
    """Return a title and two sentences made from the figures, and the four figures; None without `features`."""
    figures = facts.figures("features")
    if figures is None:
        return None
    cells = {measure: figures.cell(measure, **_WHOLE) for measure in _MEASURES}
    shown = {measure: write(cell, facts.kind("features", measure)) for measure, cell in cells.items()}
    before = _compare(facts, figures, facts.view.previous)
    earlier = period_title(facts.view.previous.period) if facts.view.previous else ""
    return {
        "title": _title(shown["users"], before.get("users", changes.NONE), earlier),
        "sentences": [
            _events(facts, shown, before.get("events", changes.NONE), earlier),
            _moved(facts, earlier),
        ],
        "cards": [
            Card(
                say(f"changes.{measure}_card"),
                say(f"changes.{measure}_base", span=facts.span),
                f"{measure}@{tables.where(_WHOLE)}",
                shown[measure],
                _told(facts, figures, measure),
            )
            for measure in _MEASURES
        ],
    }


def _compare(facts: Facts, figures: Figures, earlier: Earlier | None) -> dict[str, changes.Change]:
    """Return each measure's change since an earlier release; events are compared a day, for months differ in length."""
    old = facts.before(earlier, "features")
    if earlier is None or old is None:
        return {}
    made: dict[str, changes.Change] = {}
    for measure in _MEASURES:
        now, was = figures.cell(measure, **_WHOLE), old.cell(measure, **_WHOLE)
        if measure == "coverage":
            bases = figures.cell("events", **_WHOLE), old.cell("events", **_WHOLE)
            made[measure] = changes.of_ratios(now, was, bases, rounding=facts.view.rounding)
        else:
            scale = _scale(facts, earlier) if measure == "events" else 1
            made[measure] = changes.of_counts(now, was, rounding=facts.view.rounding, scale=scale)
    return made


def _scale(facts: Facts, earlier: Earlier) -> float:
    """Return how many times as many days the period has as an earlier one."""
    return len(facts.view.period.days) / len(earlier.period.days)


def _all_were_new(facts: Facts, earlier: Earlier) -> bool:
    """Whether everybody in an earlier release counted as new, since collection began in its period."""
    old = facts.before(earlier, "features")
    users, new = (old.cell(measure, **_WHOLE).value if old else None for measure in ("users", "new_users"))
    return bool(users and users == new) or _began(facts, earlier.period)


def _began(facts: Facts, period: Period) -> bool:
    """Whether collection began in a period, as far as the weeks of this release reach back."""
    weeks, known = facts.figures("feature_weeks"), facts.weeks()
    begun = known and known != weeks.values("week") if weeks else False
    return bool(begun and period.first - _WEEK <= known[0] <= period.last)


def _told(facts: Facts, figures: Figures, measure: str) -> list[str]:
    """Say how a figure changed since the period before and since the year before; once, where it is not compared."""
    told: dict[str, None] = {}
    for earlier in (facts.view.previous, facts.view.year_before):
        change = _compare(facts, figures, earlier).get(measure, changes.NONE)
        if earlier and measure == "new_users" and _all_were_new(facts, earlier):
            told[say("changes.began", period=period_title(earlier.period))] = None
        elif earlier and change.text:
            per_day = measure == "events" and _scale(facts, earlier) != 1
            on = say(
                "changes.on_per_day" if per_day else "changes.on",
                change=change.text,
                period=period_title(earlier.period),
            )
            told[change.text if change.partial else on] = None
        elif earlier and figures.cell(measure, **_WHOLE).known:
            told[say("change.hidden", period=period_title(earlier.period))] = None
    return [*told]


def _title(users: Shown, change: changes.Change, earlier: str) -> str:
    if not users.text:
        return say("changes.unknown")
    return say("changes.title", users=users.text, change=_since(change, earlier))


def _events(facts: Facts, shown: Mapping[str, Shown], change: changes.Change, earlier: str) -> str:
    if not shown["events"].text:
        return say("changes.events_hidden")
    told = {key: shown[key].text or f"[{shown[key].mark}]" for key in ("events", "coverage")}
    if not change.words:
        return say("changes.events_alone", **told)
    same_days = facts.view.previous and _scale(facts, facts.view.previous) == 1
    key = "changes.events" if same_days else "changes.events_per_day"
    return say(key, change=change.words, earlier=earlier, **told)


def _since(change: changes.Change, earlier: str) -> str:
    if change.partial:
        return say("changes.since_partial", earlier=earlier)
    if not change.words:
        return say("changes.since_hidden", earlier=earlier) if earlier else ""
    return say("changes.since", change=change.words, earlier=earlier)


def _moved(facts: Facts, earlier: str) -> str:
    moves = movers(facts)
    if moves is None:
        return say("changes.first" if _began(facts, facts.view.period) else "changes.alone")
    if not moves.compared:
        return say("changes.hidden", earlier=earlier)
    if not moves.rising and not moves.falling:
        return say("changes.still", among=moves.among)
    told = [
        say(
            f"changes.{key}",
            feature=facts.short[move.key],
            before=move.before.text,
            now=move.now.text,
            change=move.change.text,
        )
        for key, found in (("rose", moves.rising), ("fell", moves.falling))
        for move in found[:1]
    ]
    return say("changes.moved", moves="; ".join(told))
