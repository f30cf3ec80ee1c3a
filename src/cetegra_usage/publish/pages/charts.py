"""The charts, drawn by Altair in the theme of `reports/theme.toml`: each begins at zero and labels itself."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import altair as alt

from cetegra_usage.project import root
from cetegra_usage.publish.pages.svg import Text, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 44, 14, 30
PLOT = WIDTH - LEFT - RIGHT
"""Every panel over time has one size, and its plot one place in it."""

_TICKS = "datum.value >= 1e6 ? format(datum.value / 1e6, '~r') + 'M' : format(datum.value, ',~r')"
_BRACKETS = 3
"""Steps that a symbol in brackets needs."""
_STEP, _BELOW = 36, 26
"""Height of a row in the charts that write each thing's name above its bar, and where in it the bar lies."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel.

    Attributes:
        values: One a place on the x axis; None leaves a gap.
        label: What it says at its end.
        partial: Which values come from a window with missing days: they are drawn faint and dotted; none where empty.
        width: Its width.
        tone: Number of its colour.
    """

    values: Sequence[float | None]
    label: str
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


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a ranking, under its name.

    Attributes:
        name: What it is.
        value: Its length, or None.
        label: The figure or symbol at the right.
        before: Where it was, for a move from there to `value`.
        tone: Number of its colour.
    """

    name: str
    value: float | None
    label: str
    before: float | None = None
    tone: int = 0


@cache
def theme() -> dict[str, Any]:
    """Return the theme: `config` for Vega-Lite, and `tones`, the names of the colours in the style sheet."""
    return tomllib.loads((root() / "reports" / "theme.toml").read_text("utf-8"))


def lines(series: Sequence[Line], ticks: Sequence[tuple[int, str]], text: Text, *, right: int = RIGHT) -> Markup:
    """Draw lines over equal steps, each labelled at its end; a value with a gap on both sides is a dot.

    Args:
        series: The lines; all have as many values.
        ticks: Place and text of the labels below.
        text: The text alternative.
        right: Room for the labels at the lines' ends.
    """
    last = max(len(series[0].values) - 1, 1)
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, last], nice=False), axis=_places(ticks))
    y = _heights([value for line in series for value in line.values])
    layers: list[alt.Chart] = []
    for line in series:
        colour = _tone(line.tone)
        known = [{"x": at, "y": value} for at, value in enumerate(line.values) if value is not None]
        for values, faint in line.strands:
            rows = [{"x": at, "y": value} for at, value in enumerate(values)]
            alone = [row for at, row in enumerate(rows) if row["y"] is not None and _alone(values, at)]
            look: dict[str, Any] = {"opacity": 0.6, "strokeDash": [2, 3]} if faint else {"opacity": 1}
            layers.append(_chart(rows).mark_line(color=colour, strokeWidth=line.width, **look).encode(x=x, y=y))
            layers.append(_chart(alone).mark_circle(color=colour, size=14, opacity=look["opacity"]).encode(x=x, y=y))
        if line.label:
            layers.append(
                _chart(known[-1:])
                .mark_text(align="left", dx=6, text=line.label, color=colour, fontWeight=600)
                .encode(x=x, y=y)
            )
    return _draw(layers, text, margins=(LEFT, right, TOP, BOTTOM), steps=True)


def columns(
    values: Sequence[float | None], marks: Sequence[str], ticks: Sequence[tuple[int, str]], tone: int, text: Text
) -> Markup:
    """Draw a bar a step, from zero; where there is none, a grey ground with the letter of its symbol.

    Args:
        values: One a step.
        marks: Letter of each one's symbol, or empty.
        ticks: Place and text of the labels below.
        tone: Number of the colour.
        text: The text alternative.
    """
    scale = alt.Scale(domain=[-0.5, len(values) - 0.5], nice=False)
    x = alt.X("x:Q", scale=scale, axis=_places(ticks))
    y = _heights(values)
    bars = [{"x": at, "y": value} for at, value in enumerate(values) if value is not None]
    gaps = [
        {
            "from": start - 0.5,
            "to": end - 0.5,
            "x": (start + end - 1) / 2,
            "mark": f"[{mark}]" if end - start >= _BRACKETS else mark,
        }
        for start, end, mark in _runs(values, marks)
    ]
    width = max(2.0, PLOT / len(values) - 2)
    ground = _chart(gaps).mark_rect(color="var(--bar)", y=HEIGHT - TOP - BOTTOM - 16, y2=HEIGHT - TOP - BOTTOM)
    return _draw(
        [
            _chart(bars).mark_bar(color=_tone(tone), width=width).encode(x=x, y=y),
            ground.encode(x=alt.X("from:Q", scale=scale, axis=_places(ticks)), x2="to:Q"),
            _chart(gaps).mark_text(y=HEIGHT - TOP - BOTTOM - 7, color=_tone(0)).encode(x=x, text="mark:N"),
        ],
        text,
    )


def _runs(values: Sequence[float | None], marks: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return where each run of missing values begins and ends, and its letter."""
    runs: list[tuple[int, int, str]] = []
    for at, (value, mark) in enumerate(zip(values, marks, strict=True)):
        if value is None and runs and runs[-1][1] == at and runs[-1][2] == mark:
            runs[-1] = (runs[-1][0], at + 1, mark)
        elif value is None:
            runs.append((at, at + 1, mark))
    return runs


def ranking(bars: Sequence[Bar], text: Text) -> Markup:
    """Draw a row a thing: its name and figure, and below them its bar, or its way from where it was.

    Args:
        bars: The rows, from the top.
        text: The text alternative.
    """
    ends = [value for bar in bars for value in (bar.value, bar.before) if value is not None]
    width = alt.Scale(domain=[0, max(ends, default=0) or 1], nice=False)
    x, start = (alt.X(f"{place}:Q", scale=width, axis=None) for place in ("x", "from"))
    y = alt.Y("y:Q", scale=alt.Scale(domain=[len(bars), 0], nice=False), axis=None)
    rows = [{"y": at, "name": bar.name, "label": bar.label} for at, bar in enumerate(bars)]
    layers = [
        _chart(rows).mark_text(align="left", dy=10, color=_tone(-1)).encode(x=alt.value(0), y=y, text="name:N"),
        _chart(rows)
        .mark_text(align="right", dy=10, color=_tone(-1), fontWeight=600)
        .encode(x=alt.value(WIDTH - 4), y=y, text="label:N"),
        _chart(rows)
        .mark_rule(color="var(--bar)", strokeWidth=6, yOffset=_BELOW)
        .encode(x=alt.value(0), x2=alt.value(WIDTH - 4), y=y),
    ]
    for at, bar in enumerate(bars):
        if bar.value is None:
            continue
        way = [{"y": at, "from": bar.before or 0, "x": bar.value}]
        mark = _chart(way).mark_rule(color=_tone(bar.tone), strokeWidth=6, yOffset=_BELOW)
        layers.append(mark.encode(x=start, x2="x:Q", y=y))
        if bar.before is not None:
            layers.append(
                _chart(way).mark_circle(color=_tone(bar.tone), size=110, opacity=1, yOffset=_BELOW).encode(x=x, y=y)
            )
    return _draw(layers, text, height=len(bars) * _STEP + 4, margins=(2, 2, 0, 4))


def _chart(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=rows))


def _tone(number: int) -> str:
    """Return the colour of that number, counted from 1 and round again; 0 is the neutral one, -1 that of text."""
    if number <= 0:
        return f"var({theme()['neutral' if number == 0 else 'text']})"
    tones = theme()["tones"]
    return f"var({tones[(number - 1) % len(tones)]})"


def _places(ticks: Sequence[tuple[int, str]]) -> alt.Axis:
    label = "''"
    for at, text in ticks:
        label = f"datum.value == {at} ? '{text}' : {label}"
    return alt.Axis(values=[at for at, _ in ticks], labelExpr=label, title=None, grid=False)


def _heights(values: Sequence[float | None]) -> alt.Y:
    top = max((value for value in values if value is not None), default=0) or 1
    return alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, top], nice=3),
        axis=alt.Axis(tickCount=3, labelExpr=_TICKS, title=None),
    )


def _alone(values: Sequence[float | None], at: int) -> bool:
    before = at == 0 or values[at - 1] is None
    return before and (at + 1 == len(values) or values[at + 1] is None)


def _draw(
    layers: Sequence[alt.Chart],
    text: Text,
    *,
    height: float = HEIGHT,
    margins: tuple[int, int, int, int] = (LEFT, RIGHT, TOP, BOTTOM),
    steps: bool = False,
) -> Markup:
    left, right, top, bottom = margins
    chart = (
        alt.layer(*layers)
        .properties(
            width=WIDTH - left - right,
            height=height - top - bottom,
            autosize=alt.AutoSizeParams(type="none"),
            padding={"left": left, "right": right, "top": top, "bottom": bottom},
        )
        .configure(**theme()["config"])
    )
    return render(chart, text, plot=(left, WIDTH - right) if steps else None)
