"""Which releases the pipeline makes, in which order, and what it looks at for each."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from unittest import mock

from cetegra_usage.model import Period
from cetegra_usage.pipeline import releases
from support import landed
from support.landed import PERSON, change, identified

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SUNDAY = date(2026, 5, 31)
WEEK, MONTH = Period.week(SUNDAY), Period.month(SUNDAY)


def test_a_month_is_looked_at_with_the_week_that_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    protect = mock.Mock(wraps=releases.protect)
    monkeypatch.setattr(releases, "protect", protect)
    config = landed.zone(tmp_path)
    landed.land_consents(config, [change(0.5, "granted", day=SUNDAY)], day=SUNDAY)
    landed.land_events(config, [identified(1, 9.0, PERSON, day=SUNDAY)], day=SUNDAY)
    landed.run(config, date(2026, 6, 4))
    asked = [(call.args[0], call.kwargs["ahead"] and call.kwargs["ahead"][0]) for call in protect.call_args_list]
    assert asked == [(WEEK, MONTH), (MONTH, None)]
    held = [[one.period for one in call.kwargs["released"]] for call in protect.call_args_list]
    assert held == [[], [WEEK]]
