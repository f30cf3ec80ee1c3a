"""What an attacker reads: every count of every release, under one number for each true cell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from cetegra_usage.model import Period

    Numbers = NDArray[np.intp]
    Values = NDArray[np.float64]
    Marks = NDArray[np.bool_]
    Release = tuple[Period, Mapping[str, pl.DataFrame]]

SHOWN = ("published", "partial")
_SPANS = {"day": 0, "week": 6, "cohort_week": 6}


class Name(NamedTuple):
    """A true cell: the table and measure, the days that it is about, and its other dimensions."""

    table: str
    measure: str
    first: date
    last: date
    place: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of all releases, laid over one another.

    Attributes:
        places: One row for each place of the table: `first` and `last`, the days it is about, and its other dimensions.
        begin: For each count of the table the number of its cell in the first place; those in the others follow.
    """

    places: pl.DataFrame
    begin: Mapping[str, int]

    @property
    def dimensions(self) -> list[str]:
        """The dimensions of the table but the one of time."""
        return self.places.columns[2:]


@dataclass(frozen=True, slots=True)
class Mean:
    """What is published of a mean.

    Attributes:
        count: The cells of the count that it is taken over.
        total: For each the cell of what it is taken of; -1 where that is none.
        figure: What is published.
        within: The place of a mean among these, and the cell of a count that is at least its total.
        leaves: Likewise of counts that are at most what it has more than the count.
    """

    count: Numbers
    total: Numbers
    figure: Values
    within: tuple[Numbers, Numbers]
    leaves: tuple[Numbers, Numbers]


@dataclass(frozen=True, slots=True)
class Weighed:
    """What is published of a mean that weighs counts.

    Attributes:
        parts: The cells of the counts: a row a mean, a column a count.
        weights: How much each count weighs.
        figure: What is published.
    """

    parts: Numbers
    weights: Values
    figure: Values


class Facts:
    """What is known of each cell, by its number.

    Attributes:
        sheets: The tables by name: which cell stands where.
        known: Whether some release shows or withholds it: else it is unavailable.
        figure: What is published of it; not a number where it is withheld.
        new: Whether the newest release shows it, and none before it the same.
        here: Whether the newest release holds it at all.
        before: Where the newest release changes or withholds a figure: the figure before; else not a number.
        recalled: Whether it was published before and is withheld now, as errata say.
        shown_twice: Pairs of different figures of one cell, before and in the newest release.
        unseen: Whether no release holds it, though it is there: windows of others reach into it.
        means: The published means over one count, in the order of their declaration.
        weighed: Those of weighed counts.

    Args:
        releases: The period and the tables of each release, oldest first; the last one is judged.
        declared: The declared means.
        errata: Table, measure and row of the withheld figures of the newest release that are others than those
            published before. Of any other such figure it stays known what it was.
        unseen: Table and number of days of what is there before the first day that is shown.
    """

    def __init__(
        self,
        releases: Sequence[Release],
        declared: Sequence[Mapping[str, Any]],
        errata: Collection[tuple[str, str, int]] = (),
        unseen: Mapping[str, Any] | None = None,
    ) -> None:
        beside = _beside(releases, unseen) if unseen else []
        releases = [*beside, *releases]
        self.sheets: dict[str, Sheet] = {}
        at: dict[str, list[Numbers]] = {}
        size = 0
        for name in dict.fromkeys(name for _, tables in releases for name in tables):
            frames = [(period, tables[name]) for period, tables in releases if name in tables]
            places, at[name] = _laid(frames)
            measures = dict.fromkeys(measure for _, frame in frames for measure in counts(frame))
            self.sheets[name] = Sheet(places, {one: size + turn * len(places) for turn, one in enumerate(measures)})
            size += len(measures) * len(places)
        self.known, self.new, self.here, self.recalled, self.unseen = np.zeros((5, size), dtype=bool)
        self.figure, self.before = np.full((2, size), np.nan)
        self.shown_twice = np.zeros((0, 2))
        latest: list[Values] = [np.full(self._places(entry), np.nan) for entry in declared]
        for turn, (_, tables) in enumerate(releases):
            for name, frame in tables.items():
                here = at[name].pop(0)
                for measure in counts(frame):
                    withdrawn = None
                    if turn == len(releases) - 1:
                        rows = [row for *which, row in errata if which == [name, measure]]
                        withdrawn = np.isin(np.arange(len(frame)), rows)
                    self._learn(self.sheets[name].begin[measure] + here, frame, measure, withdrawn)
                for entry, figures in zip(declared, latest, strict=True):
                    if entry["table"] == name:
                        value, shown, _ = _read(frame, entry["mean"])
                        figures[here[shown]] = value[shown]
            if turn < len(beside):
                self.unseen |= self.known
        read = [one for one in zip(declared, latest, strict=True) if one[0]["table"] in self.sheets]
        self.means = [self._mean(entry, figures) for entry, figures in read if "count" in entry]
        self.weighed = [self._weighed(entry, figures) for entry, figures in read if "weights" in entry]

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.figure)

    def windows(self) -> Numbers:
        """Return a number for the days that each cell is about."""
        return self._number([sheet.places.select("first", "last") for sheet in self.sheets.values()])

    def features(self) -> Numbers:
        """Return a number for the feature that each cell is about, if any."""
        own: list[pl.DataFrame] = []
        for sheet in self.sheets.values():
            feature = next((pl.col(name) for name in sheet.dimensions if name.endswith("feature")), pl.lit("all"))
            own.append(sheet.places.with_columns(_feature=feature).select("_feature"))
        return self._number(own)

    def _number(self, own: Sequence[pl.DataFrame]) -> Numbers:
        """Return for each cell the rank of what its place shows."""
        if not own:
            return np.zeros(0, dtype=np.intp)
        every = pl.concat(own)
        rank = every.select(pl.struct(every.columns).rank("dense")).to_series().to_numpy().astype(np.intp)
        parts = np.split(rank, np.cumsum([len(frame) for frame in own])[:-1])
        return np.concatenate(
            [np.tile(part, len(sheet.begin)) for part, sheet in zip(parts, self.sheets.values(), strict=True)]
        )

    def name(self, cell: int) -> Name:
        """Return the name of a cell."""
        begin, table, measure = max(
            (begin, table, measure)
            for table, sheet in self.sheets.items()
            for measure, begin in sheet.begin.items()
            if begin <= cell
        )
        first, last, *values = self.sheets[table].places.row(cell - begin)
        place = zip(self.sheets[table].dimensions, values, strict=True)
        return Name(table, measure, first, last, tuple(place))

    def _places(self, entry: Mapping[str, Any]) -> int:
        return len(self.sheets[entry["table"]].places) if entry["table"] in self.sheets else 0

    def _learn(self, cells: Numbers, frame: pl.DataFrame, measure: str, withdrawn: Marks | None) -> None:
        """Read one count of one release; `withdrawn`, which of its withheld figures are errata, if it is the newest."""
        value, shown, there = _read(frame, measure)
        cells, value = cells[there], np.where(shown, value, np.nan)[there]
        first, old, newest = ~self.known[cells], self.figure[cells], withdrawn is not None
        self.known[cells], self.here[cells] = True, newest
        if withdrawn is not None:
            takes = ~np.isnan(old) & np.isnan(value) & ~withdrawn[there]
            cells, value, first, old = cells[~takes], value[~takes], first[~takes], old[~takes]
        self.recalled[cells] = (self.recalled[cells] | ~np.isnan(old)) & np.isnan(value)
        self.figure[cells] = value
        if newest:
            differs = ~np.isnan(old) & (old != value)
            self.before[cells[differs]] = old[differs]
            twice = differs & ~np.isnan(value)
            self.shown_twice = np.concatenate([self.shown_twice, np.column_stack([old[twice], value[twice]])])
            # A figure that says nothing new was judged when it was released.
            self.new[cells] = first | differs | (np.isnan(old) & ~np.isnan(value))

    def _mean(self, entry: Mapping[str, Any], figures: Values) -> Mean:
        sheet = self.sheets[entry["table"]]
        at = np.flatnonzero(~np.isnan(figures))
        count = sheet.begin[entry["count"]] + at
        total = np.full(len(at), -1, dtype=np.intp)
        if "total" in entry:
            where = [pl.col(dimension) == value for dimension, value in entry["where"].items()]
            own = sheet.places.select(pl.all_horizontal(pl.lit(value=True), *where)).to_series().to_numpy()[at]
            total = np.where(own, sheet.begin[entry["total"]] + at, -1)
        known = self.known[count]
        mine = sheet.places[at[known]]
        within, leaves = (self._bounded(mine, entry.get(relation, {})) for relation in ("within", "leaves"))
        return Mean(count[known], total[known], figures[at][known], within, leaves)

    def _bounded(self, mine: pl.DataFrame, where: Mapping[str, str]) -> tuple[Numbers, Numbers]:
        """Return which of some places a declaration ties to which cells of another table."""
        nothing = np.zeros(0, dtype=np.intp)
        if where.get("table") not in self.sheets:
            return nothing, nothing
        sheet = self.sheets[where["table"]]
        fixed = {name: value for name, value in where.items() if name in sheet.dimensions}
        there = sheet.places.with_row_index("there").filter(**fixed)
        own = mine.with_row_index("mean").filter(**{name: fixed[name] for name in fixed if name in mine.columns})
        shared = [name for name in mine.columns if name in sheet.places.columns and name not in fixed]
        pairs = own.join(there, on=shared, maintain_order="left_right")
        cell = sheet.begin[where["measure"]] + pairs["there"].to_numpy().astype(np.intp)
        return pairs["mean"].to_numpy().astype(np.intp)[self.known[cell]], cell[self.known[cell]]

    def _weighed(self, entry: Mapping[str, Any], figures: Values) -> Weighed:
        begin = self.sheets[entry["table"]].begin
        at = np.flatnonzero(~np.isnan(figures))
        parts = np.column_stack([begin[part] + at for part in entry["weights"]])
        return Weighed(parts, np.array(list(entry["weights"].values()), dtype=np.float64), figures[at])


def _beside(releases: Sequence[Release], unseen: Mapping[str, Any]) -> list[Release]:
    """Return what no release holds of a table as if one before them all had withheld it."""
    name, clock = unseen["table"], "day"
    held = [tables[name] for _, tables in releases if name in tables]
    if not held:
        return []
    others = [column for column in dimensions(held[0]) if column != clock]
    days = pl.concat([frame.select(clock, *others) for frame in held]).unique(maintain_order=True)
    every = days.select(
        pl.date_range(pl.col(clock).min() - timedelta(days=unseen["days"]), pl.col(clock).max()).alias(clock)
    )
    rows = days.select(others).unique(maintain_order=True).join(every, how="cross")
    rows = rows.join(days, on=[clock, *others], how="anti", maintain_order="left").with_columns(
        *(pl.lit(None, dtype=pl.Int64).alias(measure) for measure in counts(held[0])),
        *(pl.lit("withheld").alias(f"{measure}_status") for measure in counts(held[0])),
    )
    return [(releases[0][0], {name: rows})]


def counts(frame: pl.DataFrame) -> list[str]:
    """Return the names of a table's counts."""
    return [name for name in frame.columns if f"{name}_status" in frame.columns and frame.schema[name].is_integer()]


def _read(frame: pl.DataFrame, measure: str) -> tuple[Values, Marks, Marks]:
    """Return a measure's figures, whether each is shown, and whether it is shown or withheld."""
    status = frame[f"{measure}_status"]
    shown = status.is_in(SHOWN).to_numpy()
    return frame[measure].cast(pl.Float64).to_numpy(), shown, shown | (status == "withheld").to_numpy()


def _laid(frames: Sequence[tuple[Period, pl.DataFrame]]) -> tuple[pl.DataFrame, list[Numbers]]:
    """Return every place of a table once, and for each frame where its rows are among them."""
    own = [placed(period, frame) for period, frame in frames]
    every = pl.concat(own)
    places = every.unique(maintain_order=True)
    at = every.join(places.with_row_index("at"), on=every.columns, how="left", maintain_order="left", nulls_equal=True)
    ends = np.cumsum([len(frame) for frame in own])
    return places, np.split(at["at"].to_numpy().astype(np.intp), ends[:-1])


def placed(period: Period, frame: pl.DataFrame) -> pl.DataFrame:
    """Return for each row of a table the first and last day that it is about, and its other dimensions."""
    own = dimensions(frame)
    clock = next((name for name in own if name in _SPANS), None)
    first, last = pl.lit(period.first), pl.lit(period.last)
    if clock is not None:
        first, last = pl.col(clock), pl.col(clock) + timedelta(days=_SPANS[clock])
    others = [pl.col(name).cast(pl.String) for name in own if name != clock]
    return frame.select(first.alias("first"), last.alias("last"), *others)


def dimensions(frame: pl.DataFrame) -> list[str]:
    """Return the dimensions of a table but its period."""
    return [
        name
        for name in frame.columns
        if f"{name}_status" not in frame.columns and not name.endswith("_status") and name != "period"
    ]
