"""The register of promises and the suites that prove them, read from the room `expectations`.

Every expectation names its promise, every promise its expectations or what else shows it: a register in which
one is missing does not load.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from cetegra_usage.errors import ConfigurationError
from cetegra_usage.project import root

if TYPE_CHECKING:
    from collections.abc import Mapping

Class = Literal["block", "strip", "hold", "warn"]
SUITES = ("events", "consents", "feedback", "release")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation of a suite.

    Attributes:
        id: Its name, and the column of the evidence frame that it judges.
        suite: `events`, `consents`, `feedback` or `release`.
        severity: What happens when it fails: `block`, `strip`, `hold` or `warn`.
        promise: The promise it proves; None for a warning about the data's quality alone.
        also: Other promises that it helps to prove.
        needs: Columns without which it is not checked.
        description: What holds where it succeeds.
    """

    id: str
    suite: str
    severity: Class
    promise: str | None
    also: tuple[str, ...]
    needs: tuple[str, ...]
    description: str

    @property
    def promises(self) -> tuple[str, ...]:
        """Every promise that it helps to prove."""
        return ((self.promise,) if self.promise else ()) + self.also


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise, in our own words, under the heading of the notice that it stands under."""

    id: str
    promise: str
    section: str
    scope: str
    since: str
    legal: str | None = None
    evidence: str | None = None
    decision: str | None = None
    expectations: tuple[Expectation, ...] = ()


@dataclass(frozen=True, slots=True)
class Register:
    """Promises by id, expectations by id, and the SHA-256 of each file they came from."""

    promises: Mapping[str, Promise]
    expectations: Mapping[str, Expectation]
    hashes: Mapping[str, str]
    documents: Mapping[str, Any] = field(repr=False)
    """Each suite's document as Great Expectations takes it."""

    def suite(self, name: str) -> list[Expectation]:
        """Return a suite's expectations in the order of its file."""
        return [expectation for expectation in self.expectations.values() if expectation.suite == name]


@cache
def load() -> Register:
    """Read the register.

    Raises:
        ConfigurationError: A promise has neither an expectation nor named evidence, an expectation names no promise
            or one that is not there, or two share an id.
    """
    room = root() / "expectations"
    raw = {name: (room / f"{name}.json").read_bytes() for name in SUITES}
    raw["register"] = (room / "promises.toml").read_bytes()
    documents = {name: json.loads(raw[name]) for name in SUITES}
    expectations: dict[str, Expectation] = {}
    for suite, document in documents.items():
        for entry in document["expectations"]:
            expectation = _expectation(suite, entry)
            if expectation.id in expectations:
                raise _broken(f"two expectations are called {expectation.id}")
            expectations[expectation.id] = expectation
    register = tomllib.loads(raw["register"].decode())
    promises = {
        entry["id"]: Promise(
            **({"since": register["notice_date"]} | entry),
            expectations=tuple(found for found in expectations.values() if entry["id"] in found.promises),
        )
        for entry in register["promise"]
    }
    for promise in promises.values():
        if not (promise.expectations or promise.evidence):
            raise _broken(f"the promise {promise.id} has neither an expectation nor named evidence")
    for expectation in expectations.values():
        if strangers := set(expectation.promises) - set(promises):
            raise _broken(f"the expectation {expectation.id} names the unknown promise {min(strangers)}")
        if expectation.promise is None and expectation.severity != "warn":
            raise _broken(f"the expectation {expectation.id} names no promise")
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in raw.items()}
    return Register(promises, expectations, hashes, documents)


def _expectation(suite: str, entry: dict[str, Any]) -> Expectation:
    meta = entry["meta"]
    return Expectation(
        id=entry["kwargs"]["column"],
        suite=suite,
        severity=meta["class"],
        promise=meta["promise"],
        also=tuple(meta.get("also", ())),
        needs=tuple(meta.get("needs", ())),
        description=entry["description"],
    )


def _broken(what: str) -> ConfigurationError:
    return ConfigurationError(
        what,
        why="the notice is executable: each promise has its proof, each check its promise",
        hint="see CONTRIBUTING.md, Add a check",
    )
