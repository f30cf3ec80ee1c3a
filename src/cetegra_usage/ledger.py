"""The ledger: one record a verdict or release, chained by hash, in numbered segments that are put if absent.

A record's body holds no clock, run or machine; when it was written stands beside its hash, not under it::

    <warehouse>/ledger/<n>.json   {"records": [{"body": {...}, "sha256": hex of the body, "when": ISO 8601}, ...],
                                   "sha256": hex of the records, so that a changed time is found, too}

Each body names the hash of the record before it, so that a changed, removed or swapped record breaks the chain. What a
body is about stands in its `kind`: `verdict` (of a partition), `release` (which manifest is put next, and its hash), or
`forgotten`: somebody of a partition was forgotten, the verdict stands, and its files are others::

    {"kind": "forgotten", "partition": id, "verdict": number of its verdict, "content": hash of the verdict's rows,
     "until": the last day on which one of them had withdrawn, "erased": the day on which one was erased who had asked
     for it (each where there is one), "rollups": [...], "reason": "forgotten", or why somebody was erased}

A verdict of which somebody was left out who had been erased says so too, and its `content` is that of all rows, so that
what was made of them still holds.

What older records name of a partition's rollups is gone, and should be; but of the consent log a day as it was before
stays as long as a verdict on events rests on it, without who was erased. The fourth kind, `kept`, says which tallies,
summaries and list of the erased are about to be put and which go::

    {"kind": "kept", "files": [{"path", "bytes", "sha256"}, ...], "gone": [path, ...]}

A run does not read the chain from its beginning: what holds after some segment is summed up beside it, compressed, with
every value that records share once. Hashes are most of it, and few are asked for: those of older records stand in
parts, of 64 records each, and those of what is kept in another; what is summed up names the hash of each part. It is
derived from the chain alone, `verify` holds it against that, and what is not there is read from the chain::

    <warehouse>/memory/ledger.json.gz   {"segments", "count", "head", "manifests", "parts": hash of each by its name,
                                         "numbers", "sha256", "when", "bodies": of the records that hold, "values"}
    <warehouse>/memory/ledger/<n>.json.gz    {number of a record: {"sha256", "content", "inputs", "rollups"}, ...}
    <warehouse>/memory/ledger/kept.json.gz   {"files": [{"path", "bytes", "sha256"}, ...]}
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from cetegra_usage.errors import StorageError
from cetegra_usage.model import Input, Rows
from cetegra_usage.store import ObjectMissingError, numbers, undamaged

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
"""Records whose hashes stand in one part."""
_APART = ("content", "inputs", "rollups")
_ELSEWHERE = -1  # in the place of a value's number


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the warehouse that a record names: path, size and SHA-256."""

    path: str
    bytes: int
    sha256: str


class Later:
    """A value that is read when it is asked for."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read

    @cached_property
    def value(self) -> Any:
        """What is read."""
        return self._read()


def _now(value: Any) -> Any:
    return value.value if isinstance(value, Later) else value


@dataclass(frozen=True, slots=True)
class Record:
    """One verdict, or what else the warehouse answers for.

    Attributes:
        number: Its place in the chain, from 1.
        hashed: The hash of its body, or where it is read.
        when: When it was written, beside the hash.
        body: What is chained; see `said`.
    """

    number: int
    hashed: str | Later
    when: str
    body: Mapping[str, Any] = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hash of its body."""
        return _now(self.hashed)

    def said(self, key: str) -> Any:
        """Return what its body says, which stands apart in some older ones."""
        return _now(self.body[key])

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
    def most(self) -> int:
        """How many of its rows one person has at most."""
        return self.body["most"]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The files that were judged."""
        return tuple(Input(**entry) for entry in self.said("inputs"))

    @property
    def rollups(self) -> tuple[StoredFile, ...]:
        """The files that the partition was rolled up into; none if it was quarantined."""
        return tuple(StoredFile(**entry) for entry in self.said("rollups"))

    @property
    def is_verdict(self) -> bool:
        """Whether it is a verdict."""
        return self.kind == VERDICT

    @property
    def verdict(self) -> int:
        """The number of the verdict that it is, or of which it says what is left."""
        return self.body.get("verdict", self.number)

    @property
    def content(self) -> str:
        """A hash of the state and the accepted rows; it stays the same when somebody is forgotten or erased."""
        return self.said("content") if "content" in self.body else content_of(self.state, self.rollups)

    @property
    def forgotten_until(self) -> date:
        """The last day on which somebody withdrew who was forgotten; `date.min` where all is as it was accepted."""
        return date.fromisoformat(self.body["until"]) if "until" in self.body else date.min

    @property
    def has_forgotten(self) -> bool:
        """Whether somebody went who had withdrawn, or was older than retention allows."""
        return self.forgotten_until > date.min

    @property
    def erased_on(self) -> date:
        """The last day on which somebody was erased out of it; `date.min` where nobody was."""
        return date.fromisoformat(self.body["erased"]) if "erased" in self.body else date.min

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
        left: The verdicts, by number, out of which somebody was forgotten since, with the files that are left.
        files: Tallies and summaries by their path, or where they are read: see `kept`.
        manifests: The hash of each manifest that was about to be put, by its number: the last that was said of it.
        records: Those that were read one by one, in order: the last ones, or all.
        first: The number of the first of these segments.
        summed: How many of the records are summed up beside the chain.
        parts: The hash of each part of that by its name.
    """

    count: int = 0
    head: str = GENESIS
    segments: int = 0
    verdicts: dict[str, list[Record]] = field(default_factory=dict[str, list[Record]])
    latest: dict[str, Record] = field(default_factory=dict[str, Record])
    left: dict[int, Record] = field(default_factory=dict[int, Record])
    files: dict[str, StoredFile] | Later = field(default_factory=dict[str, StoredFile])
    manifests: dict[int, str] = field(default_factory=dict[int, str])
    records: list[Record] = field(default_factory=list[Record])
    first: int = 1
    summed: int = 0
    parts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def kept(self) -> dict[str, StoredFile]:
        """Tallies and summaries by their path: the last that was said of each."""
        return _now(self.files)

    @property
    def older(self) -> int:
        """How many of the records have their hashes apart from what is summed up."""
        return self.count - self.count % PART

    def since(self, number: int, store: Store) -> list[Record]:
        """Return the records after the first `number`; segments that were not read are read now.

        Raises:
            StorageError: A segment is damaged, or the warehouse does not answer.
        """
        while self.first > 1 and self.count - len(self.records) > number:
            self.first -= 1
            with undamaged(store, path_of(self.first)):
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
                _keep(self.kept, record)

    def place(self, record: Record) -> None:
        """Add what a record says of its partition."""
        verdicts = self.verdicts.setdefault(record.partition, [])
        if record.is_verdict:
            verdicts.append(record)
        else:
            verdict = {one.number: one for one in verdicts}[record.verdict]
            record = replace(record, when=verdict.when, body={**verdict.body, **record.body})
            self.left[verdict.number] = record
        if record.verdict == verdicts[-1].number:
            self.latest[record.partition] = record

    def now(self, verdict: Record) -> Record:
        """Return a verdict with the files that are left of it."""
        return self.left.get(verdict.number, verdict)

    def standing(self, partitions: Iterable[str]) -> list[Record]:
        """Return the verdicts on some partitions of which the files stay, oldest first.

        That is the last one; of a day of the consent log also earlier ones on which a verdict on events still rests:
        what changed since is told by them.
        """
        events = (record for partition, record in self.latest.items() if partition.startswith("events/"))
        rested_on = min((record.body["consents"] for record in events), default=self.count)
        found: list[Record] = []
        for partition in partitions:
            verdicts = self.verdicts.get(partition, [])
            first = max(0, len(verdicts) - 1)
            while first and partition.startswith("consents/") and verdicts[first].number > rested_on:
                first -= 1
            found += [self.now(verdict) for verdict in verdicts[first:]]
        return found


def load(store: Store) -> Ledger:
    """Read the ledger of a warehouse: what is summed up of it and the segments since, or every segment.

    Raises:
        StorageError: A segment is damaged, or the warehouse does not answer.
    """
    there = highest(entry.path for entry in store.list(FOLDER))
    ledger = _summed_up(store)
    for number in range(ledger.segments + 1, there + 1):
        with undamaged(store, path_of(number)):
            segment = json.loads(store.read(path_of(number)))
            if segment["records"][0]["body"]["previous"] != ledger.head:
                break
            ledger.take(segment)
    if ledger.segments == there:
        return ledger
    ledger = Ledger()  # what is summed up is of another chain
    for number in range(1, there + 1):
        with undamaged(store, path_of(number)):
            ledger.take(json.loads(store.read(path_of(number))))
    return ledger


def _keep(kept: dict[str, StoredFile], record: Record) -> None:
    kept.update({file["path"]: StoredFile(**file) for file in record.body["files"]})
    for path in record.body["gone"]:
        kept.pop(path, None)


def sum_up(store: Store, ledger: Ledger) -> None:
    """Keep beside the chain what holds now, unless it is there; the caller holds the warehouse."""
    if ledger.summed == ledger.count:
        return
    parts: dict[str, list[Record]] = defaultdict(list)
    for record in _holding(ledger):
        if record.number <= ledger.older:
            parts[part_of(record.number)].append(record)
    for name, records in parts.items():
        if not all(isinstance(record.hashed, Later) for record in records):
            _put_part(store, ledger, name, {str(record.number): apart(record) for record in records})
    if any(record.kind == KEPT and record.number > ledger.summed for record in ledger.records):
        _put_part(store, ledger, KEPT, kept_apart(ledger))
    store.put(SUM, compressed(summary(ledger)))
    ledger.summed = ledger.count


def summary(ledger: Ledger) -> dict[str, Any]:
    """Return what holds after the last segment, as it is kept; what bodies share stands once, by its number."""
    records = _holding(ledger)
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
        if key in _APART:
            if key not in _own(record):
                return None
            return _ELSEWHERE if record.number <= ledger.older else number(record.body[key])
        return number(record.body[key]) if key in record.body else None

    keys = sorted({key for record in records for key in record.body} - {"number", "previous"})
    return {
        "segments": ledger.segments,
        "count": ledger.count,
        "head": ledger.head,
        "manifests": [[number, sha256] for number, sha256 in sorted(ledger.manifests.items())],
        "parts": ledger.parts,
        "numbers": [record.number for record in records],
        "sha256": [record.sha256 for record in records if record.number > ledger.older],
        "when": [number(record.when) for record in records],
        "bodies": {key: [said(record, key) for record in records] for key in keys},
        "values": values,
    }


def part_of(number: int) -> str:
    """Return the name of the part in which an older record's hashes are."""
    return str((number - 1) // PART + 1)


def part_path(name: str) -> str:
    """Return where a part is."""
    return f"memory/ledger/{name}.json.gz"


def part(store: Store, name: str, sha256: str | None) -> dict[str, Any]:
    """Return a part; nothing where it is not there, or another."""
    return read_named(store, part_path(name), sha256)


def read_named(store: Store, path: str, sha256: str | None) -> dict[str, Any]:
    """Return a document that was kept compressed and has this hash; nothing where it is not there, or another."""
    try:
        data = store.read(path)
    except ObjectMissingError:
        return {}
    return json.loads(gzip.decompress(data)) if hashlib.sha256(data).hexdigest() == sha256 else {}


def _put_part(store: Store, ledger: Ledger, name: str, document: Mapping[str, Any]) -> None:
    data = compressed(document)
    store.put(part_path(name), data)
    ledger.parts[name] = hashlib.sha256(data).hexdigest()


def apart(record: Record) -> dict[str, Any]:
    """Return what a part holds of a record."""
    return {"sha256": record.sha256, **{key: record.said(key) for key in _own(record)}}


def kept_apart(ledger: Ledger) -> dict[str, Any]:
    """Return the part of what is kept."""
    return {"files": [asdict(file) for _, file in sorted(ledger.kept.items())]}


def _holding(ledger: Ledger) -> list[Record]:
    """Return every verdict, and what was said since of those of which somebody was forgotten, in the chain's order.

    Nobody asks for files of events that an earlier verdict named.
    """
    records = [record for verdicts in ledger.verdicts.values() for record in verdicts]
    records += [
        record
        for record in ledger.left.values()
        if record is ledger.latest[record.partition] or record.partition.startswith("consents/")
    ]
    return sorted(records, key=lambda record: record.number)


def _own(record: Record) -> list[str]:
    """Return which of what stands apart a record says itself; that somebody was forgotten says nothing of inputs."""
    return [key for key in _APART if key in record.body and (record.is_verdict or key != "inputs")]


def has_grown(store: Store, ledger: Ledger) -> bool:
    """Whether somebody has written to the ledger of a warehouse since it was read."""
    return highest(entry.path for entry in store.list(FOLDER)) > ledger.segments


def _summed_up(store: Store) -> Ledger:
    """Return the ledger as it was summed up; an empty one where it was not."""
    document = read_compressed(store, SUM)
    if document is None or "parts" not in document:
        return Ledger()
    count = document["count"]

    def kept() -> dict[str, StoredFile]:
        if found := read(KEPT):
            return {file["path"]: StoredFile(**file) for file in found["files"]}
        files: dict[str, StoredFile] = {}
        for record in ledger.since(0, store):
            if record.kind == KEPT and record.number <= count:
                _keep(files, record)
        return files

    ledger = Ledger(
        count=count,
        head=document["head"],
        segments=document["segments"],
        files=Later(kept) if KEPT in document["parts"] else {},
        manifests=dict(document["manifests"]),
        first=document["segments"] + 1,
        summed=count,
        parts=document["parts"],
    )
    read = cache(lambda name: part(store, name, ledger.parts.get(name)))

    @cache
    def older(number: int) -> dict[str, Any]:
        return read(part_of(number)).get(str(number)) or apart(ledger.since(number - 1, store)[0])

    values, bodies = document["values"], document["bodies"]
    known = len(document["numbers"]) - len(document["sha256"])
    for nth, number in enumerate(document["numbers"]):
        sha256 = (
            Later(lambda number=number: older(number)["sha256"]) if nth < known else document["sha256"][nth - known]
        )
        body = {
            key: Later(lambda number=number, key=key: older(number)[key]) if at[nth] == _ELSEWHERE else values[at[nth]]
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


def forgetting(
    verdict: Record,
    rollups: Sequence[StoredFile],
    until: date = date.min,
    *,
    erased: date = date.min,
    reason: str = FORGOTTEN,
) -> dict[str, Any]:
    """Return what a record says when somebody was forgotten, or erased.

    Args:
        verdict: What held of the partition until now.
        rollups: All its files that are left.
        until: The day on which who is forgotten had withdrawn; the last one, if they are several.
        erased: The day on which somebody was erased.
        reason: Why.
    """
    days = {"until": max(until, verdict.forgotten_until), "erased": max(erased, verdict.erased_on)}
    return {
        "kind": FORGOTTEN,
        "partition": verdict.partition,
        "reason": reason,
        "verdict": verdict.verdict,
        **{key: day.isoformat() for key, day in days.items() if day > date.min},
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
    return max(numbers(paths, FOLDER), default=0)
