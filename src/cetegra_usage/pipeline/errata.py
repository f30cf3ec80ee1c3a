"""Errata: which published cells a revision changed, and the cause of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.view import Erratum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

_STATUS = "_status"


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that a revision changed.

    Attributes:
        table: The table's name.
        row: The row's dimensions.
        measures: The measures whose figure or status changed.
    """

    table: str
    row: Mapping[str, Any]
    measures: Sequence[str]

    def as_json(self, cause: str) -> dict[str, Any]:
        """Return it as `release.json` shows it: where and why, no figure."""
        row = {name: value.isoformat() if isinstance(value, date) else value for name, value in self.row.items()}
        return {"table": self.table, "row": row, "measures": list(self.measures), "cause": cause}


def changes(old: Mapping[str, pl.DataFrame], new: Mapping[str, pl.DataFrame]) -> list[Change]:
    """Compare two revisions cell by cell; a row of nothing but true zeros that is new is no change."""
    found: list[Change] = []
    for name, frame in new.items():
        before = old.get(name)
        if before is None:
            continue
        measures = [column.removesuffix(_STATUS) for column in frame.columns if column.endswith(_STATUS)]
        dimensions = [c for c in frame.columns if c not in measures and not c.endswith(_STATUS)]
        joined = frame.join(before, on=dimensions, how="full", suffix="_old", coalesce=True, nulls_equal=True)
        for row in joined.sort(dimensions).iter_rows(named=True):
            changed = [measure for measure in measures if _differs(row, measure)]
            if changed:
                found.append(Change(name, {column: row[column] for column in dimensions}, changed))
    return found


def summarised(found: Sequence[Change], cause: str) -> list[Erratum]:
    """Return the number of changed cells by table."""
    cells = Counter[str]()
    for change in found:
        cells[change.table] += len(change.measures)
    return [Erratum(table, cause, number) for table, number in sorted(cells.items())]


def _differs(row: Mapping[str, Any], measure: str) -> bool:
    old, new = (row[f"{measure}_status_old"], row[f"{measure}_old"]), (row[f"{measure}_status"], row[measure])
    if old[0] is None or new[0] is None:  # a row that was not there: the catalogue grew or shrank
        there = new if old[0] is None else old
        return there not in {("published", 0), ("published", 0.0), ("undefined", None)}
    return old != new
