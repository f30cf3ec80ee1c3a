"""Charts over equal steps (days, weeks, numbers of days): lines and columns from zero that label themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import altair as alt

from cetegra_usage.publish.pages.drawing import (
    BOTTOM,
    LEFT,
    PLOT_HEIGHT,
    RIGHT,
    TOP,
    WIDTH,
    chart,
    draw,
    gaps,
    heights,
    places,
    steps,
    tone,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from cetegra_usage.publish.pages.svg import Text

_ENDS = 74
"""Room for the labels at the ends of lines."""
_LINE = 13
"""Height of a line of text."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel.

    Attributes:
        values: One a place on the x axis; None leaves a gap.
        label: What stands at its end, a text a line: the last figure, and what the line is.
        partial: Which values come from a window with missing days: they are drawn faint and dotted; none where empty.
        width: Its width.
        tone: Number of its colour.
    """

    values: Sequence[float | None]
    label: Sequence[str] = ()
    partial: Sequence[bool] = ()
    width: float = 2.2
    tone: int = 0

    @property
    def strands(self) -> list[tuple[list[float | None], bool]]:
        """Return what is drawn firmly and what faintly; a faint stretch reaches to the firm values beside it."""
        if not any(self.partial):
            return [([*self.values], False)]
        firm = [None if faint else value for value, faint in zip(self.values, self.partial, strict=True)]
        near = [any(self.partial[max(at - 1, 0) : at + 2]) for at in range(len(self.values))]
        return [(firm, False), ([value if one else None for value, one in zip(self.values, near, strict=True)], True)]


def lines(series: Sequence[Line], marks: Sequence[str], ticks: Sequence[tuple[int, str]], text: Text) -> Markup:
    """Draw lines over equal steps, each labelled at its end; a value with a gap on both sides is a dot.

    Args:
        series: The lines; all have as many values.
        marks: Letter of the symbol of each value of the last line, or empty: it says why there is a gap.
        ticks: Place and text of the labels below.
        text: The text alternative.
    """
    last = max(len(series[0].values) - 1, 1)
    axis = places(ticks)
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, last], nice=False), axis=axis)
    counts = steps([value for line in series for value in line.values])
    y = heights(counts)
    width = WIDTH - LEFT - _ENDS
    layers = gaps(series[-1].values, marks, (0, last), axis, width / last)
    for line in series:
        for values, faint in line.strands:
            rows = [{"x": at, "y": value} for at, value in enumerate(values)]
            alone = [row for at, row in enumerate(rows) if row["y"] is not None and _alone(values, at)]
            look: dict[str, Any] = {"opacity": 0.6, "strokeDash": [2, 3]} if faint else {"opacity": 1}
            colour = tone(line.tone)
            layers.append(chart(rows).mark_line(color=colour, strokeWidth=line.width, **look).encode(x=x, y=y))
            if alone:
                dots = chart(alone).mark_circle(color=colour, size=14, opacity=look["opacity"])
                layers.append(dots.encode(x=x, y=y))
    return draw([*layers, *_labels(series, counts[-1], x, y)], text, margins=(LEFT, _ENDS, TOP, BOTTOM), read=True)


def _labels(series: Sequence[Line], top: float, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return the labels at the lines' ends, beside their last values but never one over another."""
    wanted: list[tuple[float, Line]] = []
    for line in series:
        known = [value for value in line.values if value is not None]
        if known and line.label:
            wanted.append((PLOT_HEIGHT * (1 - known[-1] / top) - _LINE * len(line.label) / 2, line))
    wanted.sort(key=lambda one: one[0])
    room = sum(_LINE * len(line.label) for _, line in wanted)
    free, layers = float(-TOP), list[alt.Chart]()
    for begin, line in wanted:
        at = max(min(begin, PLOT_HEIGHT + 4 - room), free)
        for number, said in enumerate(line.label):
            row = {"x": len(line.values) - 1, "y": top * (1 - (at + _LINE * (number + 0.5)) / PLOT_HEIGHT)}
            look: dict[str, Any] = {"color": tone(line.tone), "fontWeight": 600 if number == 0 else 400}
            layers.append(chart([row]).mark_text(align="left", dx=6, text=said, **look).encode(x=x, y=y))
        free = at + _LINE * len(line.label)
        room -= _LINE * len(line.label)
    return layers


def columns(
    values: Sequence[float | None], marks: Sequence[str], ticks: Sequence[tuple[int, str]], number: int, text: Text
) -> Markup:
    """Draw a bar a step, from zero; where there is none, a ground with its symbol.

    Args:
        values: One a step.
        marks: Letter of each one's symbol, or empty.
        ticks: Place and text of the labels below.
        number: Of the colour.
        text: The text alternative.
    """
    axis, domain = places(ticks), (-0.5, len(values) - 0.5)
    step = (WIDTH - LEFT - RIGHT) / len(values)
    bars = [{"x": at, "y": value} for at, value in enumerate(values) if value is not None]
    return draw(
        [
            *gaps(values, marks, domain, axis, step),
            chart(bars)
            .mark_bar(color=tone(number), width=max(2.0, step - 2))
            .encode(x=alt.X("x:Q", scale=alt.Scale(domain=[*domain], nice=False), axis=axis), y=heights(steps(values))),
        ],
        text,
    )


def _alone(values: Sequence[float | None], at: int) -> bool:
    before = at == 0 or values[at - 1] is None
    return before and (at + 1 == len(values) or values[at + 1] is None)
