"""Stores in folders, the door they come through, and what is kept from diverting them."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cetegra_usage import project
from cetegra_usage.errors import ConfigurationError, ResidencyError, StorageError
from cetegra_usage.settings import Landing, Settings, StoreSettings
from cetegra_usage.store import Lease, ObjectMissingError, Store, leftovers, open_all, open_store
from cetegra_usage.store.environment import scrub
from cetegra_usage.store.holder import is_dead, me


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store("warehouse", StoreSettings(url="w", country="NO"), folder=tmp_path)


def settings(folder: Path, **changed: dict[str, str]) -> Settings:
    stores = {
        name: {"url": name, "country": "NO"} | changed.get(name, {}) for name in ("landing", "warehouse", "publish")
    }
    return Settings(
        landing=Landing.model_validate(stores["landing"]),
        warehouse=StoreSettings.model_validate(stores["warehouse"]),
        publish=StoreSettings.model_validate(stores["publish"]),
        folder=folder,
    )


def test_the_three_stores_open_from_relative_paths(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    stores = open_all(settings(tmp_path))
    assert [stores.landing.name, stores.warehouse.name, stores.publish.name] == ["landing", "warehouse", "publish"]
    assert stores.publish.url == f"file://{tmp_path}/publish"
    assert not (tmp_path / "publish").exists()  # nothing is made by looking


def test_a_landing_zone_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        open_all(settings(tmp_path))


@pytest.mark.parametrize("name", ["landing", "warehouse", "publish"])
def test_one_store_outside_is_enough_and_nothing_is_touched(tmp_path: Path, name: str) -> None:
    with pytest.raises(ResidencyError):
        open_all(settings(tmp_path, **{name: {"country": "US"}}))
    with pytest.raises(ConfigurationError):
        open_all(settings(tmp_path, **{name: {"country": ""}}))
    assert list(tmp_path.iterdir()) == []


def test_links_out_of_a_store_are_refused(store: Store, tmp_path: Path) -> None:
    store.put("inside", b"1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_bytes(b"2")
    (tmp_path / "w" / "file").symlink_to(tmp_path / "elsewhere" / "secret")
    (tmp_path / "w" / "folder").symlink_to(tmp_path / "elsewhere")
    for attempt in (
        store.list,
        lambda: store.read("file"),
        lambda: store.read("folder/secret"),
        lambda: store.put("folder/new", b""),
        lambda: store.put_if_absent("folder/new", b""),
    ):
        with pytest.raises(ResidencyError):
            attempt()
    assert [item.name for item in (tmp_path / "elsewhere").iterdir()] == ["secret"]


def test_links_inside_a_store_are_followed(store: Store, tmp_path: Path) -> None:
    store.put("real", b"1")
    (tmp_path / "w" / "link").symlink_to("real")
    assert [entry.path for entry in store.list()] == ["link", "real"]
    assert store.read("link") == b"1"


def test_links_that_lead_back_are_followed_nowhere(store: Store, tmp_path: Path) -> None:
    store.put("a/real", b"1")
    (tmp_path / "w" / "a" / "up").symlink_to("..")
    (tmp_path / "w" / "a" / "here").symlink_to(".")
    (tmp_path / "w" / "a" / "itself").symlink_to("itself")
    assert [entry.path for entry in store.list()] == ["a/real"]


def test_a_lease_whose_answers_are_lost_stays_ours(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the answer to a look is lost after a number was put, then that to a put."""
    gone = StorageError("no answer", why="the line is cut", hint="wait")

    def answer_is_lost(*_: Any) -> Any:
        raise gone

    put = store.put_if_absent
    ways = {"list": answer_is_lost, "put_if_absent": lambda *given: put(*given) and answer_is_lost()}
    with Lease(store, seconds=60) as lease:
        for name, way in ways.items():
            monkeypatch.setattr(store, name, way)
            with pytest.raises(StorageError, match="no answer"):
                lease.renew()
            monkeypatch.undo()
        lease.renew()
        lease.check()
        with pytest.raises(StorageError), Lease(store):
            pytest.fail("both hold it")


def test_a_folder_hands_out_its_own_files(store: Store, tmp_path: Path) -> None:
    store.put("a/x", b"1")
    (entry,) = store.list()
    assert store.fetch(entry, tmp_path / "spool") == tmp_path / "w" / "a" / "x"
    assert store.unchanged(entry)
    store.put("a/x", b"2")
    assert not store.unchanged(entry)
    store.delete("a/x")
    assert not store.unchanged(entry)


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"a file where a folder should be")
    store = open_store("warehouse", StoreSettings(url="w", country="NO"), folder=tmp_path)
    with pytest.raises(StorageError):
        store.put("x", b"1")
    with pytest.raises(ObjectMissingError):
        open_store("publish", StoreSettings(url="p", country="NO"), folder=tmp_path).read("x")


WRITER = """
import sys
from pathlib import Path
from cetegra_usage.settings import StoreSettings
from cetegra_usage.store import open_store
store = open_store("warehouse", StoreSettings(url="w", country="NO"), folder=Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    number += 1
    store.put("same", b"%d" % (number % 10) * 400_000)
    store.put_if_absent(f"n/{number}", b"%d" % (number % 10) * 400_000)
"""


def test_a_killed_writer_leaves_whole_files_or_litter(tmp_path: Path) -> None:
    for patience in (0.05, 0.11, 0.17, 0.23):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(patience)
            writer.send_signal(signal.SIGKILL)
    store = open_store("warehouse", StoreSettings(url="w", country="NO"), folder=tmp_path)
    entries = store.list()
    assert entries
    for entry in entries:
        data = store.read(entry.path)
        assert len(data) == 400_000
        assert data == data[:1] * 400_000
    for entry in leftovers(store, {entry.path for entry in entries}, [""]):
        store.delete(entry.path)
    assert store.litter() == []
    assert store.list() == entries


def test_a_file_and_the_folders_that_name_it_are_durable_once_it_is_put(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("first", b"x")  # the store is tried before
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()))
    store.put("a/b/c", b"x")
    *folders, file, last = synced
    top = tmp_path / "w"
    assert (folders, file.parent, last) == ([top, top / "a"], top / "a" / "b", top / "a" / "b")
    assert file != last


def test_the_environment_keeps_who_we_are_and_loses_where_to_go() -> None:
    kept = {
        "AWS_ACCESS_KEY_ID": "1",
        "AZURE_STORAGE_ACCOUNT_NAME": "2",
        "PATH": "3",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "4",
    }
    diverting = dict.fromkeys(
        [
            "ALL_PROXY",
            "AWS_ALLOW_INVALID_CERTIFICATES",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_ENDPOINT",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
            "AWS_ENDPOINT_URL_STS",
            "AWS_METADATA_ENDPOINT",
            "AWS_PROXY_URL",
            "AWS_REGION",
            "AWS_SKIP_SIGNATURE",
            "AZURE_AUTHORITY_HOST",
            "AZURE_STORAGE_ENDPOINT",
            "AZURE_STORAGE_USE_EMULATOR",
            "AZURITE_BLOB_STORAGE_URL",
            "HOSTALIASES",
            "HTTPS_PROXY",
            "IDENTITY_ENDPOINT",
            "all_proxy",
            "aws_endpoint",
            "http_proxy",
        ],
        "https://evil.example",
    )
    environment = kept | diverting
    assert scrub(environment) == sorted(diverting)
    assert environment == kept


def test_scrubbing_reaches_the_process_and_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://evil.example")
    scrub()
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert b"evil" not in subprocess.run(["/usr/bin/env"], check=True, capture_output=True).stdout


CLIENTS = {
    "adlfs",
    "aiobotocore",
    "azure",
    "boto3",
    "botocore",
    "fsspec",
    "gcsfs",
    "google",
    "httpx",
    "minio",
    "obstore",
    "requests",
    "s3fs",
    "smart_open",
    "urllib3",
}
PLAIN = {"http.client", "urllib.request", "ftplib"}


def test_only_the_door_imports_a_client() -> None:
    root = project.root()
    files = [*root.glob("src/cetegra_usage/**/*.py"), *root.glob("flows/**/*.py")]
    inside = root / "src" / "cetegra_usage" / "store"
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if any(name.split(".")[0] in CLIENTS or name in PLAIN for name in names):
                found.add("store" if file.is_relative_to(inside) else str(file.relative_to(root)))
    assert found == {"store"}


def test_the_client_is_loaded_only_for_a_bucket() -> None:
    code = "import sys, cetegra_usage.store; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_was_given_back_is_free_also_where_the_clock_is_behind(store: Store) -> None:
    with Lease(store):
        pass
    store.clock_offset_seconds = -3600.0
    with Lease(store) as lease:
        lease.check()


HOLDER = """
import sys, time
from pathlib import Path
from cetegra_usage.settings import StoreSettings
from cetegra_usage.store import Lease, open_store
with Lease(open_store("warehouse", StoreSettings(url="w", country="NO"), folder=Path(sys.argv[1])), seconds=3600):
    print("held", flush=True)
    time.sleep(3600)
"""


def test_a_killed_run_of_this_machine_holds_nothing(store: Store, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StorageError), Lease(store):
            pytest.fail("both hold it")
        holder.send_signal(signal.SIGKILL)
    with Lease(store) as lease:
        lease.check()


def test_processes_of_elsewhere_are_not_taken_for_dead() -> None:
    name = me()
    assert name
    boot, namespace, pid, start = name.split(" ")
    assert not is_dead(name)
    assert is_dead(f"{boot} {namespace} {pid} {int(start) - 1}")  # the number was given out again
    assert not is_dead(f"another-boot {namespace} {pid} 1")
    assert not is_dead(f"{boot} pid:[1] {pid} 1")
    assert not is_dead(None)
