"""Groups of equal values that lie together: where something changes from one value to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def changes(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a value differs from the one before it; the first does."""
    differ = np.ones(len(column), np.bool_)
    np.not_equal(column[1:], column[:-1], out=differ[1:])
    return differ


def runs(column: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct values of a sorted column, and where each begins."""
    starts = np.flatnonzero(changes(column))
    return column[starts], starts
