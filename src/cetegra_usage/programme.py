"""Linear programmes that are solved again and again: HiGHS goes on from where it stood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import highspy
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from scipy import sparse

    Floats = NDArray[np.float64]

_OPTIONS = {"output_flag": False, "threads": 1, "parallel": "off"}
"""Quiet, and in one thread: the point that is found then depends on nothing but what was asked, and in which order."""
_AFRESH = {"simplex_strategy": 1, "presolve": "choose"}
_ONWARD = {"solver": "simplex", "simplex_strategy": 4, "presolve": "off"}
"""From corner to corner by the primal method, which never leaves what is possible."""


class _Solver(highspy.Highs):
    """HiGHS without callbacks: setting them up prints a banner before anything can be silenced."""

    def enableCallbacks(self) -> None: ...  # noqa: N802  # the library's name


class Programme:
    """Rows `low <= matrix @ x <= high`, under bounds and weights that change from one question to the next.

    Args:
        matrix: A row for each demand, a column for each unknown.
        low: Least value of each row, perhaps minus infinity.
        high: Greatest value of each row, perhaps infinity.
    """

    def __init__(self, matrix: sparse.csr_matrix, low: Floats, high: Floats) -> None:
        self._size = int(matrix.shape[1])  # pyright: ignore[reportOptionalSubscript]
        self._columns = np.arange(self._size, dtype=np.int32)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self._size, len(low)
        model.col_cost_, model.col_lower_, model.col_upper_ = np.zeros((3, self._size))
        model.row_lower_, model.row_upper_ = low, high
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.asarray(matrix.indptr, dtype=np.int32)
        model.a_matrix_.index_ = np.asarray(matrix.indices, dtype=np.int32)
        model.a_matrix_.value_ = np.asarray(matrix.data, dtype=np.float64)
        self._solver = _Solver()
        self._set(_OPTIONS)
        self._solver.passModel(model)
        self._is_at_corner = False

    def least(
        self, weights: Floats, bottom: Floats, top: Floats, *, inside: bool = False, exact: bool = False
    ) -> Floats | None:
        """Return the point within bounds that fulfils every row and is least by some weights; none if there is none.

        Args:
            weights: The weight of each unknown.
            bottom: Its least value.
            top: Its greatest value.
            inside: Whether to go through the inside (by interior points) instead of along edges from where the last
                question ended: much sooner where there are thousands of unknowns.
            exact: Whether to go on from the inside to a corner; else the point is amid all that are as good.
        """
        crossover = "on" if exact or not inside else "off"
        self._set({**_AFRESH, "solver": "ipm" if inside else "simplex", "run_crossover": crossover})
        if inside:
            self._solver.clearSolver()
        self._is_at_corner = False
        return self._least(weights, bottom, top)

    def corner(self, weights: Floats, bottom: Floats, top: Floats) -> Floats | None:
        """Return a corner that is least by some weights: for questions about one unknown after the other.

        Where the last question was such a one too, within the same bounds, it goes on along edges from the corner where
        that ended: a few hundred lead from one to the next. The first goes through the inside.
        """
        if self._is_at_corner:
            self._set(_ONWARD)
            found = self._least(weights, bottom, top)
        else:
            found = self.least(weights, bottom, top, inside=True, exact=True)
        self._is_at_corner = found is not None
        return found

    def _set(self, options: Mapping[str, Any]) -> None:
        for name, value in options.items():
            self._solver.setOptionValue(name, value)

    def _least(self, weights: Floats, bottom: Floats, top: Floats) -> Floats | None:
        self._solver.changeColsBounds(self._size, self._columns, bottom, top)
        self._solver.changeColsCost(self._size, self._columns, weights)
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        return np.array(self._solver.getSolution().col_value)
