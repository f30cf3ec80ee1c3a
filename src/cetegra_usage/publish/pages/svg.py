"""From a chart to a small SVG that belongs into the page: no ids, no styles of its own, no size in pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from markupsafe import Markup

if TYPE_CHECKING:
    import altair as alt

_SVG = "{http://www.w3.org/2000/svg}"
_KEPT = frozenset(
    {
        "d",
        "fill",
        "stroke",
        "stroke-width",
        "stroke-dasharray",
        "stroke-linecap",
        "stroke-linejoin",
        "text-anchor",
        "transform",
        "opacity",
        "fill-opacity",
        "stroke-opacity",
        "font-weight",
        "font-size",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "width",
        "height",
        "r",
        "cx",
        "cy",
    }
)
_DEFAULTS = frozenset(
    {
        ("opacity", "1"),
        ("transform", "translate(0,0)"),
        ("font-size", "12px"),
        ("font-weight", "400"),
        ("text-anchor", "start"),
        ("stroke-width", "1"),
        ("y2", "0"),
    }
)
_QUIET = "var(--mut)"
"""The colour that the style sheet gives a chart's text that has none: that of its axes."""
_PLACE = re.compile(r"translate\(([^,]+),([^,]+)\)")
_LONG = re.compile(r"\d+\.\d{2,}")


@dataclass(frozen=True, slots=True)
class Text:
    """What a chart is for those who cannot see it.

    Attributes:
        id: Unique in the page.
        title: What it is.
        description: What can be seen in it.
    """

    id: str
    title: str
    description: str


def render(chart: alt.TopLevelMixin, text: Text, *, plot: tuple[int, int] | None = None) -> Markup:
    """Render a chart to an SVG element with a text alternative.

    Args:
        chart: The chart, in its theme.
        text: What it is for those who cannot see it.
        plot: Where its first and last step lie, for the script that reads a day.

    The renderer's marks carry a role and a label each; one text alternative for the whole chart and the table behind it
    serve better, and take a tenth of the bytes.
    """
    import vl_convert  # noqa: PLC0415  # 60 MB: only where a chart is really drawn

    root = ET.fromstring(vl_convert.vegalite_to_svg(chart.to_dict(validate=False)))  # noqa: S314
    width, height = root.attrib["width"], root.attrib["height"]
    kept = ET.Element("svg", {"viewBox": f"0 0 {width} {height}", "class": "chart", "role": "img"})
    kept.set("aria-labelledby", f"{text.id}-t {text.id}-d")
    if plot:
        kept.set("data-x", f"{plot[0]} {plot[1]}")
    ET.SubElement(kept, "title", {"id": f"{text.id}-t"}).text = text.title
    ET.SubElement(kept, "desc", {"id": f"{text.id}-d"}).text = text.description
    for child in root:
        if child.tag != f"{_SVG}rect":
            _copy(child, kept)
    return Markup(ET.tostring(kept, encoding="unicode"))  # noqa: S704  # the serializer has escaped every text


def _copy(source: ET.Element, target: ET.Element) -> None:
    tag = source.tag.removeprefix(_SVG)
    if tag == "defs" or source.get("display") == "none" or source.get("opacity") == "0" or source.get("d") == "":
        return
    if tag == "path" and source.get("class") in {"background", "foreground"}:
        return
    attributes = {
        key: _LONG.sub(_short, value)
        for key, value in source.attrib.items()
        if key in _KEPT and (key, value) not in _DEFAULTS
    }
    place = _PLACE.fullmatch(attributes.get("transform", ""))
    if tag == "text" and place:
        del attributes["transform"]
        attributes |= {"x": place[1], "y": place[2]}
        if attributes.get("fill") == _QUIET:
            del attributes["fill"]
    if tag == "path" and _joined(target, attributes):
        return
    made = ET.Element(tag, attributes)
    made.text = source.text
    for child in source:
        _copy(child, made)
    if tag != "g":
        target.append(made)
    elif len(made) and not attributes:
        target.extend(list(made))
    elif len(made):
        target.append(made)


def _joined(target: ET.Element, attributes: dict[str, str]) -> bool:
    """Join filled shapes of one look to one path, as the bars of a chart are; say whether it was done."""
    last = target[-1] if len(target) else None
    if last is None or "fill" not in attributes or last.attrib | {"d": ""} != attributes | {"d": ""}:
        return False
    last.set("d", last.attrib["d"] + attributes["d"])
    return True


def _short(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")


def spark(values: list[float | None], *, width: int = 164, height: int = 36) -> str:
    """Return the path of a sparkline from zero to its own greatest value; a gap where a value is missing.

    A value with gaps on both sides is a dot. Places are whole numbers, each told from the one before: a page has
    hundreds of these.
    """
    top = max((value for value in values if value is not None), default=0) or 1
    step = width // max(len(values) - 1, 1)
    path, before = "", None
    for at, value in enumerate(values):
        if value is None:
            before = None
            continue
        down = 2 + height - round(height * value / top)
        path += f"M{2 + at * step} {down}" if before is None else f"l{step} {down - before}"
        if before is None and (at + 1 == len(values) or values[at + 1] is None):
            path += "h0"
        before = down
    return path.replace(" -", "-")
