"""Which cells hang together: the counts of a release and those before it, and the rows that `links.toml` declares."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from cetegra_usage.project import root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.model import Period

Relation = Literal["sum", "same", "most", "cover", "within"]

KEY = ("table", "measure", "first", "last", "service", "user_type", "feature", "extra")
"""What names a true cell, in whichever release it stands: `extra` holds the dimensions that only one table has."""

_WINDOW_DAYS = {"day": 1, "week": 7, "cohort_week": 7}
_COMMON = ("service", "user_type", "feature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry of `links.toml`; its head says what the fields mean."""

    name: str
    relation: Relation
    tables: tuple[str, ...] = ()
    whole_table: str = ""
    parts_table: str = ""
    measures: tuple[tuple[str, ...], ...] = ()
    whole: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    time: Literal["same", "inside", "overlapping", "last", "next", "later", "apart"] = "same"
    apart: tuple[tuple[int, ...], ...] = ()
    leavers: Mapping[str, str] = field(default_factory=dict[str, str])
    days: tuple[int, int] | None = None
    back: int = 0
    nearly: bool = False
    rest: bool = False
    capped: bool = False
    missing: Literal["nothing", "unknown"] = "nothing"

    @property
    def sides(self) -> list[tuple[str, str]]:
        """The tables of the whole and of the parts, as pairs."""
        return [(table, table) for table in self.tables] or [(self.whole_table, self.parts_table)]

    def entries(self, wholes: Sequence[str]) -> Iterator[tuple[int, str, str, int]]:
        """Yield the number, the whole, a part and its days apart of each list of measures, for wholes of a table."""
        for turn, (head, *tail) in enumerate(self.measures or tuple((name, name) for name in wholes)):
            apart = self.apart[turn] if self.apart else (0,) * len(tail)
            yield from ((turn, head, part, days) for part, days in zip(tail, apart, strict=True))
            if self.leavers:
                yield from ((turn, head, self.leavers["measure"], day) for day in range(max(apart)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """What a mean of a table is taken over: `total` / `count`; the total is published where `where` says, if at all.

    Along the dimensions `adds` both add up. In place of them `weights` says how much each of some counts weighs in it.
    `within` names a count that is at least the total, `leaves` counts that are at most what it has more than `count`.
    """

    table: str
    mean: str
    count: str = ""
    total: str = ""
    where: Mapping[str, str] = field(default_factory=dict[str, str])
    adds: Sequence[str] = ()
    weights: Mapping[str, int] = field(default_factory=dict[str, int])
    within: Mapping[str, str] = field(default_factory=dict[str, str])
    leaves: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def parts(self) -> list[str]:
        """The counts that it is made from, as far as they are published."""
        return [part for part in (self.count, self.total, *self.weights) if part]


@cache
def means() -> tuple[Mean, ...]:
    """Read the declared means, in the order of the file."""
    return tuple(Mean(**entry) for entry in _document()["mean"])


@cache
def links() -> tuple[Link, ...]:
    """Read the declared links, in the order of the file."""
    return tuple(
        Link(**{**entry, "measures": _lists(entry, "measures"), "apart": _lists(entry, "apart")})
        for entry in _document()["link"]
    )


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((root() / "sql" / "marts" / "links.toml").read_text("utf-8"))


def _lists(entry: dict[str, Any], name: str) -> Any:
    return tuple(tuple(group) for group in entry.get(name, ()))


def cells(
    period: Period, tables: Mapping[str, pl.DataFrame], definitions: Mapping[str, TableDefinition], *carry: str
) -> pl.DataFrame:
    """Return one row for each count of some tables: its key, `value`, `status`, and `row`, its place in the frame.

    Args:
        period: The period of the release that the tables belong to.
        tables: Exact marts or published tables, by name.
        definitions: The definition of each.
        carry: Suffixes of further columns of each count to carry along, for example `people`.
    """
    found = [
        _long(period, definitions[name], frame.with_row_index("row"), measure.name, carry)
        for name, frame in tables.items()
        for measure in definitions[name].counts
    ]
    return (
        pl.concat(found)
        if found
        else pl.DataFrame(schema=dict.fromkeys((*KEY, "value", "status", "row", *carry), pl.Null))
    )


def _long(
    period: Period, table: TableDefinition, frame: pl.DataFrame, measure: str, carry: tuple[str, ...]
) -> pl.DataFrame:
    clock = next((dimension for dimension in table.grain if dimension in _WINDOW_DAYS), None)
    if clock is None:
        first, last = pl.lit(period.first), pl.lit(period.last)
    else:
        first, last = pl.col(clock), pl.col(clock) + pl.duration(days=_WINDOW_DAYS[clock] - 1)
    others = [dimension for dimension in table.grain if dimension not in (*_COMMON, clock)]
    common = [
        (pl.col(dimension) if dimension in table.grain else pl.lit("")).cast(pl.String).alias(dimension)
        for dimension in _COMMON
    ]
    extra = (
        pl.concat_str([pl.col(dimension).cast(pl.String) for dimension in others], separator=">")
        if others
        else pl.lit("")
    )
    return frame.select(
        pl.lit(table.name).alias("table"),
        pl.lit(measure).alias("measure"),
        first.alias("first"),
        last.alias("last"),
        *common,
        extra.alias("extra"),
        pl.col(measure).cast(pl.Int64).alias("value"),
        pl.col(f"{measure}_status").alias("status"),
        pl.col("row").cast(pl.Int64),
        *(
            (pl.col(f"{measure}_{name}") if f"{measure}_{name}" in frame.columns else pl.lit(None))
            .cast(pl.Float64)
            .alias(name)
            for name in carry
        ),
    )


def key(
    table: TableDefinition, measure: str, first: date, last: date, place: Sequence[tuple[str, str]]
) -> tuple[str, str, date, date, str, str, str, str]:
    """Return the `KEY` of a cell that is named by its dimensions but the one of time."""
    at = dict(place)
    service, user_type, feature = (at.get(dimension, "") for dimension in _COMMON)
    extra = ">".join(at[dimension] for dimension in table.grain if dimension in at and dimension not in _COMMON)
    return table.name, measure, first, last, service, user_type, feature, extra


def unseen(shown: pl.DataFrame) -> pl.DataFrame:
    """Return the keys of cells that are there though no release shows them: their windows reach into those of some.

    Args:
        shown: The key of every cell of every release, whatever its status.
    """
    declared = _document()["unseen"]
    own = shown.filter(pl.col("table") == declared["table"])
    if own.is_empty():
        return own.select(KEY)
    every = own.select(
        pl.date_range(pl.col("first").min() - pl.duration(days=declared["days"]), pl.col("first").max()).alias("first")
    ).with_columns(last="first")
    places = own.select(pl.exclude("first", "last")).unique(maintain_order=True).join(every, how="cross")
    return places.select(KEY).join(own, on=KEY, how="anti", maintain_order="left")


def shown_means(
    period: Period, tables: Mapping[str, pl.DataFrame], definitions: Mapping[str, TableDefinition]
) -> pl.DataFrame:
    """Return one row for each declared mean of some tables: the key of its count, `row`, and what is shown of it.

    That is `mean`, its name, `figure` and `mean_status`, and `total`, the name of the count it is a part of. Of one
    with weights there is a row for each count, with its `weight`, else null, and how many `people` they are together.
    """
    found = [
        _long(period, definitions[mean.table], tables[mean.table].with_row_index("row"), count, ()).select(
            *KEY,
            "row",
            tables[mean.table][mean.mean].cast(pl.Float64).alias("figure"),
            tables[mean.table][f"{mean.mean}_status"].alias("mean_status"),
            pl.lit(mean.mean).alias("mean"),
            _total(mean).alias("total"),
            pl.lit(mean.weights.get(count), dtype=pl.Int64).alias("weight"),
            _people(tables[mean.table], mean).alias("people"),
        )
        for mean in means()
        if mean.table in tables
        for count in mean.weights or (mean.count,)
    ]
    columns = {
        "row": pl.Int64,
        "figure": pl.Float64,
        "mean_status": pl.String,
        "mean": pl.String,
        "total": pl.String,
        "weight": pl.Int64,
        "people": pl.Int64,
    }
    keys = {key: pl.Date if key in {"first", "last"} else pl.String for key in KEY}
    return pl.concat(found) if found else pl.DataFrame(schema={**keys, **columns})


def beside_means(shown: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Return what the totals behind means bound: `at`, the place of a mean, `relation` and `cell`.

    Args:
        shown: The means, as `shown_means` returns them.
        places: `cell`, the key and `status` of each count.
    """
    found = [pl.DataFrame(schema={"at": pl.UInt32, "relation": pl.String, "cell": pl.Int64})]
    for mean in means():
        for relation, where in (("within", mean.within), ("leaves", mean.leaves)):
            if not where:
                continue
            own = shown.with_row_index("at").filter((pl.col("table") == mean.table) & (pl.col("mean") == mean.mean))
            cells = places.filter(
                (pl.col("table") == where["table"])
                & (pl.col("measure") == where["measure"])
                & (pl.col("status") != "unavailable")
            )
            keys = ["first", "last"]
            for dimension in _COMMON:
                if dimension in where:
                    cells = cells.filter(pl.col(dimension) == where[dimension])
                    own = own.filter(pl.col(dimension).is_in([where[dimension], ""]))
                elif own[dimension].max() != "":
                    keys.append(dimension)
            joined = own.select("at", *keys).join(cells.select("cell", *keys), on=keys, maintain_order="left_right")
            found.append(joined.select("at", pl.lit(relation).alias("relation"), "cell"))
    return pl.concat(found)


def _people(frame: pl.DataFrame, mean: Mean) -> pl.Series:
    """Return how many people the weighed counts of each row are together; 0 where none are weighed."""
    return sum((frame[one] for one in mean.weights), start=pl.zeros(len(frame), pl.Int64, eager=True))


def _total(mean: Mean) -> pl.Expr:
    inside = pl.all_horizontal(
        pl.lit(value=True), *(pl.col(dimension) == value for dimension, value in mean.where.items())
    )
    return pl.when(inside).then(pl.lit(mean.total)).otherwise(pl.lit(""))


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that hold between cells, as entries: `sum of sign x cell` is 0 where `equal`, else at most 0.

    Attributes:
        row: The row of each entry, from 0.
        cell: The cell of each entry.
        sign: +1 or -1.
        equal: For each row whether the sum is 0.
        nearly: For each row whether it may fail by a few people.
        rest: For each row whether what the parts lack is a group of people too.
        capped: For each row the days of which the whole holds the events of the part's people, or 0.
    """

    row: np.ndarray
    cell: np.ndarray
    sign: np.ndarray
    equal: np.ndarray
    nearly: np.ndarray
    rest: np.ndarray
    capped: np.ndarray

    def keep(self, rows: np.ndarray) -> Rows:
        """Return only some of the rows."""
        number, entries = np.cumsum(rows) - 1, rows[self.row]
        return Rows(
            row=number[self.row[entries]],
            cell=self.cell[entries],
            sign=self.sign[entries],
            equal=self.equal[rows],
            nearly=self.nearly[rows],
            rest=self.rest[rows],
            capped=self.capped[rows],
        )


def resolve(frame: pl.DataFrame, definitions: Mapping[str, TableDefinition]) -> Rows:
    """Return every row that the declared links make between the cells of a frame.

    Args:
        frame: `cell` (its number), the key, `value` and `status`; an unavailable one shows nothing: it is left out.
        definitions: The tables' definitions.
    """
    there = frame.filter(pl.col("status") != "unavailable")
    missing = frame.filter(pl.col("status") == "unavailable")
    groups: list[pl.DataFrame] = []
    count = 0
    for link in links():
        for whole_table, parts_table in link.sides:
            if whole_table not in definitions or parts_table not in definitions:
                continue
            found = _groups(link, there, missing, definitions[whole_table], definitions[parts_table])
            if len(found):
                found = found.with_columns((pl.col("group").rank("dense") - 1 + count).cast(pl.Int64).alias("group"))
                count = int(found["group"].max()) + 1  # pyright: ignore[reportArgumentType]
                groups.append(found.select("group", "whole", "part", "equal", "upper", "nearly", "rest", "capped"))
    return _entries(pl.concat(groups)) if groups else _entries(None)


def _entries(groups: pl.DataFrame | None) -> Rows:
    if groups is None:
        nothing = np.zeros(0, dtype=np.int64)
        flags = nothing.astype(bool)
        return Rows(nothing, nothing, nothing, flags, flags, flags, nothing)
    heads = groups.group_by("group", maintain_order=True).first().sort("group")
    # An inequality reads `sum <= 0`: parts - whole where the parts are below, whole - parts where they cover it.
    sign = np.where(heads["upper"].to_numpy(), -1, 1)
    group, number = groups["group"].to_numpy(), heads["group"].to_numpy()
    return Rows(
        row=np.concatenate([number, group]),
        cell=np.concatenate([heads["whole"].to_numpy(), groups["part"].to_numpy()]),
        sign=np.concatenate([sign, -sign[group]]),
        equal=heads["equal"].to_numpy(),
        nearly=heads["nearly"].to_numpy(),
        rest=heads["rest"].to_numpy(),
        capped=heads["capped"].to_numpy(),
    )


def _groups(
    link: Link, there: pl.DataFrame, missing: pl.DataFrame, whole: TableDefinition, parts: TableDefinition
) -> pl.DataFrame:
    """Return `group`, `whole`, `part` and what relates them, for one link between two tables."""
    lookup = pl.DataFrame(
        [*link.entries([measure.name for measure in whole.counts])],
        schema={"turn": pl.Int64, "measure": pl.String, "part_measure": pl.String, "apart": pl.Int64},
        orient="row",
    ).with_columns(part_count=pl.len().over("turn"))
    left = _side(there, whole, link.whole).join(lookup, on="measure")
    if link.back:
        left = left.with_columns(first=pl.col("last") - pl.duration(days=link.back - 1))
    if link.days:
        left = left.filter(_days(pl.col("first"), pl.col("last")).is_between(*link.days))
    missing = missing.clear() if link.apart else missing
    both = pl.concat([there.with_columns(gone=pl.lit(value=False)), missing.with_columns(gone=pl.lit(value=True))])
    joined = _match(link, left, _side(both, parts, link.parts), whole, parts)
    if link.leavers:
        leavers = both.filter(pl.col("table") == link.leavers["table"])
        leavers = leavers.rename({column: f"part_{column}" for column in leavers.columns})
        days = _there(left).join(leavers.with_columns(there="part_first"), on=["part_measure", "there"])
        joined = pl.concat([joined, days.select(joined.columns)])
    one_each = link.relation in {"same", "within"}
    # Periods that end on the same day show the same parts, each of them all.
    group = pl.struct("cell", "turn", "part_first") if link.time == "last" else pl.struct("cell", "turn")
    joined = joined.with_columns(
        group=pl.int_range(pl.len()) if one_each else group,
        whole=pl.col("cell"),
        part=pl.col("part_cell"),
        equal=pl.lit(link.relation in {"sum", "same"}),
        upper=pl.lit(link.relation != "cover"),
        nearly=pl.lit(link.nearly),
        rest=pl.lit(link.rest),
        capped=_days(pl.col("first"), pl.col("last")) if link.capped else pl.lit(0, pl.Int64),
    )
    if link.time in {"inside", "overlapping"} and not one_each:
        joined = _covered(link, joined)
    if link.apart:  # a part that no release shows yet covers nothing
        joined = joined.filter(pl.len().over("group") == pl.col("part_count"))
    if link.time == "later" and not one_each:
        joined = _since_the_beginning(joined, left.filter(pl.col("value") == 0))
    if link.missing == "unknown":
        joined = joined.with_columns(equal=pl.col("equal") & ~pl.col("part_gone").any().over("group"))
    return joined.filter(~pl.col("part_gone"))


def _side(frame: pl.DataFrame, table: TableDefinition, where: Mapping[str, Any]) -> pl.DataFrame:
    """Keep the cells of one side of a link."""
    frame = frame.filter(pl.col("table") == table.name)
    for dimension, value in where.items():
        column = dimension if dimension in _COMMON else "extra"
        if value == "each":
            frame = frame.filter(pl.col(column) != "all")
        elif value not in {"any", "next"}:
            frame = frame.filter(pl.col(column) == str(value))
    return frame


def _match(
    link: Link, left: pl.DataFrame, right: pl.DataFrame, whole: TableDefinition, parts: TableDefinition
) -> pl.DataFrame:
    """Join wholes to their parts: `part_*` columns stand beside the whole's own."""
    named = {dimension if dimension in _COMMON else "extra" for dimension in (*link.whole, *link.parts)}
    if "extra" not in named and bool(_extra(whole)) != bool(_extra(parts)):
        named.add("extra")
    on = ["part_measure", *(column for column in (*_COMMON, "extra") if column not in named)]
    right = right.rename({column: f"part_{column}" for column in right.columns})
    if "next" in link.parts.values():
        values = sorted(right["part_extra"].unique().to_list(), key=int)
        following = dict(pairwise(values))
        left = left.filter(pl.col("extra").is_in(list(following))).with_columns(
            pl.col("extra").replace_strict(following, return_dtype=pl.String).alias("_next")
        )
        right = right.with_columns(pl.col("part_extra").alias("_next"))
        on.append("_next")
    right = right.with_columns(
        pl.col(f"part_{column}").alias(column) for column in on if column not in {"part_measure", "_next"}
    )
    if link.time in {"same", "later"}:
        after = pl.duration(weeks=pl.col("part_extra").cast(pl.Int64) if link.time == "later" else 0)
        right = right.with_columns(first=pl.col("part_first") + after, last=pl.col("part_last") + after)
        return left.join(right, on=[*on, "first", "last"], how="inner")
    if link.time == "apart":
        return _there(left).join(right.with_columns(there="part_first"), on=[*on, "there"], how="inner")
    if link.time == "next":
        after = (pl.col("part_first") - pl.duration(days=1)).alias("last")
        return left.join(right.with_columns(after), on=[*on, "last"], how="inner")
    if link.time == "last":
        return left.join(right.with_columns(last=pl.col("part_last")), on=[*on, "last"], how="inner")
    joined = left.join(right, on=on, how="inner")
    shorter = pl.col("part_last") - pl.col("part_first") < pl.col("last") - pl.col("first")
    if link.time == "inside":
        within = (pl.col("part_first") >= pl.col("first")) & (pl.col("part_last") <= pl.col("last"))
    else:
        within = (pl.col("part_first") <= pl.col("last")) & (pl.col("part_last") >= pl.col("first"))
    return joined.filter(shorter & within)


def _there(left: pl.DataFrame) -> pl.DataFrame:
    return left.with_columns(there=pl.col("first") + pl.duration(days="apart"))


def _extra(table: TableDefinition) -> list[str]:
    return [dimension for dimension in table.grain if dimension not in (*_COMMON, *_WINDOW_DAYS)]


def _covered(link: Link, joined: pl.DataFrame) -> pl.DataFrame:
    """Judge whether the parts' windows fill the whole's: else a sum is only a bound, and a cover none.

    An unavailable part is nothing and fills its days: what is asked is only that a release shows them.
    """
    begin = pl.max_horizontal("part_first", "first")
    end = pl.min_horizontal("part_last", "last")
    joined = joined.with_columns(
        _filled=_days(begin, end).sum().over("group") >= _days(pl.col("first"), pl.col("last"))
    )
    if link.relation == "cover":
        return joined.filter(pl.col("_filled"))
    return joined.with_columns(equal=pl.col("equal") & pl.col("_filled"))


def _since_the_beginning(joined: pl.DataFrame, nobody: pl.DataFrame) -> pl.DataFrame:
    """Judge whether the parts are all weeks since one of nobody: else their sum is only a bound."""
    joined = joined.filter(~pl.col("part_gone"))
    weeks = (pl.col("first") - pl.col("part_first").min().over("group")).dt.total_days() // 7 + 1
    empty = nobody.select("service", part_first="first", _empty=pl.lit(value=True))
    joined = joined.join(empty, on=["service", "part_first"], how="left", maintain_order="left")
    begun = (pl.col("_empty").fill_null(value=False) & (pl.col("part_first") == pl.col("part_first").min())).any()
    return joined.with_columns(equal=begun.over("group") & (pl.len().over("group") == weeks))


def _days(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    return (last - first).dt.total_days() + 1
