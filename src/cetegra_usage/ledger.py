"""The ledger: one record a verdict or release, chained by hash, in numbered segments that are put if absent.

A record's body holds no clock, run or machine; when it was written stands beside its hash, not under it::

    <warehouse>/ledger/<n>.json   {"records": [{"body": {...}, "sha256": hex of the body, "when": ISO 8601}, ...],
                                   "sha256": hex of the records, so that a changed time is found, too}

Each body names the hash of the record before it, so that a changed, removed or swapped record breaks the chain. What a
body is about stands in its `kind`: `verdict` (of a partition), `release` (which manifest is put next, and its hash), or
`forgotten`: somebody of a partition was forgotten, the verdict stands, and its files are others::

    {"kind": "forgotten", "partition": id, "verdict": number of its verdict, "content": hash of the verdict's rows,
     "until": the last day on which one of them had withdrawn, "rollups": [...], "reason": "forgotten"}

What older records name of a partition's rollups is gone, and should be. The fourth kind, `kept`, says which tallies and
summaries are about to be put and which go::

    {"kind": "kept", "files": [{"path", "bytes", "sha256"}, ...], "gone": [path, ...]}

A run does not read the chain from its beginning: what holds after some segment is summed up beside it, compressed, with
every value that records share once. The files that records name are most of it, and asked for of few: of older records
they stand apart, 64 records a file, and are read when somebody asks. Both are derived from the chain alone, `verify`
holds them against it, and what is not there, or of another chain, is read from the chain::

    <warehouse>/memory/ledger.json.gz   {"segments", "count", "head", "kept", "manifests",
                                         "numbers", "sha256", "when", "bodies": of the records that hold, "values"}
    <warehouse>/memory/ledger/<n>.json.gz   {number of a record: [its sha256, {"inputs", "rollups"}], ...}
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import UserList, defaultdict
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from cetegra_usage.errors import StorageError
from cetegra_usage.model import Input, Rows
from cetegra_usage.store import ObjectMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from cetegra_usage.store import Store

FOLDER = "ledger"
SUM = "memory/ledger.json.gz"
GENESIS = "0" * 64
VERDICT, RELEASE, FORGOTTEN, KEPT = "verdict", "release", "forgotten", "kept"
PART = 64
"""Records whose files stand in one part."""
_FILES = ("inputs", "rollups")
_ELSEWHERE = -1  # in the place of a value's number


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the warehouse that a record names: path, size and SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """One verdict, or what else the warehouse answers for.

    Attributes:
        number: Its place in the chain, from 1.
        sha256: The hash of its body.
        when: When it was written, beside the hash.
        body: What is chained; see `body`.
    """

    number: int
    sha256: str
    when: str
    body: Mapping[str, Any] = field(repr=False)

    @property
    def kind(self) -> str:
        """What it is about; of a release the properties below do not speak."""
        return self.body["kind"]

    @property
    def partition(self) -> str:
        """The partition's id."""
        return self.body["partition"]

    @property
    def state(self) -> str:
        """`accepted` or `quarantined`."""
        return self.body["state"]

    @property
    def rows(self) -> Rows:
        """The fate of each row."""
        return Rows(**self.body["rows"])

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The files that were judged."""
        return tuple(Input(**entry) for entry in self.body["inputs"])

    @property
    def rollups(self) -> tuple[StoredFile, ...]:
        """The files that the partition was rolled up into; none if it was quarantined."""
        return tuple(StoredFile(**entry) for entry in self.body["rollups"])

    @property
    def is_verdict(self) -> bool:
        """Whether it is a verdict."""
        return self.kind == VERDICT

    @property
    def content(self) -> str:
        """A hash of the state and the accepted rows; it stays the same when somebody is forgotten."""
        return self.body.get("content") or content_of(self.state, self.rollups)

    @property
    def forgotten_until(self) -> date:
        """The last day on which somebody withdrew who was forgotten; `date.min` where all is as it was accepted."""
        return date.fromisoformat(self.body["until"]) if "until" in self.body else date.min

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The results that are no success: promise, expectation and count."""
        return [
            {key: result[key] for key in ("promise", "expectation", "count")}
            for result in self.body["results"]
            if result["success"] is False
        ]


@dataclass(slots=True)
class Ledger:
    """What holds of each partition, and the records as far as they were read.

    Attributes:
        count: The number of records.
        head: The hash of the last of them.
        segments: The number of segments.
        verdicts: Every verdict of each partition, oldest first.
        latest: The last verdict on each partition; where somebody was forgotten since, with the files that are left.
        kept: Tallies and summaries by their path: the last that was said of each.
        manifests: The hash of each manifest that was about to be put, by its number: the last that was said of it.
        records: Those that were read one by one, in order: the last ones, or all.
        first: The number of the first of these segments.
        summed: How many of the records are summed up beside the chain.
    """

    count: int = 0
    head: str = GENESIS
    segments: int = 0
    verdicts: dict[str, list[Record]] = field(default_factory=dict[str, list[Record]])
    latest: dict[str, Record] = field(default_factory=dict[str, Record])
    kept: dict[str, StoredFile] = field(default_factory=dict[str, StoredFile])
    manifests: dict[int, str] = field(default_factory=dict[int, str])
    records: list[Record] = field(default_factory=list[Record])
    first: int = 1
    summed: int = 0

    def since(self, number: int, store: Store) -> list[Record]:
        """Return the records after the first `number`; segments that were not read are read now."""
        while self.first > 1 and self.count - len(self.records) > number:
            self.first -= 1
            self.records[:0] = _records(json.loads(store.read(path_of(self.first))))
        return self.records[max(0, number - self.count + len(self.records)) :]

    def take(self, segment: Mapping[str, Any]) -> None:
        """Add a segment's records."""
        self.segments += 1
        for record in _records(segment):
            self.count, self.head = record.number, record.sha256
            self.records.append(record)
            if "partition" in record.body:
                self.place(record)
            if record.kind == RELEASE:
                self.manifests[record.body["manifest"]] = record.body["manifest_sha256"]
            if record.kind == KEPT:
                self.kept |= {file["path"]: StoredFile(**file) for file in record.body["files"]}
                for path in record.body["gone"]:
                    self.kept.pop(path, None)

    def place(self, record: Record) -> None:
        """Add what a record says of its partition."""
        verdicts = self.verdicts.setdefault(record.partition, [])
        if record.is_verdict:
            verdicts.append(record)
        else:
            verdict = {one.number: one for one in verdicts}[record.body["verdict"]]
            record = replace(record, when=verdict.when, body={**verdict.body, **record.body})
        self.latest[record.partition] = record


def load(store: Store) -> Ledger:
    """Read the ledger of a warehouse: what is summed up of it and the segments since, or every segment."""
    there = highest(entry.path for entry in store.list(FOLDER))
    ledger = _summed_up(store)
    for number in range(ledger.segments + 1, there + 1):
        segment = json.loads(store.read(path_of(number)))
        if segment["records"][0]["body"]["previous"] != ledger.head:
            break
        ledger.take(segment)
    if ledger.segments == there:
        return ledger
    ledger = Ledger()  # what is summed up is of another chain
    for number in range(1, there + 1):
        ledger.take(json.loads(store.read(path_of(number))))
    return ledger


class _Apart(UserList["dict[str, Any]"]):
    """Files that a record names, read when they are asked for."""

    def __init__(self, read: Callable[[], list[dict[str, Any]]]) -> None:
        self._read = read

    @cached_property
    def data(self) -> list[dict[str, Any]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._read()


def sum_up(store: Store, ledger: Ledger) -> None:
    """Keep beside the chain what holds now, unless it is there; the caller holds the warehouse."""
    if ledger.summed == ledger.count:
        return
    apart: dict[int, list[Record]] = defaultdict(list)
    for record in _holding(ledger):
        if record.number <= _older(ledger):
            apart[part_of(record.number)].append(record)
    for part, records in apart.items():
        if not all(isinstance(files, _Apart) for record in records for files in _files(record).values()):
            store.put(part_path(part), compressed({record.number: files_apart(record) for record in records}))
    store.put(SUM, compressed(summary(ledger)))
    ledger.summed = ledger.count


def summary(ledger: Ledger) -> dict[str, Any]:
    """Return what holds after the last segment, as it is kept; what bodies share stands once, by its number."""
    records = _holding(ledger)
    older = _older(ledger)
    values: list[Any] = []
    known: dict[int, int] = {}  # by identity: what was read as one value is one
    found: dict[bytes, int] = {}

    def number(value: Any) -> int:
        if id(value) not in known:
            known[id(value)] = found.setdefault(canonical(value), len(values))
            if known[id(value)] == len(values):
                values.append(value)
        return known[id(value)]

    def said(record: Record, key: str) -> int | None:
        if key not in record.body or (key in _FILES and key not in _files(record)):
            return None
        return _ELSEWHERE if key in _FILES and record.number <= older else number(record.body[key])

    keys = sorted({key for record in records for key in record.body} - {"number", "previous"})
    return {
        "segments": ledger.segments,
        "count": ledger.count,
        "head": ledger.head,
        "kept": [asdict(file) for _, file in sorted(ledger.kept.items())],
        "manifests": [[number, sha256] for number, sha256 in sorted(ledger.manifests.items())],
        "numbers": [record.number for record in records],
        "sha256": [record.sha256 for record in records],
        "when": [number(record.when) for record in records],
        "bodies": {key: [said(record, key) for record in records] for key in keys},
        "values": values,
    }


def part_of(number: int) -> int:
    """Return the number of the part in which an older record's files are."""
    return (number - 1) // PART + 1


def part_path(part: int) -> str:
    """Return where files of older records are."""
    return f"memory/ledger/{part}.json.gz"


def files_apart(record: Record) -> list[Any]:
    """Return what a part holds of a record: its hash, and the files that it names itself."""
    return [record.sha256, {key: list(files) for key, files in _files(record).items()}]


def _holding(ledger: Ledger) -> list[Record]:
    """Return every verdict, and what was said since of those of which somebody was forgotten, in the chain's order."""
    records = [record for verdicts in ledger.verdicts.values() for record in verdicts]
    records += [record for record in ledger.latest.values() if not record.is_verdict]
    return sorted(records, key=lambda record: record.number)


def _older(ledger: Ledger) -> int:
    """Return how many records' files stand apart."""
    return ledger.count - ledger.count % PART


def _files(record: Record) -> dict[str, Sequence[dict[str, Any]]]:
    """Return the files that a record names itself, by its key."""
    keys = _FILES if record.is_verdict else ("rollups",)
    return {key: record.body[key] for key in keys if key in record.body}


def _summed_up(store: Store) -> Ledger:
    """Return the ledger as it was summed up; an empty one where it was not."""
    document = read_compressed(store, SUM)
    if document is None:
        return Ledger()
    ledger = Ledger(
        count=document["count"],
        head=document["head"],
        segments=document["segments"],
        kept={file["path"]: StoredFile(**file) for file in document["kept"]},
        manifests=dict(document["manifests"]),
        first=document["segments"] + 1,
        summed=document["count"],
    )
    part = cache(lambda path: read_compressed(store, path) or {})

    def apart(number: int, sha256: str, key: str) -> _Apart:
        def read() -> list[dict[str, Any]]:
            found, files = part(part_path(part_of(number))).get(str(number), ("", {}))
            return files[key] if found == sha256 else ledger.since(number - 1, store)[0].body[key]

        return _Apart(read)

    values = document["values"]
    bodies = document["bodies"]
    for nth, (number, sha256) in enumerate(zip(document["numbers"], document["sha256"], strict=True)):
        body = {
            key: apart(number, sha256, key) if at[nth] == _ELSEWHERE else values[at[nth]]
            for key, at in bodies.items()
            if at[nth] is not None
        }
        ledger.place(Record(number, sha256, values[document["when"][nth]], body))
    return ledger


def _records(segment: Mapping[str, Any]) -> list[Record]:
    return [
        Record(entry["body"]["number"], entry["sha256"], entry["when"], entry["body"]) for entry in segment["records"]
    ]


def append(store: Store, ledger: Ledger, bodies: Sequence[Mapping[str, Any]], when: datetime) -> None:
    """Chain records to a ledger, all in one segment, and keep it.

    Args:
        store: The warehouse; the caller holds its lease.
        ledger: As it was read; it has the new records afterwards.
        bodies: What each record says, in partition-id order, without `number` and `previous`; `kind` says what it is.
        when: The clock's time, kept beside the hashes.

    Raises:
        StorageError: Somebody else has written the segment meanwhile.
    """
    if not bodies:
        return
    entries: list[dict[str, Any]] = []
    number, previous = ledger.count, ledger.head
    for said in bodies:
        number += 1
        body = {"number": number, "previous": previous, **said}
        previous = digest(body)
        entries.append({"body": body, "sha256": previous, "when": when.isoformat(timespec="seconds")})
    segment = {"records": entries, "sha256": digest(entries)}
    if not store.put_if_absent(path_of(ledger.segments + 1), canonical(segment)):
        raise StorageError(
            "another run has written to the ledger", why="two runs worked at once", hint="cetegra-usage run"
        )
    ledger.take(segment)


def content_of(state: str, rollups: Iterable[StoredFile]) -> str:
    """Return what a verdict calls its state and accepted rows."""
    return digest([state, [file.sha256 for file in rollups]])


def forgetting(verdict: Record, rollups: Sequence[StoredFile], until: date) -> dict[str, Any]:
    """Return what a record says when somebody was forgotten.

    Args:
        verdict: What held of the partition until now.
        rollups: All its files that are left.
        until: The day on which who is forgotten had withdrawn; the last one, if they are several.
    """
    return {
        "kind": FORGOTTEN,
        "partition": verdict.partition,
        "reason": FORGOTTEN,
        "verdict": verdict.body.get("verdict", verdict.number),
        "until": max(until, verdict.forgotten_until).isoformat(),
        "content": verdict.content,
        "rollups": [asdict(file) for file in rollups],
    }


def canonical(document: Any) -> bytes:
    """Return a document as canonical JSON: sorted keys, no white space, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def compressed(document: Any) -> bytes:
    """Return a document as canonical JSON, compressed: the same bytes for the same document."""
    return gzip.compress(canonical(document), compresslevel=1, mtime=0)


def read_compressed(store: Store, path: str) -> dict[str, Any] | None:
    """Return a document that was kept compressed; None where none is, or none that can be read."""
    try:
        return json.loads(gzip.decompress(store.read(path)))
    except (ObjectMissingError, OSError, EOFError, zlib.error, ValueError):
        return None


def digest(document: Any) -> str:
    """Return the SHA-256 of a document's canonical JSON."""
    return hashlib.sha256(canonical(document)).hexdigest()


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def path_of(number: int) -> str:
    """Return where a segment is."""
    return f"{FOLDER}/{number}.json"


def highest(paths: Iterable[str]) -> int:
    """Return the number of the last segment among some files of the ledger's folder; 0 where there is none."""
    names = (path.removeprefix(f"{FOLDER}/").removesuffix(".json") for path in paths)
    return max((int(name) for name in names if name.isdecimal()), default=0)
