"""What the declared links say of the cells that an attacker has read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from cetegra_usage.protect.audit.facts import Facts, Marks, Numbers, Sheet

_DAY = timedelta(days=1)
_RELATION = {"sum": 0, "same": 0, "most": -1, "within": -1, "cover": 1}


@dataclass(frozen=True, slots=True)
class Rows:
    """Statements on sums of cells: a row's parts together against its whole.

    Attributes:
        whole: The cell of each row's whole.
        relation: 0 where the parts' sum is the whole, -1 where it is at most the whole, 1 where it is at least that.
        nearly: Whether the row may fail by a few people.
        rest: Whether what the parts lack of the whole is a group of people.
        days: Of how many days the whole are the events of the part's people; 0 where that is not said.
        row: The row of each part, ascending.
        part: The cell of each part.
    """

    whole: Numbers
    relation: NDArray[np.int8]
    nearly: Marks
    rest: Marks
    days: Numbers
    row: Numbers
    part: Numbers

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.whole)

    def keep(self, rows: Marks) -> Rows:
        """Return only some of the rows."""
        number, own = np.cumsum(rows) - 1, rows[self.row]
        return Rows(
            self.whole[rows],
            self.relation[rows],
            self.nearly[rows],
            self.rest[rows],
            self.days[rows],
            number[self.row[own]],
            self.part[own],
        )


def rows(facts: Facts, declared: Sequence[Mapping[str, Any]]) -> Rows:
    """Return every row that the links of `links.toml` make of what was read."""
    made = [part for link in declared for part in _of_link(link, facts)]
    starts = np.cumsum([0, *(len(part) for part in made)])
    nothing = np.zeros(0, dtype=np.intp)

    def joined(name: str) -> Any:
        return np.concatenate([nothing, *(getattr(part, name) for part in made)])

    return Rows(
        joined("whole"),
        joined("relation").astype(np.int8),
        joined("nearly").astype(bool),
        joined("rest").astype(bool),
        joined("days"),
        np.concatenate([nothing, *(part.row + start for part, start in zip(made, starts[:-1], strict=True))]),
        joined("part"),
    )


def _of_link(link: Mapping[str, Any], facts: Facts) -> Iterator[Rows]:
    tables = link.get("tables")
    for one, other in [(name, name) for name in tables] if tables else [(link["whole_table"], link["parts_table"])]:
        if one not in facts.sheets or other not in facts.sheets:
            continue
        whole, parts = facts.sheets[one], facts.sheets[other]
        if "apart" in link:
            yield from _apart(link, facts, whole)
            continue
        found = _found(link, whole, parts)
        if not len(found):
            continue
        for head, *tail in link.get("measures") or [[measure, measure] for measure in whole.begin]:
            begins = [parts.begin[measure] for measure in tail if measure in parts.begin]
            if head in whole.begin and begins:
                yield _written(link, facts, found, whole.begin[head], begins)


def _apart(link: Mapping[str, Any], facts: Facts, sheet: Sheet) -> Iterator[Rows]:
    """Write by what windows so many days from it each window is covered, and by who withdrew in between."""
    place = sheet.places.with_row_index("whole").with_columns(pl.col("whole").cast(pl.Int64))
    left: list[Numbers] = []
    if "leavers" in link:
        if link["leavers"]["table"] not in facts.sheets:
            return
        leavers, most = facts.sheets[link["leavers"]["table"]], max(map(max, link["apart"]))
        left = [_cells_at(place, leavers, link["leavers"]["measure"], day) for day in range(most)]
    for (head, *tail), apart in zip(link["measures"], link["apart"], strict=True):
        whole = sheet.begin[head] + np.arange(len(place))
        parts = [_cells_at(place, sheet, measure, days) for measure, days in zip(tail, apart, strict=True)]
        entry = np.column_stack([*parts, *left[: max(0, *apart)]])
        mine = np.flatnonzero(facts.known[whole] & ((entry >= 0) & facts.known[entry]).all(axis=1))
        row = np.repeat(np.arange(len(mine)), entry.shape[1])
        yield _alike(link, whole[mine], np.full(len(mine), _RELATION[link["relation"]]), row, entry[mine].ravel())


def _cells_at(place: pl.DataFrame, sheet: Sheet, measure: str, days: int) -> Numbers:
    """Return the cell so many days from each place, or -1: that of all where a table has not its dimensions."""
    there = sheet.places.with_row_index("part").with_columns(pl.col("first", "last") - timedelta(days=days))
    at = place.join(there, on=sheet.places.columns, how="left", maintain_order="left")["part"]
    return (at.cast(pl.Int64) + sheet.begin[measure]).fill_null(-1).to_numpy().astype(np.intp)


def _written(link: Mapping[str, Any], facts: Facts, found: pl.DataFrame, begin: int, begins: Sequence[int]) -> Rows:
    """Write what one link says of one measure.

    Args:
        link: The link.
        facts: What is known of the cells.
        found: `whole` and `part`, the places of each pair, by whole; `shared`, the number of days they share, and
            `days`, that of the whole; `period`, a number for the period of the part where there are several that each
            show all the parts. Where the parts' weeks are before the whole's: `last_week`, the number of that, `week`,
            of the part's own, and `origin`, the place of the whole of that week, or -1.
        begin: The first cell of the whole's measure.
        begins: The first cell of each of the parts' measures.
    """
    at = found["whole"].to_numpy()
    whole = np.tile(begin + at, len(begins))
    part = np.concatenate([first + found["part"].to_numpy() for first in begins])
    there = facts.known[whole] & facts.known[part] & (whole != part)
    if link["relation"] in {"same", "within"}:
        row = np.arange(int(there.sum()))
        made = _alike(link, whole[there], np.full(len(row), _RELATION[link["relation"]]), row, part[there])
        days = np.tile(found["days"].to_numpy(), len(begins))[there]
        return replace(made, days=days) if link.get("capped") else made
    periods = int(found["period"].to_numpy().max()) + 1
    each, row = np.unique((whole * periods + np.tile(found["period"], len(begins)))[there], return_inverse=True)
    heads = each // periods
    order = np.argsort(row, kind="stable")
    relation = np.full(len(heads), _RELATION[link["relation"]])
    place, first, pairs = np.unique(at, return_index=True, return_counts=True)
    mine = np.searchsorted(place, heads - begin)
    lawful = np.ones(len(heads), dtype=bool)
    if link.get("time") in {"inside", "overlapping"}:
        shared = np.add.reduceat(found["shared"].to_numpy(), first) * len(begins)
        short = (shared < found["days"].to_numpy()[first])[mine]
        lawful = ~short | (relation < 1)
        relation[short] = -1
    if link.get("time") == "later":
        own, origin = (found[name].to_numpy()[there] for name in ("week", "origin"))
        oldest = np.full(len(heads), own.max(initial=0))
        np.minimum.at(oldest, row, own)
        alone = (origin >= 0) & (facts.figure[begin + origin] == 0) & (own == oldest[row])
        all_weeks = np.bincount(row, minlength=len(heads)) == found["last_week"].to_numpy()[first][mine] - oldest + 1
        relation[~(all_weeks & (np.bincount(row, alone, minlength=len(heads)) > 0))] = -1
    if link.get("missing") == "unknown":
        relation[np.bincount(row, minlength=len(heads)) < pairs[mine] * len(begins)] = -1
    return _alike(link, heads, relation, row[order], part[there][order]).keep(lawful)


def _alike(link: Mapping[str, Any], whole: Numbers, relation: Numbers, row: Numbers, part: Numbers) -> Rows:
    nearly, rest = (np.full(len(whole), link.get(name, False)) for name in ("nearly", "rest"))
    return Rows(whole, relation.astype(np.int8), nearly, rest, np.zeros(len(whole), np.intp), row, part)


def _found(link: Mapping[str, Any], whole: Sheet, parts: Sheet) -> pl.DataFrame:
    """Return which places are parts of which: one row a pair, by whole."""
    here, there = link.get("whole", {}), link.get("parts", {})
    shared = [name for name in whole.dimensions if name not in {*here, *there}]
    if set(shared) != {name for name in parts.dimensions if name not in {*here, *there}}:
        return pl.DataFrame()  # they have not the same dimensions in common
    left = _fitting(whole.places.with_row_index("whole"), here)
    if "back" in link:
        left = left.with_columns(first=pl.col("last") - timedelta(days=link["back"] - 1))
    left = left.with_columns(days=_days(pl.col("first"), pl.col("last"))).filter(
        pl.col("days").is_between(*link.get("days", (1, 366)))
    )
    right = _fitting(parts.places.with_row_index("part"), there).with_columns(own_first="first")
    if link.get("time") == "later":
        right = right.with_columns(pl.col("first", "last") + pl.duration(weeks=pl.col("weeks_since").cast(pl.Int64)))
    right = right.rename({"first": "part_first", "last": "part_last"})
    windows = left.select("first", "last").unique().join(right.select("part_first", "part_last").unique(), how="cross")
    windows = windows.filter(_meet(link.get("time", "same"))).with_columns(
        shared=_days(pl.max_horizontal("first", "part_first"), pl.min_horizontal("last", "part_last"))
    )
    keys = ["part_first", "part_last", *shared]
    for name in (name for name, wanted in there.items() if wanted == "next"):
        values = sorted(parts.places[name].unique(), key=int)
        after = pl.DataFrame(list(pairwise(values)), schema={name: pl.String, "after": pl.String}, orient="row")
        left, right = left.join(after, on=name), right.rename({name: "after"})
        keys.append("after")
    pairs = left.join(windows, on=["first", "last"]).join(right, on=keys)
    columns = [pl.col("whole", "part").cast(pl.Int64), pl.col("shared", "days")]
    columns.append((pl.col("part_first").rank("dense") if link.get("time") == "last" else pl.lit(0)).alias("period"))
    if link.get("time") == "later":
        origins = left.select(*shared, own_first="first", origin="whole")
        pairs = pairs.join(origins, on=[*shared, "own_first"], how="left")
        columns.append(pl.col("origin").cast(pl.Int64).fill_null(-1))
        columns += [
            (pl.col(name).dt.epoch("d") // 7).alias(new)
            for name, new in (("own_first", "week"), ("first", "last_week"))
        ]
    return pairs.select(columns).sort("whole", "part")


def _fitting(places: pl.DataFrame, where: Mapping[str, Any]) -> pl.DataFrame:
    """Return the places that lie where a link says."""
    for dimension, wanted in where.items():
        if dimension in places.columns and wanted not in {"any", "next"}:
            own = pl.col(dimension)
            places = places.filter(own != "all" if wanted == "each" else own == str(wanted))
    return places


def _meet(time: str) -> pl.Expr:
    """Return whether the days of whole and part are as a link says."""
    first, last, part_first, part_last = map(pl.col, ("first", "last", "part_first", "part_last"))
    shorter = part_last - part_first < last - first
    alike = (part_first == first) & (part_last == last)
    return {
        "same": alike,
        "later": alike,
        "last": part_last == last,
        "next": part_first == last + _DAY,
        "inside": (part_first >= first) & (part_last <= last) & shorter,
        "overlapping": (part_first <= last) & (part_last >= first) & shorter,
    }[time]


def _days(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    return (last - first).dt.total_days() + 1
