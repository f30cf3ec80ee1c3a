"""Manifests: the numbered truth about which release of each period is current, and what is derived from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cetegra_usage.errors import StorageError
from cetegra_usage.ledger import GENESIS, canonical
from cetegra_usage.store import numbers, undamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cetegra_usage.store import Store

FOLDER = "manifests"
LATEST = "latest.json"
INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is current.

    Attributes:
        number: N of `manifests/<n>.json`; 0 before the first.
        sha256: The hash of its bytes.
        releases: For each period its current release: `period`, `revision`, `path`, `sha256` (of release.json),
            and `summary` (what the index says of it).
        evidence_head: The hash of the last public evidence document.
        index: The hash of the `index.html` that goes with it.
    """

    number: int = 0
    sha256: str = GENESIS
    releases: Sequence[Mapping[str, Any]] = field(default_factory=list[Any])
    evidence_head: str = GENESIS
    index: str = GENESIS

    def release(self, period: str) -> Mapping[str, Any] | None:
        """Return the current release of a period."""
        return next((entry for entry in self.releases if entry["period"] == period), None)


@dataclass(frozen=True, slots=True)
class Derived:
    """The highest manifest, and the hashes of `index.html` and `latest.json` beside it."""

    manifest: int
    index: str
    latest: str


def current(store: Store) -> Manifest:
    """Return the highest manifest; the one before the first where there is none.

    Raises:
        StorageError: It is damaged, or the published store does not answer.
    """
    number = max(_numbers(store), default=0)
    if not number:
        return Manifest()
    with undamaged(store, path_of(number)):
        return parsed(number, store.read(path_of(number)))


def parsed(number: int, raw: bytes) -> Manifest:
    """Return a manifest as its bytes say it."""
    document = json.loads(raw)
    return Manifest(
        number, hashlib.sha256(raw).hexdigest(), document["releases"], document["evidence_head"], document["index"]
    )


def next_one(
    before: Manifest,
    release: Mapping[str, Any],
    evidence_head: str,
    index: Callable[[Sequence[Mapping[str, Any]]], str],
) -> tuple[Manifest, bytes]:
    """Return the manifest that makes a release current, and its bytes; `index` renders `index.html`."""
    others = [entry for entry in before.releases if entry["period"] != release["period"]]
    releases = sorted([*others, release], key=lambda entry: entry["period"])
    content = canonical(
        {
            "previous": before.sha256,
            "releases": releases,
            "evidence_head": evidence_head,
            "index": hashlib.sha256(index(releases).encode()).hexdigest(),
        }
    )
    return parsed(before.number + 1, content), content


def advance(store: Store, number: int, content: bytes) -> None:
    """Put a manifest, if nobody has.

    Raises:
        StorageError: Another run has published meanwhile.
    """
    if not store.put_if_absent(path_of(number), content):
        raise StorageError(
            "another run has published meanwhile", why="two runs worked at once", hint="cetegra-usage run"
        )


def derive(store: Store, index: Callable[[Sequence[Mapping[str, Any]]], str], known: Derived | None = None) -> Derived:
    """Write `latest.json` and `index.html` from the highest manifest, and again if a higher one appears meanwhile.

    An index whose hash the manifest names stays as it is, though this version might render it otherwise.

    Args:
        store: Where is published.
        index: Renders `index.html`.
        known: What was there the last time, if that is remembered: while it is, no manifest is read.
    """
    made_from = None
    while (there := _derived(store)) != known and there.manifest != made_from:
        manifest = current(store)
        if there.index != manifest.index:
            _put_changed(store, INDEX, index(manifest.releases).encode())
        _put_changed(store, LATEST, latest(manifest))
        made_from = manifest.number
    return there


def latest(manifest: Manifest) -> bytes:
    """Return the `latest.json` that is derived from a manifest."""
    return canonical(
        {
            "releases": [
                {key: entry[key] for key in ("period", "revision", "path", "sha256")} for entry in manifest.releases
            ],
            "evidence_head": manifest.evidence_head,
        }
    )


def _put_changed(store: Store, path: str, content: bytes) -> None:
    if not store.exists(path) or store.read(path) != content:
        store.put(path, content)


def _derived(store: Store) -> Derived:
    """Return what is there, beside the highest manifest."""
    return Derived(max(_numbers(store), default=0), _hash_of(store, INDEX), _hash_of(store, LATEST))


def _hash_of(store: Store, path: str) -> str:
    """Return the SHA-256 of a file's bytes; nothing where there is none."""
    return hashlib.sha256(store.read(path)).hexdigest() if store.exists(path) else ""


def path_of(number: int) -> str:
    """Return where a manifest is."""
    return f"{FOLDER}/{number}.json"


def _numbers(store: Store) -> list[int]:
    return numbers((entry.path for entry in store.list(FOLDER)), FOLDER)
