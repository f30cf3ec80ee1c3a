"""What a fault is: one way to break one partition, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cetegra_usage.model import Kind, Partition

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from cetegra_usage.synth.rows import Frames


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break one partition.

    Attributes:
        name: What `generate --fault` takes.
        expectation: The expectation that it trips, or None where the folder is bad and not its rows.
        promise: The promise behind it, or None.
        breaks: Changes the partition's rows, or those that it depends on.
        description: What is broken.
        state: What becomes of the partition.
        kind: Whether the partition is one of events, of the consent log or of feedback.
        follows: The expectations that trip too, because they must.
        service: The service of an event partition.
        looks_back_days: How many days before its own the fault needs another partition.
        damage: Changes the partition's folder once it is written.
    """

    name: str
    expectation: str | None
    promise: str | None
    breaks: Callable[[Frames, Partition], None] | None = field(repr=False)
    description: str
    state: Literal["accepted", "quarantined", "incomplete"] = "quarantined"
    kind: Kind = "events"
    follows: tuple[str, ...] = ()
    service: str = "workspace"
    looks_back_days: int = 0
    damage: Callable[[Path], None] | None = field(default=None, repr=False)

    def partition(self, day: date) -> Partition:
        """Return the partition of a day that the fault breaks."""
        return Partition(self.kind, self.service if self.kind == "events" else "", day)
