"""The one door to any storage: a store is judged, asked, and only then opened."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cetegra_usage.errors import CetegraUsageError, StorageError
from cetegra_usage.residency import apart, confirm, declare
from cetegra_usage.store.ask import ask
from cetegra_usage.store.base import Store
from cetegra_usage.store.environment import scrub
from cetegra_usage.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cetegra_usage.residency import Place
    from cetegra_usage.settings import Settings, StoreSettings
    from cetegra_usage.store.base import StoreName

T = TypeVar("T")
R = TypeVar("R")


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
    found = survey(settings)
    stores = [store for store in found.values() if isinstance(store, Store)]
    if len(stores) == len(found):
        return Stores(*stores)
    raise next(error for error in found.values() if isinstance(error, CetegraUsageError))


def survey(settings: Settings) -> dict[StoreName, Store | CetegraUsageError | None]:
    """Judge the three stores by what their settings say, then by what they answer, and only if all pass open them.

    Returns:
        Each store open, or why it is not; None where it was left alone because another one is refused.
    """
    sections: dict[StoreName, StoreSettings] = {
        "landing": settings.landing,
        "warehouse": settings.warehouse,
        "publish": settings.publish,
    }
    places, faults = _each(sections, lambda name, section: declare(name, section, settings.folder, os.environ))
    if not faults:
        _, faults = _each({"publish": places}, lambda _, all_three: apart({**all_three}))
    confirmed: dict[StoreName, Place] = {}
    if not faults:
        confirmed, faults = _each(places, _confirmed)
    opened: dict[StoreName, Store] = {}
    if not faults:
        opened, faults = _each(confirmed, _open)
    return {name: opened.get(name) or faults.get(name) for name in sections}


def _each(
    items: Mapping[StoreName, T], do: Callable[[StoreName, T], R]
) -> tuple[dict[StoreName, R], dict[StoreName, CetegraUsageError]]:
    """Do something with every store; return what came of it, and the errors of those where it failed."""
    done: dict[StoreName, R] = {}
    faults: dict[StoreName, CetegraUsageError] = {}
    for name, item in items.items():
        try:
            done[name] = do(name, item)
        except CetegraUsageError as error:
            faults[name] = error
    return done, faults


@dataclass(frozen=True, slots=True)
class PublishedStores:
    """What a verification opens.

    Attributes:
        publish: The published store.
        warehouse: The warehouse; None where the settings name none, or it is not to be reached from here.
        why: Why there is no warehouse.
    """

    publish: Store
    warehouse: Store | None
    why: str = ""


def open_published(settings: Settings) -> PublishedStores:
    """Judge every store that the settings name, then open what is published, and the warehouse where it can be reached.

    Raises:
        ConfigurationError: A store's settings cannot be read, or two of them overlap.
        ResidencyError: A store is not shown to lie in the EEA, or whose it is is not said.
        StorageError: The published store does not answer; or it is no folder, and not one that a run will yet make.
    """
    sections: dict[StoreName, StoreSettings] = {
        "landing": settings.landing,
        "warehouse": settings.warehouse,
        "publish": settings.publish,
    }
    places: dict[StoreName, Place] = {
        name: declare(name, section, settings.folder, os.environ)
        for name, section in sections.items()
        if section.url or name == "publish"
    }
    if len(places) == len(sections):
        apart({**places})
    if _is_no_folder(places["publish"]) and (
        "warehouse" not in places or Path(places["publish"].location.path).exists()
    ):
        raise StorageError(
            "nothing is published there",
            why=f"{places['publish'].location.url} is no folder",
            hint="cetegra-usage verify --set publish.url=FOLDER --set publish.country=NO",
        )
    confirmed: dict[StoreName, Place] = {}
    for name, place in places.items():
        with suppress(*([] if name == "publish" else [StorageError])):  # what does not answer is not needed
            confirmed[name] = _confirmed(name, place)
    publish = _open("publish", confirmed["publish"])
    if "warehouse" not in places:
        return PublishedStores(publish, None, "no warehouse is named")
    if _is_no_folder(places["warehouse"]):
        return PublishedStores(publish, None, "the warehouse is not here")
    with suppress(StorageError):
        if "warehouse" in confirmed:
            return PublishedStores(publish, _open("warehouse", confirmed["warehouse"]))
    return PublishedStores(publish, None, "the warehouse does not answer, or not to us")


def _is_no_folder(place: Place) -> bool:
    return place.location.scheme == "file" and not Path(place.location.path).is_dir()


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
