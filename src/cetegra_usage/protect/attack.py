"""What an attacker can infer from published figures: bounds by propagation, and points that show what stays possible.

Here the protector attacks its own plan, to see which withheld cells need more; `audit.py` attacks the result with other
code.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cetegra_usage.programme import Programme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.intp]
    Flags = NDArray[np.bool_]

_SLACK = 1e-6
_MOVED = 1e-4
"""From where a cell that is moved as far as one at most counts as moved: the inside ends short of corners."""
_PASSES = 60
_TURNS = 4
_BLOCK, _TOGETHER, _WHOLE = 800, 1_500, 40_000
"""Sizes of what is searched at once: some features of a window; small pieces together; all that one question holds."""
LARGE = 3_000
"""Size from which a programme goes through the inside: that is much sooner then."""
_WORTH = 12
"""How many cells a question about many must show to be safe, there, to be worth more than questions about one."""
_STEP = 0.6180339887498949
"""Its multiples are spread well between whole numbers."""
_FIRM = 10.0
"""How much more it costs to do without a row that surely holds than without a weak one."""
_FAR = 1_000.0
"""How far above the truth an unbounded cell may go in a witness: a bound of ours, so it can only hide witnesses."""


@dataclass(frozen=True, slots=True)
class System:
    """Rows between cells, and what is known of each cell.

    Attributes:
        row: The row of each entry.
        cell: The cell of each entry.
        sign: Its coefficient.
        equal: For each row whether its sum is 0; else it is at most 0.
        weak: For each row whether it goes first where rows contradict one another.
        lower: Least value of each cell.
        upper: Greatest value of each cell, perhaps infinite.
        window: A number for the days that each cell is about.
        theme: A number for the feature, or other value, that it is about.
        events: Cells of events, of each of which the cell at the same place in `users` are the people.
        users: Those people's cells.
        most: How many such events one of them can have made.
    """

    row: Integers
    cell: Integers
    sign: Floats
    equal: Flags
    weak: Flags
    lower: Floats
    upper: Floats
    window: Integers
    theme: Integers
    events: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    users: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    most: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.equal)

    def matrix(self) -> sparse.csr_matrix:
        """Return the rows as a matrix."""
        return sparse.csr_matrix((self.sign, (self.row, self.cell)), shape=(self.rows, len(self.lower)))

    def keep(self, rows: Flags) -> System:
        """Return the system with only some of its rows."""
        number = np.cumsum(rows) - 1
        entries = rows[self.row]
        return replace(
            self,
            row=number[self.row[entries]],
            cell=self.cell[entries],
            sign=self.sign[entries],
            equal=self.equal[rows],
            weak=self.weak[rows],
        )


def settled(system: System, value: Floats, known: Flags) -> tuple[System, Floats]:
    """Return the system without the rows that contradict what is true, or one another, and a point that fulfils it.

    Such a row (late data in one release and not yet in another) tells an attacker nothing that is true.

    Args:
        system: The rows, with what every figure would tell if it were published.
        value: The true count of the cells that are `known`.
        known: The cells whose true count is known: those of the release itself.
    """
    total = _sums(system, system.sign * np.where(known[system.cell], value[system.cell], 0.0))
    own = np.bincount(system.row, ~known[system.cell], minlength=system.rows) == 0
    system = system.keep(~own | _held(system, total, total))
    # A row that no figures fulfil is false; else what follows from one false row would be held against true ones.
    system = system.keep(_held(system, *_activity(system, system.lower, system.upper)))
    while True:
        lower, upper, broken = _propagate(system)
        if not broken.any():
            break
        around = np.zeros(len(system.lower), dtype=bool)
        around[system.cell[broken[system.row]]] = True
        weak = system.weak & (np.bincount(system.row, around[system.cell], minlength=system.rows) > 0)
        system = system.keep(~next(rows for rows in (broken & system.weak, weak, broken) if rows.any()))
    point = start(replace(system, lower=lower, upper=upper), value, known) if len(system.users) else None
    point = start(system, value, known) if point is None else point
    system, point = (system, point) if point is not None else _reconciled(system, value, known)
    return _authored(system, point), point


def _authored(system: System, point: Floats) -> System:
    """Return the system without those events at a point that have no authors there."""
    there = point[system.users] > np.ceil((point[system.events] - _SLACK) / system.most) - _SLACK
    return replace(system, events=system.events[there], users=system.users[there], most=system.most[there])


def _reconciled(system: System, value: Floats, known: Flags) -> tuple[System, Floats]:
    """Leave out the rows that must go so that all others hold of what is true: as little as can be, weak ones first."""
    rows, cells = system.rows, len(system.lower)
    equal = np.flatnonzero(system.equal)
    loose = replace(
        system,
        row=np.concatenate([system.row, np.arange(rows), equal]),
        cell=np.concatenate([system.cell, cells + np.arange(rows + len(equal))]),
        sign=np.concatenate([system.sign, -np.ones(rows), np.ones(len(equal))]),
        lower=np.concatenate([np.where(known, value, system.lower), np.zeros(rows + len(equal))]),
        upper=np.concatenate([np.where(known, value, system.upper), np.full(rows + len(equal), np.inf)]),
    )
    cost = np.where(system.weak, 1.0, _FIRM)
    found = solve(loose, np.concatenate([np.zeros(cells), cost, cost[equal]]))
    if found is None:
        return system.keep(np.zeros(rows, dtype=bool)), np.clip(0.0, system.lower, system.upper)
    over = found[cells : cells + rows].copy()
    over[equal] += found[cells + rows :]
    return system.keep(over <= _SLACK), found[:cells]


def tighten(system: System) -> System:
    """Propagate the rows into the cells' bounds, and leave out rows that then say nothing."""
    lower, upper, _ = _propagate(system)
    least, most = _activity(system, lower, upper)
    idle = _held(system, most, least)
    return replace(system, lower=lower, upper=upper).keep(~idle)


def _held(system: System, low: Floats, high: Floats) -> Flags:
    """Return the rows of which `low` is at most 0 and, where they are equations, `high` at least 0."""
    return (low <= _SLACK) & (~system.equal | (high >= -_SLACK))


def _activity(system: System, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    low = np.where(system.sign > 0, lower[system.cell], upper[system.cell]) * system.sign
    high = np.where(system.sign > 0, upper[system.cell], lower[system.cell]) * system.sign
    return _sums(system, low), _sums(system, high)


def _sums(system: System, value: Floats) -> Floats:
    return np.asarray(np.bincount(system.row, value, minlength=system.rows), dtype=np.float64)


def _propagate(system: System) -> tuple[Floats, Floats, Flags]:
    """Return tightened bounds, and the rows that cannot hold within them."""
    lower, upper = system.lower.copy(), system.upper.copy()
    row, cell, sign = system.row, system.cell, system.sign
    positive, equal = sign > 0, system.equal[system.row]
    broken = np.zeros(system.rows, dtype=bool)
    for _ in range(_PASSES):
        low = np.where(positive, lower[cell], -upper[cell])
        high = np.where(positive, upper[cell], -lower[cell])
        low_others = _others(row, low, system.rows)
        high_others = _others(row, high, system.rows)
        # sum <= 0 bounds each entry from above by what the others are at least; sum >= 0 the other way round.
        most = -low_others
        least = np.where(equal, -high_others, -np.inf)
        broken[row[(most < low - _SLACK) | (least > high + _SLACK)]] = True
        if broken.any():
            return lower, upper, broken
        new_upper = np.where(positive, most, -least)
        new_lower = np.where(positive, least, -most)
        before = lower.copy(), upper.copy()
        np.minimum.at(upper, cell, new_upper)
        np.maximum.at(lower, cell, new_lower)
        _people(system, lower, upper)
        crossed = lower > upper + _SLACK
        if crossed.any():
            guilty = crossed[cell] & ((new_upper < before[1][cell] - _SLACK) | (new_lower > before[0][cell] + _SLACK))
            broken[row[guilty]] = True
            return lower, upper, broken
        if np.array_equal(lower, before[0]) and np.array_equal(upper, before[1]):
            break
    return lower, upper, broken


def _people(system: System, lower: Floats, upper: Floats) -> None:
    """Use, in the bounds themselves, that of so many events somebody is the author; where that can be."""
    least = np.ceil((lower[system.events] - _SLACK) / system.most)
    can = least <= upper[system.users]
    np.maximum.at(lower, system.users[can], least[can])
    most = upper[system.users] * system.most
    can = most >= lower[system.events]
    np.minimum.at(upper, system.events[can], most[can])


def _others(row: Integers, value: Floats, rows: int) -> Floats:
    """Return for each entry the sum of the row's other entries, which may be infinite."""
    finite = np.isfinite(value)
    total = np.bincount(row, np.where(finite, value, 0.0), minlength=rows)
    infinite = np.bincount(row, (~finite).astype(np.float64), minlength=rows)
    sign = value[~finite][0] if (~finite).any() else np.inf
    others = total[row] - np.where(finite, value, 0.0)
    return np.where(infinite[row] - ~finite > 0, sign, others)


@dataclass(frozen=True, slots=True)
class Goal:
    """What must stay possible of a withheld cell: values that are not all among few people, nor too near one another.

    Attributes:
        threshold: The least number of people that is not few.
        width: The least span of the possible values.
    """

    threshold: int
    width: int

    def met(self, low: Floats, high: Floats) -> Flags:
        """Return whether cells with these possible values are safe."""
        hidden = (low < 1 - _SLACK) | (high > self.threshold - 1 + _SLACK)
        return hidden & (high - low >= self.width - _SLACK)

    def ends(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Return how far up, or else how far down, cells that were seen between two values must be seen to be safe."""
        few = (low >= 1 - _SLACK) & (high <= self.threshold - 1 + _SLACK)
        up = np.where(few, np.maximum(self.threshold, low + self.width), low + self.width)
        down = np.where(few, 0.0, np.maximum(high - self.width, 0.0))
        return np.maximum(up, high), np.minimum(down, low)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What an attack on a system found.

    Attributes:
        cells: The watched cells that are not safe.
        lower: The least value of each cell, by propagation alone.
        upper: The greatest.
    """

    cells: Integers
    lower: Floats
    upper: Floats


def touched(system: System, before: System, fresh: Flags) -> Flags:
    """Return the cells of which an attacker may learn more from a system than from the one before it.

    What hangs together with no fresh cell, and in which no bound has moved, is as it was.

    Args:
        system: The rows, and what is told of each cell now.
        before: The same rows, and what was told before, all of it safe.
        fresh: The cells of which nothing was told before.
    """
    now, then = tighten(system), tighten(before)
    moved = fresh | (now.lower > then.lower + _SLACK) | (now.upper < then.upper - _SLACK)
    label = _label(now, np.ones(len(now.row), dtype=bool))[now.rows :]
    told = np.zeros(int(label.max(initial=0)) + 1, dtype=bool)
    told[label[moved]] = True
    return told[label]


def exposed(system: System, watched: Integers, point: Floats, goal: Goal) -> Exposure:
    """Return the withheld cells of which an attacker learns too much.

    Args:
        system: The rows, and for each cell what its published figure tells of it.
        watched: The withheld cells to look at.
        point: A point that fulfils every row.
        goal: What must stay possible of each.
    """
    tight = tighten(system)
    hopeful = watched[goal.met(tight.lower[watched], tight.upper[watched])]
    lost = set(watched.tolist()) - set(hopeful.tolist())
    circles = [component for component, tree in _components(tight) if not tree]
    left = np.intersect1d(hopeful, np.concatenate(circles)) if circles else hopeful[:0]
    # Where all is too much for one question, first what is about the same days (weeks within months seldom bind, but
    # tie everything), some features at a time.
    windows = [block for circle in circles if len(circle) > _WHOLE for block in _grouped(circle, tight.window)]
    themes = [block for window in windows for block in _cut(window, tight.theme)]
    for parts in (themes, windows, circles):
        for block, mine in _pieces(tight, parts, left):
            found = _searched(tight, block, mine, point, goal, to_the_last=parts is circles)
            left = np.setdiff1d(left, np.setdiff1d(mine, found))
    return Exposure(np.array(sorted(lost | set(left.tolist())), dtype=np.intp), tight.lower, tight.upper)


def empty(system: System, cells: Integers) -> Integers:
    """Return those of some cells that are 0 wherever the rows hold: all that can be more are moved, until none can."""
    rows = programme(system)
    while len(cells):
        upper, objective = system.upper.copy(), np.zeros(len(system.upper))
        upper[cells], objective[cells] = np.minimum(upper[cells], 1.0), -1.0
        found = rows.least(objective, system.lower, upper, inside=len(upper) > LARGE)
        if found is None:  # nothing is known then
            return cells[:0]
        moved = found[cells] > _MOVED
        if not moved.any():
            break
        cells = cells[~moved]
    return cells


def _pieces(system: System, components: list[Integers], watched: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield sets of cells that can be moved at once, with the watched cells in each.

    Small components go together, since one programme shows what is possible in all of them. A big one is searched
    around each of its watched cells, with what is further off held still: that can only overlook witnesses.
    """
    is_watched = np.zeros(len(system.lower), dtype=bool)
    is_watched[watched] = True
    heap: list[Integers] = []
    for component in components:
        mine = component[is_watched[component]]
        if not len(mine):
            continue
        if len(component) <= _WHOLE:
            heap.append(component)
            if sum(map(len, heap)) > _TOGETHER:
                together = np.sort(np.concatenate(heap))
                heap = []
                yield together, together[is_watched[together]]
            continue
        waiting = mine
        incidence = system.matrix()
        by_cell = incidence.T.tocsr()
        while len(waiting):
            near = neighbourhood(incidence, by_cell, int(waiting[0]), _WHOLE)
            here = np.intersect1d(waiting, near)
            waiting = np.setdiff1d(waiting, here)
            yield near, here
    if heap:
        together = np.sort(np.concatenate(heap))
        yield together, together[is_watched[together]]


def _components(system: System) -> Iterator[tuple[Integers, bool]]:
    """Yield the cells that rows tie together, and whether no circle of rows does: then propagation is exact.

    A cell that is known ties nothing.
    """
    entries = (system.upper - system.lower > _SLACK)[system.cell]
    label = _label(system, entries)
    size = np.bincount(label)
    edges = np.bincount(label[system.cell[entries] + system.rows], minlength=len(size))
    for cells in _grouped(np.unique(system.cell[entries]), label[system.rows :]):
        own = label[system.rows + cells[0]]
        yield cells, bool(edges[own] == size[own] - 1)


def _label(system: System, entries: Flags) -> Integers:
    """Number the connected components of rows (first) and cells."""
    size = system.rows + len(system.lower)
    ends = system.row[entries], system.cell[entries] + system.rows
    graph = sparse.csr_matrix((np.ones(len(ends[0])), ends), shape=(size, size))
    return connected_components(graph, directed=False)[1]


def _grouped(cells: Integers, label: Integers) -> list[Integers]:
    """Split cells by their label."""
    cells = cells[np.argsort(label[cells], kind="stable")]
    return np.split(cells, np.flatnonzero(np.diff(label[cells])) + 1) if len(cells) else []


def _cut(cells: Integers, theme: Integers) -> list[Integers]:
    """Cut cells into blocks of whole themes."""
    blocks: list[Integers] = []
    heap: list[Integers] = []
    for own in _grouped(cells, theme):
        if heap and sum(map(len, heap)) + len(own) > _BLOCK:
            blocks.append(np.concatenate(heap))
            heap = []
        heap.append(own)
    return [*blocks, np.concatenate(heap)] if heap else blocks


def beside(incidence: sparse.csr_matrix, by_cell: sparse.csr_matrix, cells: Integers) -> Integers:
    """Return every cell that shares a row with one of some cells."""
    return np.unique(incidence[np.unique(by_cell[cells].indices)].indices)


def neighbourhood(incidence: sparse.csr_matrix, by_cell: sparse.csr_matrix, cell: int, most: int) -> Integers:
    """Return the cells nearest to one, by the rows that they share, up to a bounded number."""
    found = np.array([cell])
    edge = found
    while len(edge) and len(found) < most:
        edge = np.setdiff1d(beside(incidence, by_cell, edge), found)[: most - len(found)]
        found = np.concatenate([found, edge])
    return np.sort(found)


def _searched(
    system: System, block: Integers, mine: Integers, point: Floats, goal: Goal, *, to_the_last: bool
) -> list[int]:
    """Return those of a block's watched cells for which no points were found that keep them safe.

    What is left when many are moved at once is moved one by one, if it is to be searched to the last.
    """
    local = within(system, block, point)
    far = np.maximum(np.append(point[block], 1.0), local.lower) + _FAR
    local = replace(local, upper=np.where(np.isfinite(local.upper), local.upper, far))
    number = np.full(len(system.lower), -1)
    number[block] = np.arange(len(block))
    mine = number[mine]
    low = np.clip(point[block], local.lower[:-1], local.upper[:-1])[mine]
    high = low.copy()
    rows, ties = programme(local), sparse.csr_matrix(local.matrix().T)
    rises = np.zeros(len(mine), dtype=bool)
    turn = idle = 0

    def learn(found: Floats | None) -> None:
        if found is not None:
            np.minimum(low, found[mine], out=low)
            np.maximum(high, found[mine], out=high)

    # Many cells at once first: one point shows what is possible for all of them, as long as enough is new to that.
    is_large = len(block) > LARGE
    enough, turns = (_WORTH, 1) if is_large else (1, _TURNS)
    while idle < turns:
        bad = ~goal.met(low, high)
        if not bad.any():
            return []
        rises = ~rises
        if turn % 2 == 0:
            rises[bad] = _balanced(ties, local.rows, mine[bad], turn)
        up, down = bad & rises, bad & ~rises
        # Nothing is moved further than it must, so that one cell does not take what others need.
        top, bottom = goal.ends(low, high)
        upper, lower, objective = local.upper.copy(), local.lower.copy(), np.zeros(len(local.lower))
        upper[mine[up]] = np.minimum(upper[mine[up]], top[up])
        lower[mine[down]] = np.maximum(lower[mine[down]], bottom[down])
        # Of cells that draw on the same some go all the way so, and not all of them half of it.
        weight = _spread(turn, len(mine))
        objective[mine[up]], objective[mine[down]] = -weight[up], weight[down]
        learn(rows.least(objective, lower, upper, inside=is_large))
        turn += 1
        idle = 0 if bad.sum() - (~goal.met(low, high)).sum() >= enough else idle + 1
    last = np.flatnonzero(~goal.met(low, high))
    for one in last if to_the_last else ():
        for way in (-1.0, 1.0):
            if not goal.met(low[[one]], high[[one]])[0]:
                objective = np.zeros(len(local.lower))
                objective[mine[one]] = way
                learn(rows.corner(objective, local.lower, local.upper))
    return block[mine[~goal.met(low, high)]].tolist()


def _spread(turn: int, count: int) -> Floats:
    """Return numbers from 1 to 2, others each turn."""
    return np.asarray(1 + (turn + np.arange(count)) * _STEP % 1, dtype=np.float64)


def _balanced(ties: sparse.csr_matrix, rows: int, cells: Integers, turn: int) -> Flags:
    """Return which of some cells to move up, the others down, so that in each row some give what others take.

    Args:
        ties: For each cell the rows that it stands in.
        rows: How many rows there are.
        cells: The cells.
        turn: A number: in which order sides are chosen, one cell after the other.
    """
    more, rises = np.zeros(rows), np.zeros(len(cells), dtype=bool)
    for at in np.argsort(_spread(turn, len(cells))).tolist():
        entries = slice(ties.indptr[cells[at]], ties.indptr[cells[at] + 1])
        row, sign = ties.indices[entries], ties.data[entries]
        rises[at] = sign @ more[row] < 0
        more[row] += sign * (1.0 if rises[at] else -1.0)
    return rises


def within(system: System, cells: Integers, point: Floats) -> System:
    """Return the part of a system that concerns some cells, the others held where `point` has them.

    The result has one more cell, fixed at 1, that carries what the held ones add to each row.
    """
    inside = np.full(len(system.lower), -1)
    inside[cells] = np.arange(len(cells))
    rows = np.unique(system.row[inside[system.cell] >= 0])
    number = np.full(system.rows, -1)
    number[rows] = np.arange(len(rows))
    entries = number[system.row] >= 0
    row, cell, sign = number[system.row[entries]], system.cell[entries], system.sign[entries]
    held = inside[cell] < 0
    constant = np.bincount(row[held], sign[held] * point[cell[held]], minlength=len(rows))
    used = np.flatnonzero(constant)
    return System(
        row=np.concatenate([row[~held], used]),
        cell=np.concatenate([inside[cell[~held]], np.full(len(used), len(cells))]),
        sign=np.concatenate([sign[~held], constant[used].astype(np.float64)]),
        equal=system.equal[rows],
        weak=system.weak[rows],
        lower=np.append(system.lower[cells], 1.0),
        upper=np.append(system.upper[cells], 1.0),
        window=np.append(system.window[cells], -1),
        theme=np.append(system.theme[cells], -1),
    )


def start(system: System, value: Floats, known: Flags) -> Floats | None:
    """Return a point that fulfils every row, or none where there is none: the truth, as far as it is known."""
    point = np.where(known, value, np.clip(0.0, system.lower, system.upper))
    touched = np.unique(system.cell)
    cells = touched[~known[touched]]
    if not len(cells):
        return point
    found = solve(within(system, cells, point), np.zeros(len(cells)))
    if found is None:
        return None
    point[cells] = found[: len(cells)]
    return point


def programme(system: System) -> Programme:
    """Return the rows as a programme; its bounds come with each question."""
    return Programme(system.matrix(), np.where(system.equal, 0.0, -np.inf), np.zeros(system.rows))


def solve(system: System, objective: Floats) -> Floats | None:
    """Return the point that makes the objective least, or none where there is none; missing weights are 0."""
    weights = np.pad(objective, (0, len(system.lower) - len(objective)))
    inside = len(system.lower) > LARGE
    return programme(system).least(weights, system.lower, system.upper, inside=inside, exact=bool(objective.any()))
