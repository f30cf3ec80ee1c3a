"""Render every page from made-up figures, to see a change of `reports/`: a folder is all that it needs."""

from __future__ import annotations

import sys
import traceback
from datetime import date
from pathlib import Path

from jinja2 import TemplateError

from cetegra_usage.errors import CetegraUsageError
from cetegra_usage.model import Period
from cetegra_usage.publish.pages import compliance, index, usage
from cetegra_usage.publish.pages.view import ReleaseEntry
from support import released

_MISSING = {("workspace", date(2026, 4, 14)): "quarantined", ("docs", date(2026, 4, 21)): "missing"}


def main(folder: Path) -> None:
    """Write the pages into a folder, and print where they are; a fault is told without a traceback."""
    folder.mkdir(parents=True, exist_ok=True)
    week, month = released.release("2026-W17"), released.release("2026-04", missing=_MISSING)
    entry = ReleaseEntry(Period.parse("2026-04"), 1, "releases/2026-04/r1", ["Activity by day"], "not_met", (58, 60))
    try:
        pages = {
            "usage-week": usage.render(week),
            "usage-month": usage.render(month),
            "compliance-week": compliance.render(week.evidence, week),
            "compliance-month": compliance.render(month.evidence, month),
            "index": index.render([entry]),
        }
    except CetegraUsageError as error:
        sys.exit(f"{error}: {error.why}\nhint: {error.hint}")
    except TemplateError as error:
        lines = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.endswith(".html")]
        where = f" ({Path(lines[-1].filename).name}, line {lines[-1].lineno})" if lines else ""
        sys.exit(f"a template cannot be used: {error}{where}")
    for name, text in pages.items():
        path = folder / f"{name}.html"
        path.write_text(text, "utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "preview"))
