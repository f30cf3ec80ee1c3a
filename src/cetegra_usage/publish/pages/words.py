"""The words of the pages that depend on figures: they stand in `reports/words.toml`, not in code."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from cetegra_usage.errors import ConfigurationError
from cetegra_usage.project import read_toml, root

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_FIRST_STRONG, _POP = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_DIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


@cache
def known() -> dict[str, str]:
    """Return every phrase by `section.name`.

    Raises:
        ConfigurationError: `reports/words.toml` cannot be read as TOML.
    """
    document = read_toml(root() / "reports" / "words.toml", "the words", "see docs/pages.md, Change the words")
    return {f"{section}.{key}": text for section, entries in document.items() for key, text in entries.items()}


def say(key: str, **values: Any) -> str:
    """Return a phrase of `reports/words.toml` with its places filled.

    Args:
        key: `section.name`; where `n` is 1 and there is a phrase `section.name_one`, that one.
        values: What the phrase's `{places}` stand for; the template escapes the result.

    Raises:
        ConfigurationError: The file cannot be read, or there is no such phrase, or it has a place that nothing fills.
    """
    if values.get("n") == 1 and f"{key}_one" in known():
        key = f"{key}_one"
    try:
        return known()[key].format_map(values)
    except (KeyError, ValueError, IndexError):
        pass
    raise ConfigurationError(
        f"the phrase `{key}` of reports/words.toml cannot be used",
        why=f"it is missing, or has places other than {', '.join(sorted(values)) or 'none'}",
        hint="see docs/pages.md, Change the words",
    )


def name(title: str, *, most: int | None = None) -> str:
    """Return a declared title as it may stand inside a sentence, an attribute or a chart.

    Control characters, which no page may hold, become a replacement mark; a title that changes the direction of
    writing is isolated, so that it cannot turn the words around it.

    Args:
        title: The title, as declared.
        most: Number of characters after which it is cut, with an ellipsis.
    """
    clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", title)
    if most is not None and len(clean) > most:
        clean = clean[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return f"{_FIRST_STRONG}{clean}{_POP}" if _DIRECTIONAL.search(clean) else clean
