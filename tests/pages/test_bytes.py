"""The same release makes the same bytes, in every process, and not too many of them."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.publish.pages import compliance, index, usage
from support import released

if TYPE_CHECKING:
    from cetegra_usage.publish.pages.view import ReleaseEntry, ReleaseView

_RENDER = """
from support import released
from cetegra_usage.publish.pages import compliance, usage
import hashlib
view = released.release("2026-W17")
print(hashlib.sha256((usage.render(view) + compliance.render(view.evidence, view)).encode()).hexdigest())
"""


@pytest.mark.parametrize("seed", ["0", "1"])
def test_same_bytes_in_another_process(week: ReleaseView, seed: str) -> None:
    made = subprocess.run(
        [sys.executable, "-c", _RENDER],
        env={
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(Path(released.__file__).parents[1]),
            "TZ": "Asia/Tokyo",
        },
        check=True,
        capture_output=True,
        text=True,
    )
    here = usage.render(week) + compliance.render(week.evidence, week)
    assert made.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()


def test_order_of_rows_changes_nothing(week: ReleaseView) -> None:
    turned = {
        name: released.Released(name, table.frame.reverse(), table.withheld_by_rule)
        for name, table in week.tables.items()
    }
    assert usage.render(replace(week, tables=turned)) == usage.render(week)


def test_small_enough(month: ReleaseView, entries: list[ReleaseEntry]) -> None:
    pages = (usage.render(month), compliance.render(month.evidence, month), index.render(entries))
    assert max(len(page.encode()) for page in pages) < 300_000


def test_two_hundred_features_of_six_types_are_small_enough_and_soon_there() -> None:
    with released.six_types():
        view = released.release("2026-04", released.Rules(features=200))
    begun = time.process_time()
    page = usage.render(view)
    assert time.process_time() - begun < 10, "seconds of CPU; some two are usual"
    assert len(page.encode()) < 300_000


def test_policy_names_the_very_style_and_script(month: ReleaseView) -> None:
    page = usage.render(month)
    assert "default-src &#39;none&#39;" in page
    for kind in ("style", "script"):
        found = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256("".join(found).encode()).digest()).decode()
        assert len(found) == 1
        assert f"{kind}-src &#39;sha256-{digest.replace('+', '&#43;')}&#39;" in page or f"sha256-{digest}" in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//|url\(|@import|style=", page)
