"""Which type of user uses which feature?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages import tables
from cetegra_usage.publish.pages.cells import Cell, Figures, among, percent, write
from cetegra_usage.publish.pages.facts import period_title
from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.sections.movers import adoption_change
from cetegra_usage.publish.pages.svg import spark
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cetegra_usage.model import Feature
    from cetegra_usage.publish.pages.changes import Change
    from cetegra_usage.publish.pages.facts import Facts
    from cetegra_usage.publish.pages.view import Earlier

_NOTHING = "\N{EN DASH}"


def section(facts: Facts) -> dict[str, Any] | None:
    """Return the table of features by type, each feature under its own service; None without `features`."""
    figures = facts.figures("features")
    if figures is None:
        return None
    weeks = facts.figures("feature_weeks")
    catalogue = facts.view.catalogue
    compared = _compared(facts)
    ordered = sorted(
        catalogue.features.values(),
        key=lambda one: (-(_adoption(figures, one).value or 0), -_users(figures, one), one.key),
    )
    columns = [
        tables.Column(
            title, ("adoption", "users"), ("ratio", "count"), {"user_type": key}, (), "ratio", facts.tones[key]
        )
        for key, title in facts.types_and_all.items()
    ]
    columns.append(tables.Column(say("features.events"), ("events",), ("count",), {"user_type": ALL}))
    more = [
        (say("features.change", earlier=period_title(one.period)), f"{one.period.key}:adoption@user_type={ALL}")
        for one, _ in compared
    ]
    mondays = facts.weeks()
    if mondays:
        more.append((say("features.weeks", n=len(mondays)), ""))
    return {
        "title": _title(facts, figures, ordered),
        "services": facts.services,
        "weeks": say("features.weeks_note", n=len(mondays), first=day(mondays[0])) if mondays else "",
        "table": tables.make(
            figures,
            id="features-table",
            caption=say("features.caption", span=facts.span),
            corner=say("features.feature"),
            columns=columns,
            rows=[
                tables.Line(
                    facts.features[one.key],
                    {"service": one.service, "feature": one.key},
                    note=_note(facts, one),
                    id=f"feature.{one.key}",
                    more=_more(one, [told[one.key] for _, told in compared], weeks, mondays),
                )
                for one in ordered
            ],
            more=more,
            foot=[_base(facts, figures, service, title, len(more)) for service, title in facts.services.items()],
            folded="features.folded",
        ),
    }


def _compared(facts: Facts) -> list[tuple[Earlier, dict[str, Change]]]:
    """Return each feature's change on the period before, and on the one a year before if that had one of them."""
    features = facts.view.catalogue.features.values()
    made = [
        (earlier, {one.key: adoption_change(facts, one, earlier) for one in features})
        for earlier in (facts.view.previous, facts.view.year_before)
        if earlier
    ]
    return [
        (earlier, told)
        for earlier, told in made
        if earlier is facts.view.previous or any(change.text for change in told.values())
    ]


def _users(figures: Figures, feature: Feature) -> float:
    return figures.cell("users", service=feature.service, user_type=ALL, feature=feature.key).value or 0


def _title(facts: Facts, figures: Figures, ordered: Sequence[Feature]) -> str:
    """Name the feature that the greatest share of its service's users use."""
    share = _adoption(figures, ordered[0]).value if ordered else None
    if not share:
        return say("features.title")
    hidden = among(_adoption(figures, one) for one in ordered)
    return say("features.most", feature=facts.short[ordered[0].key], share=percent(share), among=hidden)


def _adoption(figures: Figures, feature: Feature) -> Cell:
    return figures.cell("adoption", service=feature.service, user_type=ALL, feature=feature.key)


def _note(facts: Facts, feature: Feature) -> str:
    notes = [facts.services[feature.service]]
    if facts.view.period.first <= feature.since <= facts.view.period.last:
        notes.append(say("features.new", day=day(feature.since)))
    if feature.expires:
        notes.append(say("features.expires", day=day(feature.expires, year=True)))
    return " · ".join(notes)


def _more(feature: Feature, told: Sequence[Change], weeks: Figures | None, mondays: Sequence[date]) -> list[tables.Box]:
    boxes = [
        tables.Box(text=one.brief or _NOTHING, sort=None if one.value is None else round(one.value, 2)) for one in told
    ]
    if weeks:
        where = {"service": feature.service, "user_type": ALL, "feature": feature.key}
        drawn = spark([weeks.cell("adoption", week=monday, **where).value for monday in mondays])
        boxes.append(tables.Box(spark=drawn, text="" if drawn else _NOTHING))
    return boxes


def _base(facts: Facts, figures: Figures, service: str, title: str, empty: int) -> tables.Row:
    """Return the row of what the shares are of: active users of the service, by type."""
    where = {"service": service, "feature": ALL}
    boxes = [tables.Box([write(figures.cell("users", user_type=key, **where), "count")]) for key in facts.types_and_all]
    events = tables.Box([write(figures.cell("events", user_type=ALL, **where), "count")])
    return tables.Row(
        say("features.base_row", service=title), tables.where(where), [*boxes, events, *([tables.Box()] * empty)]
    )
