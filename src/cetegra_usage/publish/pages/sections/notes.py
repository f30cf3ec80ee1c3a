"""What do the words and symbols mean, where are the data, and how can it be done again?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.facts import Facts


def section(facts: Facts) -> dict[str, Any]:
    """Return what protects, the definition of each published table, and the files."""
    view = facts.view
    return {
        "threshold": view.threshold,
        "rounding": view.rounding,
        "event_cap": view.event_cap,
        "definitions": [definition for name, definition in view.definitions.items() if name in view.tables],
        "files": view.files,
        "period": view.period.key,
    }
