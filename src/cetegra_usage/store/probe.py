"""Find out, before anything is published, whether a store keeps create-if-absent."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cetegra_usage.errors import StorageError

if TYPE_CHECKING:
    from cetegra_usage.store.base import Store

UNFINISHED = ".unfinished-"
"""How the names of files begin that are not there yet, or are only tried: never listed."""

_RACERS = 8


def is_unfinished(path: str) -> bool:
    """Whether a path is of a file that is not there yet, or is only tried."""
    return path.rsplit("/", 1)[-1].startswith(UNFINISHED)


def prove(store: Store) -> None:
    """Create one file several times at once and once more after that: not more than one may succeed.

    That none is told so is lawful: the answer of the one that did may be lost, and it asks again.

    Raises:
        StorageError: More than one was told that it did; or what is deleted stays behind.
    """
    path = UNFINISHED + secrets.token_hex(8)
    with ThreadPoolExecutor(_RACERS) as pool:
        made = list(pool.map(lambda number: store.create(path, b"%d" % number), range(_RACERS)))
    made.append(store.create(path, b"late"))
    store.delete(path)
    if sum(made) > 1:
        raise StorageError(
            f"{store.name} cannot be written safely",
            why="of several writers that each asked to create the same file, more than one was told that it had",
            hint="use a store that keeps `If-None-Match: *`, or a local folder",
        )
    if store.keeps_versions and store.name == "warehouse":
        raise StorageError(
            "the warehouse keeps what is erased",
            why="its bucket has versioning on: what is forgotten or past its retention would stay as an old version",
            hint="use a bucket without versioning",
        )
