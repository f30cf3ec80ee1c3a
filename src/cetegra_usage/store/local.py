"""A store in a folder of this machine: atomic by rename and link, durable by fsync."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cetegra_usage.errors import ResidencyError, StorageError
from cetegra_usage.store.base import Entry, ObjectForbiddenError, Store, StoreName, changed, checked, missing, named
from cetegra_usage.store.probe import UNFINISHED, is_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from cetegra_usage.residency import Residency

_CHUNK = 1 << 20


class LocalStore(Store):
    """A folder; see `Store`."""

    def __init__(self, name: StoreName, url: str, residency: Residency, root: Path) -> None:
        super().__init__(name, url, residency)
        self.root = root

    def list(self, prefix: str = "") -> list[Entry]:  # noqa: D102  # see Store, as for all below
        with self._judged(prefix):
            return sorted(
                Entry(path, status.st_size, _etag(status))
                for path, status in self._files(prefix)
                if not is_unfinished(path)
            )

    def list_folders(self, prefix: str = "") -> list[str]:  # noqa: D102
        with self._judged(prefix):
            folder = self._at(prefix) if prefix else self.root
            return sorted(item.name for item in _scan(folder) if item.is_dir())

    def read(self, path: str, *, etag: str | None = None) -> bytes:  # noqa: D102
        with self._judged(path), self._at(path).open("rb") as file:
            before = _etag(os.fstat(file.fileno()))
            data = file.read()
            after = _etag(os.fstat(file.fileno()))
        if before != after or (etag is not None and etag != before):
            raise changed(self.name, path)
        return data

    def exists(self, path: str) -> bool:  # noqa: D102
        with self._judged(path):
            return self._at(path).is_file()

    def fetch(self, entry: Entry, into: Path) -> Path:  # noqa: ARG002, D102  # nothing to copy
        with self._judged(entry.path):
            file = self._at(entry.path)
            status = file.stat()
            same = status.st_size == entry.bytes and entry.etag in {None, _etag(status)}
        if not same:
            raise changed(self.name, entry.path)
        return file

    def unchanged(self, entry: Entry) -> bool:  # noqa: D102
        with self._judged(entry.path):
            try:
                return _etag(self._at(entry.path).stat()) == entry.etag
            except FileNotFoundError:
                return False

    def put(self, path: str, data: bytes) -> None:  # noqa: D102
        self.writable()
        with self._staged(path, lambda file: file.write(data)) as (staged, target):
            staged.replace(target)

    def put_file(self, path: str, local: Path) -> None:  # noqa: D102
        self.writable()
        with (
            local.open("rb") as source,
            self._staged(path, lambda file: shutil.copyfileobj(source, file, _CHUNK)) as (
                staged,
                target,
            ),
        ):
            staged.replace(target)

    def create(self, path: str, data: bytes) -> bool:  # noqa: D102
        with self._staged(path, lambda file: file.write(data)) as (staged, target):
            try:
                target.hardlink_to(staged)  # unlike a rename, a link never replaces
            except FileExistsError:
                return False
        return True

    def delete(self, path: str) -> None:  # noqa: D102
        self.owned()
        with self._judged(path):
            self._at(path).unlink(missing_ok=True)

    def litter(self) -> list[str]:  # noqa: D102
        with self._judged(""):
            return sorted(path for path, _ in self._files("") if is_unfinished(path))

    def free_bytes(self) -> int | None:  # noqa: D102
        folder = self.root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _files(self, prefix: str) -> Generator[tuple[str, os.stat_result]]:
        start = self._at(prefix) if prefix else self.root
        pending = [start.relative_to(self.root).as_posix() if prefix else ""]
        while pending:
            folder = pending.pop()
            for item in _scan(self.root / folder):
                path = f"{folder}/{item.name}" if folder else item.name
                if item.is_symlink():
                    self._inside(Path(item.path), path)
                    real = Path(os.path.realpath(item.path))
                    if real.is_symlink() or (self.root / folder).resolve().is_relative_to(real):
                        continue  # it leads to itself, or back to where it stands: nothing is in it
                if item.is_dir():
                    pending.append(path)
                elif item.is_file():
                    try:
                        yield path, item.stat()
                    except FileNotFoundError:
                        continue  # gone since the folder was read

    def _at(self, path: str) -> Path:
        file = self.root / checked(path)
        self._inside(file, path)
        return file

    def _inside(self, file: Path, path: str) -> None:
        if not Path(os.path.realpath(file)).is_relative_to(self.root):
            raise ResidencyError(
                f"{named(self.name, path)} is refused",
                why="it goes through a symbolic link out of the store",
                hint=f"put the files themselves into {self.name}",
            )

    @contextmanager
    def _staged(self, path: str, write: Callable[[IO[bytes]], object]) -> Generator[tuple[Path, Path]]:
        """Write a file beside its place and yield both; what the caller does between is made durable."""
        with self._judged(path):
            target = self._at(path)
            staged = target.with_name(UNFINISHED + secrets.token_hex(8))
            _make_folder(target.parent)
            try:
                with staged.open("xb") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                yield staged, target
                _sync_folder(target.parent)
            finally:
                staged.unlink(missing_ok=True)

    @contextmanager
    def _judged(self, path: str) -> Generator[None]:
        """Turn the system's errors into ours."""
        try:
            yield
        except FileNotFoundError:
            error: StorageError = missing(self.name, path)
        except OSError as system:
            kind = ObjectForbiddenError if isinstance(system, PermissionError) else StorageError
            error = kind(
                f"{named(self.name, path)} cannot be used",
                why=system.strerror or type(system).__name__,
                hint="cetegra-usage config show",
            )
        else:
            return
        raise error


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return list(items)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _etag(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each durable in the one above."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
