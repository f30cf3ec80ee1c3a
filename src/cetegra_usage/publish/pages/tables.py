"""Tables as the pages show them: which cells, under which headings, with which bars and notes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from cetegra_usage.publish.pages.cells import Shown, write
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cetegra_usage.publish.pages.cells import Cell, Figures


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures.

    Attributes:
        title: Its heading.
        measures: One or more measures; those after the first are written small below it. One symbol stands for all of
            them where all lack a figure for one reason.
        kinds: How each is written: keys of `cells.WRITERS`.
        dimensions: Which cells: the dimensions that the column fixes.
        phrases: Keys of the phrases with `{figure}` in which the small ones stand; alone where empty.
        bar: Whether a bar stands for the first: `ratio` (of 1), `most` (of the column's greatest), or empty.
        tone: Number of the colour of the bar; 0 is the neutral one.
    """

    title: str
    measures: Sequence[str]
    kinds: Sequence[str]
    dimensions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    phrases: Sequence[str] = ()
    bar: str = ""
    tone: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """What stands in one field of a table.

    Attributes:
        figures: The figures, the first great, the others small.
        bar: Length of the bar in hundredths, or None.
        tone: Number of the colour of the bar.
        shade: Depth of the ground in tenths, or None.
        text: Words in place of figures.
        small: Words below.
        spark: An SVG path in place of figures.
        sort: The value to sort by where the text itself does not say it.
    """

    figures: Sequence[Shown] = ()
    bar: int | None = None
    tone: int = 0
    shade: int | None = None
    text: str = ""
    small: str = ""
    spark: str = ""
    sort: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A row to be made.

    Attributes:
        title: Its heading.
        where: The dimensions that the row fixes.
        note: Small text below the heading.
        id: Its address in the page, or empty.
        more: Fields after those of the figures.
    """

    title: str
    where: Mapping[str, Any]
    note: str = ""
    id: str = ""
    more: Sequence[Box] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the template shows it; as `Line`, with `where` for machines and every field."""

    title: str
    where: str
    boxes: Sequence[Box]
    note: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page.

    Attributes:
        id: Its address in the page.
        source: The published table that its figures come from.
        caption: What, of whom, when.
        corner: The heading over the row headings.
        columns: Heading and machine name of each column, for example `users@user_type=it_admin`.
        where: The dimensions that all rows share, for machines.
        rows: The rows.
        foot: Rows of bases below them; each names all its dimensions.
        folded: One line for the rows left out because every cell of theirs is withheld, or empty.
        partial: Whether every figure in it comes from a window with missing days, so that the caption says it once.
    """

    id: str
    source: str
    caption: str
    corner: str
    columns: Sequence[tuple[str, str]]
    where: str
    rows: Sequence[Row]
    foot: Sequence[Row] = ()
    folded: str = ""
    partial: bool = False


def make(  # a table is many things
    figures: Figures,
    *,
    id: str,  # noqa: A002  # as in HTML
    caption: str,
    corner: str,
    columns: Sequence[Column],
    rows: Sequence[Line],
    more: Sequence[tuple[str, str]] = (),
    foot: Sequence[Row] = (),
    folded: str = "",
    shaded: bool = False,
) -> Table:
    """Make a table of a published one.

    Args:
        figures: The published table.
        id: Its address in the page.
        caption: What, of whom, when.
        corner: The heading over the row headings.
        columns: The columns of figures.
        rows: The rows.
        more: Heading and machine name, or none, of the fields that each row brings itself.
        foot: Rows of bases below them.
        folded: Key of the phrase, with `{n}` and `{names}`, for rows that are wholly withheld; without one they stay.
        shaded: Whether the ground of each field of a ratio is as deep as its figure.
    """
    cells = [
        [[figures.cell(measure, **row.where, **column.dimensions) for measure in column.measures] for column in columns]
        for row in rows
    ]
    every = [cell for row in cells for box in row for cell in box]
    partial = {cell.status for cell in every if cell.known} == {"partial"}
    most = [max((row[at][0].value or 0 for row in cells), default=0) for at in range(len(columns))]
    shared = _shared([line.where for line in rows])
    made: list[Row] = []
    left: list[str] = []
    for line, row in zip(rows, cells, strict=True):
        if folded and all(cell.status == "withheld" for box in row for cell in box):
            left.append(line.title)
            continue
        boxes = [
            _box(column, box, top, partial=partial, shaded=shaded)
            for column, box, top in zip(columns, row, most, strict=True)
        ]
        own = {key: value for key, value in line.where.items() if key not in shared}
        made.append(Row(line.title, where(own), [*boxes, *line.more], line.note, line.id))
    return Table(
        id=id,
        source=figures.name,
        caption=caption,
        corner=corner,
        columns=[(one.title, f"{' '.join(one.measures)}@{where(one.dimensions)}") for one in columns] + [*more],
        where=where(shared),
        rows=made,
        foot=[_unmarked(row) for row in foot] if partial else foot,
        folded=say(folded, n=len(left), names=", ".join(left)) if left else "",
        partial=partial,
    )


def _shared(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the dimensions that have one value in all rows."""
    first = rows[0] if rows else {}
    return {key: value for key, value in first.items() if all(row.get(key) == value for row in rows)}


def _box(column: Column, cells: Sequence[Cell], most: float, *, partial: bool, shaded: bool) -> Box:
    shown = [write(cell, kind) for cell, kind in zip(cells, column.kinds, strict=True)]
    if partial:
        shown = [_bare(one) for one in shown]
    if not any(one.text for one in shown) and len({one.mark for one in shown}) == 1:
        return Box(shown[:1])
    shown = [shown[0], *(_phrased(one, key) for one, key in zip_longest(shown[1:], column.phrases))]
    value = shown[0].value
    whole = 1 if column.bar == "ratio" else most or 1
    return Box(
        shown,
        bar=round(100 * value / whole) if column.bar and value is not None else None,
        tone=column.tone,
        shade=round(10 * value) if shaded and column.kinds[0] == "ratio" and value is not None else None,
        sort=value if column.kinds[0] == "seconds" else None,
    )


def _bare(shown: Shown) -> Shown:
    """Return a figure without the mark of missing days, where the caption has said it for all."""
    return replace(shown, mark="") if shown.mark == "p" else shown


def _unmarked(row: Row) -> Row:
    return replace(row, boxes=[replace(box, figures=[_bare(one) for one in box.figures]) for box in row.boxes])


def _phrased(shown: Shown, key: str | None) -> Shown:
    if key is None:
        return shown
    before, _, after = say(key, figure="\N{REPLACEMENT CHARACTER}").partition("\N{REPLACEMENT CHARACTER}")
    return replace(shown, before=before, after=after)


def where(dimensions: Mapping[str, Any]) -> str:
    """Write dimensions for machines: `service=docs&user_type=it_admin`."""
    return "&".join(f"{key}={value}" for key, value in dimensions.items())


def cut(table: Table, lengths: Sequence[int]) -> Table:
    """Return a triangle: each row with so many fields, and nothing where the future lies."""
    rows = [
        replace(row, boxes=[*row.boxes[:length], *([Box()] * (len(row.boxes) - length))])
        for row, length in zip(table.rows, lengths, strict=True)
    ]
    return replace(table, rows=rows)
