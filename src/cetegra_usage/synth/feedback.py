"""What made-up people do with notices: each is shown to most of them once, and some open, dismiss or answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cetegra_usage.synth.activity import uuids
from cetegra_usage.synth.files import INSTANT, uuid_column
from cetegra_usage.synth.people import DAY, instant
from cetegra_usage.synth.portal import NOTICES

if TYPE_CHECKING:
    from datetime import date

KINDS = ("shown", "opened", "dismissed", "answered")

_REACHED, _MEAN_DAYS_LATER = 0.9, 1.5
_OPENED, _DISMISSED, _ANSWERED = 0.6, 0.25, 0.5
"""Part of those to whom a notice is shown; who opens it does not dismiss it, and who opens it may answer."""
_RATED = 0.9
_STARS = (0.04, 0.06, 0.15, 0.4, 0.35)
_PEOPLE_A_COMPANY = 60
_MOST = 20_000
"""Recipients at most: all of what is done with notices is made at once."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """Everything that is done with notices in a range of days, as the contract's columns, in time order."""

    rows: pl.DataFrame

    def of_day(self, day: date) -> pl.DataFrame:
        """Return what happened on a day."""
        begin = instant(day)
        return self.rows.filter(pl.col("occurred_at").dt.epoch("us").is_between(begin, begin + DAY, closed="left"))


def feedback(users: int, first: date, last: date, seed: int) -> Feedback:
    """Make what people do with the notices of a range of days; their ids are those of nobody in events or consents.

    Args:
        users: People; who is among the first 20,000 of them is a recipient.
        first: First day.
        last: Last day; what would happen later does not.
        seed: With the range, all that chance depends on.
    """
    users = min(users, _MOST)
    rng = np.random.default_rng([seed, 3, first.toordinal(), last.toordinal()])
    recipients = rng.integers(2**32 + 1, 2**63 - 1, users, dtype=np.int64)
    companies = uuids(rng, 1 + users // _PEOPLE_A_COMPANY)
    company = companies[rng.integers(0, len(companies), users)]
    begin, end = instant(first), instant(last) + DAY
    made: list[pl.DataFrame] = []
    for number, notice in enumerate(NOTICES):
        out = begin + (end - begin) // DAY * number // len(NOTICES) * DAY
        reached = np.flatnonzero(rng.random(users) < _REACHED)
        shown = out + (rng.exponential(_MEAN_DAYS_LATER, len(reached)).astype(np.int64) * DAY)
        shown += (np.clip(rng.normal(10.5, 2.5, len(reached)), 0, 23.5) * (DAY / 24)).astype(np.int64)
        chance = rng.random(len(reached))
        opened, dismissed = chance < _OPENED, (chance >= _OPENED) & (chance < _OPENED + _DISMISSED)
        answered = opened & (rng.random(len(reached)) < _ANSWERED / _OPENED)
        stars = 1 + rng.choice(len(_STARS), size=len(reached), p=_STARS)
        rating = np.where(answered & (rng.random(len(reached)) < _RATED), stars, 0)
        for turn, (kind, did) in enumerate(
            zip(KINDS, (np.ones_like(opened), opened, dismissed, answered), strict=True)
        ):
            at = shown[did] + turn * 10_000_000 + rng.integers(0, 9_000_000, int(did.sum()))
            made.append(
                pl.DataFrame(
                    {
                        "event_id": uuid_column(uuids(rng, len(at))),
                        "occurred_at": at,
                        "recipient": recipients[reached[did]],
                        "rating": (rating if kind == "answered" else np.zeros_like(rating))[did],
                        "company": uuid_column(company[reached[did]]),
                    }
                ).with_columns(notice=pl.lit(notice), kind=pl.lit(kind))
            )
    rows = pl.concat(made).filter(pl.col("occurred_at") < end).sort("occurred_at", "event_id")
    return Feedback(
        rows.select(
            "event_id",
            pl.col("occurred_at").cast(INSTANT),
            "notice",
            "kind",
            pl.when(pl.col("rating") > 0).then("rating"),
            "recipient",
            "company",
        )
    )
