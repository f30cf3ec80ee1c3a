"""The charts, drawn by Altair in the theme of `reports/theme.toml`: every one starts at zero and labels itself."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from cetegra_usage.project import root
from cetegra_usage.publish.pages.svg import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt
    from markupsafe import Markup

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 44, 14, 22
PLOT = WIDTH - LEFT - RIGHT
"""Every panel has one size, and its plot one place in it: the script finds a day by its share of the width."""

_COUNT_TICKS = "datum.value >= 1e6 ? format(datum.value / 1e6, '~r') + 'M' : format(datum.value, ',~r')"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel.

    Attributes:
        values: One a place on the x axis; None leaves a gap.
        label: What it says at its end.
        width: Its width.
        opacity: Its opacity.
    """

    values: Sequence[float | None]
    label: str
    width: float = 2.2
    opacity: float = 1


@cache
def theme() -> dict[str, Any]:
    """Return the theme: `config` for Vega-Lite, and `tones`, the names of the colours in the style sheet."""
    return tomllib.loads((root() / "reports" / "theme.toml").read_text("utf-8"))


def tone(number: int) -> str:
    """Return the style sheet's colour of that number, counted from 1 and round again; 0 is the neutral one."""
    tones = theme()["tones"]
    return f"var({tones[(number - 1) % len(tones)]})" if number else f"var({theme()['neutral']})"


def _panel(*layers: alt.Chart, height: int = HEIGHT) -> alt.TopLevelMixin:
    import altair as alt  # noqa: PLC0415  # heavy: only where a chart is really drawn

    return (
        alt.layer(*layers)
        .properties(
            width=PLOT,
            height=height - TOP - BOTTOM,
            autosize=alt.AutoSizeParams(type="none"),
            padding={"left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
        )
        .configure(**theme()["config"])
    )


def lines(  # noqa: PLR0913
    series: Sequence[Line],
    ticks: Sequence[tuple[int, str]],
    *,
    colour: int,
    title: str,
    description: str,
    id: str,  # noqa: A002
) -> Markup:
    """Draw lines over equal steps from zero, each labelled at its end.

    Args:
        series: The lines; all have as many values.
        ticks: Place and text of the labels below.
        colour: Number of the tone.
        title: The text alternative's name.
        description: The text alternative.
        id: Unique in the page.
    """
    import altair as alt  # noqa: PLC0415

    steps = max(len(series[0].values) - 1, 1)
    known = [value for line in series for value in line.values if value is not None]
    top = max(known, default=0) or 1
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[0, steps], nice=False),
        axis=alt.Axis(values=[at for at, _ in ticks], labelExpr=_labels(ticks), title=None, grid=False),
    )
    y = alt.Y(
        "y:Q", scale=alt.Scale(domain=[0, top], nice=3), axis=alt.Axis(tickCount=3, labelExpr=_COUNT_TICKS, title=None)
    )
    layers: list[alt.Chart] = []
    for line in series:
        rows = [{"x": at, "y": value} for at, value in enumerate(line.values)]
        known_rows = [row for row in rows if row["y"] is not None]
        alone = [row for at, row in enumerate(rows) if row["y"] is not None and _alone(line.values, at)]
        layers.append(
            alt.Chart(alt.Data(values=rows))
            .mark_line(color=tone(colour), strokeWidth=line.width, opacity=line.opacity, strokeJoin="round")
            .encode(x=x, y=y)
        )
        if alone:
            layers.append(
                alt.Chart(alt.Data(values=alone))
                .mark_circle(color=tone(colour), size=14, opacity=line.opacity)
                .encode(x=x, y=y)
            )
        if known_rows and line.label:
            layers.append(
                alt.Chart(alt.Data(values=known_rows[-1:]))
                .mark_text(align="left", dx=5, text=line.label, color=tone(colour), fontWeight=600)
                .encode(x=x, y=y)
            )
    return render(_panel(*layers), title=title, description=description, id=id)


def _alone(values: Sequence[float | None], at: int) -> bool:
    before = at == 0 or values[at - 1] is None
    return before and (at + 1 == len(values) or values[at + 1] is None)


def _labels(ticks: Sequence[tuple[int, str]]) -> str:
    text = "''"
    for at, label in ticks:
        text = f"datum.value == {at} ? '{label}' : {text}"
    return text
