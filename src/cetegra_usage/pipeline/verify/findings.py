"""What a verification finds: faults, what could not be checked, and how much was."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage.errors import CetegraUsageError
from cetegra_usage.store import ObjectMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

_BROKEN = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError),
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException, CetegraUsageError),
)
"""What reading a document raises that somebody has changed: each is a fault of the document, not of the reader."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something that is not what it must be.

    Attributes:
        place: A path in the published tree or in the warehouse, or the number of a record.
        what: What is wrong with it.
    """

    place: str | int
    what: str

    def as_json(self) -> dict[str, str | int]:
        """Return it as the `--json` document shows it."""
        return {"record" if isinstance(self.place, int) else "path": self.place, "what": self.what}


@dataclass(slots=True)
class Findings:
    """What was found so far.

    Attributes:
        faults: In the order in which they were found, each once.
        not_checked: What could not be checked, and why: it is no fault, and not fine either.
        checked: How many of each kind of thing were looked at.
    """

    faults: list[Fault] = field(default_factory=list[Fault])
    not_checked: list[str] = field(default_factory=list[str])
    checked: Counter[str] = field(default_factory=Counter[str])

    def fault(self, place: str | int, what: str) -> None:
        """Note a fault."""
        found = Fault(place, what)
        if found not in self.faults:
            self.faults.append(found)

    def expect(self, holds: bool, place: str | int, what: str) -> None:  # noqa: FBT001  # as an assertion reads
        """Note a fault unless something holds."""
        if not holds:
            self.fault(place, what)

    def without_gaps(self, numbers: Iterable[int], path_of: Callable[[int], str]) -> Iterator[int]:
        """Yield the numbers of what is there, in order; a gap between two of them is a fault."""
        before = 0
        for number in sorted(numbers):
            if number > before + 1:
                more = "" if number == before + 2 else f", nor is any up to {path_of(number - 1)}"
                self.fault(path_of(before + 1), f"it is not there{more}")
            yield number
            before = number

    @contextmanager
    def reading(self, place: str | int) -> Generator[None]:
        """Turn what a missing or changed document raises into a fault of it."""
        try:
            yield
        except ObjectMissingError:
            self.fault(place, "it is not there")
        except _BROKEN:
            self.fault(place, "it cannot be read as what it must be")

    def as_json(self) -> dict[str, Any]:
        """Return them as the `--json` document shows them."""
        return {
            "ok": not self.faults,
            "faults": [fault.as_json() for fault in self.faults],
            "not_checked": self.not_checked,
            "checked": dict(sorted(self.checked.items())),
        }
