"""What runs that died, and verdicts that no longer hold, left in warehouse and publish: found and removed.

`named` alone says what stays: a new kind of file below these folders has to be added to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage.pipeline import keeping, memory
from cetegra_usage.publish import manifests
from cetegra_usage.store import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.store import Entry, Store

_RELEASES, _VOCABULARIES = "releases", "memory/vocabularies"
_NAMED = (memory.ROLLUPS, *keeping.FOLDERS, _VOCABULARIES)
_FEW = 16
"""Partitions up to which each one's folder is listed; of more the whole warehouse is, which asks a store less often."""


def named(job: Job) -> tuple[set[str], set[str]]:
    """Return the paths that stay: files of the warehouse, folders of publish.

    Of rollups what the ledger names as holding of each partition stays; what an earlier verdict named may hold people
    who were forgotten since, and goes, but for days of the consent log that a verdict on events still rests on: what
    changed since is told by them. Of tallies, summaries and catalogues' vocabularies each that a record names
    stays, and of releases every revision up to the one that the highest manifest names.
    """
    files = _of_rollups(job, job.ledger.latest) | set(job.ledger.kept)
    words = {record.body["vocabulary"] for verdicts in job.ledger.verdicts.values() for record in verdicts}
    files |= {memory.vocabulary_path(name) for name in words}
    folders = {
        f"{_RELEASES}/{entry['period']}/r{revision}"
        for entry in manifests.current(job.stores.publish).releases
        for revision in range(1, entry["revision"] + 1)
    }
    return files, folders


def find(job: Job) -> list[tuple[Store, Entry]]:
    """Return what may go; the caller holds the warehouse, or only looks."""
    files, folders = named(job)
    warehouse, publish = job.stores.warehouse, job.stores.publish
    released = {entry.path for entry in publish.list(_RELEASES) if "/".join(entry.path.split("/")[:3]) in folders}
    return [
        *((warehouse, entry) for entry in leftovers(warehouse, files, _NAMED)),
        *((publish, entry) for entry in leftovers(publish, released, [_RELEASES])),
    ]


def resting(job: Job) -> set[str]:
    """Return the paths of the days of the consent log that stay for the sake of earlier verdicts on events."""
    several = [
        one for one, verdicts in job.ledger.verdicts.items() if len(verdicts) > 1 and one.startswith("consents/")
    ]
    return _of_rollups(job, several)


def collect(job: Job, before: set[str], *, everywhere: bool) -> None:
    """Remove what nothing names.

    Args:
        job: What is there; the warehouse is held.
        before: What `resting` returned when the command began.
        everywhere: Whether anything else may have been left than what this command itself replaced.

    Raises:
        StorageError: A store does not answer, or the hold on the warehouse was lost.
    """
    found = find(job) if everywhere or len(job.touched) > _FEW else _replaced(job, before)
    job.make_sure(asked=bool(found))
    for store, entry in found:
        job.make_sure()
        store.delete(entry.path)


def _of_rollups(job: Job, partitions: Iterable[str]) -> set[str]:
    """Return the paths that stay of some partitions' rollups."""
    return {file.path for record in job.ledger.standing(partitions) for file in record.rollups}


def _replaced(job: Job, before: set[str]) -> list[tuple[Store, Entry]]:
    """Return what this command has replaced: files of the partitions that it took, and of the log, that do not stay."""
    warehouse = job.stores.warehouse
    files = _of_rollups(job, job.touched.union(map(memory.partition_of, before)))
    found: list[tuple[Store, Entry]] = []
    for partition in sorted(job.touched.union(map(memory.partition_of, before - files))):
        found += [(warehouse, one) for one in warehouse.list(memory.rollups_of(partition)) if one.path not in files]
    return found
