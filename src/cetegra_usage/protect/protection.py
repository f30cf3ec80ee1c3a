"""Exact marts in, protected tables out: the order of the rules, and the one place that makes a `ProtectedTable`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from cetegra_usage.errors import DisclosureError
from cetegra_usage.model import ALL, ProtectedTable
from cetegra_usage.protect import links, plan, rounding, user_types
from cetegra_usage.protect.audit import AuditResult, Name, audit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.model import Period
    from cetegra_usage.protect.history import ReleasedTables
    from cetegra_usage.settings import Disclosure


_ATTEMPTS: tuple[tuple[plan.Caution, int], ...] = (
    ("means", 0),
    ("means", 0),
    ("means", 1),
    ("no means", 1),
    ("no means", 3),
    ("nothing new", 0),
)
"""What is tried in turn: what an audit found is withheld from the start, then more around it, then more yet."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What `protect` lets through, and how it came to that.

    Attributes:
        tables: The published tables by name.
        cells: Number of cells (of every measure) that would have shown a figure.
        withheld_by_rule: Number of those withheld, by kind of rule: for compliance alone.
        audit: What the attack on the result came to; none where `threshold = 1` protects nothing.
    """

    tables: Mapping[str, ProtectedTable]
    cells: int
    withheld_by_rule: Mapping[str, int]
    audit: AuditResult | None

    @property
    def withheld(self) -> int:
        """Number of cells that are withheld, whatever the rule."""
        return sum(self.withheld_by_rule.values())


@dataclass(frozen=True, slots=True)
class _Protected(ProtectedTable):
    """The one concrete `ProtectedTable`: what has gone through `protect`."""

    def _warrant(self) -> None: ...


def protect_count(count: int, disclosure: Disclosure) -> int | Literal["withheld"]:
    """Return a count as evidence and pages may show it: 0, `withheld`, or rounded half up."""
    if 0 < count < disclosure.threshold:
        return rounding.WITHHELD
    return rounding.round_half_up(count, disclosure.rounding)


def protect_rows(rows: int, most: int, disclosure: Disclosure) -> int | Literal["withheld"]:
    """Return a number of rows likewise: none that few people could have made.

    Args:
        rows: How many.
        most: How many of the rows among which they are one person has at most, as far as it is known: of those without
            a pseudonym it is not, and one may have made `event_cap`.
        disclosure: Threshold, rounding, and that assumption.
    """
    if disclosure.threshold > 1 and 0 < -(-rows // max(disclosure.event_cap, most)) < disclosure.threshold:
        return rounding.WITHHELD
    return protect_count(rows, disclosure)


def protect(
    period: Period,
    tables: Mapping[str, pl.DataFrame],
    *,
    definitions: Mapping[str, TableDefinition],
    disclosure: Disclosure,
    released: Sequence[ReleasedTables] = (),
    ahead: tuple[Period, Mapping[str, pl.DataFrame]] | None = None,
    begins: Mapping[str, date | None] | None = None,
) -> Protection:
    """Protect all tables of a release together.

    Args:
        period: The period of the release.
        tables: The exact marts by name: `period`, dimensions, and for each measure `m`, `m_status`, for counts
            `m_people` and perhaps `m_top`.
        definitions: The definition of each table, by name.
        disclosure: Threshold and rounding.
        released: Every earlier release whose windows overlap with this one's (`history.overlaps`), of any period and
            revision, oldest first.
        ahead: Period and exact marts of the release that comes next, where it can't withhold what this one and those
            before would give away: a month whose last week this is. What it has to withhold is decided with this one.
        begins: The day from which each service landed anything, None where it never did. A 0 of before is nobody's, and
            everybody knows: the evidence lists no partition.

    Raises:
        DisclosureError: The release would tell too much whatever is withheld, or its audit infers what is withheld.
    """
    if disclosure.threshold == 1:
        return _applied(tables, definitions, disclosure, plan.nothing())
    suspects: set[Name] = set()
    hopeless: DisclosureError | None = None
    tried: plan.Decision | None = None
    only_totals = user_types.are_too_many(tables, disclosure) and user_types.are_untold(tables, released, definitions)
    seen, before, coming = _totals(tables, released, ahead) if only_totals else (tables, released, ahead)
    attempts = [(*attempt, None) for attempt in _ATTEMPTS]
    for caution, reach, along in [(*_ATTEMPTS[0], coming), *attempts] if coming else attempts:
        if hopeless and caution != "nothing new":
            continue
        try:
            decision = plan.decide(
                period,
                seen,
                definitions,
                disclosure,
                before,
                caution=caution,
                ahead=along,
                suspects=suspects,
                reach=reach,
                begins=begins,
            )
        except DisclosureError as error:
            if not along:  # else only the two together are
                hopeless = error
            continue
        if only_totals:
            decision = user_types.withheld(decision, tables, definitions)
        if tried and decision.counts.equals(tried.counts) and decision.means.equals(tried.means):
            continue
        tried = decision
        protection = _applied(tables, definitions, disclosure, decision)
        frames = {name: table.frame for name, table in protection.tables.items()}
        earlier = [(one.period, one.tables) for one in released]
        errata = set(decision.counts.filter("recalled").select("table", "measure", "row").iter_rows())
        result = audit(period, frames, earlier, definitions, disclosure, errata)
        if result.passed:
            return replace(protection, audit=result)
        suspects.update(result.where)
    if hopeless and not tried:  # there was nothing to audit
        raise hopeless
    raise DisclosureError(
        f"the release {period.key} is refused: its audit infers withheld cells, or finds figures that give one away",
        why="figures that are withheld can be computed from those that are not, of this release and earlier ones",
        hint="docs/protection.md, A release is refused",
    )


def _totals(
    tables: Mapping[str, pl.DataFrame],
    released: Sequence[ReleasedTables],
    ahead: tuple[Period, Mapping[str, pl.DataFrame]] | None,
) -> tuple[Mapping[str, pl.DataFrame], Sequence[ReleasedTables], tuple[Period, Mapping[str, pl.DataFrame]] | None]:
    """Return all that is looked at without its single user types."""
    return (
        user_types.totals(tables),
        [replace(one, tables=user_types.totals(one.tables)) for one in released],
        (ahead[0], user_types.totals(ahead[1])) if ahead else None,
    )


def _applied(
    tables: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, TableDefinition],
    disclosure: Disclosure,
    decision: plan.Decision,
) -> Protection:
    """Withhold what was decided, round the rest, and count."""
    protected: dict[str, ProtectedTable] = {}
    total: Counter[str] = Counter()
    cells = 0
    for name, frame in tables.items():
        table = definitions[name]
        rules = _rules(table, frame, decision)
        withheld = {measure: rule.is_not_null() for measure, rule in rules.items()}
        published = rounding.publish(table, frame, withheld, disclosure)
        by_rule: Counter[str] = Counter()
        for measure in table.measures:
            status = published[f"{measure.name}_status"]
            cells += int((~status.is_in(["unavailable", "undefined"])).sum())
            hit = status == rounding.WITHHELD
            rule = rules[measure.name].filter(hit) if measure.name in rules else ["part"] * int(hit.sum())
            by_rule.update(rule)
        protected[name] = _Protected(name, published, dict(sorted(by_rule.items())))
        total += by_rule
    return Protection(protected, cells, dict(sorted(total.items())), audit=None)


def _rules(table: TableDefinition, frame: pl.DataFrame, decision: plan.Decision) -> dict[str, pl.Series]:
    """Return for each count, mean and median of a table why each of its cells is withheld, null where it is not.

    A mean or a median goes with the count that it is taken over, and with the total that it is taken of; a mean also
    with those that it adds up with.
    """
    place = frame.select(pl.int_range(pl.len()).alias("row"))
    mine = decision.counts.filter((pl.col("table") == table.name) & pl.col("rule").is_not_null())
    silent = decision.means.filter(pl.col("table") == table.name)
    rules = {
        measure.name: place.join(
            mine.filter(pl.col("measure") == measure.name), on="row", how="left", maintain_order="left"
        )["rule"]
        for measure in table.counts
    }
    for measure in table.measures:
        if measure.kind in {"mean", "median"}:
            declared = [mean for mean in links.means() if (mean.table, mean.mean) == (table.name, measure.name)]
            base = [next(count.name for count in table.counts if count.of == measure.of)]  # of a median
            of = [part for mean in declared for part in mean.parts] or base
            parts = pl.select(pl.any_horizontal(*(rules[name].is_not_null() for name in of))).to_series()
            own = place["row"].is_in(silent.filter(pl.col("mean") == measure.name)["row"].implode())
            for mean in declared:
                own = _none_or_all(table, frame, parts | own, mean.adds)
            part = pl.when(parts).then(pl.lit("part")).when(own).then(pl.lit("mean"))
            rules[measure.name] = pl.select(part.otherwise(None)).to_series()
    return rules


def _none_or_all(table: TableDefinition, frame: pl.DataFrame, hidden: pl.Series, adds: Sequence[str]) -> pl.Series:
    """Return the rows in which a mean is withheld: of parts that add up along a dimension, in all or in none.

    Where that of the whole is withheld, all parts' would tell it.
    """
    while True:
        wider = hidden
        for dimension in adds:
            beside = [other for other in table.grain if other != dimension]
            parts = frame.select(*beside, part=pl.col(dimension) != ALL, hidden=wider)
            wider = parts.select(pl.col("hidden") | pl.col("part") & pl.col("hidden").any().over(*beside))
            wider = wider.to_series()
        if wider.equals(hidden):
            return hidden
        hidden = wider
