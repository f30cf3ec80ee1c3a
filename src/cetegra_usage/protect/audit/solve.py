"""The attacker's arithmetic: all tables that fit what was published, and how far each cell can move among them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cetegra_usage.programme import Programme

if TYPE_CHECKING:
    from cetegra_usage.protect.audit.facts import Marks, Numbers, Values
    from cetegra_usage.protect.audit.rows import Rows

_TINY = 1e-6
_SWEEPS = 80
_BLOCK, _PIECE, _NEAR = 600, 1_500, 20_000
"""Numbers of cells: about one window and some features; moved together at least; around one cell."""
_MANY = 3_000
"""Number of cells from which programmes go through the inside."""
_GOLDEN = 0.6180339887498949
_ROOM = 2_000.0
_PATIENCE = 3
_GAIN = 24
"""How many cells two questions about many in a big piece must bring: else one after the other is sooner."""
_SURE = 10.0
"""How much dearer it is to do without a row that surely holds than without a doubtful one."""


class Polytope:
    """Every assignment of counts to cells that fits the figures and the rows.

    Args:
        rows: The rows; those that contradict others are left out, the doubtful first.
        lower: Least value of each cell by its own figure.
        upper: Greatest value of each cell by its own figure.
        days: A number for the days that each cell is about: cells of the same days are moved together first.
        features: A number for its feature, likewise.
        cap: How many events a person can have made in a day.
    """

    def __init__(self, rows: Rows, lower: Values, upper: Values, days: Numbers, features: Numbers, cap: int) -> None:
        self._number, self._cells = _alike(rows, lower, upper)
        first = np.unique(self._number, return_index=True)[1]
        self._days, self._features = days[first], features[first]
        self._told = lower, upper
        lower, upper = _joined(self._number, self._cells, lower, upper)
        matrix, low, high, doubtful = _write(rows, self._number, self._cells)
        self._made = _made(rows, self._number, cap)
        keep = np.ones(len(low), dtype=bool)
        while True:
            self._matrix, self._low, self._high, self._doubtful = matrix[keep], low[keep], high[keep], doubtful[keep]
            self._lower, self._upper, clash = _squeeze(self._matrix, self._low, self._high, lower, upper, self._made)
            if not clash.any():
                break
            kept = np.flatnonzero(keep)
            around = np.unique(self._matrix[clash].indices)
            near = np.zeros(self._cells)
            near[around] = 1
            weak = doubtful[kept] & (abs(self._matrix) @ near > 0)
            keep[kept[weak if weak.any() else clash]] = False
        self._all = self._matrix, self._low, self._high
        self._drop_idle()

    def bounds(self) -> tuple[Values, Values]:
        """Return the least and greatest value of each cell that propagation alone leaves."""
        return self._lower[self._number], self._upper[self._number]

    def reached(self, new: Marks) -> Marks:
        """Return the cells of which more is known than without what is new: the others were judged before.

        Those are the cells that hang together with a new one, or with one whose bounds a new one has narrowed. Where
        what is new narrows nothing at all, there are none: it tells nothing.
        """
        matrix, low, high = self._all
        lower, upper = np.where(new, 0.0, self._told[0]), np.where(new, np.inf, self._told[1])
        lower, upper = _joined(self._number, self._cells, lower, upper)
        lower, upper, _ = _squeeze(matrix, low, high, lower, upper, self._made)
        more = (self._lower > lower + _TINY) | (self._upper < upper - _TINY)
        if not more.any():
            return np.zeros(len(new), dtype=bool)
        more[self._number[new]] = True
        label, _ = self._parts(np.ones(self._matrix.nnz, dtype=bool))
        touched = np.zeros(int(label.max(initial=0)) + 1, dtype=bool)
        touched[label[more]] = True
        return touched[label][self._number]

    def intervals(self, cells: Numbers, threshold: int, width: int) -> tuple[Values, Marks]:
        """Return the width of each cell's interval (or enough of it), and whether the cell is exposed.

        A cell is exposed where all its possible values are those of 1 to `threshold` - 1 people, or lie nearer to one
        another than `width`.
        """
        cells, place = np.unique(self._number[cells], return_inverse=True)
        low, high = self._lower[cells].copy(), self._upper[cells].copy()
        open_ends = (self._upper - self._lower > _TINY)[self._matrix.indices]  # what is known ties nothing
        label, circles = self._parts(open_ends)
        certain = ~circles[label[cells]] | _bad(low, high, threshold, width)
        open_cells = cells[~certain]
        if len(open_cells):
            seen_low, seen_high = self._explore(open_cells, label, threshold, width)
            low[~certain], high[~certain] = seen_low, seen_high
        return (high - low)[place], _bad(low, high, threshold, width)[place]

    def _drop_idle(self) -> None:
        """Leave out rows that hold whatever the cells are within their bounds."""
        least, most = _range(self._matrix, self._lower, self._upper)
        busy = (least < self._low - _TINY) | (most > self._high + _TINY)
        self._keep(busy)

    def _keep(self, rows: Marks) -> None:
        self._matrix, self._doubtful = self._matrix[rows], self._doubtful[rows]
        self._low, self._high = self._low[rows], self._high[rows]
        self._columns = sparse.csr_matrix(self._matrix.T)

    def _parts(self, ties: Marks) -> tuple[Numbers, Marks]:
        """Number what some entries of the rows tie together, and say where they form a circle.

        There bounds are not the last word.
        """
        graph = sparse.coo_matrix(self._matrix)
        row, cell = graph.row[ties], graph.col[ties]
        rows = len(self._low)
        size = rows + self._cells
        ends = sparse.csr_matrix((np.ones(len(row)), (row, cell + rows)), shape=(size, size))
        label = connected_components(ends, directed=False)[1]
        nodes = np.bincount(label)
        edges = np.bincount(label[row], minlength=len(nodes))
        return label[rows:], edges >= nodes

    def _explore(self, cells: Numbers, label: Numbers, threshold: int, width: int) -> tuple[Values, Values]:
        """Find tables in which the cells are far apart; where none is found, the interval is as narrow as it seems."""
        point = self._any_point(np.isin(label, label[cells]))
        seen = _Seen(point[cells].copy(), point[cells].copy(), threshold, width)
        # What is more than one question holds is cut into many small programmes first.
        days = label * (self._days.max() + 1) + self._days
        is_big = (np.bincount(label) > _NEAR)[label[cells]]
        for among, cut, size, final in (
            (is_big, self._blocks(days), self._cells, False),
            (is_big, days, self._cells, False),
            (is_big, label, _NEAR, True),
            (np.ones(len(cells), dtype=bool), label, self._cells, True),
        ):
            waiting = np.flatnonzero(seen.bad() & among)
            for piece in self._pieces(cells[waiting], cut, size):
                here = waiting[np.isin(cells[waiting], piece)]
                _vary(self._piece(piece, point), np.searchsorted(piece, cells[here]), seen, here, final=final)
        return seen.low, seen.high

    def _blocks(self, label: Numbers) -> Numbers:
        """Cut what hangs together into groups of whole features."""
        order = np.lexsort((self._features, label))
        one, other = label[order], self._features[order]
        first = np.flatnonzero(np.diff(one, prepend=-1))
        begin = np.flatnonzero((np.diff(one, prepend=-1) != 0) | (np.diff(other, prepend=-2) != 0))
        place = begin - first[np.searchsorted(first, begin, side="right") - 1]
        block = np.empty(len(label), dtype=np.intp)
        size = np.diff(np.append(begin, len(label)))
        block[order] = np.repeat(place // _BLOCK, size)
        return label * (block.max() + 1) + block

    def _pieces(self, cells: Numbers, label: Numbers, size: int) -> list[Numbers]:
        """Return sets of cells to move at once: what hangs together, several if small, parts of it if big."""
        pieces: list[Numbers] = []
        heap: list[Numbers] = []
        weight = 0
        order = np.argsort(label, kind="stable")
        ordered = label[order]
        for own in np.unique(label[cells]):
            begin, end = np.searchsorted(ordered, (own, own + 1))
            whole = order[begin:end]
            if len(whole) <= size:
                heap.append(whole)
                weight += len(whole)
                if weight > _PIECE:
                    pieces.append(np.sort(np.concatenate(heap)))
                    heap, weight = [], 0
            else:
                pieces += self._around(cells[label[cells] == own], size)
        return [*pieces, *([np.sort(np.concatenate(heap))] if heap else [])]

    def _around(self, cells: Numbers, size: int) -> list[Numbers]:
        """Cover some cells with neighbourhoods."""
        pieces: list[Numbers] = []
        found = np.zeros(self._cells, dtype=bool)
        left = np.sort(cells)
        while len(left):
            found[:] = False
            found[left[0]] = True
            edge, count = left[:1], 1
            while len(edge) and count < size:
                edge = np.unique(self._matrix[self._rows(edge)].indices)
                edge = edge[~found[edge]][: size - count]
                found[edge] = True
                count += len(edge)
            pieces.append(np.flatnonzero(found))
            left = left[~found[left]]
        return pieces

    def _any_point(self, wanted: Marks) -> Values:
        """Return one table that fits; outside of what is wanted cells are at a bound.

        Where releases fit together only nearly, the rows are left out that it takes: as few as can be, by how far
        they are from holding, and the doubtful first.
        """
        point = np.clip(0.0, self._lower, self._upper)
        used = np.zeros(self._cells, dtype=bool)
        used[self._matrix.indices] = True
        cells = np.flatnonzero(wanted & used)
        piece = self._piece(cells, point, np.inf)
        found = piece.extreme(np.zeros(len(cells)), inside=True)
        if found is None:
            rows = self._rows(cells)
            found, lacking = piece.nearest(np.where(self._doubtful[rows], 1.0, _SURE))
            keep = np.ones(len(self._low), dtype=bool)
            keep[rows[lacking > _TINY]] = False
            self._keep(keep)
        point[cells] = found
        return point

    def _rows(self, cells: Numbers) -> Numbers:
        """Return the rows that some of the cells stand in."""
        return np.unique(self._columns[cells].indices)

    def _piece(self, cells: Numbers, point: Values, room: float = _ROOM) -> _Piece:
        """Cut some cells out, with the rest where it is in a point, and with some room above that point."""
        rows = self._rows(cells)
        matrix = self._matrix[rows]
        rest = point.copy()
        rest[cells] = 0
        shift = matrix @ rest
        top = np.minimum(self._upper[cells], point[cells] + room)
        return _Piece(matrix[:, cells], self._low[rows] - shift, self._high[rows] - shift, self._lower[cells], top)


class _Seen:
    """The least and greatest value at which each cell was seen so far, and whether that is enough."""

    def __init__(self, low: Values, high: Values, threshold: int, width: int) -> None:
        self.low, self.high = low, high
        self._threshold, self._width = threshold, width

    def bad(self) -> Marks:
        """Return the cells that were not seen far enough apart."""
        return _bad(self.low, self.high, self._threshold, self._width)

    def goals(self) -> tuple[Values, Values]:
        """Return where each cell must be seen yet, from above or from below."""
        up, down = self.low + self._width, np.maximum(self.high - self._width, 0)
        few = (self.low > 1 - _TINY) & (self.high < self._threshold - 1 + _TINY)
        return np.where(few, np.maximum(up, self._threshold), up), np.where(few, 0, down)


class _Piece:
    """Some cells with the rows between them."""

    def __init__(self, matrix: sparse.csr_matrix, low: Values, high: Values, bottom: Values, top: Values) -> None:
        self._matrix, self._low, self._high = matrix, low, high
        self.bottom, self.top = bottom, top
        self._programme = Programme(matrix, low, high)

    def extreme(
        self,
        weights: Values,
        bottom: Values | None = None,
        top: Values | None = None,
        *,
        inside: bool = False,
    ) -> Values | None:
        """Return the table that fits and is least by some weights, perhaps within narrower bounds.

        Raises:
            ArithmeticError: The solver's table does not fit: what it says counts for nothing.
        """
        if not len(weights):
            return weights
        bottom, top = self.bottom if bottom is None else bottom, self.top if top is None else top
        return self._fitting(self._programme.least(weights, bottom, top, inside=inside))

    def utmost(self, cell: int, way: float) -> Values | None:
        """Return a table that fits with one cell as small (1) or as great (-1) as can be; raises as `extreme` does."""
        weights = np.zeros(len(self.top))
        weights[cell] = way
        return self._fitting(self._programme.corner(weights, self.bottom, self.top))

    @cached_property
    def _columns(self) -> sparse.csr_matrix:
        """For each cell the rows that it stands in."""
        return sparse.csr_matrix(self._matrix.T)

    def even(self, cells: Numbers, order: Values) -> Marks:
        """Part some cells, in an order, into two sides so that each row has about as much on either."""
        columns = self._columns
        weight, side = np.zeros(len(self._low)), np.zeros(len(cells), dtype=bool)
        for turn in np.argsort(order).tolist():
            own = slice(*columns.indptr[[cells[turn], cells[turn] + 1]])
            rows, signs = columns.indices[own], columns.data[own]
            side[turn] = weight[rows] @ signs <= 0
            weight[rows] += signs * (2.0 * side[turn] - 1)
        return side

    def _fitting(self, table: Values | None) -> Values | None:
        if table is not None:
            total, slack = self._matrix @ table, _TINY * (1 + np.abs(table).max())
            if (total < self._low - slack).any() or (total > self._high + slack).any():
                raise ArithmeticError("the solver returned a table that does not fit what was published")
        return table

    def nearest(self, price: Values) -> tuple[Values, Values]:
        """Return the table that lacks least of fitting, at a price for each row, and what each row lacks."""
        count, size = len(self._low), len(self.top)
        short, beyond = np.where(np.isfinite(self._low), np.inf, 0.0), np.where(np.isfinite(self._high), np.inf, 0.0)
        more = sparse.identity(count)
        wide = _Piece(
            sparse.csr_matrix(sparse.hstack([self._matrix, more, -more])),
            self._low,
            self._high,
            np.concatenate([self.bottom, np.zeros(2 * count)]),
            np.concatenate([self.top, short, beyond]),
        )
        table = wide.extreme(np.concatenate([np.zeros(size), price, price]))
        if table is None:  # there is one: what may lack is unbounded
            raise ArithmeticError("the solver found no table that lacks least of fitting what was published")
        return table[:size], table[size : size + count] + table[size + count :]


def _vary(piece: _Piece, at: Numbers, seen: _Seen, place: Numbers, *, final: bool) -> None:
    """Move a piece's cells as far as they must go: some up and others down, then the other way, at last one by one."""
    turn, is_big = 0, len(piece.top) > _MANY

    def note(table: Values | None) -> None:
        if table is not None:
            seen.low[place] = np.minimum(seen.low[place], table[at])
            seen.high[place] = np.maximum(seen.high[place], table[at])

    def look(up: Marks, down: Marks) -> None:
        goal_up, goal_down = seen.goals()
        weights, bottom, top = np.zeros(len(piece.top)), piece.bottom.copy(), piece.top.copy()
        # Unequal weights: where cells draw on the same, some go all the way, and not all of them half of it.
        spread = _spread(turn, len(at))
        weights[at[up]], weights[at[down]] = -spread[up], spread[down]
        top[at[up]] = np.clip(goal_up[place[up]], seen.high[place[up]], np.maximum(top[at[up]], seen.high[place[up]]))
        bottom[at[down]] = np.maximum(bottom[at[down]], np.minimum(goal_down[place[down]], seen.low[place[down]]))
        note(piece.extreme(weights, bottom, top, inside=is_big))

    patience, enough = (1, _GAIN) if is_big else (_PATIENCE, 1)
    look_again = patience
    while look_again:
        before = seen.bad()[place]
        if not before.any():
            return
        side = np.zeros(len(at), dtype=bool)
        side[before] = piece.even(at[before], _spread(turn, int(before.sum())))
        for flip in (side, ~side):
            bad = seen.bad()[place]
            look(bad & flip, bad & ~flip)
        turn += 1
        look_again = patience if before.sum() - seen.bad()[place].sum() >= enough else look_again - 1
    for one in np.flatnonzero(seen.bad()[place]) if final else ():
        for way in (-1.0, 1.0):
            if seen.bad()[place[one]]:
                note(piece.utmost(int(at[one]), way))


def _spread(turn: int, count: int) -> Values:
    """Return numbers between 1 and 2, others each turn."""
    return np.asarray(1 + (np.arange(count) + turn) * _GOLDEN % 1, dtype=np.float64)


def _alike(rows: Rows, lower: Values, upper: Values) -> tuple[Numbers, int]:
    """Number the true cells, and count them: a whole with one part is its part, where their figures let it be."""
    single = (np.bincount(rows.row, minlength=len(rows)) == 1) & (rows.relation == 0) & ~rows.nearly
    one, other = rows.whole[single], rows.part[single[rows.row]]
    size, number = 0, np.zeros(len(lower), dtype=np.intp)
    apart = number.astype(bool)
    for _ in range(2):
        both = ~apart[one] & ~apart[other]
        same = sparse.csr_matrix((np.ones(both.sum()), (one[both], other[both])), shape=(len(lower), len(lower)))
        size, number = connected_components(same, directed=False)
        low, high = _joined(number, size, lower, upper)
        apart = (low > high)[number]
    return number.astype(np.intp), int(size)


def _joined(number: Numbers, size: int, lower: Values, upper: Values) -> tuple[Values, Values]:
    """Return what the figures of cells that have the same number tell together."""
    low, high = np.zeros(size), np.full(size, np.inf)
    np.maximum.at(low, number, lower)
    np.minimum.at(high, number, upper)
    return low, high


def _write(rows: Rows, number: Numbers, cells: int) -> tuple[sparse.csr_matrix, Values, Values, Marks]:
    """Write rows as `low <= parts - whole <= high`: each once, none that says nothing."""
    own = np.arange(len(rows))
    sign = np.concatenate([-np.ones(len(rows)), np.ones(len(rows.part))])
    place = np.concatenate([own, rows.row]), number[np.concatenate([rows.whole, rows.part])]
    matrix = sparse.csr_matrix((sign, place), shape=(len(rows), cells))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    # Rows with the same entries have the same sum of well-mixed numbers; of those the surest is kept.
    mark = matrix @ np.random.default_rng(0).random(cells)
    order = np.lexsort((own, rows.nearly, rows.relation, mark))
    mark, relation = mark[order], rows.relation[order]
    first = (np.diff(mark, prepend=np.nan) != 0) | (np.diff(relation, prepend=2) != 0)
    keep = np.sort(order[first & (np.diff(matrix.indptr)[order] > 0)])
    relation = rows.relation[keep]
    low, high = np.where(relation < 0, -np.inf, 0.0), np.where(relation > 0, np.inf, 0.0)
    return matrix[keep], low, high, rows.nearly[keep]


def _range(matrix: sparse.csr_matrix, lower: Values, upper: Values) -> tuple[Values, Values]:
    """Return the least and greatest sum of each row."""
    plus, minus = matrix.maximum(0), (-matrix).maximum(0)
    far = np.isinf(upper)
    top = np.where(far, 0.0, upper)
    least = np.where(minus @ far > 0, -np.inf, plus @ lower - minus @ top)
    most = np.where(plus @ far > 0, np.inf, plus @ top - minus @ lower)
    return least, most


def _made(rows: Rows, number: Numbers, cap: int) -> tuple[Numbers, Numbers, Values]:
    """Return cells of events, those of the people who made them, and how many one of them can have made."""
    mine = rows.days > 0
    events, people = number[rows.whole[mine]], number[rows.part[mine[rows.row]]]
    apart = events != people
    return events[apart], people[apart], np.asarray((rows.days[mine] * cap)[apart], dtype=np.float64)


def _squeeze(
    matrix: sparse.csr_matrix,
    low: Values,
    high: Values,
    lower: Values,
    upper: Values,
    made: tuple[Numbers, Numbers, Values],
) -> tuple[Values, Values, Marks]:
    """Narrow the cells' bounds by each row in turn until nothing moves; return them and the rows that cannot hold.

    Args:
        matrix: The rows.
        low: Least sum of each.
        high: Greatest sum of each.
        lower: Least value of each cell.
        upper: Greatest value of each cell.
        made: Events, their people, and the most of each: where there are events, there are people, if there can be.
    """
    events, people, each = made
    lower, upper = lower.copy(), upper.copy()
    entry = sparse.coo_matrix(matrix)
    row, cell, plus = entry.row, entry.col, entry.data > 0
    for _ in range(_SWEEPS):
        small = np.where(plus, lower[cell], -upper[cell])
        great = np.where(plus, upper[cell], -lower[cell])
        small_sum = np.bincount(row, np.where(np.isinf(small), 0, small), minlength=len(low))
        great_sum = np.bincount(row, np.where(np.isinf(great), 0, great), minlength=len(low))
        small_far = np.bincount(row, np.isinf(small), minlength=len(low))
        great_far = np.bincount(row, np.isinf(great), minlength=len(low))
        clash = ((small_far == 0) & (small_sum > high + _TINY)) | ((great_far == 0) & (great_sum < low - _TINY))
        if clash.any():
            return lower, upper, clash
        alone_small = small_far[row] - np.isinf(small) == 0
        alone_great = great_far[row] - np.isinf(great) == 0
        at_most = np.where(alone_small, high[row] - (small_sum[row] - np.where(np.isinf(small), 0, small)), np.inf)
        at_least = np.where(alone_great, low[row] - (great_sum[row] - np.where(np.isinf(great), 0, great)), -np.inf)
        top, bottom = np.where(plus, at_most, -at_least), np.where(plus, at_least, -at_most)
        new_lower, new_upper = lower.copy(), upper.copy()
        np.maximum.at(new_lower, cell, bottom)
        np.minimum.at(new_upper, cell, top)
        someone = np.ceil(new_lower[events] / each - _TINY)
        np.maximum.at(new_lower, people, np.where(someone <= new_upper[people], someone, 0))
        no_more = new_upper[people] * each
        np.minimum.at(new_upper, events, np.where(no_more >= new_lower[events], no_more, np.inf))
        crossed = new_lower > new_upper + _TINY
        if crossed.any():
            clash[row[crossed[cell] & ((bottom > lower[cell] + _TINY) | (top < upper[cell] - _TINY))]] = True
            return lower, upper, clash
        if np.array_equal(new_lower, lower) and np.array_equal(new_upper, upper):
            break
        lower, upper = new_lower, new_upper
    return lower, upper, np.zeros(len(low), dtype=bool)


def _bad(low: Values, high: Values, threshold: int, width: int) -> Marks:
    few = (low > 1 - _TINY) & (high < threshold - 1 + _TINY)
    return few | (high - low < width - _TINY)
