"""Which features rise, fall, are new, unused, or expire?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import changes
from cetegra_usage.publish.pages.cells import Cell, Shown, among, write
from cetegra_usage.publish.pages.facts import period_title
from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.ranking import Bar, ranking
from cetegra_usage.publish.pages.svg import Text
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from cetegra_usage.model import Feature
    from cetegra_usage.publish.pages.facts import Facts
    from cetegra_usage.publish.pages.view import Earlier

_MOST = 5
_LABEL = 172
"""Pixels that a change and a share take, each of three digits."""
_SOON = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Move:
    """A feature's share of its service's active users, now and in the period before."""

    key: str
    service: str
    title: str
    before: Shown
    now: Shown
    change: changes.Change


@dataclass(frozen=True, slots=True)
class Moves:
    """The features that rose and fell by more than rounding can explain, the greatest first.

    Attributes:
        rising: Those that rose.
        falling: Those that fell.
        compared: How many features could be compared.
        among: What a title adds where some could not.
    """

    rising: Sequence[Move]
    falling: Sequence[Move]
    compared: int
    among: str


def adoption_change(facts: Facts, feature: Feature, earlier: Earlier | None) -> changes.Change:
    """Compare a feature's adoption, all types of its service, with an earlier period; nothing where it came later."""
    figures, old = facts.figures("features"), facts.before(earlier, "features")
    if figures is None or old is None or earlier is None or feature.since > earlier.period.last:
        return changes.NONE
    where = {"service": feature.service, "user_type": ALL, "feature": feature.key}
    return changes.of_ratios(
        figures.cell("adoption", **where),
        old.cell("adoption", **where),
        (figures.cell("active_users", **where), old.cell("active_users", **where)),
        rounding=facts.view.rounding,
    )


def movers(facts: Facts) -> Moves | None:
    """Return what rose and fell; None without a period to compare with."""
    figures, old = facts.figures("features"), facts.before(facts.view.previous, "features")
    if figures is None or old is None:
        return None
    moved: list[Move] = []
    compared, cells = 0, list[Cell]()
    for feature in facts.view.catalogue.features.values():
        change = adoption_change(facts, feature, facts.view.previous)
        compared += change.value is not None
        if feature.since < facts.view.period.first:
            where = {"service": feature.service, "user_type": ALL, "feature": feature.key}
            cells += [one.cell("adoption", **where) for one in (figures, old)]
        if not change.clear or change.value is None:
            continue
        where = {"service": feature.service, "user_type": ALL, "feature": feature.key}
        now, before = (write(one.cell("adoption", **where), "fine_ratio") for one in (figures, old))
        moved.append(Move(feature.key, feature.service, facts.features[feature.key], before, now, change))
    moved.sort(key=lambda move: (-abs(move.change.value or 0), move.key))
    return Moves(
        [move for move in moved if (move.change.value or 0) > 0],
        [move for move in moved if (move.change.value or 0) < 0],
        compared,
        among(cells),
    )


def section(facts: Facts) -> dict[str, Any] | None:
    """Return the charts of what rises and falls, and lists of what is new, unused or about to expire."""
    figures = facts.figures("features")
    if figures is None:
        return None
    moves = movers(facts)
    earlier = facts.view.previous
    return {
        "title": _title(moves, period_title(earlier.period) if earlier else ""),
        "earlier": period_title(earlier.period) if earlier else "",
        "earlier_key": earlier.period.key if earlier else "",
        "panels": [
            {
                "title": say(f"movers.{key}", n=min(len(found), _MOST)),
                "moves": found[:_MOST],
                "chart": _chart(facts, key, found[:_MOST], tone),
            }
            for key, found, tone in (
                ("rising", moves.rising if moves else (), 1),
                ("falling", moves.falling if moves else (), 2),
            )
            if found
        ],
        "period": period_title(facts.view.period),
        "lists": _lists(facts),
    }


def _title(moves: Moves | None, earlier: str) -> str:
    if moves is None:
        return say("movers.alone")
    if not moves.compared:
        return say("movers.hidden", earlier=earlier)
    if not moves.rising and not moves.falling:
        return say("movers.still", among=moves.among)
    return say("movers.title", rising=len(moves.rising), falling=len(moves.falling))


def _chart(facts: Facts, key: str, moves: Sequence[Move], tone: int) -> Markup:
    return ranking(
        [
            Bar(
                facts.short[move.key],
                move.now.value,
                say("movers.label", now=move.now.text, change=move.change.text),
                before=move.before.value,
                tone=tone,
            )
            for move in moves
        ],
        Text(
            f"movers-{key}",
            say(f"movers.{key}", n=len(moves)),
            " ".join(
                say("movers.told", feature=move.title, before=move.before.text, now=move.now.text) for move in moves
            ),
        ),
        full=1,
        room=_LABEL,
    )


def _lists(facts: Facts) -> list[tuple[str, list[tuple[str, str, str]], str]]:
    """Return, for each kind of feature to look at, its title, the features, and what to say where there is none.

    A feature is its key, its title and what there is to say of it.
    """
    figures, period = facts.figures("features"), facts.view.period
    new: list[tuple[str, str, str]] = []
    unused: list[tuple[str, str, str]] = []
    expiring: list[tuple[str, str, str]] = []
    known = True
    for feature in facts.view.catalogue.features.values():
        where = {"service": feature.service, "user_type": ALL, "feature": feature.key}
        adoption, users, events = (
            write(figures.cell(measure, **where), kind) if figures else Shown("", "x", None)
            for measure, kind in (("adoption", "ratio"), ("users", "count"), ("events", "count"))
        )
        known &= events.value is not None
        title = facts.features[feature.key]
        share = say("movers.share", share=adoption.text or f"[{adoption.mark}]", users=users.text or f"[{users.mark}]")
        if period.first <= feature.since <= period.last:
            new.append((feature.key, title, say("movers.since", day=day(feature.since), share=share)))
        elif feature.since < period.first and events.value == 0:
            unused.append((feature.key, title, say("movers.zero_partial" if events.mark else "movers.zero")))
        if feature.expires and feature.expires <= period.last + _SOON:
            expiring.append(
                (feature.key, title, say("movers.expires", day=day(feature.expires, year=True), share=share))
            )
    return [
        (
            say(f"movers.{key}", n=len(found)),
            found,
            say("movers.none" if known or key != "unused" else "movers.none_known"),
        )
        for key, found in (("new", new), ("unused", unused), ("expiring", expiring))
    ]
