"""What every store can do, whatever it is made of."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cetegra_usage.errors import StorageError
from cetegra_usage.store.probe import prove

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from cetegra_usage.residency import Residency

StoreName = Literal["landing", "warehouse", "publish"]


class ObjectMissingError(StorageError):
    """Raised when a file that was listed or named is not there."""


class ObjectChangedError(StorageError):
    """Raised when a file is no longer the one that was listed, or was cut short on its way."""


class ObjectForbiddenError(StorageError):
    """Raised when a file is there, and not for us, though its store is."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A file of a store as it was listed.

    Attributes:
        path: Relative to the store's url.
        bytes: Its size.
        etag: Changes whenever its content does; means nothing outside its store. None of a file that was not listed,
            because its name stands for its content.
    """

    path: str
    bytes: int
    etag: str | None


@dataclass(frozen=True, slots=True)
class Description:
    """What was found out about a store that answers.

    Attributes:
        conditional_create: Whether it keeps create-if-absent; None where nothing is ever written.
        free_bytes: The room that is left; None where the store does not tell.
        clock_offset_seconds: How far its clock is ahead of ours.
    """

    conditional_create: bool | None
    free_bytes: int | None
    clock_offset_seconds: float


class Store(ABC):
    """A place that holds files under relative paths; made by `open_store` alone.

    Every method may be called from several threads. All raise `StorageError` where the store does not answer.

    Attributes:
        name: What it serves as.
        url: Its canonical url.
        residency: Where it is and whose.
        clock_offset_seconds: How far the store's clock is ahead of ours.
    """

    name: StoreName
    url: str
    residency: Residency
    clock_offset_seconds: float

    def __init__(self, name: StoreName, url: str, residency: Residency, *, clock_offset_seconds: float = 0.0) -> None:
        self.name = name
        self.url = url
        self.residency = residency
        self.clock_offset_seconds = clock_offset_seconds
        self._proven = False
        self._guard = threading.Lock()

    @abstractmethod
    def list(self, prefix: str = "") -> list[Entry]:
        """Return every file below a folder, at any depth, by path; none if there is no such folder."""

    @abstractmethod
    def list_folders(self, prefix: str = "") -> list[str]:
        """Return the names of the folders directly in a folder, sorted."""

    @abstractmethod
    def read(self, path: str, *, etag: str | None = None) -> bytes:
        """Return a file's bytes.

        Raises:
            ObjectMissingError: It is not there.
            ObjectChangedError: An etag was given and is no longer the file's.
            ObjectForbiddenError: It is not for us.
        """

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether a file is there."""

    @abstractmethod
    def fetch(self, entry: Entry, into: Path) -> Path:
        """Return a local file with the bytes that were listed.

        A folder's own file is returned as it is; another store's is copied below `into`, under the same path, and is
        the caller's to delete.

        Raises:
            ObjectMissingError: It is not there.
            ObjectChangedError: It is not what was listed; some stores say so of what is gone, too.
            ObjectForbiddenError: It is not for us.
        """

    @abstractmethod
    def unchanged(self, entry: Entry) -> bool:
        """Whether what `fetch` returned still holds the bytes that were listed: asked after it was read."""

    @abstractmethod
    def put(self, path: str, data: bytes) -> None:
        """Write a file, whole or not at all, over whatever is there."""

    @abstractmethod
    def put_file(self, path: str, local: Path) -> None:
        """Write a local file's bytes, whole or not at all, over whatever is there."""

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write a file unless there is one: of any number of callers, exactly one succeeds.

        Returns:
            True if the file holds `data` now: we made it, or it was there with equal bytes. The second is what a retry
            of our own looks like after its answer was lost; callers that compete put something of their own into the
            bytes. False if it holds something else.
        """
        self.writable()
        if self.create(path, data):
            return True
        try:
            return self.read(path) == data
        except ObjectMissingError:
            return False

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Write a file if it is absent, and say whether this call made it; what `put_if_absent` is built on."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove a file; nothing happens if it is not there."""

    @abstractmethod
    def litter(self) -> list[str]:
        """Return the paths of files that a write left behind when its process died: never listed, safe to delete."""

    @property
    def keeps_versions(self) -> bool:
        """Whether what is deleted stays behind as an old version; known once something was created."""
        return False

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Return the room that is left, or None where the store does not tell."""

    def owned(self) -> None:
        """Refuse to touch what belongs to the collector.

        Raises:
            StorageError: The store is the landing zone.
        """
        if self.name == "landing":
            raise StorageError("the landing zone is read only", why="it belongs to the collector", hint="report a bug")

    def writable(self) -> None:
        """Make sure, once, that the store is ours and keeps what publishing relies on.

        Raises:
            StorageError: It is the landing zone, does not keep create-if-absent, or keeps what is erased.
        """
        self.owned()
        with self._guard:
            if not self._proven:
                prove(self)
                self._proven = True

    def describe(self) -> Description:
        """Try the store as `doctor` shows it; raises `StorageError` as its use would."""
        self.list_folders()
        if self.name != "landing":
            self.writable()
        return Description(
            conditional_create=None if self.name == "landing" else True,
            free_bytes=self.free_bytes(),
            clock_offset_seconds=self.clock_offset_seconds,
        )


def stays_inside(path: str) -> bool:
    """Whether a relative path leads to a place in its store: no segment of it is empty, leads up, or is two."""
    return "\\" not in path and "\0" not in path and not {"", ".", ".."}.intersection(path.split("/"))


def checked(path: str) -> str:
    """Return a relative path as it is, if it stays inside its store.

    Raises:
        StorageError: It is empty, absolute, or could lead outside.
    """
    if not stays_inside(path):
        raise StorageError(
            "a path does not stay inside its store",
            why="paths in a store are relative, of plain segments",
            hint="report a bug",
        )
    return path


def numbers(paths: Iterable[str], folder: str) -> list[int]:
    """Return n of each `<folder>/<n>.json` among some paths: what is called otherwise is none of them."""
    found = (re.fullmatch(rf"{folder}/([1-9][0-9]*)\.json", path) for path in paths)
    return [int(one[1]) for one in found if one]


def named(name: str, path: str) -> str:
    """Say which file of which store: not what a producer calls it, which could carry anything."""
    return "a file or folder of landing" if name == "landing" else f"{path or 'a folder'} of {name}"


@contextmanager
def undamaged(store: Store, path: str, *errors: type[BaseException]) -> Generator[None]:
    """Turn what reading a document raises that was cut short or changed into an error of its store.

    Args:
        store: Where it is.
        path: Which one.
        errors: What else reading it raises.

    Raises:
        StorageError: It is not what it must be.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, *errors):
        failed = damaged(store, path)
    else:
        return
    raise failed  # here, where no chain leads back to words that may quote it


def damaged(store: Store, path: str, or_else: str = "") -> StorageError:
    """Return the error for a file of a store that is not what it was when it was put there."""
    return StorageError(
        f"{named(store.name, path)} cannot be read as what it must be",
        why="it is cut short, or somebody has changed it",
        hint=f"cetegra-usage verify says what else is; put it back from a copy of the store{or_else}",
    )


def missing(name: str, path: str) -> ObjectMissingError:
    """Return the error for a file that is not there."""
    return ObjectMissingError(
        f"{named(name, path)} is not there", why="it was removed, or never written", hint="cetegra-usage plan"
    )


def changed(name: str, path: str) -> ObjectChangedError:
    """Return the error for a file that is not the one that was listed."""
    return ObjectChangedError(
        f"{named(name, path)} is not what was listed",
        why="it was replaced while it was read",
        hint="cetegra-usage run",
    )
