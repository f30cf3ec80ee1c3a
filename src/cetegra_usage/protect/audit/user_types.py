"""Releases that tell of no single user type: then types need not be attacked one by one.

Nothing ties the types of a count but that they add up, and what ties counts of one type ties those of all types. So any
counts of all types that fit what was published can be those of one type alone, whichever it is: of each the attacker
knows that it is 0 at least and at most the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage.protect.audit.facts import SHOWN, counts, dimensions, placed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cetegra_usage.protect.audit.facts import Release
    from cetegra_usage.settings import Disclosure

Errata = frozenset[tuple[str, str, int]]


def hidden(releases: Sequence[Release], errata: Errata, disclosure: Disclosure) -> bool:
    """Return whether the releases, the newest last, tell of no type more than that it is nobody where nobody is.

    Args:
        releases: The period and the tables of each release.
        errata: Table, measure and row of what the newest withholds and an earlier one shows, of another state.
        disclosure: Threshold and rounding: a count of all types, where it is shown, is at least the rounding.
    """
    frames = [(name, frame) for _, tables in releases for name, frame in tables.items() if "user_type" in frame.columns]
    kinds = {tuple(sorted(frame["user_type"].unique())) for _, frame in frames}
    if disclosure.rounding > disclosure.threshold or len(kinds) != 1 or len(next(iter(kinds))) <= len(["all", "one"]):
        return False
    return all(_says_nothing(frame) for _, frame in frames) and not _kept(releases, errata)


def _says_nothing(frame: pl.DataFrame) -> bool:
    """Return whether a table has each type beside each total, and tells of it what the total does."""
    pairs, wholes = _beside(frame), len(_of_all(frame))
    if not len(pairs) == len(frame) - wholes == wholes * pairs["user_type"].n_unique():
        return False
    for measure in (name for name in frame.columns if f"{name}_status" in frame.columns):
        own, whole = pl.col(f"{measure}_status"), pl.col(f"{measure}_status_of_all")
        is_count = pl.lit(value=frame.schema[measure].is_integer())
        nobody = whole.is_in(SHOWN) & (pl.col(f"{measure}_of_all") == 0) & is_count
        told = own.is_in(SHOWN) & (pl.col(measure) == 0) & nobody
        silent = (own == "withheld") & (whole != "unavailable") & ~nobody
        alike = own.is_in(["unavailable", "undefined"]) & (own == whole)
        if not pairs.select((told | silent | alike).all()).item():
            return False
    return True


def _kept(releases: Sequence[Release], errata: Errata) -> bool:
    """Return whether the newest release withholds of a type what the last before showed, and does not say so."""
    *earlier, (period, tables) = releases
    for name, frame in tables.items():
        if "user_type" not in frame.columns:
            continue
        before = [(of, held[name]) for of, held in earlier if name in held]
        for measure in counts(frame) if before else ():
            own, *then = (
                placed(of, table).with_columns(status=table[f"{measure}_status"])
                for of, table in [(period, frame), *before]
            )
            own = own.with_row_index("row").filter(pl.col("user_type") != "all", pl.col("status") == "withheld")
            silent = own.filter(~pl.col("row").is_in([row for *which, row in errata if which == [name, measure]]))
            last = pl.concat(then).filter(pl.col("status") != "unavailable")
            last = last.unique(pl.exclude("status"), keep="last").filter(pl.col("status").is_in(SHOWN))
            if len(silent.join(last, on=[of for of in last.columns if of != "status"], how="semi", nulls_equal=True)):
                return True
    return False


def totals(releases: Sequence[Release]) -> list[Release]:
    """Return the releases without the rows of single types."""
    return [(period, {name: _of_all(frame) for name, frame in tables.items()}) for period, tables in releases]


def of_totals(errata: Errata, tables: Mapping[str, pl.DataFrame]) -> Errata:
    """Return those errata of a release that are about all types, with their rows among its totals."""
    at = {
        (name, row): place
        for name, frame in tables.items()
        for place, row in enumerate(_of_all(frame.with_row_index("row"))["row"])
    }
    return frozenset((name, measure, at[name, row]) for name, measure, row in errata if (name, row) in at)


def single(tables: Mapping[str, pl.DataFrame], errata: Errata) -> tuple[list[float], int]:
    """Return what single types' counts, where they are withheld, are beside, and how many of them are errata.

    The first is, for each such count, the figure of all types; not a number where that is withheld too.
    """
    figures: list[float] = []
    recalled = 0
    for name, frame in tables.items():
        if "user_type" not in frame.columns:
            continue
        rows = set(frame.with_row_index("row").filter(pl.col("user_type") != "all")["row"])
        recalled += sum(table == name and row in rows for table, _, row in errata)
        pairs = _beside(frame)
        for measure in counts(frame):
            hidden = pairs.filter(pl.col(f"{measure}_status") == "withheld")
            figures += hidden[f"{measure}_of_all"].cast(pl.Float64).fill_null(float("nan")).to_list()
    return figures, recalled


def _of_all(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("user_type") == "all") if "user_type" in frame.columns else frame


def _beside(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of single types, each beside that of all types."""
    place = [name for name in (*dimensions(frame), "period") if name != "user_type"]
    parts = frame.filter(pl.col("user_type") != "all")
    return parts.join(_of_all(frame), on=place, suffix="_of_all", validate="m:1")
