"""The one door to any storage: a store is judged, asked, and only then opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cetegra_usage.errors import StorageError
from cetegra_usage.residency import apart, confirm, declare
from cetegra_usage.store.ask import ask
from cetegra_usage.store.environment import scrub
from cetegra_usage.store.local import LocalStore

if TYPE_CHECKING:
    from cetegra_usage.residency import Place
    from cetegra_usage.settings import Settings, StoreSettings
    from cetegra_usage.store.base import Store, StoreName


@dataclass(frozen=True, slots=True)
class Stores:
    """The three stores of a deployment."""

    landing: Store
    warehouse: Store
    publish: Store


def open_store(name: StoreName, settings: StoreSettings, *, folder: Path) -> Store:
    """Judge a store and open it.

    Args:
        name: What it serves as.
        settings: Its section of the settings.
        folder: Where relative paths start.

    Raises:
        ConfigurationError: Its settings cannot be read.
        ResidencyError: It is not shown to lie in the EEA, or whose it is is not said.
        StorageError: It does not answer, or it is the landing zone and is not there.
    """
    return _open(name, _confirmed(name, declare(name, settings, folder, os.environ)))


def open_all(settings: Settings) -> Stores:
    """Judge the three stores, and only if all pass open them; raises as `open_store` does.

    Raises:
        ConfigurationError: Also where two of them overlap.
    """
    sections: dict[StoreName, StoreSettings] = {
        "landing": settings.landing,
        "warehouse": settings.warehouse,
        "publish": settings.publish,
    }
    places: dict[StoreName, Place] = {
        name: declare(name, section, settings.folder, os.environ) for name, section in sections.items()
    }
    apart({**places})
    confirmed: dict[StoreName, Place] = {name: _confirmed(name, place) for name, place in places.items()}
    return Stores(*(_open(name, place) for name, place in confirmed.items()))


def _confirmed(name: StoreName, place: Place) -> Place:
    if place.location.scheme != "file":
        scrub()
    return confirm(name, place, ask)


def _open(name: StoreName, place: Place) -> Store:
    location = place.location
    if location.scheme == "file":
        if name == "landing" and not Path(location.path).is_dir():
            raise StorageError(
                "the landing zone is not there", why=f"{location.url} is no folder", hint="set landing.url, or mount it"
            )
        return LocalStore(name, location.url, place.residency, Path(location.path))
    from cetegra_usage.store.bucket import BucketStore  # noqa: PLC0415  # loads the client only where there is a bucket

    store = BucketStore(name, place)
    store.list_folders()  # the first signed request: a wrong key or a missing bucket is told now
    return store
