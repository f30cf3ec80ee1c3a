"""What can be verified with the warehouse beside it: the exact chain, the files it names, and who names it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from cetegra_usage import ledger
from cetegra_usage.pipeline import consent_log, keeping, memory, public
from cetegra_usage.pipeline.spool import spool
from cetegra_usage.publish import manifests
from cetegra_usage.settings import Disclosure
from cetegra_usage.store import Entry, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cetegra_usage.ledger import Record, StoredFile
    from cetegra_usage.model import Period
    from cetegra_usage.pipeline.verify.findings import Findings
    from cetegra_usage.pipeline.verify.published import Published
    from cetegra_usage.store import Store


def verify(store: Store, published: Published, findings: Findings, only: Period | None) -> None:
    """Verify the exact chain, every file of the warehouse that it names, and that what is public names it.

    Args:
        store: The warehouse.
        published: What the published tree says.
        findings: What is found is noted there.
        only: The period whose partitions' files are looked at; the chain is always verified as a whole.
    """
    known = _chain(store, findings)
    records = known.records
    with findings.reading(ledger.FOLDER), spool() as folder:
        _remembered(store, records, findings)
        _rolled_up(store, known, findings, only, folder)
        _beside(store, known, findings, folder)
        _log(store, known, findings, folder)
        _released(records, published, findings)
        _named(store, records, published, findings)


def _chain(store: Store, findings: Findings) -> ledger.Ledger:
    """Read every segment; hold each record against its hash and the one before, and what is summed up against all."""
    known = ledger.Ledger()
    summed = ledger.read_compressed(store, ledger.SUM)
    there = {entry.path for entry in store.list(ledger.FOLDER)}
    segments = numbers(there, ledger.FOLDER)
    for path in sorted(there - set(map(ledger.path_of, segments))):
        findings.fault(path, "it is no segment of the ledger")
    previous = ledger.GENESIS
    for number in findings.without_gaps(segments, ledger.path_of):
        path = ledger.path_of(number)
        with findings.reading(path):
            raw = store.read(path)
            segment = json.loads(raw)
            findings.expect(ledger.canonical(segment) == raw, path, "its bytes are not those of its content")
            findings.expect(ledger.digest(segment["records"]) == segment["sha256"], path, "its hash is another")
            for nth, entry in enumerate(segment["records"], 1):
                place = entry["body"]["number"]
                findings.checked["records"] += 1
                findings.expect(ledger.digest(entry["body"]) == entry["sha256"], place, "its hash is another")
                findings.expect(entry["body"]["previous"] == previous, place, "it does not name the record before")
                findings.expect(place == known.count + nth, place, "it is not in its place")
                previous = entry["sha256"]
            known.take(segment)
        if summed and summed["segments"] == number:
            with findings.reading(ledger.SUM):
                _summed(store, known, summed, findings)
    if summed is None:
        findings.expect(not store.exists(ledger.SUM), ledger.SUM, "it cannot be read as what it must be")
    else:
        findings.expect(summed["segments"] <= max(segments, default=0), ledger.SUM, "the chain is cut off, or another")
    return known


def _summed(store: Store, known: ledger.Ledger, summed: Mapping[str, Any], findings: Findings) -> None:
    """Hold what is summed up of the chain so far, and the parts that it names, against the records."""
    same = ledger.summary(replace(known, parts=summed["parts"])) == summed
    findings.expect(same, ledger.SUM, "it is not what the records come to")
    records = {str(record.number): record for record in known.records}
    there: set[str] = set()
    for name, sha256 in summed["parts"].items():
        path = ledger.part_path(name)
        with findings.reading(path):
            found = ledger.part(store, name, sha256)
            findings.expect(bool(found), path, "it is not there, or another")
            if name == ledger.KEPT:
                same = found == ledger.kept_apart(known)
            else:
                same = all(ledger.apart(records[number]) == said for number, said in found.items())
                there |= set(found)
            findings.expect(same, path, "it is not what its records say")
    older = [number for number in summed["numbers"] if number <= known.older]
    findings.expect(there >= set(map(str, older)), ledger.SUM, "parts of it are not there")


def _remembered(store: Store, records: Sequence[Record], findings: Findings) -> None:
    """Hold the chain's end against what the run that last wrote to it remembered."""
    with findings.reading(memory.FILE):
        if store.exists(memory.FILE) or records:
            readable = not store.exists(memory.FILE) or ledger.read_compressed(store, memory.FILE) is not None
            findings.expect(readable, memory.FILE, "it cannot be read as what it must be")
            known = memory.load(store)
            if readable and records and not known.records:
                findings.not_checked.append(
                    f"whether the last record is the last: no {memory.FILE} says how many there were; "
                    "hold the ledger against its backup"
                )
            kept = known.records <= len(records) and (
                known.records == 0 or records[known.records - 1].sha256 == known.head
            )
            findings.expect(kept, len(records), "the chain is cut off, or another: it had a record that is not there")


def _released(records: Sequence[Record], published: Published, findings: Findings) -> None:
    """Hold each manifest against the record that was made before it was put."""
    told = {
        record.body["manifest"]: record.body["manifest_sha256"] for record in records if record.kind == ledger.RELEASE
    }
    for number in sorted({*told, *published.manifests}):
        path = manifests.path_of(number)
        if number not in published.manifests:
            findings.fault(path, "the ledger names it, and it is not there (or a run died before it: run again)")
        elif number not in told:
            findings.fault(path, "the ledger knows of no such manifest")
        else:
            findings.expect(
                published.manifests[number].sha256 == told[number], path, "the ledger names another in its place"
            )


def _named(store: Store, records: Sequence[Record], published: Published, findings: Findings) -> None:
    """Hold the public evidence against the exact records that it names."""
    with findings.reading(memory.KEY):
        if not published.documents:
            return
        secret = bytes.fromhex(store.read(memory.KEY).decode())
        exact = {public.name_of(record, secret): _whole(record, records) for record in records}
        for path, (release, evidence) in published.documents.items():
            place = f"{path}/evidence.json"
            with findings.reading(place):
                disclosure = Disclosure(**release["settings"]["disclosure"])
                for one in evidence["partitions"]:
                    _partition(one, exact, records, disclosure, place, findings)


def _whole(record: Record, records: Sequence[Record]) -> Record:
    """Return a record that only says what became of a verdict's files together with what that verdict says."""
    said = {} if record.verdict == record.number else records[record.verdict - 1].body
    return replace(record, body={**said, **record.body})


def _partition(
    one: Mapping[str, Any],
    exact: Mapping[str, Record],
    records: Sequence[Record],
    disclosure: Disclosure,
    place: str,
    findings: Findings,
) -> None:
    if one["exact"] is None:
        findings.expect(
            not one["results"] and one["state"] in {"missing", "empty", "incomplete"},
            place,
            f"what it says of {one['id']} names no record",
        )
        return
    record = exact.get(one["exact"])
    if record is None:
        findings.fault(place, f"the exact record of {one['id']} that it names is not in the ledger")
        return
    before = records[: record.verdict - 1]
    earlier = [other for other in before if other.kind == ledger.VERDICT and other.partition == one["id"]]
    findings.expect(
        (one["id"], one["state"], one["results"], one["history"])
        == (record.partition, record.state, public.results(record, disclosure), public.history(earlier)),
        place,
        f"what it says of {one['id']} is not what the exact record says",
    )
    fates = public.fates(record, disclosure)
    findings.expect(
        all(one["rows"].get(fate) == fates[fate] for fate in (*public.APART, "quarantined")),
        place,
        f"what it says of rows of {one['id']} is not what the exact record says",
    )


def _beside(store: Store, known: ledger.Ledger, findings: Findings, spool: Path) -> None:
    """Hold tallies and summaries against the last that was said of each."""
    there = {entry.path: entry for folder in keeping.FOLDERS for entry in store.list(folder)}
    for path in sorted({*there, *known.kept}):
        file = known.kept.get(path)
        if file is None:
            findings.fault(path, "no record names it (or a run died: run again)")
        elif path not in there:
            findings.fault(path, "a record names it, and it is not there (or a run died: run again)")
        else:
            _hold(store, there[path], file, "kept", findings, spool)


def _log(store: Store, known: ledger.Ledger, findings: Findings, spool: Path) -> None:
    """Hold the consent log, kept as one file for speed, against the days that it is made from."""
    with findings.reading(consent_log.FILE):
        if not store.exists(consent_log.FILE):
            return
        rows, made_from = consent_log.read(store)
        if made_from["days"] != consent_log.days(known):
            findings.not_checked.append(f"{consent_log.FILE}: it is older than the log, and will be made again")
            return
        files = [
            (day, store.fetch(Entry(file.path, file.bytes, None), spool))
            for day in sorted(made_from["days"])
            for file in known.latest[f"consents/{day}"].rollups
        ]
        same = rows.equals(consent_log.joined(files))
        findings.expect(same, consent_log.FILE, "it is not what the days of the log come to")


def _hold(store: Store, entry: Entry, file: StoredFile, kind: str, findings: Findings, spool: Path) -> None:
    with findings.reading(file.path):
        findings.checked[kind] += 1
        local = store.fetch(entry, spool)
        found = entry.bytes, ledger.sha256_of(local)
        if local.is_relative_to(spool):
            local.unlink()
        findings.expect(found == (file.bytes, file.sha256), file.path, "it is not what its record names")


def _rolled_up(store: Store, known: ledger.Ledger, findings: Findings, only: Period | None, spool: Path) -> None:
    """Hold every file of rollups that a record names against its hash.

    What the last record of a partition names must be there, and of the consent log what verdicts on events rest on.
    What others named may have gone since: another verdict, or a record that somebody was forgotten, took its place.
    """
    there = {entry.path: entry for entry in store.list("rollups")}
    holding = {file.path for record in known.standing(known.latest) for file in record.rollups}
    for path in sorted(set(there) - holding):  # of somebody who was forgotten, perhaps
        findings.fault(path, "no record names it, or none any more (or a run died: run again)")
    for record in known.records:
        if "partition" not in record.body:
            continue
        if record.is_verdict and not record.erased_on > date.min:
            same = record.content == ledger.content_of(record.state, record.rollups)
            findings.expect(same, record.number, "it calls its rows what they are not")
        if "vocabulary" in record.body:
            words = memory.vocabulary_path(record.body["vocabulary"])
            with findings.reading(words):
                document = json.loads(store.read(words))
                findings.expect(ledger.digest(document) == record.body["vocabulary"], words, "its hash is another")
        day = public.day_of(record.partition)
        if only and not only.first <= day <= only.last:
            continue
        for file in record.rollups:
            if file.path not in there and file.path not in holding:
                continue
            _hold(store, there.get(file.path, Entry(file.path, file.bytes, None)), file, "rollups", findings, spool)
