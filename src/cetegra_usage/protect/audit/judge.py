"""Whether what was read gives a withheld cell away: by bounds, and by programmes where bounds are not the last word."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cetegra_usage.project import root
from cetegra_usage.protect.audit import user_types
from cetegra_usage.protect.audit.facts import SHOWN, Facts, Mean, Name, Weighed
from cetegra_usage.protect.audit.rows import Rows, rows
from cetegra_usage.protect.audit.solve import Polytope

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.model import Period
    from cetegra_usage.protect.audit.facts import Marks, Numbers, Values
    from cetegra_usage.settings import Disclosure

_TINY = 1e-9
_TRIED = 10**5
"""Combinations of whole counts that are tried for one mean."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an attack on a release and those before it came to.

    Attributes:
        cells: Number of withheld cells that were attacked.
        statements: Number of rows between cells that the attacker used.
        least_width: Width of the narrowest interval that was left, or more: the search ends where it is wide enough.
            To three places.
        exposed: Number of cells whose interval lies among few people, or is narrower than the rounding.
        told: Number of figures that give something away by themselves: below the threshold, a ratio of a withheld part,
            two figures of one cell that differ by few people, few people between a whole and its part.
        recalled: Number of cells published before and withheld now, as errata say.
        seconds: How long it took; not a part of what is recorded.
        where: The cells that are exposed, and those that give something away beside another: for the protector alone.
    """

    cells: int
    statements: int
    least_width: float | None
    exposed: int
    told: int
    recalled: int
    seconds: float
    where: Sequence[Name] = field(default=(), repr=False)

    @property
    def passed(self) -> bool:
        """Whether the attacker learned nothing."""
        return self.exposed == 0 and self.told == 0

    def as_json(self) -> dict[str, Any]:
        """Return the result as the public evidence shows it: nothing in it depends on the machine."""
        return {
            "cells": self.cells,
            "statements": self.statements,
            "least_width": self.least_width,
            "exposed": self.exposed,
            "told": self.told,
            "recalled": self.recalled,
        }


def audit(
    period: Period,
    tables: Mapping[str, pl.DataFrame],
    earlier: Sequence[tuple[Period, Mapping[str, pl.DataFrame]]],
    definitions: Mapping[str, TableDefinition],
    disclosure: Disclosure,
    errata: Collection[tuple[str, str, int]] = (),
) -> AuditResult:
    """Attack a release with all that was released before.

    Args:
        period: The period of the release.
        tables: Its tables as they would be published.
        earlier: The releases before it that overlap in time, oldest first: period and tables.
        definitions: The tables' definitions: which figure is a ratio of which.
        disclosure: Threshold and rounding.
        errata: Table, measure and row of each withheld figure that is another than the one published before. Of any
            other figure that was published and is withheld now the attacker knows what it was.
    """
    begun = time.perf_counter()
    declared: dict[str, Any] = tomllib.loads((root() / "sql" / "marts" / "links.toml").read_text("utf-8"))
    releases, changed = [*earlier, (period, tables)], frozenset(errata)
    untold, recalled = list[float](), 0
    if user_types.hidden(releases, changed, disclosure):
        untold, recalled = user_types.single(tables, changed)
        releases, changed = user_types.totals(releases), user_types.of_totals(changed, tables)
    facts = Facts(releases, declared["mean"], changed, declared["unseen"])
    said = rows(facts, declared["link"])
    said = said.keep(~_outdated(said, facts, disclosure))
    lower, upper = _bounds(facts.figure, disclosure)
    for mean in facts.means:
        _narrow(mean, lower, upper)
    for weighed in facts.weighed:
        balance(weighed, lower, upper)
    polytope = Polytope(said, lower, upper, facts.windows(), facts.features(), disclosure.event_cap)
    low, high = polytope.bounds()
    withheld = facts.known & np.isnan(facts.figure) & ~facts.unseen
    cells = np.flatnonzero(withheld & polytope.reached(facts.new))
    widths, exposed = polytope.intervals(cells, disclosure.threshold, disclosure.rounding)
    told = _small(facts, disclosure) + _ratios(tables, definitions, declared["mean"]) + _twice(facts, disclosure)
    told += _in_part(tables, definitions, declared["mean"])
    told += _sharp(tables, declared["mean"], disclosure)
    rests = _rests(facts, said.keep(said.rest), low, high, disclosure)
    # Of single types, where nothing is told of any, each count is anything from 0 to that of all types.
    widths = np.concatenate([widths, _bounds(np.array(untold), disclosure)[0][~np.isnan(untold)]])
    return AuditResult(
        cells=len(cells) + len(untold),
        statements=len(said),
        least_width=round(float(widths.min()), 3) if len(widths) else None,
        exposed=int(exposed.sum()),
        told=told + len(rests),
        recalled=int(facts.recalled.sum()) + recalled,
        seconds=time.perf_counter() - begun,
        where=[facts.name(int(cell)) for cell in (*cells[exposed], *rests)],
    )


def _bounds(figure: Values, disclosure: Disclosure) -> tuple[Values, Values]:
    """Return what each figure says: of a withheld cell nothing, but that it is a count."""
    below, above = _spread(disclosure)
    lower, upper = figure - below, figure + above
    # A figure that no count of enough people rounds to is from before the threshold was raised.
    lower = np.where(upper >= disclosure.threshold, np.maximum(lower, disclosure.threshold), lower)
    zero, withheld = figure == 0, np.isnan(figure)
    lower[zero | withheld] = 0
    upper[zero] = above if above >= disclosure.threshold else 0
    upper[withheld] = np.inf
    return lower, upper


def _spread(disclosure: Disclosure) -> tuple[int, int]:
    """Return how far below and above its figure a count can be."""
    return disclosure.rounding // 2, (disclosure.rounding - 1) // 2


def _outdated(said: Rows, facts: Facts, disclosure: Disclosure) -> Marks:
    """Return the rows that tie what this release has changed to what earlier ones said before that.

    Such a row tells what a changed figure was: it holds for the figures before, and nothing in it is unknown.
    """
    below, above = _spread(disclosure)
    changed = ~np.isnan(facts.before)
    figure = np.where(changed, facts.before, facts.figure)
    figure = np.where(_none_then(said, figure == 0), 0, figure)
    least, most = np.where(figure == 0, 0, figure - below), np.where(figure == 0, 0, figure + above)

    def parts(value: Any) -> Values:
        return np.bincount(said.row, value[said.part], minlength=len(said)).astype(np.float64)

    touched = changed[said.whole] | (parts(changed) > 0)
    apart = ~facts.here[said.whole] | (parts(~facts.here) > 0)
    shown = changed & ~np.isnan(facts.figure)
    withdrawn = ~shown[said.whole] & (parts(shown) == 0)
    low, high = parts(least) - most[said.whole], parts(most) - least[said.whole]
    # A sum with something unknown in it is not a number, and fulfils nothing.
    return (
        touched
        & apart
        & (
            withdrawn
            | ((low <= 0) | (said.relation > 0) & ~np.isnan(low))
            & ((high >= 0) | (said.relation < 0) & ~np.isnan(high))
        )
    )


def _none_then(said: Rows, none: Marks) -> Marks:
    """Return the cells that were 0 before: those that were shown so, and what hangs on them alone."""
    none = none.copy()
    while True:
        before = int(none.sum())
        none[said.part[((said.relation <= 0) & none[said.whole])[said.row]]] = True
        some = np.bincount(said.row, ~none[said.part], minlength=len(said)) > 0
        none[said.whole[(said.relation >= 0) & ~some]] = True
        if int(none.sum()) == before:
            return none


def _narrow(mean: Mean, lower: Values, upper: Values) -> None:
    """Use a mean: which whole totals, over which whole counts, round to the three figures that were published?"""
    shown = np.isfinite(upper[mean.count])
    count, total, figure = mean.count[shown], mean.total[shown], mean.figure[shown]
    known = (total >= 0) & np.isfinite(upper[total])
    least, most = np.where(known, lower[total], 0.0), np.where(known, upper[total], np.inf)
    half = _half_unit(figure)
    first, last = np.full((2, len(count)), np.nan)
    low, (high, spare) = np.full(len(count), np.inf), np.full((2, len(count)), -np.inf)
    for further in range(int((upper[count] - lower[count]).max(initial=-1)) + 1):
        number = lower[count] + further
        begin = np.ceil(np.maximum((figure - half) * number - _TINY, least))
        end = np.floor(np.minimum((figure + half) * number + _TINY, most))
        fits = (number <= upper[count]) & (begin <= end)
        first, last = np.where(fits & np.isnan(first), number, first), np.where(fits, number, last)
        low, high = np.where(fits, np.minimum(low, begin), low), np.where(fits, np.maximum(high, end), high)
        spare = np.where(fits, np.maximum(spare, end - number), spare)
    fits = ~np.isnan(first)
    total_least, rest_most = np.zeros(len(shown)), np.full(len(shown), np.inf)
    total_least[shown], rest_most[shown] = np.where(fits, low, 0.0), np.where(fits, spare, np.inf)
    # What a figure contradicts is left to it.
    at, cell = mean.within
    np.maximum.at(lower, cell, np.where(total_least[at] <= upper[cell], total_least[at], 0.0))
    at, cell = mean.leaves
    np.minimum.at(upper, cell, np.where(rest_most[at] >= lower[cell], rest_most[at], np.inf))
    lower[count[fits]], upper[count[fits]] = first[fits], last[fits]
    fits &= known
    lower[total[fits]] = np.maximum(lower[total], low)[fits]
    upper[total[fits]] = np.minimum(upper[total], high)[fits]


def _half_unit(figure: Values) -> Values:
    """Return half a unit of the third figure."""
    with np.errstate(divide="ignore"):
        return np.where(figure > 0, 0.5 * 10.0 ** (np.floor(np.log10(figure)) - 2), 0.0)


def balance(mean: Weighed, lower: Values, upper: Values) -> None:
    """Use a mean of weighed counts: which whole counts within their bounds round to it?"""
    for cells, figure, half in zip(mean.parts, mean.figure, _half_unit(mean.figure), strict=True):
        low, high = lower[cells], upper[cells]
        if not np.isfinite(high).all():
            continue  # some are withheld: told by `_ratios`
        if (high - low + 1).prod() > _TRIED:
            low, high = _between(low, high, mean.weights - figure, half)
        else:
            counts = np.ix_(*(np.arange(first, last + 1) for first, last in zip(low, high, strict=True)))
            people = sum(counts)
            total = sum(weight * count for weight, count in zip(mean.weights, counts, strict=True))
            fits = (np.abs(total - figure * people) <= half * people + _TINY) & (people > 0)
            which = [np.flatnonzero(fits.any(axis=tuple(set(range(fits.ndim)) - {own}))) for own in range(fits.ndim)]
            if not fits.any():
                continue
            low, high = (np.array([low[own] + at[end] for own, at in enumerate(which)]) for end in (0, -1))
        if (low <= high).all():
            lower[cells], upper[cells] = low, high


def _between(low: Values, high: Values, lever: Values, half: float) -> tuple[Values, Values]:
    """Bound counts whose levers balance: what one has to hold against all that the others can."""
    play = half * high.sum() + _TINY
    for own in np.flatnonzero(lever):
        others = np.delete(np.column_stack([lever * low, lever * high]), own, axis=0)
        ends = sorted([(-play - others.max(axis=1).sum()) / lever[own], (play - others.min(axis=1).sum()) / lever[own]])
        low[own], high[own] = max(low[own], np.ceil(ends[0] - _TINY)), min(high[own], np.floor(ends[1] + _TINY))
    return low, high


def _small(facts: Facts, disclosure: Disclosure) -> int:
    """Count figures that are new and that no count of enough people rounds to."""
    _, above = _spread(disclosure)
    return int((facts.new & (facts.figure > 0) & (facts.figure + above < disclosure.threshold)).sum())


def _ratios(
    tables: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, TableDefinition],
    declared: Sequence[Mapping[str, Any]],
) -> int:
    """Count ratios, means and medians that are shown though what they are made from is withheld."""
    found = 0
    for name, frame in tables.items():
        for measure in definitions[name].measures:
            shown = frame[f"{measure.name}_status"].is_in(SHOWN)
            parts = [measure.numerator, None if measure.denominator_over else measure.denominator]
            if measure.kind in {"mean", "median"}:
                own = [one for one in declared if (one["table"], one["mean"]) == (name, measure.name)]
                parts = [part for one in own for part in (one.get("count"), one.get("total"), *one.get("weights", ()))]
                parts = parts or [next(count.name for count in definitions[name].counts if count.of == measure.of)]
            for part in parts:
                if part is not None:
                    found += int((shown & (frame[f"{part}_status"] == "withheld")).sum())
    return found


def _in_part(
    tables: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, TableDefinition],
    declared: Sequence[Mapping[str, Any]],
) -> int:
    """Count sums of which some parts show a mean, and others or the whole withhold it: what these hide, those tell."""
    found = 0
    for entry in declared:
        for dimension in entry.get("adds", ()) if entry["table"] in tables else ():
            frame = tables[entry["table"]]
            status = pl.col(f"{entry['mean']}_status")
            of_one_sum = [other for other in definitions[entry["table"]].grain if other != dimension]
            sums = frame.group_by(of_one_sum).agg(
                shown=(status.is_in(SHOWN) & (pl.col(dimension) != "all")).any(), withheld=(status == "withheld").any()
            )
            found += sums.filter("shown", "withheld").height
    return found


def _sharp(tables: Mapping[str, pl.DataFrame], declared: Sequence[Mapping[str, Any]], disclosure: Disclosure) -> int:
    """Count means of weighed counts that are sharper than the counts' rounding, of however many people these can be."""
    found = 0
    _, above = _spread(disclosure)
    for entry in declared if disclosure.rounding > 1 else ():
        if "weights" not in entry or entry["table"] not in tables:
            continue
        frame = tables[entry["table"]]
        shown = frame.filter(pl.col(f"{entry['mean']}_status").is_in(SHOWN))
        most = shown.select(pl.sum_horizontal((pl.col(one) > 0) * above + pl.col(one) for one in entry["weights"]))
        half = _half_unit(shown[entry["mean"]].to_numpy())
        found += int((most.to_series().to_numpy() * half < disclosure.rounding - _TINY).sum())
    return found


def _twice(facts: Facts, disclosure: Disclosure) -> int:
    """Count cells that were published twice with figures so near that only few people can lie between them."""
    spread = disclosure.rounding - 1
    apart = np.abs(np.subtract(*facts.shown_twice.T))
    return int(((apart - spread >= 1) & (apart + spread < disclosure.threshold)).sum())


def _rests(facts: Facts, said: Rows, lower: Values, upper: Values, disclosure: Disclosure) -> Numbers:
    """Return the first part of each row of new figures in which only few people can lie between whole and parts."""

    def parts(value: Any) -> Values:
        return np.bincount(said.row, value[said.part], minlength=len(said)).astype(np.float64)

    shown = ~np.isnan(facts.figure)
    is_told = shown[said.whole] & (parts(~shown) == 0) & (facts.new[said.whole] | (parts(facts.new) > 0))
    least, most = lower[said.whole] - parts(upper), upper[said.whole] - parts(lower)
    few = (least >= 1) & (most < disclosure.threshold)
    return said.part[np.searchsorted(said.row, np.flatnonzero(is_told & few))]
