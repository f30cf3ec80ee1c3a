"""Manifests: the numbered truth about which release of each period is current, and what is derived from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cetegra_usage.errors import StorageError
from cetegra_usage.ledger import GENESIS, canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cetegra_usage.store import Store

FOLDER = "manifests"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is current.

    Attributes:
        number: N of `manifests/<n>.json`; 0 before the first.
        sha256: The hash of its bytes.
        releases: For each period its current release: `period`, `revision`, `path`, `sha256` (of release.json),
            and `summary` (what the index says of it).
        evidence_head: The hash of the last public evidence document.
    """

    number: int = 0
    sha256: str = GENESIS
    releases: Sequence[Mapping[str, Any]] = field(default_factory=list[Any])
    evidence_head: str = GENESIS

    def release(self, period: str) -> Mapping[str, Any] | None:
        """Return the current release of a period."""
        return next((entry for entry in self.releases if entry["period"] == period), None)


def current(store: Store) -> Manifest:
    """Return the highest manifest; the one before the first where there is none."""
    number = max(_numbers(store), default=0)
    if not number:
        return Manifest()
    raw = store.read(_path(number))
    document = json.loads(raw)
    return Manifest(number, hashlib.sha256(raw).hexdigest(), document["releases"], document["evidence_head"])


def advance(store: Store, before: Manifest, release: Mapping[str, Any], evidence_head: str) -> Manifest:
    """Make a release current: put the next manifest, if nobody has.

    Raises:
        StorageError: Another run has published meanwhile.
    """
    others = [entry for entry in before.releases if entry["period"] != release["period"]]
    releases = sorted([*others, release], key=lambda entry: entry["period"])
    content = canonical({"previous": before.sha256, "releases": releases, "evidence_head": evidence_head})
    if not store.put_if_absent(_path(before.number + 1), content):
        raise StorageError(
            "another run has published meanwhile", why="two runs worked at once", hint="cetegra-usage run"
        )
    return Manifest(before.number + 1, hashlib.sha256(content).hexdigest(), releases, evidence_head)


def derive(store: Store, index: Callable[[Manifest], str]) -> None:
    """Write `latest.json` and `index.html` from the highest manifest, and again if a higher one appears meanwhile."""
    manifest = current(store)
    while True:
        latest = {
            "releases": [
                {key: entry[key] for key in ("period", "revision", "path", "sha256")} for entry in manifest.releases
            ],
            "evidence_head": manifest.evidence_head,
        }
        for path, content in (("index.html", index(manifest).encode()), ("latest.json", canonical(latest))):
            if not store.exists(path) or store.read(path) != content:
                store.put(path, content)
        newer = current(store)
        if newer.number == manifest.number:
            return
        manifest = newer


def _numbers(store: Store) -> list[int]:
    return [int(entry.path.removeprefix(f"{FOLDER}/").removesuffix(".json")) for entry in store.list(FOLDER)]


def _path(number: int) -> str:
    return f"{FOLDER}/{number}.json"
