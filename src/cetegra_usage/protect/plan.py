"""What of a release is withheld, decided over all its tables and the releases before it together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cetegra_usage.errors import DisclosureError
from cetegra_usage.model import ALL
from cetegra_usage.protect import links, rounding, threshold, user_types
from cetegra_usage.protect.attack import Goal, System, beside, empty, exposed, settled, tighten, touched
from cetegra_usage.protect.means import exploded, half_unit, narrowed
from cetegra_usage.protect.suppress import Plan, complement, further, margins

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.model import Period
    from cetegra_usage.protect.attack import Flags, Floats, Integers
    from cetegra_usage.protect.audit import Name
    from cetegra_usage.protect.history import ReleasedTables
    from cetegra_usage.settings import Disclosure

RULES = ("threshold", "dominance", "zero", "earlier", "rest", "complementary", "nothing new", user_types.RULE)
"""Why a count is withheld: the first that applies."""

Caution = Literal["means", "no means", "nothing new"]
"""How careful a release is: with means, without, or only with what earlier releases show already."""

_EXACT_ROUNDS = 8
_ROUNDS = 12
_REACH = (1, 2, 4)
"""How many rows away means are withheld, one attempt after the other."""
_SHOWN = ("published", "partial")
_FLAGS = ("own", "here", "few", "dominated", "told", "hidden", "near", "known", "unseen")
"""What a place can be."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is withheld.

    Attributes:
        counts: One row for each count of the release: `table`, `measure`, `row`, `rule`, null where it is shown,
            `recalled`, whether it is withheld though an earlier release shows what it was then, and `before`, that.
        means: One row for each mean that would narrow its count too much: `table`, `mean`, `row`.
    """

    counts: pl.DataFrame
    means: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Cells:
    """The true cells of a release and of those before it: each once, in however many tables it stands.

    Attributes:
        value: The true count; what was published, for a cell of an earlier release alone.
        here: Whether this release shows it.
        free: Whether this release may still withhold it: an earlier one has not decided.
        rule: The place in `RULES` of why it is withheld, or -1.
        system: The rows between the cells; the bounds are what each figure tells where it is published.
        point: Values that fulfil every row: the truth, as far as it is known.
        means: `count` and `whole` (cells, or -1), `figure`, `here`: the means that tell of them. One with weights has a
            row for each count, of one `group` of so many `parts`; `hushed` are those that are never shown.
        rest: Rows of a whole (1) and its parts (-1) between which a group of people lies.
        declared: Which cells stand in each declared row, those among them that are false and not in the system.
        above: Pairs of cells of which the one is at most the other, by a declared row: these first.
        unseen: Whether no release shows it: it ties others, and nobody is told of it.
        figures: In how many places of this release it stands.
    """

    value: Integers
    here: Flags
    free: Flags
    rule: Integers
    system: System
    point: Floats
    means: pl.DataFrame
    rest: sparse.csr_matrix
    declared: sparse.csr_matrix
    above: tuple[Integers, Integers]
    unseen: Flags
    figures: Integers


def decide(
    period: Period,
    tables: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, TableDefinition],
    disclosure: Disclosure,
    released: Sequence[ReleasedTables],
    *,
    caution: Caution = "means",
    ahead: tuple[Period, Mapping[str, pl.DataFrame]] | None = None,
    suspects: Collection[Name] = (),
    reach: int = 0,
    begins: Mapping[str, date | None] | None = None,
) -> Decision:
    """Decide what of a release is withheld; the arguments are those of `protect`, and how careful it has to be.

    Args:
        period: As for `protect`, like the next four.
        tables: The exact marts.
        definitions: Their definitions.
        disclosure: Threshold and rounding.
        released: What was released before.
        caution: With means, without, or nothing that earlier releases don't show.
        ahead: The release that comes next: its counts are withheld with this one's.
        suspects: Cells that an audit found exposed.
        reach: How many rows away from those everything is withheld.
        begins: As for `protect`.

    Raises:
        DisclosureError: Something stays exposed whatever is withheld: earlier releases have told too much.
    """
    places = _places(period, tables, definitions, disclosure, released, ahead).with_columns(void=_void(begins or {}))
    cells, number = _cells(places, definitions, disclosure, _means(period, tables, definitions, disclosure, released))
    goal = Goal(disclosure.threshold, disclosure.rounding)
    silent = cells.means["here"].to_numpy()
    if caution == "nothing new":
        rule = _all_that_is_new(period, cells, goal)
    else:
        cells = replace(cells, free=_open(cells, goal))
        more = _around(cells, number[_found(places, suspects, definitions)], reach)
        if user_types.are_too_many(tables, disclosure):
            more = np.union1d(more, _around(cells, number[_of_types(places)], 0))
        rule, doubtful = _withheld(period, cells, more, goal, with_means=caution == "means")
        if caution == "means":
            silent = _silenced(cells, rule, doubtful, goal)
    names = dict(enumerate(RULES))
    counts = places.with_columns(rule=pl.Series(rule[number])).filter(pl.col("own"))
    return Decision(
        counts=counts.select(
            "table",
            "measure",
            "row",
            pl.col("rule").replace_strict(names, default=None, return_dtype=pl.String),
            "before",
            recalled=pl.col("known") & (pl.col("rule") >= 0),
        ),
        means=cells.means.filter(pl.Series(silent)).select("table", "mean", "row"),
    )


def _void(begins: Mapping[str, date | None]) -> pl.Expr:
    """Return whether a place is of a service, and of days before it landed anything."""
    never = pl.lit(value=False)
    for service, first in begins.items():
        own = pl.col("service") == service
        never |= own if first is None else own & (pl.col("last") < first)
    return never


def nothing() -> Decision:
    """Return the decision to withhold nothing."""
    counts = {"table": pl.String, "measure": pl.String, "row": pl.Int64, "rule": pl.String}
    counts |= {"before": pl.Int64, "recalled": pl.Boolean}
    return Decision(
        pl.DataFrame(schema=counts), pl.DataFrame(schema={"table": pl.String, "mean": pl.String, "row": pl.Int64})
    )


def _places(
    period: Period,
    tables: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, TableDefinition],
    disclosure: Disclosure,
    released: Sequence[ReleasedTables],
    ahead: tuple[Period, Mapping[str, pl.DataFrame]] | None,
) -> pl.DataFrame:
    """Return every place where a count stands: its key, `value`, `status`, `row`, `here`, and what was said before.

    `own` are the places of this release, `here` those of the one ahead too. `few` and `dominated` are the primary
    rules; `told` whether the newest release before shows the same figure; `hidden` whether one withheld it (an earlier
    revision of this period does not bind); `near` whether an earlier figure differs by what can only be few people.
    """
    current = links.cells(period, tables, definitions, "people", "top").with_columns(own=pl.lit(value=True))
    if ahead:
        coming = links.cells(*ahead, definitions, "people", "top").with_columns(own=pl.lit(value=False))
        coming = coming.join(current, on=list(links.KEY), how="anti", maintain_order="left")
        current = pl.concat([current, coming])
    current = threshold.primary(current.with_columns(here=pl.lit(value=True)), disclosure)
    before = [
        links.cells(release.period, release.tables, definitions).with_columns(
            binds=pl.lit(release.period != period), order=pl.lit(order)
        )
        for order, release in enumerate(released)
    ]
    step = disclosure.rounding
    figure = (2 * pl.col("value") + step) // (2 * step) * step
    if not before:
        return _with_unseen(current.with_columns(before=pl.lit(None, dtype=pl.Int64)), current)
    past = pl.concat(before).filter(pl.col("status") != "unavailable")
    shown = pl.col("past_status").is_in(_SHOWN)
    far = (pl.col("past_value") - pl.col("figure")).abs()
    said = (
        current.select(*links.KEY, figure=figure)
        .join(past.rename({"value": "past_value", "status": "past_status"}), on=list(links.KEY))
        .sort("order", maintain_order=True)
        .group_by(list(links.KEY), maintain_order=True)
        .agg(
            told=(shown & (pl.col("past_value") == pl.col("figure"))).last(),
            hidden=(pl.col("binds") & (pl.col("past_status") == rounding.WITHHELD)).any(),
            known=shown.last(),
            before=pl.when(shown.last()).then(pl.col("past_value").last()),
            near=(shown & (far > step - 1) & (far + step - 1 < disclosure.threshold)).any(),
        )
    )
    current = current.join(said, on=list(links.KEY), how="left", maintain_order="left").with_columns(
        pl.col("told", "hidden", "near", "known").fill_null(value=False)
    )
    there = current.filter(pl.col("status") != "unavailable")
    gone = (
        past.drop("binds", "order")
        .unique(subset=list(links.KEY), keep="last", maintain_order=True)
        .join(there, on=list(links.KEY), how="anti", maintain_order="left")
        .with_columns(told=pl.col("status").is_in(_SHOWN), hidden=pl.col("status") == rounding.WITHHELD)
    )
    shown = pl.concat([current.select(links.KEY), *(one.select(links.KEY) for one in before)])
    return _with_unseen(pl.concat([current, gone], how="diagonal"), shown)


def _with_unseen(places: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Add the places that no release shows, as if an earlier one withheld them; a flag that is not said is false."""
    unseen = links.unseen(shown.select(links.KEY)).with_columns(
        *(pl.lit(value=name in {"hidden", "unseen"}).alias(name) for name in _FLAGS),
        status=pl.lit(rounding.WITHHELD),
    )
    return pl.concat([places, unseen], how="diagonal").with_columns(pl.col(_FLAGS).fill_null(value=False))


def _means(
    period: Period,
    tables: Mapping[str, pl.DataFrame],
    definitions: Mapping[str, TableDefinition],
    disclosure: Disclosure,
    released: Sequence[ReleasedTables],
) -> pl.DataFrame:
    """Return the means of this release and of the newest before: the key of the count, `total`, `figure`, `here`.

    `hushed` are those of weighed counts of so few people that half a unit of the third figure, for all of them, is less
    than the rounding: together, several such tell what the counts' rounding hides.
    """
    current = links.shown_means(period, tables, definitions).with_columns(here=pl.lit(value=True))
    current = current.with_columns(pl.col("figure").map_elements(rounding.three_figures, return_dtype=pl.Float64))
    before = [
        links.shown_means(release.period, release.tables, definitions).with_columns(here=pl.lit(value=False))
        for release in released
    ]
    shown = (
        pl.concat([*before, current])
        .filter(pl.col("mean_status").is_in(_SHOWN))
        .unique(subset=[*links.KEY, "mean"], keep="last", maintain_order=True)
    )
    blunt = half_unit(shown["figure"].to_numpy()) * shown["people"].to_numpy() >= disclosure.rounding
    sharp = pl.Series(~blunt & (disclosure.rounding > 1))
    return shown.with_columns(hushed=pl.col("here") & pl.col("weight").is_not_null() & sharp)


def _cells(
    places: pl.DataFrame, definitions: Mapping[str, TableDefinition], disclosure: Disclosure, means: pl.DataFrame
) -> tuple[_Cells, Integers]:
    """Make one cell of all places that show the same; return the cells and the number of each place's."""
    places = places.with_row_index("cell").with_columns(pl.col("cell").cast(pl.Int64))
    rows = links.resolve(places.select("cell", *links.KEY, "value", "status"), definitions)
    column: dict[str, Any] = {
        name: places[name].to_numpy() for name in ("here", "few", "dominated", "told", "hidden", "near")
    }
    exact = places["value"].fill_null(0).to_numpy()
    figure = np.where(column["here"], _figure(exact, disclosure), exact)
    rows = _current(rows, places, figure, disclosure)
    number, size = _same(rows, exact, figure, column["here"], column["hidden"])

    def any_of(flags: Flags) -> Flags:
        return np.bincount(number, flags.astype(np.float64), minlength=size) > 0

    here = any_of(column["here"])
    value = np.full(size, -1, dtype=np.int64)
    np.maximum.at(value, number, np.where(column["here"] | ~here[number], exact, -1))
    few, dominated = any_of(column["few"]), any_of(column["dominated"])
    # What is out stays out, unless it has become a count of few people: then it is another count, and an erratum.
    told = any_of(column["told"]) & ~(few & (value < disclosure.threshold))
    few, dominated = few & ~told, dominated & ~told
    hidden = any_of(column["hidden"]) & ~told
    near = any_of(column["near"]) & ~told
    system = _system(rows, number, size, value, here, hidden, disclosure)
    system = _with_people(system, rows.keep(rows.capped > 0), number, np.where(here, value, -1), disclosure)
    days = places.select(pl.struct("first", "last").rank("dense")).to_series().to_numpy()
    system.window[number] = days
    system.theme[number] = places.select(pl.struct("feature", "extra").rank("dense")).to_series().to_numpy()
    gaps = len(system.lower) - size
    value = np.append(value, system.lower[size:].astype(np.int64))
    here, told = (np.append(flags, np.ones(gaps, dtype=bool)) for flags in (here, told))
    unseen = ~any_of(~places["unseen"].to_numpy())
    few, dominated, hidden, near, unseen = (
        np.append(flags, np.zeros(gaps, dtype=bool)) for flags in (few, dominated, hidden, near, unseen)
    )
    void = np.append(any_of(places["void"].to_numpy()), np.zeros(gaps, dtype=bool)) & (value == 0) & here & ~hidden
    zero = _zeros(system, value, few, here & ~told & ~void)
    rule = np.full(len(value), -1)
    for place, flags in reversed(list(enumerate((few, dominated, zero, near | hidden)))):
        rule[flags] = place
    joined = means.join(places.select(*links.KEY, "cell"), on=list(links.KEY), how="left", maintain_order="left")
    totals = places.select(*links.KEY, total_cell="cell").rename({"measure": "total"})
    keys = [key for key in links.KEY if key != "measure"]
    joined = joined.join(totals, on=[*keys, "total"], how="left", maintain_order="left")
    at = np.append(number, -1)
    joined = joined.with_columns(
        count=pl.Series(at[joined["cell"].to_numpy()]),
        whole=pl.Series(at[joined["total_cell"].fill_null(-1).to_numpy()]),
        group=pl.struct(*keys, "mean", "here").rank("dense"),
    ).with_columns(parts=pl.len().over("group"))
    bounded = links.beside_means(means, places)
    bounded = bounded.with_columns(cell=pl.Series(number[bounded["cell"].to_numpy()], dtype=pl.Int64))
    joined = joined.with_row_index("at")
    for relation in ("within", "leaves"):
        cells_of = (
            bounded.filter(relation=relation).group_by("at", maintain_order=True).agg(pl.col("cell").alias(relation))
        )
        joined = joined.join(cells_of, on="at", how="left", maintain_order="left")
    past = joined.filter(~pl.col("here"))
    system = narrowed(_seen(system, rule >= 0), rule >= 0, past, np.where(here, value, -1))
    system, point = settled(system, value.astype(np.float64), here)
    figures = np.append(np.bincount(number, column["here"], minlength=size), np.zeros(gaps, dtype=np.intp))
    rest = _rests(rows.keep(rows.rest), number, len(value))
    declared = sparse.csr_matrix((rows.sign, (rows.row, number[rows.cell])), shape=(len(rows.equal), len(value)))
    above = _above(rows, number)
    free = here & ~told & ~hidden & ~void
    return _Cells(value, here, free, rule, system, point, joined, rest, declared, above, unseen, figures), number


def _figure(count: Integers, disclosure: Disclosure) -> Integers:
    step = disclosure.rounding
    return (2 * count + step) // (2 * step) * step


def _current(rows: links.Rows, places: pl.DataFrame, figure: Integers, disclosure: Disclosure) -> links.Rows:
    """Leave out rows that tie what this release changes to what earlier ones said before that.

    Such a row holds for the figures before, all of them known: it tells what a figure was, not what it is.
    """
    here, told, before = (places[name].to_numpy() for name in ("here", "told", "before"))
    changed = here & ~np.isnan(before) & ~told
    was = np.where(changed, np.nan_to_num(before), figure).astype(np.int64)
    nobody = _nobody_then(rows, (told | changed) & (was == 0))
    certain = told | changed | nobody
    low, high = _told(np.where(nobody, 0, was), disclosure)
    count = len(rows.equal)

    def rows_with(flags: Flags) -> Flags:
        return np.bincount(rows.row, flags[rows.cell], minlength=count) > 0

    least = np.bincount(rows.row, np.where(rows.sign > 0, low[rows.cell], -high[rows.cell]), minlength=count)
    most = np.bincount(rows.row, np.where(rows.sign > 0, high[rows.cell], -low[rows.cell]), minlength=count)
    outdated = rows_with(changed) & rows_with(~here) & ~rows_with(~certain)
    outdated &= (least <= 0) & (~rows.equal | (most >= 0))
    return rows.keep(~outdated)


def _nobody_then(rows: links.Rows, zero: Flags) -> Flags:
    """Return the cells that were 0 before, since rows say so of what was shown to be 0: days that no release shows."""
    whole, count = rows.sign < 0, len(rows.equal)
    while True:
        more = np.bincount(rows.row, ~zero[rows.cell], minlength=count)
        above = np.bincount(rows.row, ~zero[rows.cell] & whole, minlength=count)
        follows = np.where(whole, rows.equal[rows.row] & (more == above)[rows.row], (above == 0)[rows.row])
        wider = zero.copy()
        wider[rows.cell[follows]] = True
        if wider.sum() == zero.sum():
            return zero
        zero = wider


def _same(rows: links.Rows, exact: Integers, figure: Integers, here: Flags, hidden: Flags) -> tuple[Integers, int]:
    """Number the true cells: a whole with one part is its part, as far as both show the same state of the data."""
    entries = np.bincount(rows.row, minlength=len(rows.equal))
    single = (entries == 2) & rows.equal  # noqa: PLR2004  # a whole and one part
    pick = single[rows.row]
    order = np.argsort(rows.row[pick], kind="stable")
    one, other = rows.cell[pick][order].reshape(-1, 2).T
    surely = ~rows.nearly[rows.row[pick][order].reshape(-1, 2).T[0]]
    both = here[one] & here[other]
    agree = figure[one] == figure[other]
    agree = np.where(surely, agree | hidden[one] | hidden[other], agree & ~hidden[one] & ~hidden[other])
    agree = np.where(both, exact[one] == exact[other], agree)
    one, other = one[agree], other[agree]
    graph = sparse.csr_matrix((np.ones(len(one)), (one, other)), shape=(len(exact), len(exact)))
    size, number = connected_components(graph, directed=False)
    return number, int(size)


def _system(
    rows: links.Rows,
    number: Integers,
    size: int,
    value: Integers,
    here: Flags,
    hidden: Flags,
    disclosure: Disclosure,
) -> System:
    """Write the rows between true cells: each entry once, each row once, none that says nothing."""
    matrix = sparse.csr_matrix((rows.sign.astype(float), (rows.row, number[rows.cell])), shape=(len(rows.equal), size))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    entry = matrix.tocoo()
    # Rows with the same entries have the same sum of well-mixed numbers.
    mixed = (np.arange(size, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mark = np.zeros(len(rows.equal), dtype=np.uint64)
    np.add.at(mark, entry.row, mixed[entry.col] * entry.data.astype(np.int64).astype(np.uint64))
    filled = np.bincount(entry.row, minlength=len(rows.equal)) > 0
    key = (
        pl.DataFrame({"mark": mark, "equal": rows.equal, "nearly": rows.nearly})
        .with_row_index("row")
        .filter(pl.Series(filled))
    )
    first = (
        key.sort("nearly", "row").unique(subset=["mark", "equal"], keep="first", maintain_order=True)["row"].to_numpy()
    )
    keep = np.zeros(len(rows.equal), dtype=bool)
    keep[first] = True
    figure = np.where(here, _figure(value, disclosure), value)
    lower, upper = _told(figure, disclosure)
    lower[hidden & ~here], upper[hidden & ~here] = 0.0, np.inf
    whole = System(
        row=entry.row.astype(np.intp),
        cell=entry.col.astype(np.intp),
        sign=entry.data.astype(np.float64),
        equal=rows.equal,
        weak=rows.nearly,
        lower=lower,
        upper=upper,
        window=np.zeros(size, dtype=np.intp),
        theme=np.zeros(size, dtype=np.intp),
    )
    return _with_gaps(whole.keep(keep), value, here)


def _with_people(system: System, rows: links.Rows, number: Integers, truth: Integers, disclosure: Disclosure) -> System:
    """Add of which events which people are the authors: where it is true, as far as that is known (else -1)."""
    order = np.lexsort((rows.sign, rows.row))  # the whole, the events, has -1
    events, users = number[rows.cell[order]].reshape(-1, 2).T
    most = rows.capped * float(disclosure.event_cap)
    holds = (events != users) & ((truth[events] < 0) | (truth[users] < 0) | (truth[events] <= truth[users] * most))
    return replace(system, events=events[holds], users=users[holds], most=most[holds])


def _with_gaps(system: System, value: Integers, here: Flags) -> System:
    """Add a cell for what each equation that holds but nearly fails by: readers take it to hold, or know how far."""
    known = np.bincount(system.row, ~here[system.cell], minlength=system.rows) == 0
    gap = np.bincount(system.row, system.sign * value[system.cell], minlength=system.rows)
    rows = np.flatnonzero(system.equal & system.weak & known & (gap != 0))
    size, width = len(value), np.abs(gap[rows])
    return replace(
        system,
        row=np.concatenate([system.row, rows]),
        cell=np.concatenate([system.cell, size + np.arange(len(rows))]),
        sign=np.concatenate([system.sign, -np.sign(gap[rows])]),
        lower=np.concatenate([system.lower, width]),
        upper=np.concatenate([system.upper, width]),
        window=np.concatenate([system.window, np.full(len(rows), -1)]),
        theme=np.concatenate([system.theme, np.full(len(rows), -1)]),
    )


def _told(figure: Integers, disclosure: Disclosure) -> tuple[Floats, Floats]:
    """Return what published figures tell: the least and the greatest count of each."""
    known, at = np.unique(figure, return_inverse=True)
    bounds = np.array([rounding.interval(int(one), disclosure) for one in known], dtype=np.float64).reshape(-1, 2)
    return bounds[at, 0].copy(), bounds[at, 1].copy()


def _zeros(system: System, value: Integers, few: Flags, may: Flags) -> Flags:
    """Return the zeros that tell of everybody in a small group: none of it did.

    A zero that a zero of everybody contains (nobody at all used the feature) tells nothing of the group, and stays.
    """
    wholes = np.bincount(system.row, system.sign < 0, minlength=system.rows) == 1
    below = wholes[system.row] & (system.sign > 0)
    whole_of = np.zeros(system.rows, dtype=np.intp)
    heads = wholes[system.row] & (system.sign < 0)
    whole_of[system.row[heads]] = system.cell[heads]
    part, whole = system.cell[below], whole_of[system.row[below]]
    zero = np.zeros(len(value), dtype=bool)
    while True:
        more = (few | zero)[whole] & (value[part] == 0) & may[part] & ~zero[part]
        if not more.any():
            break
        zero[part[more]] = True
    while True:
        plain = (value == 0) & ~zero & np.isfinite(system.upper)
        less = plain[whole] & zero[part]
        if not less.any():
            return zero
        zero[part[less]] = False


def _rests(rows: links.Rows, number: Integers, size: int) -> sparse.csr_matrix:
    shape = len(rows.equal), size
    found = sparse.csr_matrix((-rows.sign.astype(np.float64), (rows.row, number[rows.cell])), shape=shape)
    found.eliminate_zeros()
    return found[found.getnnz(axis=1) > 1]  # else whole and part are one cell


def _above(rows: links.Rows, number: Integers) -> tuple[Integers, Integers]:
    bounds = rows.keep(~rows.equal & (np.bincount(rows.row, minlength=len(rows.equal)) == 2))  # noqa: PLR2004  # of a pair
    order = np.lexsort((bounds.sign, bounds.row))  # the greater one has -1
    above, below = number[bounds.cell[order]].reshape(-1, 2).T
    return above, below


def _found(places: pl.DataFrame, suspects: Collection[Name], definitions: Mapping[str, TableDefinition]) -> Integers:
    """Return the places of the cells that an audit names."""
    if not suspects:
        return np.zeros(0, dtype=np.intp)
    named = pl.DataFrame(
        [links.key(definitions[one.table], one.measure, one.first, one.last, one.place) for one in suspects],
        schema=list(links.KEY),
        orient="row",
    )
    at = places.with_row_index("at").join(named, on=list(links.KEY), how="semi", maintain_order="left")
    return at["at"].to_numpy().astype(np.intp)


def _of_types(places: pl.DataFrame) -> Integers:
    """Return the places of single types, but for those where nobody of any type is."""
    at = places.with_row_index("at")
    nobody = at.filter((pl.col("user_type") == ALL) & (pl.col("value") == 0))
    single = at.filter(~pl.col("user_type").is_in([ALL, ""]))
    beside = [name for name in links.KEY if name != "user_type"]
    return single.join(nobody, on=beside, how="anti", maintain_order="left")["at"].to_numpy().astype(np.intp)


def _around(cells: _Cells, targets: Integers, reach: int) -> Integers:
    """Return what could be withheld of some cells and of those that so many rows tie to them, false ones too."""
    incidence = cells.declared
    by_cell = incidence.T.tocsr()
    for _ in range(reach):
        targets = np.union1d(targets, beside(incidence, by_cell, targets))
    return targets[cells.free[targets]]


def _open(cells: _Cells, goal: Goal) -> Flags:
    """Return the cells that this release can withhold to some avail: of others, earlier ones tell too much anyhow."""
    tight = tighten(_seen(cells.system, cells.free | (cells.rule >= 0)))
    return cells.free & ((cells.rule >= 0) | goal.met(tight.lower, tight.upper))


def _withheld(period: Period, cells: _Cells, more: Integers, goal: Goal, *, with_means: bool) -> tuple[Integers, Flags]:
    """Return the rule of each cell once all withheld cells are safe, `more` among them, without any mean.

    Returns:
        The rules, and the cells that are shown somewhere and not known to be safe with all means that are not withheld.
    """
    rule = cells.rule.copy()
    rule[more[rule[more] < 0]] = RULES.index("complementary")
    rule[~cells.here & np.isinf(cells.system.upper)] = RULES.index("earlier")
    rule[_misleading(cells, rule)] = RULES.index("complementary")
    withheld = rule >= 0
    seen = _seen(cells.system, withheld)
    doubtful = ~cells.unseen
    watched = withheld & doubtful & touched(seen, _seen(seen, cells.free), cells.free)
    if with_means:  # who is safe with them is safe without, and when more is withheld: most need no second attack
        told = _seen_with_means(cells, withheld, _silent(cells, withheld))
        either = watched | (withheld & doubtful & touched(told, seen, np.zeros(len(rule), dtype=bool)))
        doubtful[either] = False
        doubtful[exposed(told, np.flatnonzero(either), cells.point, goal).cells] = True
    watched = np.flatnonzero(watched & doubtful)
    for turn in range(_ROUNDS):
        withheld = rule >= 0
        found = exposed(_seen(cells.system, withheld), watched, cells.point, goal)
        if not turn:  # what earlier releases tell by themselves of what they withheld, this one can't mend
            before = _told_anyhow(cells, rule, found.cells[~cells.here[found.cells]], goal)
            cells, nobody = _without_nobody(cells, rule, found.cells)
            rule[nobody] = -1
            found = replace(found, cells=np.setdiff1d(found.cells, np.union1d(before, nobody)))
            doubtful[before] = doubtful[nobody] = False
        small = _small_rests(cells, rule, found.lower, found.upper, goal)
        rule[small] = RULES.index("rest")
        if not len(found.cells) and not len(small):
            return rule, doubtful
        if len(found.cells):
            plan = Plan(cells.system, rule >= 0, cells.free, _cost(cells), cells.unseen)
            more = (
                complement(plan, found.cells, cells.point, goal)
                if turn < _EXACT_ROUNDS
                else np.array(margins(plan, found.cells.tolist()), dtype=np.intp)
            )
            if not len(more) and not len(small):
                idle = _told_anyhow(cells, rule, found.cells[cells.rule[found.cells] < 0], goal)
                if len(idle):  # withheld for others' sake, and to no avail
                    free = cells.free.copy()
                    rule[idle], free[idle] = -1, False
                    cells = replace(cells, free=free)
                    watched = np.flatnonzero((rule >= 0) & doubtful)
                    continue
                more = further(plan, found.cells)
                if not len(more):
                    break
            more = np.union1d(more, _telling(cells, found.cells, rule >= 0))
            rule[more[rule[more] < 0]] = RULES.index("complementary")
        # What is safe stays safe when more is withheld.
        watched = np.union1d(found.cells, np.flatnonzero((rule >= 0) & ~withheld))
    raise _refused(period)


def _telling(cells: _Cells, people: Integers, withheld: Flags) -> Integers:
    """Return the events that are shown, and can be withheld, which tell of some people that they are there."""
    events = cells.system.events[np.isin(cells.system.users, people)]
    return np.unique(events[cells.free[events] & ~withheld[events]])


def _misleading(cells: _Cells, rule: Integers) -> Integers:
    """Return the zeros above a count that is withheld and is none: readers would take it for one, and be sure of it.

    That row is false (who answers now was shown the notice before), and so no longer in the system.
    """
    above, below = cells.above
    false = cells.here[below] & (cells.value[below] > 0) & (rule[below] >= 0) & (cells.value[above] == 0)
    zeros = np.unique(above[false])
    return zeros[cells.free[zeros] & (rule[zeros] < 0)]


def _told_anyhow(cells: _Cells, rule: Integers, among: Integers, goal: Goal) -> Integers:
    """Return those of some cells of which too much is told even where all that can be is withheld."""
    return exposed(_seen(cells.system, (rule >= 0) | cells.free), among, cells.point, goal).cells


def _nobody(cells: _Cells, rule: Integers, among: Integers) -> Integers:
    """Return those of some cells that are known to be 0 even where all that can be is withheld."""
    zeros = among[(cells.value[among] == 0) & cells.free[among]]
    return empty(_seen(cells.system, (rule >= 0) | cells.free), zeros) if len(zeros) else zeros


def _without_nobody(cells: _Cells, rule: Integers, among: Integers) -> tuple[_Cells, Integers]:
    """Return which of some cells tell of nobody, and the cells with those shown.

    A 0 that follows from the rows alone (a service that never landed, beside a day that is missing) can't be withheld.
    """
    nobody = _nobody(cells, rule, among)
    free = cells.free.copy()
    free[nobody] = False
    return replace(cells, free=free), nobody


def _all_that_is_new(period: Period, cells: _Cells, goal: Goal) -> Integers:
    """Return the rule of each cell where all is withheld that earlier releases neither show nor give away.

    What they give away and no rule of this release's own withholds (a 0, a great count) hides nothing: it is shown.

    Raises:
        DisclosureError: They give away what few people did.
    """
    rule = cells.rule.copy()
    new = RULES.index("nothing new")
    rule[cells.free & (rule < 0)] = new
    while True:
        watched = np.flatnonzero((rule >= 0) & ~cells.unseen)
        found = exposed(_seen(cells.system, rule >= 0), watched, cells.point, goal)
        nobody = _nobody(cells, rule, found.cells)
        known = found.cells[(rule[found.cells] == new) | np.isin(found.cells, nobody)]
        known = known[cells.here[known]]
        if not len(known):
            break
        rule[known] = -1
    few = found.cells[(rule[found.cells] <= RULES.index("zero")) & cells.free[found.cells]]
    if len(few):
        raise _refused(period)
    return rule


def _refused(period: Period) -> DisclosureError:
    return DisclosureError(
        f"the release {period.key} is refused: some of its cells cannot be protected",
        why="figures that are withheld could be computed from those that cannot be, of this release and earlier ones",
        hint="docs/protection.md, A release is refused",
    )


def _seen(system: System, withheld: Flags) -> System:
    """Return what an attacker sees: nothing of a withheld cell."""
    return replace(system, lower=np.where(withheld, 0.0, system.lower), upper=np.where(withheld, np.inf, system.upper))


def _small_rests(cells: _Cells, rule: Integers, lower: Floats, upper: Floats, goal: Goal) -> Integers:
    """Return a cell to withhold of each row that tells of few people between a whole and its parts: the least part."""
    chosen: set[int] = set()
    for row in np.flatnonzero(_few_between(cells.rest, rule >= 0, lower, upper, goal)):
        entries = slice(*cells.rest.indptr[row : row + 2])
        own, is_part = cells.rest.indices[entries], cells.rest.data[entries] < 0
        free = sorted(
            (not part, cells.value[cell], cell) for cell, part in zip(own, is_part, strict=True) if cells.free[cell]
        )
        chosen.update(int(cell) for _, _, cell in free[:1])
    return np.array(sorted(chosen), dtype=np.intp)


def _cost(cells: _Cells) -> Floats:
    """Return what is lost with each cell: every figure that shows it, and more the more it counts: totals stay."""
    return cells.figures + np.sqrt(np.maximum(cells.value, 0)) / 4


def _silent(cells: _Cells, among: Flags) -> Flags:
    """Return the means of this release that are hushed, or of which a count or the total is among some cells."""
    count, total = cells.means["count"].to_numpy(), cells.means["whole"].to_numpy()
    own = cells.means["here"].to_numpy() & (among[count] | ((total >= 0) & among[total]))
    own |= cells.means["hushed"].to_numpy()
    group = cells.means["group"].to_numpy()
    return np.isin(group, group[own])


def _bounding(cells: _Cells, among: Flags) -> Flags:
    """Return the means of this release whose totals bound one of some cells."""
    own = np.zeros(len(cells.means), dtype=bool)
    for relation in ("within", "leaves"):
        at, cell = exploded(cells.means, relation)
        own[at[among[cell]]] = True
    return own & cells.means["here"].to_numpy()


def _seen_with_means(cells: _Cells, withheld: Flags, silent: Flags) -> System:
    """Return what an attacker sees who also has all means but the silent ones."""
    told = ~silent & ~withheld[cells.means["count"].to_numpy()]
    truth = np.where(cells.here, cells.value, -1)
    return narrowed(_seen(cells.system, withheld), withheld, cells.means.filter(pl.Series(told)), truth)


def _silenced(cells: _Cells, rule: Integers, doubtful: Flags, goal: Goal) -> Flags:
    """Return the means of this release that must be withheld: with the counts' rounding they would expose a cell.

    Where one is exposed, first the means near it are withheld, then those further off, then all. Cells that are not
    doubtful are known to be safe.
    """
    withheld = rule >= 0
    silent = _silent(cells, withheld)
    watched: Integers | None = None
    incidence = cells.system.matrix()
    by_cell = incidence.T.tocsr()
    for reach in _REACH:
        seen = _seen_with_means(cells, withheld, silent)
        if watched is None:
            told_nothing = np.zeros(len(withheld), dtype=bool)
            watched = np.flatnonzero(withheld & doubtful & touched(seen, _seen(cells.system, withheld), told_nothing))
        found = exposed(seen, watched, cells.point, goal)
        near = np.zeros(len(withheld), dtype=bool)
        near[found.cells] = True
        near[cells.rest[_few_between(cells.rest, withheld, found.lower, found.upper, goal)].indices] = True
        if not near.any():
            return silent
        for _ in range(reach):
            near[beside(incidence, by_cell, np.flatnonzero(near))] = True
        silent |= _silent(cells, near) | _bounding(cells, near)
        watched = found.cells
    return cells.means["here"].to_numpy()


def _few_between(rest: sparse.csr_matrix, withheld: Flags, lower: Floats, upper: Floats, goal: Goal) -> Flags:
    """Return the rows of which all is shown and between whole and parts only few people, and somebody, can lie."""
    whole, parts = rest.maximum(0), (-rest).maximum(0)
    least, most = whole @ lower - parts @ upper, whole @ upper - parts @ lower
    return ((whole + parts) @ withheld == 0) & (least >= 1) & (most <= goal.threshold - 1)
