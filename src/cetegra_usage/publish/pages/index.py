"""The index: every release, newest first, what it holds, and what its revisions changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage.publish.pages.facts import period_days, period_title
from cetegra_usage.publish.pages.html import page
from cetegra_usage.publish.pages.view import PROTECTED_FROM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cetegra_usage.publish.pages.view import ReleaseEntry


def render(releases: Sequence[ReleaseEntry]) -> str:
    """Render `index.html`: derived from the latest manifest, the same bytes for the same releases."""
    newest_first = sorted(releases, key=lambda one: one.period.turn, reverse=True)
    return page(
        "index.html",
        groups=[
            (
                kind,
                [
                    (one, period_title(one.period), period_days(one.period))
                    for one in newest_first
                    if one.period.is_week == week
                ],
            )
            for kind, week in (("months", False), ("weeks", True))
        ],
        same=newest_first[0].tables if len({tuple(one.tables) for one in newest_first}) == 1 else (),
        not_protected=[one.period.key for one in newest_first if one.threshold < PROTECTED_FROM],
        newest=newest_first[0] if newest_first else None,
        newest_title=period_title(newest_first[0].period) if newest_first else "",
    )
