"""Rounding: what is left of an exact mart once it is known which of its counts are withheld.

A figure depends on its true value and the settings alone, so the same true cell is the same figure in every table and
revision, and no attacker learns from comparing two roundings of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage.model import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cetegra_usage.definitions import MeasureDefinition, TableDefinition
    from cetegra_usage.settings import Disclosure

WORST_FIRST = ("unavailable", "withheld", "undefined", "partial", "published")
WITHHELD = "withheld"
_RANK = {status: rank for rank, status in enumerate(WORST_FIRST)}


def round_half_up(count: int, step: int) -> int:
    """Return the multiple of `step` nearest to a count; of two equally near, the greater."""
    return (2 * count + step) // (2 * step) * step


def interval(figure: int, disclosure: Disclosure) -> tuple[int, int]:
    """Return the least and greatest count that a published figure can stand for.

    A count that is published is a true 0, or has at least `threshold` behind it: unless it was released before the
    threshold was raised.
    """
    step = disclosure.rounding
    least, greatest = figure - step // 2, figure + (step - 1) // 2
    if figure == 0:
        return (0, 0) if greatest < disclosure.threshold else (0, greatest)
    return (max(least, disclosure.threshold) if greatest >= disclosure.threshold else least), greatest


def three_figures(value: float) -> float:
    """Return a value rounded to three significant figures."""
    return float(f"{value:.3g}")


def publish(
    table: TableDefinition, frame: pl.DataFrame, withheld: Mapping[str, pl.Series], disclosure: Disclosure
) -> pl.DataFrame:
    """Turn an exact mart into what readers see.

    Args:
        table: The table's definition.
        frame: The mart: `period`, dimensions, `m`, `m_status`; `m_people` and `m_top` are left behind.
        withheld: For each measure a mask, aligned to `frame`: true where it is withheld. Ratios follow their parts.
        disclosure: Threshold and rounding.

    Returns:
        `period`, the dimensions, and for each measure in the contract's order `m` and `m_status`; a figure that has no
        status `published` or `partial` is null.
    """
    out = frame.select("period", *table.grain)
    for measure in table.measures:
        if measure.kind == "ratio":
            continue
        name = measure.name
        value, status = frame[name], _status(frame[f"{name}_status"], withheld[name])
        if disclosure.rounding > 1:
            value = _rounded(value, measure, disclosure.rounding)
        out = out.with_columns(value.alias(name), status.alias(f"{name}_status")).with_columns(_only_shown(name))
    for measure in table.measures:
        if measure.kind == "ratio":
            out = _with_ratio(out, table, measure)
    return out.select(
        "period",
        *table.grain,
        *(column for measure in table.measures for column in (measure.name, f"{measure.name}_status")),
    )


def _status(status: pl.Series, withheld: pl.Series) -> pl.Series:
    """Return the availability, but `withheld` where protection says so and there is something to tell."""
    there = status != "unavailable"  # `undefined` too: it would tell that the count below is 0
    return pl.select(pl.when(there & withheld).then(pl.lit(WITHHELD)).otherwise(status)).to_series()


def _rounded(value: pl.Series, measure: MeasureDefinition, step: int) -> pl.Series:
    if measure.kind == "count":
        return (2 * value + step) // (2 * step) * step
    return pl.Series(value.name, [None if item is None else three_figures(item) for item in value], dtype=pl.Float64)


def _only_shown(name: str) -> pl.Expr:
    return pl.when(pl.col(f"{name}_status").is_in(["published", "partial"])).then(pl.col(name)).otherwise(None)


def _with_ratio(out: pl.DataFrame, table: TableDefinition, measure: MeasureDefinition) -> pl.DataFrame:
    """Add a ratio, made from the published figures alone, with the worst status of its parts."""
    numerator, denominator, over = measure.numerator, measure.denominator, measure.denominator_over
    below = out.select(
        "period", *table.grain, _under=pl.col(f"{denominator}"), _under_status=pl.col(f"{denominator}_status")
    )
    key = ["period", *(dimension for dimension in table.grain if dimension != over)]
    if over is not None:
        below = below.filter(pl.col(over) == ALL).drop(over)
    out = out.join(below, on=key, how="left", maintain_order="left")
    status = pl.min_horizontal(
        pl.col(f"{numerator}_status").replace_strict(_RANK, return_dtype=pl.Int8),
        pl.col("_under_status").replace_strict(_RANK, return_dtype=pl.Int8),
        pl.when(pl.col("_under") == 0).then(_RANK["undefined"]).otherwise(_RANK["published"]).cast(pl.Int8),
    ).replace_strict(dict(enumerate(WORST_FIRST)), return_dtype=pl.String)
    # Every ratio of the contract is a share.
    value = pl.min_horizontal(pl.col(f"{numerator}") / pl.col("_under"), pl.lit(1.0))
    return (
        out.with_columns(value.alias(measure.name), status.alias(f"{measure.name}_status"))
        .with_columns(_only_shown(measure.name))
        .drop("_under", "_under_status")
    )
