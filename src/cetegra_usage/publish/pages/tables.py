"""Tables as the pages show them: which cells, under which headings, with which bars and notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.cells import Shown, write
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cetegra_usage.publish.pages.cells import Figures


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures.

    Attributes:
        title: Its heading.
        measures: One or two measures; the second is written small below the first.
        kinds: How each is written: a key of `cells.WRITERS`.
        dimensions: Which cells: the dimensions that the column fixes.
        bar: Whether a bar stands for the first: `ratio` (of 1), `most` (of the column's greatest), or empty.
        tone: Number of the colour of the bar; 0 is the neutral one.
    """

    title: str
    measures: Sequence[str]
    kinds: Sequence[str]
    dimensions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    bar: str = ""
    tone: int = 0

    @property
    def where(self) -> str:
        """The column's cells, for machines: `users@user_type=basic_user`."""
        return _where(" ".join(self.measures), self.dimensions)


@dataclass(frozen=True, slots=True)
class Box:
    """What stands in one field of a table.

    Attributes:
        figures: The figures, the first great, the others small.
        bar: Length of the bar in hundredths, or None.
        html: Text in place of figures.
        spark: An SVG path in place of figures.
        sort: The value to sort by where the text itself does not say it.
    """

    figures: Sequence[Shown] = ()
    bar: int | None = None
    tone: int = 0
    text: str = ""
    spark: str = ""
    sort: float | None = None
    shade: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        title: Its heading.
        note: Small text below the heading.
        where: The row's dimensions, for machines.
        boxes: Its fields, one a column.
        id: Its address in the page, or empty.
        group: The value that a filter by group looks at.
    """

    title: str
    where: str
    boxes: Sequence[Box]
    note: str = ""
    id: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page.

    Attributes:
        id: Its address in the page.
        source: The published table that its figures come from.
        caption: What, of whom, when.
        corner: The heading over the row headings.
        columns: Heading and machine name of each column.
        rows: The rows.
        folded: One line for the rows left out because every cell of theirs is withheld, or empty.
        partial: Whether every figure in it comes from a window with missing days, so that the caption says it once.
    """

    id: str
    source: str
    caption: str
    corner: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    folded: str = ""
    partial: bool = False


def make(  # noqa: PLR0913  # a table is many things
    figures: Figures,
    *,
    id: str,  # noqa: A002  # as in HTML
    caption: str,
    corner: str,
    columns: Sequence[Column],
    rows: Sequence[tuple[str, str, Mapping[str, Any]]],
    folded: str = "",
    id_of: str = "",
) -> Table:
    """Make a table of a published one.

    Args:
        figures: The published table.
        id: Its address in the page.
        caption: What, of whom, when.
        corner: The heading over the row headings.
        columns: The columns.
        rows: Title, note and dimensions of each row.
        folded: Key of the phrase, with `{n}` and `{names}`, for rows that are wholly withheld; without one they stay.
        id_of: Prefix of the rows' own addresses, or empty.
    """
    cells = [
        [[figures.cell(measure, **where, **column.dimensions) for measure in column.measures] for column in columns]
        for _, _, where in rows
    ]
    every = [cell for row in cells for box in row for cell in box]
    partial = {cell.status for cell in every if cell.known} == {"partial"}
    most = [max((row[at][0].value or 0 for row in cells), default=0) for at in range(len(columns))]
    made: list[Row] = []
    left: list[str] = []
    for (title, note, where), row in zip(rows, cells, strict=True):
        if folded and all(cell.status == "withheld" for box in row for cell in box):
            left.append(title)
            continue
        boxes: list[Box] = []
        for column, box, top in zip(columns, row, most, strict=True):
            shown = [write(cell, kind) for cell, kind in zip(box, column.kinds, strict=True)]
            if partial:
                shown = [Shown(one.text, one.mark.replace("p", ""), one.value) for one in shown]
            boxes.append(Box(shown, bar=_bar(column, shown[0], top), tone=column.tone, sort=_sort(column, shown[0])))
        made.append(
            Row(title, _where("", where), boxes, note, f"{id_of}{'.'.join(map(str, where.values()))}" if id_of else "")
        )
    return Table(
        id=id,
        source=figures.name,
        caption=caption,
        corner=corner,
        columns=[(column.title, column.where) for column in columns],
        rows=made,
        folded=say(folded, n=len(left), names=", ".join(left)) if left else "",
        partial=partial,
    )


def _bar(column: Column, shown: Shown, most: float) -> int | None:
    if not column.bar or shown.value is None:
        return None
    return round(100 * shown.value / (1 if column.bar == "ratio" else most or 1))


def _sort(column: Column, shown: Shown) -> float | None:
    return shown.value if column.kinds[0] == "seconds" else None


def _where(measures: str, dimensions: Mapping[str, Any]) -> str:
    fixed = "&".join(f"{key}={value}" for key, value in dimensions.items())
    return f"{measures}@{fixed}" if measures else fixed
