"""Who was erased, so that nobody brings them back: a keyed hash of each pseudonym, and the day.

Landed files may hold them yet, or land again. Without the warehouse's key nobody can tell from this who they were.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PURPOSE = b"erased "
_CHECK = b"the key is the one"


@dataclass(frozen=True, slots=True)
class Erased:
    """Those who were erased.

    Attributes:
        key: The warehouse's key.
        days: The day on which each was erased, by the keyed hash of the pseudonym: what is of that day or before it is
            of nobody. A grant of a later day begins a new person.
    """

    key: bytes = field(default=b"", repr=False)
    days: Mapping[str, date] = field(default_factory=dict[str, date], repr=False)

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

    def joined_by(self, pseudonyms: Iterable[int], day: date) -> Erased:
        """Return it with others who were erased on a day."""
        return Erased(self.key, {**self.days, **{self._name(one): day for one in pseudonyms}})

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept, with what tells its key from others; the key stands elsewhere."""
        days = {name: day.isoformat() for name, day in sorted(self.days.items())}
        return {"check": self._hashed(_CHECK), "days": days}

    @staticmethod
    def parse(document: Mapping[str, Any], key: bytes) -> Erased | None:
        """Read what was kept; None where the key is another: nobody would be found in it."""
        days = {name: date.fromisoformat(day) for name, day in document["days"].items()}
        found = Erased(key, days)
        return found if hmac.compare_digest(found._hashed(_CHECK), document["check"]) else None

    def _name(self, pseudonym: int) -> str:
        return self._hashed(str(pseudonym).encode())

    def _hashed(self, said: bytes) -> str:
        return hmac.digest(self.key, _PURPOSE + said, "sha256").hex()


NOBODY = Erased()
"""Where nobody was ever erased."""
