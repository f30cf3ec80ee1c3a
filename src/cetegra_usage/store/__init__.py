"""Storage behind one door: `open_store` judges where a store is and hands out what reads and writes it."""

from cetegra_usage.store.base import (
    Entry,
    ObjectChangedError,
    ObjectForbiddenError,
    ObjectMissingError,
    Store,
    StoreName,
    damaged,
    numbers,
    stays_inside,
    undamaged,
)
from cetegra_usage.store.door import PublishedStores, Stores, open_all, open_published, open_store, survey
from cetegra_usage.store.lease import Lease, lost
from cetegra_usage.store.leftovers import leftovers

__all__ = [
    "Entry",
    "Lease",
    "ObjectChangedError",
    "ObjectForbiddenError",
    "ObjectMissingError",
    "PublishedStores",
    "Store",
    "StoreName",
    "Stores",
    "damaged",
    "leftovers",
    "lost",
    "numbers",
    "open_all",
    "open_published",
    "open_store",
    "stays_inside",
    "survey",
    "undamaged",
]
