"""What changed between two releases, and whether it can be more than rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cetegra_usage.publish.pages.cells import points
from cetegra_usage.publish.pages.words import say

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.cells import Cell


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between two published figures.

    Attributes:
        text: As it is written, with its sign and unit.
        words: As it is said in a sentence.
        value: Relative for counts, in points (hundredths) for ratios; None where nothing can be compared.
        clear: Whether it is worth telling, and rounding alone cannot explain it.
        partial: Whether it was not measured, since days are missing from one of the two.
        brief: As it is written under a heading that names its unit.
    """

    text: str
    words: str
    value: float | None
    clear: bool
    partial: bool = False
    brief: str = ""


_NOTABLE = 0.005
"""Half a point: less is not told as a change of a share."""

NONE = Change("", "", None, clear=False)


def of_counts(now: Cell, before: Cell, *, rounding: int, scale: float = 1) -> Change:
    """Compare two counts.

    Args:
        now: The figure of this release.
        before: That of the earlier one.
        rounding: Both are rounded to multiples of it.
        scale: What `before` is multiplied by, where the earlier period has more or fewer days.

    A figure from a window with missing days is not compared: what is missing would look like a change.
    """
    if now.value is None or before.value is None:
        return NONE
    if "partial" in {now.status, before.status}:
        return Change(say("change.partial"), "", None, clear=False, partial=True)
    if not before.value:
        return _unclear("from_zero", None) if now.value else _unclear("same", 0.0)
    was = before.value * scale
    slack = rounding / 2 * (1 + scale) if rounding > 1 else 0
    difference = now.value - was
    if abs(difference) <= slack:
        return _unclear("same", 0.0)
    return _clear("up" if difference > 0 else "down", f"{abs(difference) / was:.1%}", difference / was)


def of_ratios(now: Cell, before: Cell, bases: tuple[Cell, Cell], *, rounding: int) -> Change:
    """Compare two ratios of rounded counts.

    Args:
        now: The figure of this release.
        before: That of the earlier one.
        bases: The denominators of the two.
        rounding: The counts behind them are rounded to multiples of it.
    """
    if now.value is None or before.value is None:
        return NONE
    difference = now.value - before.value
    slack = sum(_slack(one.value, base.value, rounding) for one, base in zip((now, before), bases, strict=True))
    if abs(difference) <= slack or abs(difference) < _NOTABLE:
        return _unclear("same", 0.0)
    way = "up" if difference > 0 else "down"
    return _clear(f"points_{way}", points(difference), difference * 100, brief=way)


def _slack(ratio: float | None, base: float | None, rounding: int) -> float:
    """Return how far a ratio can be from the exact one when both counts are half a step off."""
    return (1 + (ratio or 0)) * rounding / 2 / base if base and rounding > 1 else 0


def _clear(key: str, n: str, value: float, *, brief: str = "") -> Change:
    return Change(
        say(f"change.{key}", n=n),
        say(f"change.{key}_words", n=n),
        value,
        clear=True,
        brief=say(f"change.{brief or key}", n=n),
    )


def _unclear(key: str, value: float | None) -> Change:
    brief = say("change.same_brief" if key == "same" else f"change.{key}")
    return Change(say(f"change.{key}"), say(f"change.{key}_words"), value, clear=False, brief=brief)
