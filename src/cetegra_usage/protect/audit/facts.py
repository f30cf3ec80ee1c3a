"""What an attacker reads: every count of every release, under one name for each true cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    import polars as pl

    from cetegra_usage.model import Period

SHOWN = frozenset({"published", "partial"})
if TYPE_CHECKING:
    _Place = tuple[date, date, tuple[tuple[str, str], ...]]
_SPANS = {"day": 0, "week": 6, "cohort_week": 6}


class Name(NamedTuple):
    """A true cell: the table and measure, the days that it is about, and its other dimensions."""

    table: str
    measure: str
    first: date
    last: date
    place: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Facts:
    """What is known of each cell, by its number.

    Attributes:
        numbers: The number of each cell.
        figure: What is published of it; none where it is withheld.
        new: Whether the newest release shows it.
        here: Whether the newest release holds it at all.
        before: Of each cell whose figure the newest release changes or withholds: the figure before.
        recalled: The cells published before and withheld now, as errata say.
        absent: Cells that are unavailable.
        means: The figure of each published mean, by its count's number and its own name.
        shown_twice: Pairs of different figures of one cell, before and in the newest release.
    """

    numbers: dict[Name, int] = field(default_factory=dict[Name, int])
    figure: list[int | None] = field(default_factory=list["int | None"])
    new: list[bool] = field(default_factory=list[bool])
    here: list[bool] = field(default_factory=list[bool])
    before: dict[int, int] = field(default_factory=dict[int, int])
    recalled: set[int] = field(default_factory=set[int])
    absent: set[Name] = field(default_factory=set[Name])
    means: dict[tuple[int, str], float] = field(default_factory=dict[tuple[int, str], float])
    shown_twice: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def learn(
        self,
        period: Period,
        tables: Mapping[str, pl.DataFrame],
        *,
        newest: bool,
        errata: Collection[tuple[str, str, int]] | None = None,
    ) -> None:
        """Read one release.

        Args:
            period: Its period.
            tables: Its tables.
            newest: Whether it is the one that is judged.
            errata: Its withheld figures (table, measure, row) that are others than those published before; none: all.
        """
        for table, frame in tables.items():
            measures = [name for name in frame.columns if f"{name}_status" in frame.columns]
            counts = [name for name in measures if frame.schema[name].is_integer()]
            dimensions = [
                name
                for name in frame.columns
                if name not in measures and not name.endswith("_status") and name != "period"
            ]
            places = _places(period, frame, dimensions)
            for measure in counts:
                self._learn_counts((table, measure), places, frame, newest=newest, errata=errata)

    def _learn_counts(
        self,
        which: tuple[str, str],
        places: Sequence[_Place],
        frame: pl.DataFrame,
        *,
        newest: bool,
        errata: Collection[tuple[str, str, int]] | None,
    ) -> None:
        shown = zip(places, frame[which[1]], frame[f"{which[1]}_status"], strict=True)
        for row, ((first, last, place), value, status) in enumerate(shown):
            name = Name(*which, first, last, place)
            if status not in SHOWN and status != "withheld":
                if name not in self.numbers:
                    self.absent.add(name)
                continue
            self.absent.discard(name)
            number = self.numbers.setdefault(name, len(self.figure))
            if number == len(self.figure):
                self.figure.append(value)
                self.new.append(newest)
                self.here.append(newest)
                continue
            self.here[number] = newest
            before = self.figure[number]
            if before is not None and value is None:
                if errata is not None and (*which, row) not in errata:
                    continue
                self.recalled.add(number)
            elif value is not None:
                self.recalled.discard(number)
                if newest and before is not None and before != value:
                    self.shown_twice.append((before, value))
            if newest and before is not None and before != value:
                self.before[number] = before
            self.figure[number] = value
            # A figure that says nothing new was judged when it was released.
            self.new[number] = self.new[number] or (newest and before != value)

    def learn_means(
        self, period: Period, tables: Mapping[str, pl.DataFrame], declared: Sequence[Mapping[str, Any]]
    ) -> None:
        """Read the means of one release."""
        for entry in declared:
            frame = tables.get(entry["table"])
            if frame is None:
                continue
            dimensions = [
                name
                for name in frame.columns
                if f"{name}_status" not in frame.columns and not name.endswith("_status") and name != "period"
            ]
            column, status = frame[entry["mean"]], frame[f"{entry['mean']}_status"]
            for (first, last, place), value, said in zip(
                _places(period, frame, dimensions), column, status, strict=True
            ):
                number = self.numbers.get(Name(entry["table"], entry["count"], first, last, place))
                if said in SHOWN and number is not None:
                    self.means[number, entry["mean"]] = value


def _places(period: Period, frame: pl.DataFrame, dimensions: Sequence[str]) -> list[_Place]:
    clock = next((name for name in dimensions if name in _SPANS), None)
    others = [name for name in dimensions if name != clock]
    columns = [[(name, str(value)) for value in frame[name]] for name in others]
    keys = list(zip(*columns, strict=True)) if columns else [()] * len(frame)
    if clock is None:
        return [(period.first, period.last, key) for key in keys]
    days = timedelta(days=_SPANS[clock])
    return [(day, day + days, key) for day, key in zip(frame[clock], keys, strict=True)]
