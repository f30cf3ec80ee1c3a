"""The ledger: what is summed up beside the chain is what the whole chain comes to, and the chain alone decides."""

from __future__ import annotations

import gzip
import itertools
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from cetegra_usage import ledger
from cetegra_usage.settings import StoreSettings
from cetegra_usage.store import Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 6, 2, tzinfo=UTC)
FILES = [ledger.StoredFile(f"rollups/events/docs/2026-06-01/{name}.0.parquet", 1, name * 64) for name in "abcd"]


def verdict(partition: str, *files: ledger.StoredFile, reason: str = "new") -> dict[str, Any]:
    return {
        "kind": ledger.VERDICT,
        "partition": partition,
        "state": "accepted",
        "reason": reason,
        "results": [{"expectation": "one", "success": True}],
        "rollups": [asdict(file) for file in files],
    }


def kept(*files: ledger.StoredFile, gone: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"kind": ledger.KEPT, "files": [asdict(file) for file in files], "gone": list(gone)}


def release(manifest: int) -> dict[str, Any]:
    return {"kind": ledger.RELEASE, "manifest": manifest, "manifest_sha256": f"{manifest}" * 64}


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of nine records has parts, too."""
    monkeypatch.setattr(ledger, "PART", 2)


DOCS = "events/docs/2026-06-01"
SEGMENTS = [
    [verdict("consents/2026-06-01"), verdict(DOCS, *FILES[:2])],
    [kept(FILES[0], FILES[1]), release(1)],
    [verdict("events/docs/2026-06-02"), verdict(DOCS, FILES[2], reason="changed")],
    None,  # somebody of it is forgotten
    [kept(FILES[3], gone=(FILES[0].path,)), release(1)],
]


def written(folder: Path, *, sums: set[int]) -> Store:
    """Write the chain, summed up after some of its segments."""
    store = open_store("warehouse", StoreSettings(url=str(folder), country="NO"), folder=folder)
    known = ledger.Ledger()
    for number, bodies in enumerate(SEGMENTS, 1):
        forgotten = [ledger.forgetting(known.latest[DOCS], FILES[3:], date(2026, 6, 1))] if bodies is None else []
        ledger.append(store, known, bodies or forgotten, WHEN)
        if number in sums:
            ledger.sum_up(store, known)
    return store


def held(known: ledger.Ledger) -> tuple[Any, ...]:
    """Return what a run goes by, without what only the chain itself holds."""
    return (
        known.count,
        known.head,
        known.segments,
        known.kept,
        known.manifests,
        {partition: [stripped(one) for one in verdicts] for partition, verdicts in known.verdicts.items()},
        {partition: stripped(record) for partition, record in known.latest.items()},
    )


def stripped(record: ledger.Record) -> ledger.Record:
    body = {key: record.said(key) for key in record.body if key not in {"number", "previous"}}
    return replace(record, hashed=record.sha256, body=body)


@pytest.mark.parametrize("sums", [set(some) for some in itertools.combinations(range(1, 6), 2)])
def test_a_summed_ledger_is_the_whole_chains(tmp_path: Path, sums: set[int]) -> None:
    whole = ledger.load(written(tmp_path / "whole", sums=set()))
    store = written(tmp_path / "summed", sums=sums)
    assert held(ledger.load(store)) == held(whole)
    for number in range(whole.count + 1):
        assert ledger.load(store).since(number, store) == whole.records[number:]


def test_only_segments_that_are_not_summed_up_are_read(tmp_path: Path) -> None:
    store = written(tmp_path, sums={4})
    known = ledger.load(store)
    assert [record.number for record in known.records] == [8, 9]
    assert [record.number for record in known.since(6, store)] == [7, 8, 9]
    assert [record.number for record in known.records] == [7, 8, 9]


def test_files_of_older_records_are_read_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = written(tmp_path, sums={3, 5})
    whole = held(ledger.load(written(tmp_path / "whole", sums=set())))
    asked: list[str] = []
    read = type(store).read
    monkeypatch.setattr(type(store), "read", lambda self, path: asked.append(path) or read(self, path))
    known = ledger.load(store)
    assert asked == [ledger.SUM]
    assert known.verdicts[DOCS][1].rollups == (FILES[2],)
    assert known.latest[DOCS].rollups == (FILES[3],)
    assert asked[1:] == [ledger.part_path("3"), ledger.part_path("4")]
    assert list(known.kept) == [FILES[1].path, FILES[3].path]
    assert asked[3:] == [ledger.part_path("kept")]
    assert held(known) == whole


@pytest.mark.parametrize("content", [b"", gzip.compress(b'{"1":{}}')], ids=["empty", "another's"])
def test_parts_that_are_not_there_are_read_from_the_chain(tmp_path: Path, content: bytes) -> None:
    store = written(tmp_path, sums={2, 5})
    for name in ("1", "3", "4", "kept"):
        assert store.exists(ledger.part_path(name))
        store.put(ledger.part_path(name), content)
    assert held(ledger.load(store)) == held(ledger.load(written(tmp_path / "whole", sums=set())))


def test_it_says_no_more_than_the_chain(tmp_path: Path) -> None:
    """What is summed up of another chain, or cannot be read, is as good as nothing."""
    store, other = written(tmp_path / "one", sums={3}), written(tmp_path / "two", sums=set())
    sane = held(ledger.load(other))
    changed = ledger.read_compressed(store, ledger.SUM)
    assert changed is not None
    for content in (
        b"",
        gzip.compress(b"{"),
        gzip.compress(ledger.canonical(changed))[:-20],
        gzip.compress(ledger.canonical(changed | {"head": "f" * 64})),
        gzip.compress(ledger.canonical(changed | {"segments": 9})),
    ):
        other.put(ledger.SUM, content)
        assert held(ledger.load(other)) == sane
