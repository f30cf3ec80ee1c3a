"""The proofs: which seeded fault each expectation has caught; held true by the tests, shown by the compliance page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from cetegra_usage.project import root

FILE = "proofs.json"


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """A fault that an expectation has caught.

    Attributes:
        fault: Its name: `cetegra-usage generate --fault` makes it, or it is put into what a release is judged by.
        expectation: What it trips.
    """

    fault: str
    expectation: str


@cache
def load() -> tuple[Proof, ...]:
    """Return every proof, by fault and expectation."""
    document = json.loads((root() / "expectations" / FILE).read_text("utf-8"))
    return tuple(
        sorted(Proof(fault, expectation) for fault, caught in document["caught"].items() for expectation in caught)
    )
