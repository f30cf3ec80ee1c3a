"""What the warehouse remembers beside the ledger: listings seen, attempts that failed, vocabularies, its key.

None of it is a verdict: without it, work is done again, and comes out the same; but the key has no other copy.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from cetegra_usage.errors import StorageError
from cetegra_usage.ledger import GENESIS, StoredFile, canonical, compressed, digest, read_compressed, sha256_of
from cetegra_usage.measure import RollupFile
from cetegra_usage.model import Partition
from cetegra_usage.publish.manifests import Derived
from cetegra_usage.store import Entry, ObjectMissingError, damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from cetegra_usage.ledger import Record
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.store import Store

T = TypeVar("T")

FILE = "memory/partitions.json.gz"
KEY = "memory/key"
ROLLUPS = "rollups"
WHO = {"persons": "pseudonym", "consents": "pseudonym", "responses": "recipient"}
"""The rolled-up tables that say who there is in a partition, by kind, and the column that does."""
_COUNTS = "totals"
"""The one rolled-up table that holds nobody."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that found a partition incomplete: its listing then, what was wrong, and when."""

    listing: str
    why: str
    when: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a period's release was last made from.

    Attributes:
        fingerprint: A digest of all its inputs.
        rules: A digest of statements, suites and settings.
        catalogue: The catalogue's.
        firsts: A digest of the days of the services' first partitions, and of whether there is a consent log.
        records: The number of records of the ledger when that was last looked at.
    """

    fingerprint: str
    rules: str
    catalogue: str
    firsts: str
    records: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How far forgetting has come.

    Attributes:
        ended: The last day on which a week or a month had just ended.
        closed: Every row that began before had its tally.
        records: How many records of the ledger there were.
        left: How many people who had to go were found again in the files that were left; None where none of it
            came to its end.
    """

    ended: str = ""
    closed: str = ""
    records: int = 0
    left: int | None = None


@dataclass(slots=True)
class Memory:
    """What was seen of each partition.

    Attributes:
        seen: The listing under which a partition's bytes were last known, by partition id.
        attempts: The last attempt, of each partition that is incomplete.
        periods: What each period's release was made from.
        records: How many records the ledger had when a run last wrote to it.
        head: The hash of the last of them.
        forgotten: How far forgetting has come.
        derived: What a run last found, or made, of what is derived from the manifests.
        compared: How many records the ledger had when the days of the log were last held against one another.
    """

    seen: dict[str, str] = field(default_factory=dict[str, str])
    attempts: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    periods: dict[str, Made] = field(default_factory=dict[str, Made])
    records: int = 0
    head: str = GENESIS
    forgotten: Forgotten = Forgotten()
    derived: Derived | None = None
    compared: int = 0


def load(store: Store) -> Memory:
    """Read it; an empty one where there is none that can be read."""
    document = read_compressed(store, FILE) or {}
    try:
        return Memory(
            document["seen"],
            {partition: Attempt(**attempt) for partition, attempt in document["attempts"].items()},
            {period: Made(**made) for period, made in document["periods"].items()},
            document["records"],
            document["head"],
            Forgotten(**document["forgotten"]),
            Derived(**document["derived"]) if document["derived"] else None,
            document.get("compared", 0),
        )
    except (KeyError, TypeError, AttributeError):
        return Memory()


def keep(store: Store, memory: Memory) -> None:
    """Write it over what was there."""
    store.put(FILE, compressed(asdict(memory)))


def keep_vocabulary(store: Store, document: Mapping[str, Any]) -> str:
    """Keep a catalogue's vocabulary under its digest, and return that."""
    name = digest(document)
    if not store.exists(vocabulary_path(name)):
        store.put(vocabulary_path(name), canonical(document))
    return name


def vocabulary(store: Store, name: str) -> dict[str, Any] | None:
    """Return a vocabulary that was kept; None where it is gone, or no longer what it was."""
    try:
        document = json.loads(store.read(vocabulary_path(name)))
    except (ObjectMissingError, ValueError):
        return None
    return document if digest(document) == name else None


def key(job: Job) -> bytes:
    """Return the warehouse's key, with which public records name exact ones; made when it is first asked for.

    Raises:
        StorageError: The store does not answer; or something was published with a key, and it is gone.
    """
    store = job.stores.warehouse
    if not store.exists(KEY):
        if job.ledger.manifests:
            raise StorageError(
                f"{KEY} is gone from the warehouse",
                why="by it published evidence names exact records: with another none of them would be found",
                hint="bring it back from the backup; docs/runbook.md, Keep",
            )
        store.put_if_absent(KEY, secrets.token_hex(32).encode())
    return bytes.fromhex(store.read(KEY).decode())


def fetch_rollups(job: Job, record: Record, table: str) -> list[Path]:
    """Bring the files of one rolled-up table of a record here, in bucket order."""
    return fetch(job, [file for file in record.rollups if table_of(file.path) == table])


def fetch(job: Job, files: Sequence[StoredFile]) -> list[Path]:
    """Bring files of rollups here, each once a job: they are named by content and never change.

    Raises:
        StorageError: One is no longer what its record says, or the warehouse does not answer.
    """
    store = job.stores.warehouse
    for file in files:
        if file.path not in job.local:
            found = store.fetch(Entry(file.path, file.bytes, None), job.spec.spool)
            if sha256_of(found) != file.sha256:  # else a bit that flipped would be a figure
                day = Partition.parse(partition_of(file.path)).day
                again = f"cetegra-usage backfill --from {day} --to {day} --reason damaged"
                raise damaged(store, file.path, f"; or, while landing has that day, {again}")
            job.local[file.path] = found
    return [job.local[file.path] for file in files]


def rollup_files(job: Job, record: Record, wants: Callable[[str], bool]) -> list[RollupFile]:
    """Bring the files of some rolled-up tables of an event partition here, as measuring takes them."""
    partition = Partition.parse(record.partition)
    files = [StoredFile(**file) for file in record.said("rollups") if wants(table_of(file["path"]))]
    buckets = Counter(table_of(file.path) for file in files)
    return [
        RollupFile(
            service=partition.service,
            day=partition.day,
            table=table_of(file.path),
            bucket=bucket_of(file.path),
            buckets=buckets[table_of(file.path)],
            path=path,
        )
        for file, path in zip(files, fetch(job, files), strict=True)
    ]


def stored_as(partition: str, file: Path) -> StoredFile:
    """Return as what a file of a partition's rollups is stored: under a name of its content."""
    sha256 = sha256_of(file)
    name = file.name.rsplit("-", 1)[-1]  # of a file that was stored before, without the old hash
    return StoredFile(f"{rollups_of(partition)}/{sha256[:16]}-{name}", file.stat().st_size, sha256)


def store_rollup(store: Store, partition: str, file: Path) -> StoredFile:
    """Put a file of a partition's rollups into the warehouse; the local one goes."""
    stored = stored_as(partition, file)
    store.put_file(stored.path, file)
    file.unlink()
    return stored


def rollups_of(partition: str) -> str:
    """Return the folder of a partition's rollups."""
    return f"{ROLLUPS}/{partition}"


def table_of(path: str) -> str:
    """Return the table that a rollup file is a part of: `<hash>-<table>.<bucket>.parquet`."""
    return path.rsplit("/", 1)[-1].split("-", 1)[-1].split(".", 1)[0]


def of_everybody(record: Record) -> list[StoredFile]:
    """Return the files of a record's rollups that hold nobody: the counts of everybody, which retention leaves."""
    return [file for file in record.rollups if table_of(file.path) == _COUNTS]


def is_identified(record: Record) -> bool:
    """Whether a record names detail of persons that has its time: rollups that are more than counts, and no log."""
    return not record.partition.startswith("consents/") and len(record.rollups) > len(of_everybody(record))


def partition_of(path: str) -> str:
    """Return the partition of a rollup file, by id."""
    return path.removeprefix(f"{ROLLUPS}/").rsplit("/", 1)[0]


def by_bucket(files: Iterable[tuple[str, T]]) -> list[dict[str, T]]:
    """Put what belongs to rollup files together by bucket: for each bucket, by table; the files' names come first."""
    buckets: dict[int, dict[str, T]] = {}
    for path, one in files:
        buckets.setdefault(bucket_of(path), {})[table_of(path)] = one
    return list(buckets.values())


def bucket_of(path: str) -> int:
    """Return the bucket of a rollup file."""
    return int(path.rsplit("/", 1)[-1].split(".")[1])


def vocabulary_path(name: str) -> str:
    """Return where a vocabulary is kept."""
    return f"memory/vocabularies/{name}.json"
