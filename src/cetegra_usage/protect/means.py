"""What a mean tells of the count that it is taken over and of its total, or of the counts that it weighs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from cetegra_usage.protect.attack import Flags, Floats, Integers, System

_TINY = 1e-9
_MOST_TRIED = 1 << 17
"""Combinations of whole counts that are gone through for one mean; of more, only their sums are bounded."""


def narrowed(system: System, withheld: Flags, means: pl.DataFrame, truth: Integers) -> System:
    """Return the system with the bounds of counts and totals narrowed to what their means leave open.

    Args:
        system: The rows and bounds; a count that is published has finite ones.
        withheld: For each cell whether it is withheld: of such a one a mean tells nothing.
        means: `count` and `whole` (cells; -1 where the total is not published), `figure`, to three figures, and
            `weight`, null but in a mean of weighed counts: these are a `group` of rows, `parts` of them if all are.
            `within` and `leaves` are lists of the cells that the total bounds: withheld ones too.
        truth: The true count of each cell, -1 where it is not known. A mean that would exclude it (events of some who
            are no users any more) is left out: it misleads whoever uses it.
    """
    of_several, means = means.filter(pl.col("weight").is_not_null()), means.filter(pl.col("weight").is_null())
    count, total, figure = means["count"].to_numpy(), means["whole"].to_numpy(), means["figure"].to_numpy()
    shown = ~withheld[count] & np.isfinite(system.upper[count])
    count, total, figure, means = count[shown], total[shown], figure[shown], means.filter(pl.Series(shown))
    lower, upper = system.lower.copy(), system.upper.copy()
    known = (total >= 0) & ~withheld[total]
    least, most = np.where(known, lower[total], 0.0), np.where(known, upper[total], np.inf)
    half = half_unit(figure)
    low, high = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    total_low, total_high, spare = low.copy(), high.copy(), high.copy()
    for offset in range(int(np.max(upper[count] - lower[count], initial=0)) + 1):
        number = lower[count] + offset
        begin = np.ceil(np.maximum((figure - half) * number - _TINY, least))
        end = np.floor(np.minimum((figure + half) * number + _TINY, most))
        fits = (begin <= end) & (number <= upper[count])
        low[fits], high[fits] = np.minimum(low, number)[fits], np.maximum(high, number)[fits]
        total_low[fits], total_high[fits] = np.minimum(total_low, begin)[fits], np.maximum(total_high, end)[fits]
        spare[fits] = np.maximum(spare, end - number)[fits]
    fits = (low <= high) & _contains(low, high, truth[count])
    fits &= ~known | _contains(total_low, total_high, truth[total])
    np.maximum.at(lower, count[fits], low[fits])
    np.minimum.at(upper, count[fits], high[fits])
    both = fits & known
    np.maximum.at(lower, total[both], total_low[both])
    np.minimum.at(upper, total[both], total_high[both])
    at, cell = exploded(means, "within")
    true = fits[at] & _contains(total_low[at], np.full(len(at), np.inf), truth[cell])
    np.maximum.at(lower, cell[true], total_low[at[true]])
    at, cell = exploded(means, "leaves")
    true = fits[at] & _contains(np.zeros(len(at)), spare[at], truth[cell])
    np.minimum.at(upper, cell[true], spare[at[true]])
    for _, group in of_several.group_by("group", maintain_order=True):
        cells = group["count"].to_numpy()
        if len(cells) == group["parts"][0] and not withheld[cells].any() and np.isfinite(upper[cells]).all():
            low, high = weighed(lower[cells], upper[cells], group["weight"].to_numpy(), group["figure"][0])
            if (low <= high).all() and _contains(low, high, truth[cells]).all():
                lower[cells], upper[cells] = low, high
    return replace(system, lower=lower, upper=upper)


def exploded(means: pl.DataFrame, relation: str) -> tuple[Integers, Integers]:
    """Return the place of a mean and a cell for each that stands in the lists of one of its columns."""
    lists = means[relation]
    cells = lists.explode(keep_nulls=False, empty_as_null=False)
    return np.repeat(np.arange(len(means)), lists.list.len().fill_null(0)), cells.cast(pl.Int64).to_numpy()


def weighed(lower: Floats, upper: Floats, weight: Floats, mean: float) -> tuple[Floats, Floats]:
    """Return between what counts lie of which the mean, each weighed so, rounds to what is published."""
    half = float(half_unit(np.array(mean)))
    pull = weight - mean  # the mean is where the pulls of all people balance, up to half a unit of each
    if np.prod(upper - lower + 1) <= _MOST_TRIED:
        tried = np.stack(np.meshgrid(*map(np.arange, lower, upper + 1), indexing="ij"), axis=-1).reshape(-1, len(pull))
        tried = tried[np.abs(tried @ pull) <= half * tried.sum(axis=1) + _TINY]
        tried = tried[tried.any(axis=1)]
        return tried.min(axis=0, initial=np.inf), tried.max(axis=0, initial=-np.inf)
    slack = half * upper.sum()
    least, most = np.minimum(pull * lower, pull * upper), np.maximum(pull * lower, pull * upper)
    from_below, from_above = -slack - (most.sum() - most), slack - (least.sum() - least)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = from_below / pull, from_above / pull
    low, high = np.where(pull > 0, one, other), np.where(pull > 0, other, one)
    low, high = np.where(pull == 0, lower, low), np.where(pull == 0, upper, high)
    return np.maximum(lower, np.ceil(low - _TINY)), np.minimum(upper, np.floor(high + _TINY))


def _contains(low: Floats, high: Floats, truth: Integers) -> Flags:
    return (truth < 0) | ((truth >= low) & (truth <= high))


def half_unit(figure: Floats) -> Floats:
    """Return half a unit of the third figure."""
    with np.errstate(divide="ignore"):
        power = np.floor(np.log10(np.abs(figure)))
    return np.where(figure == 0, 0.0, 0.5 * 10.0 ** (np.where(np.isfinite(power), power, 0) - 2))
