"""User types as a margin that is withheld whole, where a release is too large for all of its cells to be attacked.

Of each type nothing is told then, but that it is nobody where all types together are. Whatever tables fit what is shown
of these, the same fit with everybody of one type, whichever that is: a row between cells of one type is declared of all
types together too, and what ties types is only that they add up (a test holds `links.toml` to it). So of a type a count
can be 0 or all of it, and is safe where that of all types is. These alone are left to protect.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage.model import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.protect.history import ReleasedTables
    from cetegra_usage.protect.plan import Decision
    from cetegra_usage.settings import Disclosure

MOST = 800
"""The most places of one table, services by user types by features, that are protected type by type."""
RULE = "user types"

_TYPE = "user_type"
_PLACE = ("service", _TYPE, "feature")
_SHOWN = ("published", "partial")


def are_too_many(tables: Mapping[str, pl.DataFrame], disclosure: Disclosure) -> bool:
    """Return whether a release has more places than are protected type by type, and several types.

    With a rounding above the threshold a count of all types could be too near to 0 for those below it.
    """
    return disclosure.rounding <= disclosure.threshold and any(
        frame.select(pl.struct(name for name in _PLACE if name in frame.columns).n_unique()).item() > MOST
        and frame[_TYPE].n_unique() > len([ALL, "one"])
        for frame in tables.values()
        if _TYPE in frame.columns
    )


def are_untold(
    tables: Mapping[str, pl.DataFrame],
    released: Iterable[ReleasedTables],
    definitions: Mapping[str, TableDefinition],
) -> bool:
    """Return whether earlier releases, of the same types in each place, tell of none of them more than of all."""
    kinds = {frozenset(frame[_TYPE]) for frame in tables.values() if _TYPE in frame.columns}
    for release in released:
        for name, frame in release.tables.items():
            if _TYPE not in frame.columns:
                continue
            kinds.add(frozenset(frame[_TYPE]))
            if _tells(frame, definitions[name]):
                return False
    return len(kinds) == 1


def _tells(frame: pl.DataFrame, table: TableDefinition) -> bool:
    """Return whether a published table shows anything of a type but that it is nobody where all types are."""
    beside = [name for name in table.grain if name != _TYPE]
    is_total = pl.col(_TYPE) == ALL
    told = pl.lit(value=False)
    for measure in table.measures:
        shown = pl.col(f"{measure.name}_status").is_in(_SHOWN)
        nobody = shown & (pl.col(measure.name) == 0)
        of_all = (nobody & is_total).any().over(beside) if beside else (nobody & is_total).any()
        told |= shown & ~is_total & (~(nobody & of_all) if measure.kind == "count" else True)
    return bool(frame.select(told.any()).item())


def totals(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the tables without the rows of single types."""
    return {
        name: frame.filter(pl.col(_TYPE) == ALL) if _TYPE in frame.columns else frame for name, frame in tables.items()
    }


def withheld(
    decision: Decision, tables: Mapping[str, pl.DataFrame], definitions: Mapping[str, TableDefinition]
) -> Decision:
    """Return what was decided of the totals, of all rows: those of single types are withheld, but where nobody is.

    Args:
        decision: What is withheld of `totals(tables)`.
        tables: The exact marts.
        definitions: Their definitions.
    """
    counts: list[pl.DataFrame] = []
    means: list[pl.DataFrame] = []
    for name, frame in tables.items():
        own, silent = (one.filter(table=name) for one in (decision.counts, decision.means))
        if _TYPE in frame.columns:
            rows = frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
            whole = rows.filter(pl.col(_TYPE) == ALL)
            own, silent = (one.with_columns(row=whole["row"].gather(one["row"])) for one in (own, silent))
            counts.append(_of_types(own, rows, whole, definitions[name]).select(own.columns))
        counts.append(own)
        means.append(silent)
    return replace(decision, counts=pl.concat(counts), means=pl.concat(means))


def _of_types(own: pl.DataFrame, rows: pl.DataFrame, whole: pl.DataFrame, table: TableDefinition) -> pl.DataFrame:
    """Return what becomes of each type's counts, by what was decided of all types together."""
    beside = [name for name in table.grain if name != _TYPE]
    names = [measure.name for measure in table.counts]
    count = whole.select("row", *names).unpivot(index="row", variable_name="measure", value_name="of_all")
    of_all = own.join(count, on=["row", "measure"], maintain_order="left").rename({"row": "whole"})
    parts = rows.filter(pl.col(_TYPE) != ALL).select("row", *beside)
    parts = parts.join(whole.select(*beside, whole="row"), on=beside, maintain_order="left")
    is_shown = pl.col("rule").is_null() & (pl.col("of_all") == 0)
    return (
        parts.join(of_all, on="whole", maintain_order="left_right")
        .with_columns(rule=pl.when(~is_shown).then(pl.lit(RULE)))
        .with_columns(recalled=pl.col("rule").is_not_null() & (pl.col("before") == 0).fill_null(value=False))
    )
