"""Exact marts in, protected tables out: the order of the rules, and the one place that makes a `ProtectedTable`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cetegra_usage.model import ProtectedTable
from cetegra_usage.protect import rounding, threshold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.model import Period
    from cetegra_usage.settings import Disclosure


@dataclass(frozen=True, slots=True)
class ReleasedTables:
    """What an earlier release shows.

    Attributes:
        period: The period of the release.
        revision: Its revision; an attacker holds all of them.
        tables: Its tables by name, as published.
    """

    period: Period
    revision: int
    tables: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Protection:
    """What `protect` lets through, and how it came to that.

    Attributes:
        tables: The published tables by name.
        cells: Number of cells (of every measure) that would have shown a figure.
        withheld_by_rule: Number of those withheld, by kind of rule: for compliance alone.
    """

    tables: Mapping[str, ProtectedTable]
    cells: int
    withheld_by_rule: Mapping[str, int]

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


def protect(
    period: Period,
    tables: Mapping[str, pl.DataFrame],
    *,
    definitions: Mapping[str, TableDefinition],
    disclosure: Disclosure,
    released: Iterable[ReleasedTables] = (),
) -> Protection:
    """Protect all tables of a release together.

    Args:
        period: The period of the release.
        tables: The exact marts by name: `period`, dimensions, and for each measure `m`, `m_status`, for counts
            `m_people` and perhaps `m_top`.
        definitions: The definition of each table, by name.
        disclosure: Threshold and rounding.
        released: Every earlier release, of any period and revision, whose windows overlap with this one's.
    """
    protected: dict[str, ProtectedTable] = {}
    total: Counter[str] = Counter()
    cells = 0
    for name, frame in tables.items():
        table = definitions[name]
        few = threshold.few(table, frame, disclosure)
        dominated = threshold.dominated(table, frame, disclosure)
        withheld = {measure: few[measure] | dominated.get(measure, few[measure]) for measure in few}
        withheld |= {mean.name: withheld[base] for mean, base in threshold.means(table)}
        published = rounding.publish(table, frame, withheld, disclosure)
        by_rule: Counter[str] = Counter()
        for measure in table.measures:
            status = published[f"{measure.name}_status"]
            cells += int(status.is_in(["published", "partial", rounding.WITHHELD]).sum())
            by_rule["threshold"] += int((status == rounding.WITHHELD).sum())
        protected[name] = _Protected(name, published, dict(by_rule))
        total += by_rule
    return Protection(protected, cells, dict(total))
