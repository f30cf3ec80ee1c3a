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
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from cetegra_usage.protect.attack import neighbourhood, within

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
_MOVED = 1e-6


@dataclass(frozen=True, slots=True)
class Plan:
    """What is withheld so far.

    Attributes:
        system: The rows; its bounds are what each cell's published figure would tell.
        withheld: For each cell whether it is withheld.
        free: For each cell whether it still can be.
        cost: What is lost with each cell.
    """

    system: System
    withheld: Flags
    free: Flags
    cost: Floats


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
    chosen: list[int] = []
    waiting = exposed.tolist()
    incidence = plan.system.matrix()
    by_cell = incidence.T.tocsr()
    while waiting:
        near = neighbourhood(incidence, by_cell, waiting[0], _NEAR[0])
        targets = [cell for cell in waiting if cell in set(near.tolist())][:_TOGETHER]
        found = _cheapest(plan, near, targets, point, goal) if len(near) <= _EXACT else None
        if found is None:
            targets = targets[:1]
            found = _shifted(plan, (incidence, by_cell), targets[0], point, goal)
        if found is None:
            found = margins(plan, targets)
        chosen += found
        waiting = [cell for cell in waiting if cell not in set(targets)]
        plan.withheld[found] = True
    return np.unique(np.array(chosen, dtype=np.intp))


def _shifted(
    plan: Plan, graph: tuple[sparse.csr_matrix, sparse.csr_matrix], target: int, point: Floats, goal: Goal
) -> list[int] | None:
    """Return the cells that must leave what is published of them so that one cell can be elsewhere; none if it cannot.

    Elsewhere is both above what is few and as far from `point` as the goal's width, or, the cheaper of the two, as far
    below, where that is enough.
    """
    here = point[target]
    few = 0 < here < goal.threshold
    ends = [max(goal.threshold, here + goal.width) if few else here + goal.width]
    if here >= goal.width:
        ends.append(0.0 if few else here - goal.width)
    for size in _NEAR:
        near = neighbourhood(*graph, target, size)
        local = within(plan.system, near, point)
        found = [_shift(plan, local, near, (target, end), point) for end in ends]
        found = [cells for cells in found if cells is not None]
        if found:
            return min(found, key=lambda cells: plan.cost[cells].sum())
        if len(near) < size:
            return None
    return None


def _shift(plan: Plan, local: System, near: Integers, goal: tuple[int, float], point: Floats) -> list[int] | None:
    """Move one cell to a value at least cost; return the cells that leave what is published of them."""
    target, end = goal
    size = len(near)
    may = np.flatnonzero(plan.free[near] & ~plan.withheld[near])
    count = len(may)
    shut = plan.withheld[near]
    reach = point[near] + 10 * abs(end - point[target]) + 10
    matrix = local.matrix()
    wide = sparse.hstack([matrix[:, :size], sparse.csr_matrix((local.rows, 2 * count))]).tocsr()
    constant = matrix[:, size].toarray().ravel()
    one = np.ones(count)
    value = sparse.csr_matrix((one, (np.arange(count), may)), shape=(count, size))
    over = sparse.hstack([value, -sparse.identity(count), sparse.csr_matrix((count, count))])
    under = sparse.hstack([-value, sparse.csr_matrix((count, count)), -sparse.identity(count)])
    lower = np.where(shut, 0.0, local.lower[:size])
    upper = np.where(shut, reach, local.upper[:size])
    lower[may], upper[may] = 0.0, reach[may]
    at = int(np.searchsorted(near, target))
    lower[at] = upper[at] = end
    equal = local.equal
    result = linprog(
        np.concatenate([np.zeros(size), plan.cost[near][may], plan.cost[near][may]]),
        A_ub=sparse.vstack([wide[~equal], over, under]).tocsr(),
        b_ub=np.concatenate([-constant[~equal], local.upper[:size][may], -local.lower[:size][may]]),
        A_eq=wide[equal] if equal.any() else None,
        b_eq=-constant[equal] if equal.any() else None,
        bounds=np.column_stack(
            [np.concatenate([lower, np.zeros(2 * count)]), np.concatenate([upper, np.full(2 * count, np.inf)])]
        ),
        method="highs",
    )
    if result.x is None or result.status != 0:
        return None
    moved = result.x[size : size + count] + result.x[size + count :] > _MOVED
    return near[may[moved]].tolist()


def margins(plan: Plan, targets: Sequence[int]) -> list[int]:
    """Return every cell that shares a row with one of the targets and can be withheld: more than enough, and sound."""
    incidence = plan.system.matrix()
    rows = np.unique(incidence.T.tocsr()[targets].indices)
    cells = np.unique(incidence[rows].indices)
    return cells[plan.free[cells] & ~plan.withheld[cells]].tolist()


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
