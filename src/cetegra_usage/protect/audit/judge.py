"""Whether what was read gives a withheld cell away: by bounds, and by programmes where bounds are not the last word."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cetegra_usage.project import root
from cetegra_usage.protect.audit.facts import SHOWN, Facts, Name
from cetegra_usage.protect.audit.rows import Statement, statements
from cetegra_usage.protect.audit.solve import Polytope

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    import polars as pl
    from numpy.typing import NDArray

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.model import Period
    from cetegra_usage.settings import Disclosure


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an attack on a release and those before it came to.

    Attributes:
        cells: Number of withheld cells that were attacked.
        statements: Number of rows between cells that the attacker used.
        least_width: Width of the narrowest interval that was left, or more: the search ends where it is wide enough.
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
    declared: dict[str, list[dict[str, Any]]] = tomllib.loads(
        (root() / "sql" / "marts" / "links.toml").read_text("utf-8")
    )
    facts = Facts()
    for when, released in (*earlier, (period, tables)):
        facts.learn(when, released, newest=released is tables, errata=errata if released is tables else None)
        facts.learn_means(when, released, declared["mean"])
    rows = [row for row in statements(facts, declared["link"]) if not _outdated(row, facts, disclosure)]
    lower, upper = _bounds(facts, disclosure)
    _narrow(facts, declared["mean"], lower, upper)
    windows: dict[tuple[date, date], int] = {}
    days = [windows.setdefault((name.first, name.last), len(windows)) for name in facts.numbers]
    polytope = Polytope(rows, lower, upper, np.array(days, dtype=np.intp))
    low, high = polytope.bounds()
    judged = np.array([figure is None for figure in facts.figure], dtype=bool)
    judged &= polytope.reached(np.array(facts.new, dtype=bool))
    cells = np.flatnonzero(judged)
    widths, exposed = polytope.intervals(cells, disclosure.threshold, disclosure.rounding)
    told = _small(facts, disclosure) + _ratios(tables, definitions, declared["mean"]) + _twice(facts, disclosure)
    rests = _rests(facts, rows, low, high, disclosure)
    names = list(facts.numbers)
    return AuditResult(
        cells=len(cells),
        statements=len(rows),
        least_width=float(widths.min()) if len(widths) else None,
        exposed=int(exposed.sum()),
        told=told + len(rests),
        recalled=len(facts.recalled),
        seconds=time.perf_counter() - begun,
        where=[names[cell] for cell in (*cells[exposed], *rests)],
    )


def _bounds(facts: Facts, disclosure: Disclosure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each figure says: of a withheld cell nothing, but that it is a count."""
    below, above = disclosure.rounding // 2, (disclosure.rounding - 1) // 2
    lower, upper = np.zeros(len(facts.figure)), np.full(len(facts.figure), np.inf)
    for number, figure in enumerate(facts.figure):
        if figure == 0:
            upper[number] = above if above >= disclosure.threshold else 0
        elif figure is not None:
            lower[number], upper[number] = figure - below, figure + above
            if figure + above >= disclosure.threshold:  # else from before the threshold was raised
                lower[number] = max(figure - below, disclosure.threshold)
    return lower, upper


def _outdated(row: Statement, facts: Facts, disclosure: Disclosure) -> bool:
    """Return whether a row ties what this release has changed to what earlier ones said before that.

    Then it tells what a changed figure was: it holds for the figures before, and nothing in it is unknown.
    """
    cells = (row.whole, *row.parts)
    if not any(cell in facts.before for cell in cells) or all(facts.here[cell] for cell in cells):
        return False
    figures = [facts.before.get(cell, facts.figure[cell]) for cell in cells]
    below, above = disclosure.rounding // 2, (disclosure.rounding - 1) // 2
    low, high = 0.0, 0.0
    for sign, figure in zip((-1, *(1 for _ in row.parts)), figures, strict=True):
        if figure is None:
            return False
        least, most = (figure - below, figure + above) if figure else (0, 0)
        low, high = (low + least, high + most) if sign > 0 else (low - most, high - least)
    return (low <= 0 or row.relation == ">=") and (high >= 0 or row.relation == "<=")


def _narrow(
    facts: Facts, declared: Sequence[Mapping[str, Any]], lower: NDArray[np.float64], upper: NDArray[np.float64]
) -> None:
    """Use the means: which whole totals, over which whole counts, round to three figures that were published?"""
    entries = {entry["mean"]: entry for entry in declared}
    names = list(facts.numbers)
    for (count, mean), figure in facts.means.items():
        if facts.figure[count] is None or not upper[count] < np.inf:
            continue
        entry, place = entries[mean], dict(names[count].place)
        own = "total" in entry and all(place[dimension] == value for dimension, value in entry["where"].items())
        total = facts.numbers.get(names[count]._replace(measure=entry["total"])) if own else None
        known = total is not None and facts.figure[total] is not None
        least, most = (lower[total], upper[total]) if known and total is not None else (0.0, np.inf)
        fits: list[tuple[float, float, float]] = []
        for number in range(int(lower[count]), int(upper[count]) + 1):
            half = 0.5 * 10.0 ** (np.floor(np.log10(figure)) - 2) if figure else 0.0
            begin = np.ceil(max((figure - half) * number - 1e-9, least))
            end = np.floor(min((figure + half) * number + 1e-9, most))
            if begin <= end:
                fits.append((number, begin, end))
        if fits:
            lower[count], upper[count] = fits[0][0], fits[-1][0]
            if known and total is not None:
                lower[total] = max(lower[total], min(begin for _, begin, _ in fits))
                upper[total] = min(upper[total], max(end for _, _, end in fits))


def _small(facts: Facts, disclosure: Disclosure) -> int:
    """Count figures that are new and that no count of enough people rounds to."""
    above = (disclosure.rounding - 1) // 2
    return sum(
        new and figure is not None and figure > 0 and figure + above < disclosure.threshold
        for figure, new in zip(facts.figure, facts.new, strict=True)
    )


def _ratios(
    tables: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, TableDefinition],
    declared: Sequence[Mapping[str, Any]],
) -> int:
    """Count ratios, means and medians that are shown though what they are made from is withheld."""
    found = 0
    for name, frame in tables.items():
        for measure in definitions[name].measures:
            shown = frame[f"{measure.name}_status"].is_in(list(SHOWN))
            parts = [measure.numerator, None if measure.denominator_over else measure.denominator]
            if measure.kind in {"mean", "median"}:
                parts = [next(count.name for count in definitions[name].counts if count.of == measure.of)]
                parts += [one.get("total") for one in declared if (one["table"], one["mean"]) == (name, measure.name)]
            for part in parts:
                if part is not None:
                    found += int((shown & (frame[f"{part}_status"] == "withheld")).sum())
    return found


def _twice(facts: Facts, disclosure: Disclosure) -> int:
    """Count cells that were published twice with figures so near that only few people can lie between them."""
    spread = disclosure.rounding - 1
    return sum(
        abs(one - other) - spread >= 1 and abs(one - other) + spread < disclosure.threshold
        for one, other in facts.shown_twice
    )


def _rests(
    facts: Facts,
    rows: Sequence[Statement],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    disclosure: Disclosure,
) -> list[int]:
    """Return the part of each pair of new figures between which only few people can lie."""
    found: list[int] = []
    for row in rows:
        part = row.parts[0]
        if not row.rest or facts.figure[row.whole] is None or facts.figure[part] is None:
            continue
        least, most = lower[row.whole] - upper[part], upper[row.whole] - lower[part]
        if (facts.new[row.whole] or facts.new[part]) and least >= 1 and most < disclosure.threshold:
            found.append(part)
    return found
