"""The one door to any storage: a store is judged, then opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cetegra_usage.errors import StorageError
from cetegra_usage.residency import apart, judge, locate
from cetegra_usage.store.local import LocalStore

if TYPE_CHECKING:
    from cetegra_usage.residency import Location, Residency
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
        ResidencyError: It is not shown to lie in the EEA.
        StorageError: It does not answer, or it is the landing zone and is not there.
    """
    location = locate(name, settings, folder)
    return _open(name, location, judge(name, settings, location))


def open_all(settings: Settings) -> Stores:
    """Judge the three stores, and only if all pass open them; raises as `open_store` does."""
    sections: dict[StoreName, StoreSettings] = {
        "landing": settings.landing,
        "warehouse": settings.warehouse,
        "publish": settings.publish,
    }
    locations = {name: locate(name, section, settings.folder) for name, section in sections.items()}
    judged = {name: judge(name, section, locations[name]) for name, section in sections.items()}
    apart({**locations})
    opened = {name: _open(name, locations[name], judged[name]) for name in sections}
    return Stores(landing=opened["landing"], warehouse=opened["warehouse"], publish=opened["publish"])


def _open(name: StoreName, location: Location, residency: Residency) -> Store:
    if name == "landing" and not Path(location.path).is_dir():
        raise StorageError(
            "the landing zone is not there", why=f"{location.url} is no folder", hint="set landing.url, or mount it"
        )
    return LocalStore(name, location.url, residency, Path(location.path))
