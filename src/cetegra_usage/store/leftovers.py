"""What dead runs left behind: files that nothing names, and writes that never ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage.store.base import Entry

if TYPE_CHECKING:
    from collections.abc import Collection

    from cetegra_usage.store.base import Store


def leftovers(store: Store, named: Collection[str], folders: Collection[str]) -> list[Entry]:
    """Return what may be deleted under the lease: nobody else is writing then.

    Args:
        store: Where to look.
        named: Paths that the manifests name; never returned.
        folders: Folders to look in.

    Returns:
        Files in the folders that are not named, and what interrupted writes left anywhere in the store.
    """
    kept = frozenset(named)
    unnamed = [entry for folder in folders for entry in store.list(folder) if entry.path not in kept]
    return unnamed + [Entry(path, 0, "") for path in store.litter()]
