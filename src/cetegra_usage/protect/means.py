"""What a mean tells of the count that it is taken over, and of the total that it is taken of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from cetegra_usage.protect.attack import Flags, Floats, Integers, System

_TINY = 1e-9


def narrowed(system: System, withheld: Flags, means: pl.DataFrame, truth: Integers) -> System:
    """Return the system with the bounds of counts and totals narrowed to what their means leave open.

    Args:
        system: The rows and bounds; a count that is published has finite ones.
        withheld: For each cell whether it is withheld: of such a one a mean tells nothing.
        means: `count` and `whole` (cells; -1 where the total is not published) and `figure`, to three figures.
        truth: The true count of each cell, -1 where it is not known. A mean that would exclude it (events of some who
            are no users any more) is left out: it misleads whoever uses it.
    """
    count, total, figure = means["count"].to_numpy(), means["whole"].to_numpy(), means["figure"].to_numpy()
    shown = ~withheld[count] & np.isfinite(system.upper[count])
    count, total, figure = count[shown], total[shown], figure[shown]
    lower, upper = system.lower.copy(), system.upper.copy()
    known = (total >= 0) & ~withheld[total]
    least, most = np.where(known, lower[total], 0.0), np.where(known, upper[total], np.inf)
    half = _half_unit(figure)
    low, high = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    total_low, total_high = low.copy(), high.copy()
    for offset in range(int(np.max(upper[count] - lower[count], initial=0)) + 1):
        number = lower[count] + offset
        begin = np.ceil(np.maximum((figure - half) * number - _TINY, least))
        end = np.floor(np.minimum((figure + half) * number + _TINY, most))
        fits = (begin <= end) & (number <= upper[count])
        low[fits], high[fits] = np.minimum(low, number)[fits], np.maximum(high, number)[fits]
        total_low[fits], total_high[fits] = np.minimum(total_low, begin)[fits], np.maximum(total_high, end)[fits]
    fits = (low <= high) & _contains(low, high, truth[count])
    fits &= ~known | _contains(total_low, total_high, truth[total])
    np.maximum.at(lower, count[fits], low[fits])
    np.minimum.at(upper, count[fits], high[fits])
    both = fits & known
    np.maximum.at(lower, total[both], total_low[both])
    np.minimum.at(upper, total[both], total_high[both])
    return replace(system, lower=lower, upper=upper)


def _contains(low: Floats, high: Floats, truth: Integers) -> Flags:
    return (truth < 0) | ((truth >= low) & (truth <= high))


def _half_unit(figure: Floats) -> Floats:
    """Return half a unit of the third figure."""
    with np.errstate(divide="ignore"):
        power = np.floor(np.log10(np.abs(figure)))
    return np.where(figure == 0, 0.0, 0.5 * 10.0 ** (np.where(np.isfinite(power), power, 0) - 2))
