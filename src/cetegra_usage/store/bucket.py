"""A store in a bucket (S3) or a container (Azure Blob)."""

from __future__ import annotations

import os
import random
import re
import shutil
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from cetegra_usage.errors import StorageError
from cetegra_usage.residency.clouds import aws_token_endpoint
from cetegra_usage.store.base import (
    Entry,
    ObjectForbiddenError,
    ObjectMissingError,
    Store,
    StoreName,
    changed,
    checked,
    missing,
    named,
)
from cetegra_usage.store.probe import is_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from obstore import GetOptions
    from obstore.store import AzureStore, ClientConfig, RetryConfig, S3Config, S3Store

    from cetegra_usage.residency import Place

T = TypeVar("T")

_STATUS = re.compile(r"status code: (\d{3})")

_ATTEMPTS = 5
_CHUNK_BYTES = 8 << 20
WHOLE_BYTES = 64 << 20
"""Up to here a file is put in one request; larger ones in parts, which a store drops by its own rule if we die."""

_SKEW_SECONDS = 240.0

RETRY: RetryConfig = {
    "max_retries": 10,
    "retry_timeout": timedelta(seconds=120),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}


class _RefusedError(StorageError):
    """Raised when a request is refused, whatever the reason."""


class BucketStore(Store):
    """A prefix of a bucket or container; see `Store`."""

    def __init__(self, name: StoreName, place: Place, environment: Mapping[str, str] | None = None) -> None:
        offset = place.clock_offset_seconds
        super().__init__(name, place.location.url, place.residency, clock_offset_seconds=offset)
        self._prefix = place.location.path
        self._client = _client(name, place, os.environ if environment is None else environment)
        self._versions = False

    @property
    def keeps_versions(self) -> bool:  # noqa: D102  # see Store, as for all below
        return self._versions

    def list(self, prefix: str = "") -> list[Entry]:  # noqa: D102
        objects = self._do(
            prefix,
            lambda: [
                item for chunk in obstore.list(self._client, self._key(prefix), chunk_size=1000) for item in chunk
            ],
        )
        entries = sorted(
            Entry(path, item["size"], _bare(item["e_tag"]))
            for item in objects
            if (path := self._path(item["path"])) and not is_unfinished(path)
        )
        # Consoles mark a folder by an empty file of its name: those are no files.
        folders = {folder for entry in entries for folder in _above(entry.path)}
        return [entry for entry in entries if entry.bytes or entry.path not in folders]

    def list_folders(self, prefix: str = "") -> list[str]:  # noqa: D102
        found = self._do(prefix, lambda: obstore.list_with_delimiter(self._client, self._key(prefix)))
        return sorted({path.rsplit("/", 1)[-1] for path in found["common_prefixes"]})

    def read(self, path: str, *, etag: str | None = None) -> bytes:  # noqa: D102
        return b"".join(self._chunks(path, etag))

    def exists(self, path: str) -> bool:  # noqa: D102
        key = self._key(checked(path))
        try:
            self._ask(path, lambda: obstore.head(self._client, key))
        except ObjectMissingError:
            return False
        return True

    def fetch(self, entry: Entry, into: Path) -> Path:  # noqa: D102
        target = into / checked(entry.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(target.parent).free < entry.bytes:
            raise StorageError(
                f"there is no room for {named(self.name, entry.path)}",
                why="a file of a bucket is copied to this machine's disk while it is read",
                hint="make room, or set TMPDIR to a larger disk",
            )
        try:
            self._spool(entry, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target

    def unchanged(self, entry: Entry) -> bool:  # noqa: ARG002, D102  # what was fetched is a copy of ours
        return True

    def put(self, path: str, data: bytes) -> None:  # noqa: D102
        self.writable()
        key, parts = self._key(checked(path)), len(data) > WHOLE_BYTES
        self._do(path, lambda: obstore.put(self._client, key, data, use_multipart=parts))

    def put_file(self, path: str, local: Path) -> None:  # noqa: D102
        self.writable()
        key, parts = self._key(checked(path)), local.stat().st_size > WHOLE_BYTES
        self._do(path, lambda: obstore.put(self._client, key, local, use_multipart=parts))

    def create(self, path: str, data: bytes) -> bool:  # noqa: D102
        key = self._key(checked(path))

        def attempt() -> bool:
            try:
                made = obstore.put(self._client, key, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            self._versions = self._versions or made["version"] not in {None, "null"}
            return True

        return self._do(path, lambda: _persist(attempt))

    def delete(self, path: str) -> None:  # noqa: D102
        self.owned()
        key = self._key(checked(path))
        with suppress(ObjectMissingError):
            self._do(path, lambda: _persist(lambda: obstore.delete(self._client, key)))

    def litter(self) -> list[str]:  # noqa: D102
        found = self._do("", lambda: obstore.list_with_delimiter(self._client, self._key("")))
        return sorted(path for item in found["objects"] if is_unfinished(path := self._path(item["path"])))

    def free_bytes(self) -> int | None:  # noqa: D102
        return None

    def _spool(self, entry: Entry, target: Path) -> None:
        size = 0
        with target.open("wb") as file:
            for chunk in self._chunks(entry.path, entry.etag):
                size += file.write(chunk)
        if size != entry.bytes:
            raise changed(self.name, entry.path)

    def _chunks(self, path: str, etag: str | None) -> Generator[memoryview]:
        """Yield a file's bytes; a connection that breaks is taken up again where it broke, on the same etag."""
        key = self._key(checked(path))
        wanted = None if etag is None else _bare(etag)
        options: GetOptions = {} if wanted is None else {"if_match": f'"{wanted}"'}
        found = self._ask(path, lambda: obstore.get(self._client, key, options=options))
        if wanted is not None and _bare(found.meta["e_tag"]) != wanted:
            raise changed(self.name, path)  # by a store that does not know the condition
        size = 0
        chunks = iter(found.stream(min_chunk_size=_CHUNK_BYTES))
        while (chunk := self._do(path, lambda: next(chunks, None))) is not None:
            size += len(chunk)
            yield memoryview(chunk)
        if size != found.meta["size"]:
            raise changed(self.name, path)

    def _key(self, path: str) -> str:
        return "/".join(part for part in (self._prefix, path) if part)

    def _path(self, key: str) -> str:
        return key.removeprefix(self._prefix).lstrip("/")

    def _ask(self, path: str, call: Callable[[], T]) -> T:
        """Ask for one file, as `_do`: that one may be refused to us, by its key or its rights, and no other.

        Raises:
            ObjectForbiddenError: It is refused, and a listing is not: the credentials are the right ones.
        """
        with suppress(_RefusedError):
            return self._do(path, call)
        self.list_folders()  # told here, where everything is refused
        raise ObjectForbiddenError(
            f"{named(self.name, path)} cannot be used",
            why="the store refuses it, and not the listing",
            hint="see who may read it, and by which key it is encrypted",
        )

    def _do(self, path: str, call: Callable[[], T]) -> T:
        """Make a call and turn the client's errors into ours.

        Its own words can hold signed addresses: ours are raised outside the handler, so that nothing chains them.
        """
        error: StorageError
        try:
            return call()
        except FileNotFoundError:
            error = missing(self.name, path)
        except PreconditionError:
            error = changed(self.name, path)
        except (PermissionDeniedError, UnauthenticatedError):
            error = self._failed("it refuses the credentials", self._who(), _RefusedError)
        except InvalidPathError:
            error = self._failed("it holds a file whose name no path can have", "rename it")
        except (BaseError, ValueError, OSError) as generic:
            error = self._generic(_STATUS.search(str(generic)))
        raise error

    def _generic(self, status: re.Match[str] | None) -> StorageError:
        """Return the error for what the client has no class for: listings tell their status in words alone."""
        if status and status[1] in {"401", "403"}:
            return self._failed("it refuses the credentials", self._who())
        if status and status[1] == "404":
            return self._failed("its bucket or container is not there", f"make it, or set {self.name}.url")
        return self._failed("it does not answer, or breaks off", "cetegra-usage config show")

    def _failed(self, why: str, hint: str, kind: type[StorageError] = StorageError) -> StorageError:
        return kind(f"{self.name} cannot be used", why=why, hint=hint)

    def _who(self) -> str:
        if abs(self.clock_offset_seconds) > _SKEW_SECONDS:
            return "set this machine's clock: it differs from the store's by minutes, and signatures carry the time"
        return "see AWS_ACCESS_KEY_ID or AZURE_STORAGE_ACCOUNT_KEY, and what they are allowed to do"


def _client(name: StoreName, place: Place, environment: Mapping[str, str]) -> S3Store | AzureStore:
    """Build the client so that nothing of where it goes is left to defaults or the environment."""
    from obstore.store import AzureStore, S3Store  # noqa: PLC0415  # loads every client of every cloud

    options: ClientConfig = {
        "allow_http": place.endpoint.startswith("http://"),  # residency lets this machine alone have it
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=60),
        "timeout": timedelta(hours=6),  # of a whole body; a stalled one is found by read_timeout
        "user_agent": "cetegra-usage",
    }
    if place.location.scheme == "az":
        account = urlsplit(place.endpoint)
        return AzureStore(
            place.location.host,
            account_name=account.path.strip("/") or (account.hostname or "").split(".")[0],
            endpoint=place.endpoint,
            client_options=options,
            retry_config=RETRY,
        )
    config: S3Config = {
        "endpoint": place.endpoint,
        "region": place.residency.region
        or "us-east-1",  # a word in the signature; S3-compatible servers expect this one
        "virtual_hosted_style_request": False,
        "disable_bulk_delete": True,
    }
    if place.public and place.residency.region:
        config["sts_endpoint"] = aws_token_endpoint(place.residency.region)
    elif not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= set(environment):
        raise StorageError(
            f"{name} has no credentials",
            why="storage run by oneself takes them from the environment alone",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    return S3Store(place.location.host, config=config, client_options=options, retry_config=RETRY)


def _persist(attempt: Callable[[], T]) -> T:
    """Try again what the client does not repeat by itself: whether it reached the store cannot be known."""
    for number in range(1, _ATTEMPTS):
        try:
            return attempt()
        except (PermissionDeniedError, UnauthenticatedError, InvalidPathError):
            raise
        except BaseError:
            time.sleep(random.uniform(0, 0.1 * 2**number))  # noqa: S311  # jitter, no secret
    return attempt()


def _above(path: str) -> Generator[str]:
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        yield path


def _bare(etag: str | None) -> str:
    return (etag or "").strip('"')
