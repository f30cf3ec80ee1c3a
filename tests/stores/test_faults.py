"""What networks and servers do to a store's answers, done by a proxy in front of a real one."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.errors import ResidencyError, StorageError
from cetegra_usage.store import Lease, ObjectChangedError, ObjectForbiddenError, bucket
from support.faults import Fault, Proxy, between

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from cetegra_usage.store import Entry, Store
    from support.servers import Open, Server

BODY = random.Random(6).randbytes(2_000_000)  # noqa: S311  # no secret


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts as ever, with a tenth of a second between them at most."""
    backoff = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=100), "base": 2}
    monkeypatch.setitem(bucket.RETRY, "backoff", backoff)


@pytest.fixture
def proxy(server: Server) -> Generator[Proxy]:
    with between(server.endpoint) as found:
        yield found


@pytest.fixture
def store(opened: Open, proxy: Proxy) -> Store:
    return opened(endpoint=proxy.endpoint)


@pytest.fixture
def entry(store: Store, proxy: Proxy) -> Entry:
    store.put("big", BODY)
    (found,) = store.list()
    proxy.seen.clear()
    return found


MENDED = {
    "reset in the middle": [Fault(cut_after_bytes=700_000)],
    "reset before the first byte": [Fault(cut_after_bytes=0)],
    "reset again and again": [Fault(cut_after_bytes=size) for size in (5, 100_000, 200_000, 300_000)],
    "a storm of 503": [Fault(status=503)] * 5,
    "503, then a reset": [Fault(status=503), Fault(cut_after_bytes=1_000_000), Fault(status=503)],
    "a slow body": [Fault(pause_seconds=0.005)],
}


@pytest.mark.parametrize("faults", MENDED.values(), ids=MENDED.keys())
def test_what_can_be_mended_arrives_whole(
    store: Store, entry: Entry, proxy: Proxy, tmp_path: Path, faults: list[Fault]
) -> None:
    proxy.once.extend(faults)
    assert store.fetch(entry, tmp_path).read_bytes() == BODY
    assert proxy.once == []


def test_a_broken_body_is_taken_up_where_it_broke(store: Store, entry: Entry, proxy: Proxy, tmp_path: Path) -> None:
    proxy.once.append(Fault(cut_after_bytes=700_000))
    store.fetch(entry, tmp_path)
    assert [asked for _, _, asked in proxy.seen] == ["", "bytes=700000-1999999"]


NOT_WHAT_WAS_LISTED = {
    "cut short, and said to be whole": Fault(keep_bytes=1_000_000),
    "another etag, from a store that knows no condition": Fault(etag='"other"'),
}


@pytest.mark.parametrize("fault", NOT_WHAT_WAS_LISTED.values(), ids=NOT_WHAT_WAS_LISTED.keys())
def test_what_was_not_listed_is_refused(store: Store, entry: Entry, proxy: Proxy, tmp_path: Path, fault: Fault) -> None:
    proxy.always.append(fault)
    with pytest.raises(ObjectChangedError):
        store.fetch(entry, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


GIVEN_UP = {"503 for ever": Fault(status=503), "refused": Fault(status=403), "reset for ever": Fault(cut_after_bytes=0)}


@pytest.mark.parametrize("fault", GIVEN_UP.values(), ids=GIVEN_UP.keys())
def test_what_cannot_be_mended_is_told_without_the_address(
    store: Store, entry: Entry, proxy: Proxy, tmp_path: Path, fault: Fault
) -> None:
    proxy.always.append(fault)
    with pytest.raises(StorageError) as caught:
        store.fetch(entry, tmp_path)
    told = str(caught.value.as_json())
    assert "http" not in told
    assert caught.value.__context__ is None  # the client's own words may hold a signed address
    assert not isinstance(caught.value, ObjectForbiddenError)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_one_file_that_is_refused_is_told_as_that_one(store: Store, proxy: Proxy, tmp_path: Path) -> None:
    """Another key or other rights of one object: the credentials are the right ones, and the others are read."""
    for path in ("a/shut", "a/open"):
        store.put(path, b"1")
    shut = next(entry for entry in store.list() if entry.path == "a/shut")
    proxy.always.extend(Fault(method, path="a/shut", status=403) for method in ("GET", "HEAD"))
    for ask in (lambda: store.read("a/shut"), lambda: store.fetch(shut, tmp_path), lambda: store.exists("a/shut")):
        with pytest.raises(ObjectForbiddenError) as caught:
            ask()
        assert "http" not in str(caught.value.as_json())
        assert caught.value.__context__ is None
    assert store.read("a/open") == b"1"
    proxy.always.append(Fault(status=403))  # the credentials were taken back meanwhile
    with pytest.raises(StorageError, match="warehouse cannot be used") as told:
        store.read("a/shut")
    assert "credentials" in told.value.why
    assert not isinstance(told.value, ObjectForbiddenError)


@pytest.mark.parametrize("fault", [Fault("PUT", lost=True), Fault("PUT", status=503)], ids=["answer lost", "503"])
def test_a_create_of_ours_is_known_as_ours_after_a_retry(store: Store, proxy: Proxy, fault: Fault) -> None:
    store.writable()
    proxy.once.append(fault)
    assert store.put_if_absent("manifests/1.json", b"ours")
    assert not store.put_if_absent("manifests/1.json", b"theirs")


def test_writes_and_deletes_outlive_a_lost_answer(store: Store, proxy: Proxy) -> None:
    store.writable()
    proxy.once.extend([Fault("PUT", lost=True), Fault("DELETE", lost=True)])
    store.put("x", b"1")
    assert store.read("x") == b"1"
    store.delete("x")
    assert store.list() == []


@pytest.mark.parametrize(
    "fault", [Fault("PUT", status=200, etag='"made"'), Fault("PUT", unconditional=True)], ids=["says yes", "overwrites"]
)
def test_a_store_that_keeps_no_condition_is_refused_before_anything_is_written(
    store: Store, proxy: Proxy, fault: Fault
) -> None:
    proxy.always.append(fault)
    with pytest.raises(StorageError) as caught:
        store.put("x", b"1")
    assert "more than one" in caught.value.why
    assert {target for method, target, _ in proxy.seen if method == "PUT" and target.endswith("/x")} == set()


@pytest.mark.parametrize(("method", "status"), [("HEAD", 301), ("GET", 302), ("PUT", 307)])
def test_a_server_that_sends_requests_elsewhere_is_refused(
    opened: Open, proxy: Proxy, method: str, status: int
) -> None:
    with between(proxy.endpoint) as elsewhere:
        proxy.always.append(Fault(method, status=status, location=f"{elsewhere.endpoint}/x"))
        with pytest.raises(ResidencyError):
            opened(endpoint=proxy.endpoint)
        assert elsewhere.seen == []


def test_proxies_and_endpoints_of_the_environment_divert_nothing(
    opened: Open, server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.endpoint)
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"):
        monkeypatch.setenv(name, proxy.endpoint)
    monkeypatch.setenv("AWS_PROXY_URL", proxy.endpoint)
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
    store = opened()
    store.put("x", b"1")
    assert store.read("x") == b"1"
    assert proxy.seen == []
    assert not any("PROXY" in name.upper() or "ENDPOINT" in name for name in os.environ)
    assert server.environment.items() <= os.environ.items()


def test_clocks_that_differ_are_told_and_do_not_break_the_lease(opened: Open, proxy: Proxy) -> None:
    proxy.always.extend(Fault(method, ahead_seconds=3600) for method in ("HEAD", "GET", "PUT"))
    ahead = opened(endpoint=proxy.endpoint)
    assert ahead.describe().clock_offset_seconds == pytest.approx(3600, abs=5)
    with Lease(ahead, seconds=30), pytest.raises(StorageError), Lease(opened(endpoint=proxy.endpoint), seconds=30):
        pytest.fail("both hold it")


def test_credentials_that_are_refused_are_told_and_not_shown(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "d3JvbmcgYW5kIHZlcnkgc2VjcmV0"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", wrong)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", wrong)
    with pytest.raises(StorageError) as caught:
        opened()
    assert "credentials" in caught.value.why
    assert wrong not in repr(caught.value.as_json())
    assert caught.value.__context__ is None
