"""Complementary suppression: which further cells to withhold so that the withheld ones cannot be computed.

For each exposed cell there must be tables that an attacker cannot tell from the true one and that are far enough apart
there. Where few cells hang together, a mixed-integer programme finds the cells that lose least. Where many do, a linear
one finds for each exposed cell in turn the other table in which least is moved out of what is published, and what it
moves is withheld. What is outside the neighbourhood is held still, so that what is found stays true in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from cetegra_usage.programme import Programme
from cetegra_usage.protect.attack import LARGE, beside, neighbourhood, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cetegra_usage.protect.attack import Flags, Floats, Goal, Integers, System

_EXACT = 120
"""Number of cells that hang together up to which the programme is a mixed-integer one."""
_TOGETHER = 4
_NODES = 200
"""How many nodes a mixed-integer programme may look at: time would let the machine decide what is withheld."""
_NEAR = (300, 2_000, 8_000)
"""Sizes of the neighbourhood that is searched: the next where one has no solution."""
_CROWD = 15
"""Number of exposed cells, in what is too big for the mixed-integer programme, from which they are moved together."""
_GROUP, _PROGRAMMES = 3, 32
"""So many cells each time, or more where that makes too many programmes: more is sooner, and withholds more."""
_LACKING = 1_000.0
"""What it costs a cell to lack one of where it should be: more than to withhold all that it takes."""
_MOVED = 1e-6


@dataclass(frozen=True, slots=True)
class Plan:
    """What is withheld so far.

    Attributes:
        system: The rows; its bounds are what each cell's published figure would tell.
        withheld: For each cell whether it is withheld.
        free: For each cell whether it still can be.
        cost: What is lost with each cell.
        unseen: For each cell whether no release shows it: where few others hang together they are looked at alone.
    """

    system: System
    withheld: Flags
    free: Flags
    cost: Floats
    unseen: Flags


def complement(plan: Plan, exposed: Integers, point: Floats, goal: Goal) -> Integers:
    """Return further cells to withhold.

    Args:
        plan: What is withheld so far, and what could be.
        exposed: The withheld cells that are not safe.
        point: A point that fulfils every row.
        goal: What must stay possible of each of them.

    Returns:
        Cells to withhold now; the result is to be attacked again. Empty where nothing is left that could help.
    """
    incidence = plan.system.matrix()
    graph = incidence, incidence.T.tocsr()
    shown = sparse.csr_matrix(incidence @ sparse.diags((~plan.unseen).astype(np.float64)))
    shown.eliminate_zeros()
    few = shown, shown.T.tocsr()
    chosen: list[int] = []
    waiting = exposed.tolist()
    if len(waiting) > _CROWD:
        crowd = [cell for cell in waiting if len(neighbourhood(*few, cell, _EXACT + 1)) > _EXACT]
        groups = _apart(graph, crowd, max(_GROUP, len(crowd) // _PROGRAMMES)) if len(crowd) > _CROWD else []
        for size in _NEAR[1:] if groups else ():
            chosen = _together(plan, graph, groups, size, point, goal)
            if chosen:
                waiting = []  # the next attack tells what is left
                break
    while waiting:
        near = neighbourhood(*few, waiting[0], _NEAR[0])
        targets = [cell for cell in waiting if cell in set(near.tolist())][:_TOGETHER]
        found = _cheapest(plan, near, targets, point, goal) if len(near) <= _EXACT else None
        if found is None:
            targets = targets[:1]
            found = _shifted(plan, graph, targets[0], point, goal)
        if found is None:
            found = margins(plan, targets)
        chosen += found
        waiting = [cell for cell in waiting if cell not in set(targets)]
        plan.withheld[found] = True
    return np.unique(np.array(chosen, dtype=np.intp))


def _together(
    plan: Plan,
    graph: tuple[sparse.csr_matrix, sparse.csr_matrix],
    groups: Sequence[Sequence[int]],
    size: int,
    point: Floats,
    goal: Goal,
) -> list[int]:
    """Withhold the cells that must leave what is published of them so that each group's are all higher at once."""
    chosen: list[int] = []
    for group in groups:
        near = np.unique(np.concatenate([neighbourhood(*graph, cell, size) for cell in group]))
        moved: list[int] = []
        moving, reached = list(group), np.zeros(1, dtype=bool)
        while moving and not reached.all():  # once more without those that cannot: for them nothing is withheld
            moved, reached = _Shift(plan, near, moving, point).to(goal.ends(point[moving], point[moving])[0])
            moving = [cell for cell, is_there in zip(moving, reached.tolist(), strict=True) if is_there]
        if moving:
            plan.withheld[moved] = True
            chosen += moved
    return chosen


def _apart(graph: tuple[sparse.csr_matrix, sparse.csr_matrix], targets: Sequence[int], most: int) -> list[list[int]]:
    """Split cells into few groups of a size in which no two share a row: what one takes is given by the next."""
    groups: list[tuple[list[int], set[int]]] = []
    for cell in targets:
        rows = set(graph[1][cell].indices.tolist())
        group, taken = next((one for one in groups if len(one[0]) < most and not rows & one[1]), ([], set()))
        if not group:
            groups.append((group, taken))
        group.append(cell)
        taken |= rows
    return [group for group, _ in groups]


def _shifted(
    plan: Plan, graph: tuple[sparse.csr_matrix, sparse.csr_matrix], target: int, point: Floats, goal: Goal
) -> list[int] | None:
    """Return the cells that must leave what is published of them so that one cell can be elsewhere; none if it cannot.

    Elsewhere is both above what is few and as far from `point` as the goal's width; or, where that is enough and
    cheaper, as far below; or both at 0 and at the width.
    """
    here = point[target]
    few = 0 < here < goal.threshold
    ways: list[tuple[float, ...]] = [(max(goal.threshold, here + goal.width) if few else here + goal.width,)]
    if here >= goal.width:
        ways.append((0.0 if few else here - goal.width,))
    elif few:
        ways.append((0.0, goal.width))
    for size in _NEAR:
        near = neighbourhood(*graph, target, size)
        shift = _Shift(plan, near, [target], point)
        found = [cells for ends in ways if (cells := shift.through(ends)) is not None]
        if found:
            return min(found, key=lambda cells: plan.cost[cells].sum())
        if len(near) < size:
            return None
    return None


class _Shift:
    """Moves some cells at least cost, and says which others that makes leave what is published of them.

    The unknowns are the cells nearby; for each that may be withheld how far it is above and below what is published of
    it; for each that is moved how far it lacks, and where it should be.
    """

    def __init__(self, plan: Plan, near: Integers, targets: Sequence[int], point: Floats) -> None:
        local = within(plan.system, near, point)
        size, many = len(near), len(targets)
        self._may = may = np.flatnonzero(plan.free[near] & ~plan.withheld[near])
        count = len(may)
        self._plan, self._near, self._local, self._here = plan, near, local, point[near]
        self._at = np.searchsorted(near, targets)
        one, all_of_them = sparse.identity(count), sparse.identity(many)
        value = sparse.csr_matrix((np.ones(count), (np.arange(count), may)), shape=(count, size))
        moved = sparse.csr_matrix((np.ones(many), (np.arange(many), self._at)), shape=(many, size))
        matrix = local.matrix()
        constant = matrix[:, size].toarray().ravel()
        rows = sparse.csr_matrix(
            sparse.bmat(
                [
                    [matrix[:, :size], None, None, None, None],
                    [value, -one, one, None, None],
                    [moved, None, None, all_of_them, -all_of_them],
                ]
            )
        )
        own, lower, upper = local.equal, local.lower[:size], local.upper[:size]
        self._programme = Programme(
            rows,
            np.concatenate([np.where(own, -constant, -np.inf), lower[may], np.zeros(many)]),
            np.concatenate([-constant, upper[may], np.zeros(many)]),
        )

    def through(self, ends: Sequence[float]) -> list[int] | None:
        """Return the cells that leave what is published of them where the target is at each end; none if it cannot."""
        moved: set[int] = set()
        for end in ends:
            cells, reached = self.to(np.array([end]))
            if not reached.all():
                return None
            moved |= set(cells)
        return sorted(moved)

    def to(self, ends: Floats) -> tuple[list[int], Flags]:
        """Return the cells that leave what is published of them, and which targets come to their ends.

        One target's end may lie on either side of where it is; several have theirs above.
        """
        may, size, count, many = self._may, len(self._near), len(self._may), len(self._at)
        shut = self._plan.withheld[self._near]
        reach = self._here + 10 * np.abs(ends - self._here[self._at]).max() + 10
        lower = np.where(shut, 0.0, self._local.lower[:size])
        upper = np.where(shut, reach, self._local.upper[:size])
        lower[may], upper[may] = 0.0, reach[may]
        upper[self._at] = np.maximum(upper[self._at], ends)
        cost = self._plan.cost[self._near][may]
        # As far as they lack where they are, below their ends; one alone comes to its end or does not.
        lacks = ends - self._here[self._at] if many > 1 else np.zeros(1)
        found = self._programme.least(
            np.concatenate([np.zeros(size), cost, cost, np.full(many, _LACKING), np.zeros(many)]),
            np.concatenate([lower, np.zeros(2 * count + many), ends]),
            np.concatenate([upper, np.full(2 * count, np.inf), lacks, ends]),
            inside=size > LARGE,
            exact=True,
        )
        if found is None:
            return [], np.zeros(many, dtype=bool)
        _, above, below, lacking, _ = np.split(found, np.cumsum([size, count, count, many]))
        return self._near[may[above + below > _MOVED]].tolist(), lacking <= _MOVED


def margins(plan: Plan, targets: Sequence[int]) -> list[int]:
    """Return every cell that shares a row with one of the targets and can be withheld: more than enough, and sound."""
    incidence = plan.system.matrix()
    cells = beside(incidence, incidence.T.tocsr(), np.array(targets))
    return cells[plan.free[cells] & ~plan.withheld[cells]].tolist()


def further(plan: Plan, targets: Integers) -> Integers:
    """Return the nearest cells to some targets that can be withheld, by the rows that they share; empty if none can."""
    incidence = plan.system.matrix()
    by_cell = incidence.T.tocsr()
    while True:
        near = beside(incidence, by_cell, targets)
        chosen = near[plan.free[near] & ~plan.withheld[near]]
        wider = np.union1d(targets, near)
        if len(chosen) or len(wider) == len(targets):
            return chosen
        targets = wider


def _cheapest(plan: Plan, near: Integers, targets: list[int], point: Floats, goal: Goal) -> list[int] | None:
    """Solve the neighbourhood; none where it has no solution or none was found."""
    local = within(plan.system, near, point)
    here, size = point[near], len(near)
    may = plan.free[near] & ~plan.withheld[near]
    reach = 4.0 * (goal.threshold + goal.width)
    at = {cell: position for position, cell in enumerate(near.tolist())}

    # Unknowns: one choice a cell, then for each target two tables, then for each few a side.
    tables = 2 * len(targets)
    number = size + tables * size + len(targets)
    lower, upper = np.zeros(number), np.ones(number)
    upper[:size] = may
    shut, wide = plan.withheld[near], np.where(plan.withheld[near], here + reach, local.upper[:size])
    low = np.where(shut, np.maximum(here - reach, 0), local.lower[:size])
    for table in range(tables):
        span = slice(size + table * size, size + (table + 1) * size)
        lower[span] = np.where(may, np.maximum(here - reach, 0), low)
        upper[span] = np.where(may, here + reach, wide)

    blocks: list[sparse.csr_matrix] = []
    least: list[Floats] = []
    most: list[Floats] = []

    def demand(matrix: sparse.csr_matrix, at_least: Floats | float, at_most: Floats | float) -> None:
        blocks.append(matrix)
        height = np.size(matrix.indptr) - 1
        least.append(np.broadcast_to(np.asarray(at_least, dtype=np.float64), (height,)))
        most.append(np.broadcast_to(np.asarray(at_most, dtype=np.float64), (height,)))

    matrix = local.matrix()
    rows, constant = matrix[:, :size], np.asarray(matrix[:, size].todense()).ravel()
    free = np.flatnonzero(may)
    for table in range(tables):
        begin = size + table * size
        demand(_place(rows, begin, number), np.where(local.equal, -constant, -np.inf), -constant)
        # A cell leaves what its figure tells only where it is withheld.
        choice = sparse.csr_matrix((np.ones(len(free)), (np.arange(len(free)), free)), shape=(len(free), number))
        value = sparse.csr_matrix((np.ones(len(free)), (np.arange(len(free)), begin + free)), shape=(len(free), number))
        up = (here + reach - local.upper[:size])[free]
        down = (local.lower[:size] - np.maximum(here - reach, 0))[free]
        demand((value - sparse.diags(up) @ choice).tocsr(), -np.inf, local.upper[:size][free])
        demand((value + sparse.diags(down) @ choice).tocsr(), local.lower[:size][free], np.inf)
    for order, target in enumerate(targets):
        position = at[target]
        above, below = size + 2 * order * size + position, size + (2 * order + 1) * size + position
        side = size + tables * size + order
        demand(_row({above: 1.0, below: -1.0}, number), goal.width, np.inf)
        if 0 < here[position] < goal.threshold:
            demand(_row({above: 1.0, side: -float(goal.threshold)}, number), 0.0, np.inf)
            demand(_row({below: 1.0, side: -reach * 2}, number), -np.inf, 0.0)
    objective = np.zeros(number)
    objective[:size] = np.where(may, plan.cost[near], 0.0)
    whole = np.zeros(number)
    whole[:size] = 1
    whole[size + tables * size :] = 1
    limits: tuple[Any, Any] = lower, upper
    demands: tuple[Any, Any] = np.concatenate(least), np.concatenate(most)
    result = milp(
        objective,
        integrality=whole,
        bounds=Bounds(*limits),
        constraints=LinearConstraint(sparse.vstack(blocks).tocsr(), *demands),
        options={"node_limit": _NODES, "mip_rel_gap": 0.01},
    )
    if result.x is None:
        return None
    return near[np.flatnonzero(result.x[:size] > 0.5)].tolist()  # noqa: PLR2004  # a choice is 0 or 1


def _place(rows: sparse.csr_matrix, begin: int, number: int) -> sparse.csr_matrix:
    placed = rows.tocoo()
    return sparse.csr_matrix((placed.data, (placed.row, placed.col + begin)), shape=(np.size(rows.indptr) - 1, number))


def _row(entries: dict[int, float], number: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((list(entries.values()), ([0] * len(entries), list(entries))), shape=(1, number))
