"""The landing zone: which partitions are there, whether they are whole, and what their bytes are."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from cetegra_usage.errors import IncompletePartitionError, StorageError
from cetegra_usage.ledger import sha256_of
from cetegra_usage.model import Input, Partition
from cetegra_usage.store import ObjectChangedError, ObjectForbiddenError, ObjectMissingError, stays_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cetegra_usage.store import Entry, Store

SEAL = "_seal.json"
_NOT_TO_BE_HAD = (ObjectChangedError, ObjectForbiddenError, ObjectMissingError)
ENDINGS = (".parquet", ".ndjson", ".ndjson.gz", ".ndjson.zst")

_FOLDER = re.compile(
    r"(?:(?P<events>events)/service=(?P<service>[^/]*)|(?P<log>consents|feedback))/day=(?P<day>\d{4}-\d{2}-\d{2})/(?P<file>[^/]+)"
)
_NAMED = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,64}")
"""What a folder's service looks like that an id may show; one that is no key is blocked by its check."""
_MASKED = re.compile(r"masked-\d+")


@dataclass(frozen=True, slots=True)
class Landed:
    """A partition as it was listed.

    Attributes:
        partition: Which one; where its folder's service may not be shown, a number stands in the id for it.
        files: Its files.
        seal: Its seal, where there is one.
        service: What its folder says the service is: for its check alone where the id does not show it.
    """

    partition: Partition
    files: tuple[Entry, ...]
    seal: Entry | None
    service: str = ""

    @property
    def listing(self) -> str:
        """A digest that changes when the listing does: cheap, and no proof of equal bytes."""
        entries = [*self.files, *((self.seal,) if self.seal else ())]
        return hashlib.sha256(
            json.dumps([[entry.path, entry.bytes, entry.etag] for entry in entries]).encode()
        ).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Zone:
    """What the landing zone holds.

    Attributes:
        partitions: Each partition that has files or a seal.
        has_consents: Whether there is a consent log at all.
        strangers: Number of files that lie where no partition is: never read, and `plan` and `run` say so.
    """

    partitions: Mapping[Partition, Landed]
    has_consents: bool
    strangers: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A partition whose bytes are here.

    Attributes:
        files: Local files, in the order of `inputs`.
        inputs: Place and form, size and SHA-256 of each file.
        sealed_rows: The number of rows that the seal promises; None without a seal.
    """

    files: tuple[Path, ...]
    inputs: tuple[Input, ...]
    sealed_rows: int | None


def scan(store: Store, may_show: Callable[[str], bool] = lambda _: True) -> Zone:
    """List the landing zone; nothing but names, sizes and etags is read.

    Args:
        store: The landing zone.
        may_show: Whether a folder's service may stand in an id. Of each day, those that may not are numbered.
    """
    found: dict[Partition, list[Entry]] = {}
    strangers = 0
    for entry in (entry for kind in ("consents", "events", "feedback") for entry in store.list(kind)):
        partition = _partition(entry.path)
        if partition is None:
            strangers += 1
        else:
            found.setdefault(partition, []).append(entry)
    masked: Counter[date] = Counter()
    partitions: dict[Partition, Landed] = {}
    for folder, entries in sorted(found.items()):
        partition, service = folder, folder.service
        is_shown = _NAMED.fullmatch(service) and may_show(service) and not is_masked(folder)
        if folder.kind == "events" and not is_shown:
            masked[folder.day] += 1
            partition = Partition("events", f"masked-{masked[folder.day]}", folder.day)
        partitions[partition] = Landed(
            partition,
            files=tuple(entry for entry in entries if not entry.path.endswith(f"/{SEAL}")),
            seal=next((entry for entry in entries if entry.path.endswith(f"/{SEAL}")), None),
            service=service,
        )
    has_consents = any(partition.kind == "consents" for partition in partitions)
    return Zone(dict(sorted(partitions.items())), has_consents, strangers)


def is_masked(partition: Partition) -> bool:
    """Whether a partition's id shows a number in place of what its folder says the service is."""
    return _MASKED.fullmatch(partition.service) is not None


def fetch(store: Store, landed: Landed, folder: Path, *, seal_required: bool) -> Fetched:
    """Bring a partition's bytes here and hold them against the seal.

    Args:
        store: The landing zone.
        landed: The partition as it was listed.
        folder: Where copies go, if the store has no files of its own here.
        seal_required: Whether a partition without a seal is incomplete.

    Raises:
        IncompletePartitionError: The seal is missing, cannot be read or differs; a file is gone, or of no known form.
        StorageError: The store does not answer.
    """
    sealed = look(store, landed, seal_required=seal_required)
    files: list[Path] = []
    inputs: list[Input] = []
    for number, entry in enumerate(landed.files, 1):
        local, digest = _bring(store, entry, folder)
        if local is None:
            raise _incomplete(_name(landed, number) + " cannot be read", "it was replaced or removed, or is not for us")
        if sealed is not None and digest != sealed[_file(entry)]["sha256"].lower():
            raise _incomplete(
                _name(landed, number) + " is not what was sealed", "its bytes changed after it was written"
            )
        files.append(local)
        ending = next(ending for ending in ENDINGS if entry.path.endswith(ending))
        inputs.append(Input(f"{number}{ending}", entry.bytes, digest))
    rows = sum(file["rows"] for file in sealed.values()) if sealed is not None else None
    return Fetched(tuple(files), tuple(inputs), rows)


def look(store: Store, landed: Landed, *, seal_required: bool) -> dict[str, Any] | None:
    """Hold a partition's listing against its seal, of which alone the bytes are read; raises as `fetch` does.

    Returns:
        What the seal says of each file, by name; None without a seal.
    """
    if landed.seal is None and seal_required:
        raise _incomplete("it has no seal", "the settings say that every partition is sealed")
    if not all(stays_inside(entry.path) for entry in (*landed.files, landed.seal) if entry):
        raise _incomplete("a name in it is no path", "a backslash in the name of a file or folder leads elsewhere")
    for number, entry in enumerate(landed.files, 1):
        if not entry.path.endswith(ENDINGS):
            raise _incomplete(
                _name(landed, number) + " is of no known form", f"the known endings are {', '.join(ENDINGS)}"
            )
    sealed = _read_seal(store, landed) if landed.seal else None
    if sealed is not None:
        _hold_against(sealed, landed)
    return sealed


def still(store: Store, landed: Landed) -> bool:
    """Whether the files are, after they were read, the ones that were listed."""
    return all(store.unchanged(entry) for entry in landed.files)


def _bring(store: Store, entry: Entry, folder: Path) -> tuple[Path | None, str]:
    """Return a local file and its SHA-256; None where it is gone, not for us, or not the one that was listed."""
    try:
        local = store.fetch(entry, folder)
        return local, sha256_of(local)
    except (*_NOT_TO_BE_HAD, FileNotFoundError, PermissionError):
        return None, ""
    except OSError as system:
        why = system.strerror or type(system).__name__
    raise StorageError("landing cannot be read", why=why, hint="cetegra-usage doctor")


def _hold_against(sealed: dict[str, Any], landed: Landed) -> None:
    """Hold names and sizes against the seal, before a byte is read."""
    names = {_file(entry) for entry in landed.files}
    if missing := len(sealed.keys() - names):
        raise _incomplete(f"{missing} sealed file(s) are missing", "the seal lists files that are not there")
    if extra := len(names - sealed.keys()):
        raise _incomplete(f"{extra} file(s) are not in the seal", "the seal was written last and lists every file")
    for number, entry in enumerate(landed.files, 1):
        if entry.bytes != sealed[_file(entry)]["bytes"]:
            raise _incomplete(_name(landed, number) + " is not of the sealed size", "it is cut short, or was replaced")


def _partition(path: str) -> Partition | None:
    found = _FOLDER.fullmatch(path)
    if not found:
        return None
    try:
        day = date.fromisoformat(found["day"])
    except ValueError:
        return None
    if found["events"]:
        return Partition("events", found["service"], day)
    return Partition("consents" if found["log"] == "consents" else "feedback", "", day)


def _read_seal(store: Store, landed: Landed) -> dict[str, Any]:
    assert landed.seal is not None  # noqa: S101  # the caller looked
    try:
        document = json.loads(store.read(landed.seal.path))
        files = {file["name"]: {key: file[key] for key in ("bytes", "sha256", "rows")} for file in document["files"]}
        kinds = {"bytes": int, "rows": int, "sha256": str}
        if all(isinstance(file[key], kind) for file in files.values() for key, kind in kinds.items()):
            return files
    except (ValueError, KeyError, TypeError, RecursionError, *_NOT_TO_BE_HAD):
        pass
    raise _incomplete("its seal cannot be read", "a seal is JSON that lists name, bytes, sha256 and rows of every file")


def _file(entry: Entry) -> str:
    return entry.path.rsplit("/", 1)[-1]


def _name(landed: Landed, number: int) -> str:
    """Name a file by its place: a name that a producer chose could carry anything."""
    return f"file {number} of {len(landed.files)}"


def _incomplete(what: str, why: str) -> IncompletePartitionError:
    return IncompletePartitionError(what, why=why, hint="land the partition again; the next run takes it")
