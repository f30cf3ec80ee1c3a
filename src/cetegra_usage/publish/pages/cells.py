"""Cells of a protected table, and how each is written: a figure, or the symbol that says why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

MARKS = {"withheld": "c", "unavailable": "x", "undefined": "z", "absent": "z", "partial": "p"}
"""Letter of the symbol by status; a published figure has none."""

_ONE_DECIMAL_BELOW = 0.0995
_ONE_DECIMAL_ABOVE = 0.995
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Cell:
    """One measure of one row.

    Attributes:
        value: The figure, or None.
        status: As the contract's section 7 has it; `absent` where the table has no such row.
    """

    value: float | None
    status: str

    @property
    def known(self) -> bool:
        """Whether there is a figure to draw."""
        return self.value is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as it is written.

    Attributes:
        text: The figure with its unit; empty where there is none.
        mark: Letter of its symbol, or empty.
        value: The figure, to sort by; None where there is none.
        before: Words before it.
        after: Words after it.
    """

    text: str
    mark: str
    value: float | None
    before: str = ""
    after: str = ""


def among(cells: Iterable[Cell]) -> str:
    """Return the words that a title adds where it names the greatest or least, and some figures are not shown."""
    return say("page.among") if any(cell.status in {"withheld", "unavailable"} for cell in cells) else ""


class Figures:
    """A table's cells by measure and dimensions.

    Args:
        name: The table's name.
        frame: `period`, the dimensions, then each measure and its `_status` twin.
    """

    def __init__(self, name: str, frame: pl.DataFrame) -> None:
        self.name = name
        self.measures = [column for column in frame.columns if f"{column}_status" in frame.columns]
        twins = {f"{measure}_status" for measure in self.measures}
        self.dimensions = [c for c in frame.columns if c not in {*self.measures, *twins, "period"}]
        self._rows: dict[tuple[Any, ...], dict[str, Any]] = {
            tuple(row[dimension] for dimension in self.dimensions): row for row in frame.iter_rows(named=True)
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the dimensions of each row."""
        for key in self._rows:
            yield dict(zip(self.dimensions, key, strict=True))

    def values(self, dimension: str) -> list[Any]:
        """Return the values of a dimension, in their own order."""
        return sorted({row[dimension] for row in self})

    def cell(self, measure: str, **dimensions: Any) -> Cell:
        """Return a cell; `absent` where the table has no such row or measure."""
        row = self._rows.get(tuple(dimensions.get(dimension) for dimension in self.dimensions))
        if row is None or measure not in row:
            return Cell(None, "absent")
        return Cell(row[measure], row[f"{measure}_status"])


def count(value: float) -> str:
    """Write a count: `1,990`."""
    return f"{value:,.0f}"


def percent(value: float) -> str:
    """Write a ratio as a percentage, with one decimal only where it would else read 0, 100 or a bare digit."""
    if value in {0, 1}:
        return f"{value:.0%}"
    return f"{value:.1%}" if value < _ONE_DECIMAL_BELOW or value > _ONE_DECIMAL_ABOVE else f"{value:.0%}"


def fine_percent(value: float) -> str:
    """Write a ratio as a percentage with one decimal, where it stands beside its change in points."""
    return f"{value:.1%}"


def points(value: float) -> str:
    """Write the size of a difference of two ratios, in percentage points."""
    return f"{abs(value) * 100:.1f}"


def mean(value: float) -> str:
    """Write a mean, which comes with three significant figures."""
    return f"{value:#.3g}".removesuffix(".") if value < 999.5 else count(value)  # noqa: PLR2004  # %g turns to exponents there


def duration(seconds: float) -> str:
    """Write a duration by its two greatest units: `4 min 5 s`."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


WRITERS = {
    "count": count,
    "ratio": percent,
    "fine_ratio": fine_percent,
    "mean": mean,
    "median": mean,
    "seconds": duration,
}
"""How a figure is written, by the measure's kind; `seconds` goes by its unit."""


def write(cell: Cell, kind: str) -> Shown:
    """Write a cell of a kind (a key of `WRITERS`)."""
    mark = MARKS.get(cell.status, "")
    return Shown("" if cell.value is None else WRITERS[kind](cell.value), mark, cell.value)
