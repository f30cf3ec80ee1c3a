"""What every chart shares: its theme, its place in the page, its scale from zero, and how what is missing is drawn."""

from __future__ import annotations

import json
from functools import cache
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

import altair as alt

from cetegra_usage.project import read_toml, root
from cetegra_usage.publish.pages.svg import Text, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 20, 14, 30
PLOT_HEIGHT = HEIGHT - TOP - BOTTOM

_TICKS = "datum.value >= 1e6 ? format(datum.value / 1e6, '~r') + 'M' : format(datum.value, ',~r')"
_LETTER, _BRACKETS = 6, 18
"""Room in pixels that a symbol's letter needs, and that the whole symbol needs."""


@cache
def theme() -> dict[str, Any]:
    """Return the theme: `config` for Vega-Lite, and `tones`, the names of the colours in the style sheet."""
    return read_toml(root() / "reports" / "theme.toml", "the theme", "see docs/pages.md, Change the look")


def tone(number: int) -> str:
    """Return the colour of that number, counted from 1 and round again; 0 is the neutral one, -1 that of text."""
    if number <= 0:
        return f"var({theme()['neutral' if number == 0 else 'text']})"
    tones = theme()["tones"]
    return f"var({tones[(number - 1) % len(tones)]})"


def chart(rows: list[dict[str, Any]]) -> alt.Chart:
    """Return a chart of these rows, without a mark yet."""
    return alt.Chart(alt.Data(values=rows))


def places(ticks: Sequence[tuple[int, str]]) -> alt.Axis:
    """Return the axis below a chart: place and text of each label."""
    label = "''"
    for at, text in ticks:
        label = f"datum.value == {at} ? {json.dumps(text)} : {label}"
    return alt.Axis(values=[at for at, _ in ticks], labelExpr=label, title=None, grid=False)


def steps(values: Sequence[float | None]) -> list[int]:
    """Return the labels of a scale of counts from zero: two to four round numbers, the last one above every value."""
    most = max((value for value in values if value is not None), default=0) or 1
    rough = most / 3
    power = 10 ** max(floor(log10(rough)), 0)
    step = next(round(many * power) for many in (1, 2, 5, 10) if many * power >= rough)
    return [*range(0, step * ceil(most / step) + 1, step)]


def heights(scale: Sequence[int]) -> alt.Y:
    """Return the y axis of a scale that `steps` gave."""
    return alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, scale[-1]], nice=False),
        axis=alt.Axis(values=[*scale], labelExpr=_TICKS, title=None),
    )


def gaps(
    values: Sequence[float | None], marks: Sequence[str], domain: tuple[float, float], axis: alt.Axis, width: float
) -> list[alt.Chart]:
    """Return what is drawn where there is no figure: a ground with the symbol, dashed where days are missing.

    Args:
        values: One a step of the x axis.
        marks: Letter of each one's symbol, or empty.
        domain: Where the x axis begins and ends, in steps.
        axis: The axis below.
        width: Pixels between two steps.
    """
    low, high = domain
    scale = alt.Scale(domain=[low, high], nice=False)
    layers: list[alt.Chart] = []
    for start, end, mark in _runs(values, marks):
        ends = max(start - 0.5, low), min(end - 0.5, high)
        room = (ends[1] - ends[0]) * width
        row = {"from": ends[0], "to": ends[1], "x": sum(ends) / 2, "mark": _symbol(mark, room)}
        missing = mark == "x"
        look: dict[str, Any] = {"color": "var(--bar)", "opacity": 0.6}
        if missing:
            look = {"fill": "none", "stroke": "var(--bad)", "strokeDash": [3, 2], "strokeWidth": 1}
        layers += [
            chart([row])
            .mark_rect(y=0, y2=PLOT_HEIGHT, **look)
            .encode(x=alt.X("from:Q", scale=scale, axis=axis), x2="to:Q"),
            chart([row])
            .mark_text(y=PLOT_HEIGHT - 8, color="var(--bad)" if missing else tone(0))
            .encode(x=alt.X("x:Q", scale=scale, axis=axis), text="mark:N"),
        ]
    return layers


def _symbol(mark: str, room: float) -> str:
    return f"[{mark}]" if room >= _BRACKETS else mark if room >= _LETTER else ""


def _runs(values: Sequence[float | None], marks: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return where each run of missing values begins and ends, and its letter."""
    runs: list[tuple[int, int, str]] = []
    for at, (value, mark) in enumerate(zip(values, marks, strict=True)):
        if value is None and runs and runs[-1][1] == at and runs[-1][2] == mark:
            runs[-1] = (runs[-1][0], at + 1, mark)
        elif value is None:
            runs.append((at, at + 1, mark))
    return runs


def draw(
    layers: Sequence[alt.Chart],
    text: Text,
    *,
    height: float = HEIGHT,
    margins: tuple[int, int, int, int] = (LEFT, RIGHT, TOP, BOTTOM),
    read: bool = False,
) -> Markup:
    """Draw the layers in the theme.

    Args:
        layers: The marks, the lowest first.
        text: The text alternative.
        height: Of the whole chart, in pixels.
        margins: Left, right, top and bottom of the plot.
        read: Whether the script may read a step of it.
    """
    left, right, top, bottom = margins
    drawn = (
        alt.layer(*layers)
        .properties(
            width=WIDTH - left - right,
            height=height - top - bottom,
            autosize=alt.AutoSizeParams(type="none"),
            padding={"left": left, "right": right, "top": top, "bottom": bottom},
        )
        .configure(**theme()["config"])
    )
    return render(drawn, text, plot=(left, WIDTH - right) if read else None)
