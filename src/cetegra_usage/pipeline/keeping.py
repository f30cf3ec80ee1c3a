"""Files of the warehouse beside the rollups: a record says what each is before it is put.

A run that dies in between leaves a record that names what is not there yet; the next one makes it again, to the byte.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cetegra_usage import ledger
from cetegra_usage.erased import NOBODY, Erased
from cetegra_usage.errors import StorageError
from cetegra_usage.pipeline import memory
from cetegra_usage.store import ObjectMissingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.store import Store

TALLIES, SUMMARIES, ERASED = FOLDERS = ("tallies", "known", "erased")


def keep(job: Job, files: Mapping[str, Path | bytes], gone: Iterable[str] = (), *, reason: str | None = None) -> None:
    """Put files under a record that names their hashes, and remove others.

    Args:
        job: What is there; the warehouse is held. Its ledger grows where anything changes.
        files: Content by path.
        gone: Paths that are named no more; they need not be there.
        reason: Why, where somebody said so.

    Raises:
        StorageError: The warehouse does not answer, or the hold on it was lost.
    """
    stored = [_stored(path, content) for path, content in sorted(files.items())]
    new = [file for file in stored if job.ledger.kept.get(file.path) != file]
    old = sorted(path for path in gone if path in job.ledger.kept)
    if new or old:
        job.make_sure()
        body = {"kind": ledger.KEPT, "files": [asdict(file) for file in new], "gone": old}
        said = {"reason": reason} if reason else {}
        ledger.append(job.stores.warehouse, job.ledger, [body | said], datetime.now(UTC))
    for path, content in files.items():
        job.make_sure()
        if isinstance(content, bytes):
            job.stores.warehouse.put(path, content)
        else:
            job.stores.warehouse.put_file(path, content)
        job.local.pop(path, None)
    for path in old:
        job.stores.warehouse.delete(path)
        job.local.pop(path, None)


def is_kept(job: Job, path: str, content: bytes) -> bool:
    """Whether a file is what its record says: another is as good as none."""
    return job.ledger.kept.get(path) == _stored(path, content)


def was_kept(job: Job, path: str, content: bytes) -> bool:
    """Whether a file is what some record says, though not the last: who wrote that died before the file was put."""
    stored = asdict(_stored(path, content))
    records = job.ledger.since(0, job.stores.warehouse)
    return any(stored in record.body["files"] for record in records if record.kind == ledger.KEPT)


def keep_erased(job: Job, erased: Erased, reason: str) -> None:
    """Keep the list of who was erased, under a name of its content: it is there before a record names it."""
    content = ledger.compressed(erased.as_json())
    path = f"{ERASED}/{hashlib.sha256(content).hexdigest()[:16]}.json.gz"
    job.stores.warehouse.put(path, content)
    keep(job, {path: content}, gone=[one for one in _lists(job.ledger) if one != path], reason=reason)


def erased(store: Store, chain: ledger.Ledger) -> Erased:
    """Return who was erased.

    Raises:
        StorageError: The list is not what its record names, or is of another key: with none, who was erased would be
            taken in again.
    """
    paths = _lists(chain)
    if not paths:
        return NOBODY
    document = ledger.read_named(store, paths[-1], chain.kept[paths[-1]].sha256)
    try:
        found = Erased.parse(document, bytes.fromhex(store.read(memory.KEY).decode())) if document else None
    except (ObjectMissingError, ValueError):
        found = None
    if found:
        return found
    raise StorageError(
        "the list of who was erased cannot be used",
        why=f"{paths[-1]} or {memory.KEY} is not there, or another: who was erased would be taken in again",
        hint="put both back from a copy of the warehouse, then cetegra-usage verify",
    )


def _lists(chain: ledger.Ledger) -> list[str]:
    return [path for path in chain.kept if path.startswith(f"{ERASED}/")]


def _stored(path: str, content: Path | bytes) -> ledger.StoredFile:
    if isinstance(content, bytes):
        return ledger.StoredFile(path, len(content), hashlib.sha256(content).hexdigest())
    return ledger.StoredFile(path, content.stat().st_size, ledger.sha256_of(content))
