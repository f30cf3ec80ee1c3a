"""A release's figures as the sections ask for them: by table, with titles, colours and what came before."""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING

from cetegra_usage.model import ALL
from cetegra_usage.publish.pages.cells import Figures
from cetegra_usage.publish.pages.html import day
from cetegra_usage.publish.pages.words import name, say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from cetegra_usage.model import Period
    from cetegra_usage.publish.pages.view import Earlier, ReleaseView


_SHORT = 40
"""Characters of a feature's title that a heading or a chart has room for."""


class Facts:
    """What the sections of one page share.

    Args:
        view: The release.
    """

    def __init__(self, view: ReleaseView) -> None:
        self.view = view
        self.services = {key: name(title) for key, title in view.catalogue.services.items()}
        self.types = {key: name(title) for key, title in view.catalogue.user_types.items()}
        self.features = {key: name(feature.title) for key, feature in view.catalogue.features.items()}
        self.short = {key: name(one.title, most=_SHORT) for key, one in view.catalogue.features.items()}
        self.types_and_all = {**self.types, ALL: say("page.all_types")}
        self.services_and_all = {**self.services, ALL: say("page.all_services")}
        self.tones: Mapping[str, int] = {ALL: 0} | {key: at for at, key in enumerate(self.types, 1)}
        self._now = {table: Figures(table, protected.frame) for table, protected in view.tables.items()}
        self._earlier: dict[int, dict[str, Figures]] = {}

    def figures(self, table: str) -> Figures | None:
        """Return a table of the release, if it has it and it has rows."""
        found = self._now.get(table)
        return found if found and any(True for _ in found) else None

    def before(self, earlier: Earlier | None, table: str) -> Figures | None:
        """Return a table of an earlier release, if there is one."""
        if earlier is None or table not in earlier.tables:
            return None
        known = self._earlier.setdefault(id(earlier), {})
        if table not in known:
            known[table] = Figures(table, earlier.tables[table])
        return known[table]

    def weeks(self) -> list[date]:
        """Return the Mondays of `feature_weeks` from the first week with an event: before it nothing was collected."""
        figures = self.figures("feature_weeks")
        mondays: list[date] = figures.values("week") if figures else []
        return [*dropwhile(lambda monday: self._empty(figures, monday), mondays)] if figures else []

    @staticmethod
    def _empty(figures: Figures, monday: date) -> bool:
        cell = figures.cell("events", week=monday, service=ALL, user_type=ALL, feature=ALL)
        return cell.value == 0 and cell.status == "published"

    @property
    def day_step(self) -> int:
        """How many days lie between two labels of a chart of the period's days."""
        return 2 if self.view.period.is_week else 7

    @property
    def span(self) -> str:
        """The period's first and last day, in words."""
        return period_days(self.view.period)

    def kind(self, table: str, measure: str) -> str:
        """Return how a measure is written: a key of `cells.WRITERS`."""
        if measure.endswith("_seconds"):
            return "seconds"
        return self.view.definitions[table].measure(measure).kind


def period_title(period: Period) -> str:
    """Write a period as a title does: `week 14 of 2026`, `April 2026`."""
    if period.is_week:
        year, number, _ = period.first.isocalendar()
        return say("page.week", number=number, year=year)
    return say("page.month", month=f"{period.first:%B}", year=period.first.year)


def period_days(period: Period) -> str:
    """Write a period's first and last day."""
    return say("page.days", first=day(period.first), last=day(period.last, year=True))
