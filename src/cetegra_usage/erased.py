"""Who was erased, so that nobody brings them back: a keyed hash of each pseudonym, the day, when consent was in force.

Landed files may hold them yet, or land again, and are judged as they were. Without the warehouse's key nobody can tell
from this who they were.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Interval = tuple[int, int | None]

_PURPOSE = b"erased "
_CHECK = b"the key is the one"
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Erased:
    """Those who were erased.

    Attributes:
        key: The warehouse's key.
        days: The day on which each was erased, by the keyed hash of the pseudonym: what is of that day or before it is
            of nobody. A grant of a later day begins a new person.
        intervals: When consent was in force, by the same: microseconds since 1970 (UTC), from and until; None where it
            was still.
    """

    key: bytes = field(default=b"", repr=False)
    days: Mapping[str, date] = field(default_factory=dict[str, date], repr=False)
    intervals: Mapping[str, Sequence[Interval]] = field(default_factory=dict[str, "Sequence[Interval]"], repr=False)

    def among(self, pseudonyms: Iterable[int]) -> pl.DataFrame:
        """Return those of some pseudonyms who were erased.

        Returns:
            `pseudonym` (Int64), `forgotten_before` (Date): the day after; what is of days before it has to go.
        """
        found = {one: self.days[name] for one in pseudonyms if (name := self._name(one)) in self.days}
        return pl.DataFrame(
            {"pseudonym": list(found), "forgotten_before": [day + timedelta(days=1) for day in found.values()]},
            schema={"pseudonym": pl.Int64, "forgotten_before": pl.Date},
        )

    def spared(self, changes: pl.DataFrame) -> pl.DataFrame:
        """Return what is left of changes of consent (`pseudonym`, `changed_at`, ...) without who was erased since."""
        if not self.days:
            return changes
        gone = self.among(changes["pseudonym"].unique())
        kept = changes.join(gone, on="pseudonym", how="left", maintain_order="left")
        later = pl.col("changed_at") >= pl.col("forgotten_before").cast(pl.Datetime("us"))
        return kept.filter(pl.col("forgotten_before").is_null() | later).select(changes.columns)

    def in_force(self, pseudonyms: Iterable[int], day: date) -> pl.DataFrame:
        """Return when consent was in force of those of some pseudonyms who were erased on a day or later.

        Returns:
            `pseudonym` (Int64), `granted_at`, `withdrawn_at` (Datetime, UTC): at the latest the end of the day on which
            they were erased.
        """
        rows: list[tuple[int, int, int]] = []
        for pseudonym, before in self.among(pseudonyms).filter(pl.col("forgotten_before") > day).iter_rows():
            end = (before - _EPOCH) // timedelta(microseconds=1)
            intervals = self.intervals.get(self._name(pseudonym), ())
            rows += [(pseudonym, first, end if last is None else last) for first, last in intervals if first < end]
        names = ("granted_at", "withdrawn_at")
        schema = {"pseudonym": pl.Int64, **dict.fromkeys(names, pl.Int64)}
        return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col(names).cast(pl.Datetime("us")))

    def joined_by(self, pseudonyms: Iterable[int], day: date, intervals: pl.DataFrame) -> Erased:
        """Return it with others who were erased on a day.

        Args:
            pseudonyms: Who.
            day: The day.
            intervals: When their consent was in force, as far as the log tells: `pseudonym`, `granted_at`,
                `withdrawn_at` (Datetime, UTC; null while in force).
        """
        of: dict[str, Sequence[Interval]] = dict(self.intervals)
        times = intervals.select("pseudonym", pl.col("granted_at", "withdrawn_at").dt.epoch("us"))
        for pseudonym, first, last in times.sort("pseudonym", "granted_at").iter_rows():
            name = self._name(pseudonym)
            if (first, last) not in of.get(name, ()):  # else it was told when that did not come to its end
                of[name] = (*of.get(name, ()), (first, last))
        return Erased(self.key, {**self.days, **{self._name(one): day for one in pseudonyms}}, of)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept, with what tells its key from others; the key stands elsewhere."""
        days = {name: day.isoformat() for name, day in sorted(self.days.items())}
        return {"check": self._hashed(_CHECK), "days": days, "intervals": dict(sorted(self.intervals.items()))}

    @staticmethod
    def parse(document: Mapping[str, Any], key: bytes) -> Erased | None:
        """Read what was kept; None where the key is another: nobody would be found in it."""
        days = {name: date.fromisoformat(day) for name, day in document["days"].items()}
        intervals = {name: [(first, last) for first, last in told] for name, told in document["intervals"].items()}
        found = Erased(key, days, intervals)
        return found if hmac.compare_digest(found._hashed(_CHECK), document["check"]) else None

    def _name(self, pseudonym: int) -> str:
        return self._hashed(str(pseudonym).encode())

    def _hashed(self, said: bytes) -> str:
        return hmac.digest(self.key, _PURPOSE + said, "sha256").hex()


NOBODY = Erased()
"""Where nobody was ever erased."""
