"""One file a page: the template, the style sheet and the script, under a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from cetegra_usage.project import root, version
from cetegra_usage.publish.pages import cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


def page(template: str, **context: Any) -> str:
    """Render a template of `reports/templates` to a page.

    Args:
        template: Its file name.
        context: What it shows; everything is escaped.

    The policy forbids every request, and runs and applies only the style sheet and script whose hashes it names.
    """
    style, script = _file("style.css"), _file("script.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return (
        _environment()
        .get_template(template)
        .render(
            **context,
            policy=policy,
            style=Markup(style),  # noqa: S704  # our own file; its hash stands in the policy
            script=Markup(script),  # noqa: S704  # likewise
            version=version(),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root() / "reports" / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": cells.count, "bytes": size}
    return environment


def _file(name: str) -> str:
    text = (root() / "reports" / name).read_text("utf-8").strip()
    return "\n" + text + "\n"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def day(value: Any, *, year: bool = False, weekday: bool = False) -> str:
    """Write a date: `1 Apr`, `Wed 1 Apr`, `1 Apr 2026`."""
    text = f"{value.day} {value:%b}"
    return (f"{value:%a} " if weekday else "") + text + (f" {value.year}" if year else "")


def ticks(days: Sequence[date], step: int) -> list[tuple[int, str]]:
    """Return place and text of the labels below a chart of days, one every so many places."""
    return [(at, day(one)) for at, one in enumerate(days) if at % step == 0]


def size(number: int) -> str:
    """Write a file's size: `3.2 kB`."""
    return f"{number:,} B" if number < 1000 else f"{number / 1000:,.1f} kB"  # noqa: PLR2004  # kilo
