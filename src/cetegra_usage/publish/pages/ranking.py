"""A chart with a row a thing: its name, and below it its bar, or its way from where it was, and its figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt

from cetegra_usage.publish.pages.drawing import WIDTH, chart, draw, tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from cetegra_usage.publish.pages.svg import Text

_STEP, _BELOW = 36, 26
"""Height of a row, and where in it the bar lies."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, under its name.

    Attributes:
        name: What it is.
        value: Its length, or None.
        label: The figure or symbol beside the bar.
        before: Where it was, for a move from there to `value`.
        tone: Number of its colour.
    """

    name: str
    value: float | None
    label: str
    before: float | None = None
    tone: int = 0


def ranking(bars: Sequence[Bar], text: Text, *, room: int, full: float | None = None) -> Markup:
    """Draw the bars, from the top.

    Args:
        bars: The rows.
        text: The text alternative.
        room: Pixels that the labels take, at the right of the bars.
        full: What the whole width stands for; the greatest value where there is none.
    """
    ends = [value for bar in bars for value in (bar.value, bar.before) if value is not None]
    width = alt.Scale(domain=[0, full or max(ends, default=0) or 1], nice=False)
    x, start = (alt.X(f"{place}:Q", scale=width, axis=None) for place in ("x", "from"))
    y = alt.Y("y:Q", scale=alt.Scale(domain=[len(bars), 0], nice=False), axis=None)
    end = WIDTH - 4 - room
    rows = [{"y": at, "name": bar.name, "label": bar.label} for at, bar in enumerate(bars)]
    layers = [
        chart(rows).mark_text(align="left", dy=10, color=tone(-1)).encode(x=alt.value(0), y=y, text="name:N"),
        chart(rows)
        .mark_text(align="left", dy=_BELOW, color=tone(-1), fontWeight=600)
        .encode(x=alt.value(end + 8), y=y, text="label:N"),
        chart(rows)
        .mark_rule(color="var(--bar)", strokeWidth=6, yOffset=_BELOW)
        .encode(x=alt.value(0), x2=alt.value(end), y=y),
    ]
    ways = [
        {"y": at, "from": bar.before or 0, "x": bar.value, "tone": tone(bar.tone), "moved": bar.before is not None}
        for at, bar in enumerate(bars)
        if bar.value is not None
    ]
    colour = alt.Color("tone:N", scale=None, legend=None)
    layers += [
        chart(ways).mark_rule(strokeWidth=6, yOffset=_BELOW).encode(x=start, x2="x:Q", y=y, color=colour),
        chart([way for way in ways if way["moved"]])
        .mark_circle(size=110, opacity=1, yOffset=_BELOW)
        .encode(x=x, y=y, color=colour),
    ]
    return draw(layers, text, height=len(bars) * _STEP + 4, margins=(2, room + 2, 0, 4))
