"""What every store does, on a folder, on Ceph and on Azurite: one table of behaviour."""

from __future__ import annotations

import json
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.errors import StorageError
from cetegra_usage.pipeline import doctor
from cetegra_usage.settings import Storage, StoreSettings
from cetegra_usage.store import Entry, Lease, ObjectChangedError, ObjectMissingError, bucket, leftovers, open_store
from support.whole import on_server

if TYPE_CHECKING:
    from cetegra_usage.store import Store
    from support.servers import Open, Server
    from support.whole import Zone

NAMES = ["plain", "a/b=1/c.parquet", "with space", "per%20cent", "ærlig/é.json", "#hash", "_seal.json", "a/.hidden"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_put_is_listed_and_read(any_store: Store, name: str) -> None:
    any_store.put(name, b"bytes")
    (entry,) = any_store.list()
    assert (entry.path, entry.bytes) == (name, 5)
    assert any_store.read(name) == any_store.read(name, etag=entry.etag) == b"bytes"


def test_listing_is_recursive_sorted_and_by_whole_segments(any_store: Store) -> None:
    for path in ("b/2", "b/1", "b/c/3", "bb/4", "a"):
        any_store.put(path, b"")
    assert [entry.path for entry in any_store.list()] == ["a", "b/1", "b/2", "b/c/3", "bb/4"]
    assert [entry.path for entry in any_store.list("b")] == ["b/1", "b/2", "b/c/3"]
    assert any_store.list("nothing") == []
    assert any_store.list_folders() == ["b", "bb"]
    assert any_store.list_folders("b") == ["c"]


def test_a_file_of_more_than_one_request_arrives_whole(
    any_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "WHOLE_BYTES", 1 << 20)
    source = tmp_path / "large"
    source.write_bytes(os.urandom(1 << 20) * 12)  # three parts, of which two have the least size that S3 takes
    any_store.put_file("large", source)
    (entry,) = any_store.list()
    assert entry.bytes == 12 << 20
    assert any_store.fetch(entry, tmp_path / "spool").read_bytes() == source.read_bytes()


def test_what_was_replaced_is_not_read_as_what_was_listed(any_store: Store, tmp_path: Path) -> None:
    any_store.put("x", b"before")
    (entry,) = any_store.list()
    any_store.put("x", b"after!")
    with pytest.raises(ObjectChangedError):
        any_store.read("x", etag=entry.etag)
    with pytest.raises(ObjectChangedError):
        any_store.fetch(entry, tmp_path)
    assert [path for path in tmp_path.rglob("x") if path.read_bytes() == b"before"] == []


def test_what_is_gone_is_missing_and_can_be_deleted_again(any_store: Store, tmp_path: Path) -> None:
    any_store.put("x", b"1")
    (entry,) = any_store.list()
    any_store.delete("x")
    any_store.delete("x")
    assert not any_store.exists("x")
    with pytest.raises(ObjectMissingError):
        any_store.read("x")
    with pytest.raises((ObjectMissingError, ObjectChangedError)):  # what is gone does not match its etag either
        any_store.fetch(entry, tmp_path)


def test_put_if_absent_makes_once_and_knows_its_own(any_store: Store) -> None:
    assert any_store.put_if_absent("m/1.json", b"mine")
    assert any_store.put_if_absent("m/1.json", b"mine")
    assert not any_store.put_if_absent("m/1.json", b"theirs")
    assert any_store.read("m/1.json") == b"mine"


def test_of_many_racers_one_wins(any_store: Store) -> None:
    for _ in range(3):
        path = f"race/{secrets.token_hex(4)}"

        def race(number: int, path: str = path) -> bool:
            return any_store.put_if_absent(path, b"racer %d" % number)

        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(race, range(16)))
        assert sum(won) == 1
        assert any_store.read(path) == b"racer %d" % won.index(True)


@pytest.mark.parametrize("path", ["", "/x", "../x", "a/../x", "a//x", "a/./x", "a\\x", "a\0x"])
def test_paths_stay_inside(any_store: Store, path: str) -> None:
    with pytest.raises(StorageError):
        any_store.put(path, b"")
    with pytest.raises(StorageError):
        any_store.read(path)


def test_leftovers_are_what_nobody_names(any_store: Store) -> None:
    for path in ("data/named", "data/orphan", "other"):
        any_store.put(path, b"1")
    assert [entry.path for entry in leftovers(any_store, {"data/named"}, ["data"])] == ["data/orphan"]


def test_describe_finds_create_if_absent_and_leaves_nothing(any_store: Store) -> None:
    found = any_store.describe()
    assert found.conditional_create
    assert abs(found.clock_offset_seconds) < 60
    assert any_store.list() == []
    assert any_store.litter() == []


def test_a_second_run_is_told_until_when(any_store: Store) -> None:
    with Lease(any_store, owner="run A", seconds=30):
        with pytest.raises(StorageError) as caught, Lease(any_store, seconds=30):
            pytest.fail("both hold it")
        assert caught.value.what == "another run holds the warehouse"
        assert "run A" in caught.value.why
        assert "UTC" in caught.value.why
    with Lease(any_store, seconds=30) as lease:
        lease.check()
    assert len(any_store.list("lock")) == 1


def test_a_dead_run_holds_nothing_past_its_time(any_store: Store) -> None:
    until = time.time() + any_store.clock_offset_seconds + 1.0
    dead = {"expires": until, "owner": "a run that died", "token": "t"}
    any_store.put_if_absent("lock/7.json", json.dumps(dead).encode())
    with pytest.raises(StorageError), Lease(any_store):
        pytest.fail("taken too early")
    time.sleep(1.1)
    with Lease(any_store) as lease:
        lease.check()
    assert [entry.path for entry in any_store.list("lock")] == ["lock/9.json"]  # taken, and given back


def test_a_run_that_was_overtaken_is_told(any_store: Store) -> None:
    with Lease(any_store, seconds=60) as lease:
        other = {"expires": time.time() + 60, "owner": "another", "token": "t"}
        assert any_store.put_if_absent("lock/2.json", json.dumps(other).encode())
        with pytest.raises(StorageError):
            lease.renew()
        with pytest.raises(StorageError):
            lease.check()
    assert [entry.path for entry in any_store.list("lock")] == ["lock/1.json", "lock/2.json"]  # theirs is left alone


def test_the_heart_keeps_a_lease_beyond_its_length(any_store: Store) -> None:
    with Lease(any_store, seconds=1.5) as lease:
        time.sleep(2.5)
        lease.check()
        with pytest.raises(StorageError), Lease(any_store):
            pytest.fail("both hold it")


def test_a_spool_without_room_is_told_before_it_is_filled(opened: Open, tmp_path: Path) -> None:
    store = opened()
    store.put("x", b"12345")
    (entry,) = store.list()
    with pytest.raises(StorageError) as caught:
        store.fetch(Entry(entry.path, 1 << 60, entry.etag), tmp_path)
    assert "room" in caught.value.what


def test_marks_of_folders_are_no_files(opened: Open) -> None:
    store = opened()
    for path in ("day=1", "day=1/x", "empty"):
        store.put(path, b"")
    assert [entry.path for entry in store.list()] == ["day=1/x", "empty"]


def test_the_landing_zone_is_read_only(opened: Open) -> None:
    opened("warehouse").put("events/x", b"1")
    landing = opened("landing")
    assert landing.read("events/x") == b"1"
    for write in (
        lambda: landing.put("x", b""),
        lambda: landing.put_if_absent("x", b""),
        lambda: landing.delete("events/x"),
    ):
        with pytest.raises(StorageError):
            write()
    assert [entry.path for entry in landing.list()] == ["events/x"]


def test_a_missing_bucket_and_missing_credentials_are_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = StoreSettings(
        url=f"{server.scheme}://nobody-made-it", country="NO", storage=Storage(endpoint=server.endpoint)
    )
    with pytest.raises(StorageError) as caught:
        open_store("landing", settings, folder=Path())
    assert "not there" in caught.value.why
    for name in server.environment:
        monkeypatch.delenv(name)
    with pytest.raises(StorageError):
        open_store("landing", settings, folder=Path())


def test_doctor_tells_of_each_store(server: Server, zone: Zone) -> None:
    settings = on_server(zone, server)
    found = {one.name: one for one in doctor.examine(lambda: settings, zone.today) if one.kind == "store"}
    for name in ("landing", "warehouse", "publish"):
        assert found[name].state == "ok"
        url, country, operator, *more = found[name].found.split(", ")
        assert url == getattr(settings, name).url
        assert (country, operator) == ("NO declared", "own")
        made = [] if name == "landing" else ["keeps create-if-absent"]
        assert more == [*made, "free space not told", "clock +0 s"]
    assert found["landing keeps files"].state == "ok"
    assert "free" in found["spool"].found
