"""What do the words and symbols mean, where are the data, and how can it be done again?"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any]:
    """Return what protects, and each published table with its definition and its files."""
    view = facts.view
    known = [definition for name, definition in view.definitions.items() if name in view.tables]
    return {
        "threshold": view.threshold,
        "rounding": view.rounding,
        "event_cap": view.event_cap,
        "definitions": known,
        "files": [
            (one.title, [file for file in view.files if PurePosixPath(file.path).stem == one.name]) for one in known
        ],
        "period": view.period.key,
    }
