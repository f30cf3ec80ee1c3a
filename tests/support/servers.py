"""Real object stores, started as plain processes in a folder: Ceph's S3 gateway and Azurite."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from cetegra_usage.store import Store, StoreName

CEPH_PROGRAMS = ("monmaptool", "ceph-authtool", "ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin")
AZURITE = Path(__file__).parents[2] / ".tools" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
_PATIENCE_SECONDS = 60


class Open(Protocol):
    """Opens a store of a server, if need be at another address than its own."""

    def __call__(
        self, name: StoreName = "warehouse", *, endpoint: str | None = None, prefix: str = "zone"
    ) -> Store: ...


@dataclass(frozen=True)
class Server:
    """A store that answers.

    Attributes:
        scheme: `s3` or `az`.
        endpoint: Where it listens.
        environment: The credentials, as the variables that a user sets.
        log: Where its talk goes.
    """

    scheme: str
    endpoint: str
    environment: Mapping[str, str]
    log: Path


def installed() -> dict[str, bool]:
    """Say which servers this machine can start."""
    return {"ceph": all(shutil.which(program) for program in CEPH_PROGRAMS), "azurite": AZURITE.exists()}


@contextmanager
def ceph(folder: Path) -> Generator[Server]:
    """Run one monitor, one object store daemon in memory and one gateway."""
    monitor, gateway, cluster = _port(), _port(), str(uuid.uuid4())
    configuration = folder / "ceph.conf"
    configuration.write_text(_CEPH.format(folder=folder, monitor=monitor, cluster=cluster))
    (folder / "osd").mkdir()
    keyring = str(folder / "keyring")
    environment = {**os.environ, "CEPH_CONF": str(configuration)}
    address = ["--add", "a", f"127.0.0.1:{monitor}", "--fsid", cluster]

    def do(*words: str) -> bytes:
        return subprocess.run(words, env=environment, check=True, capture_output=True, timeout=_PATIENCE_SECONDS).stdout

    with (folder / "log").open("wb") as log, _stopping() as started:
        do("monmaptool", "--create", *address, str(folder / "monmap"))
        do("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        do(
            "ceph-authtool",
            keyring,
            "--gen-key",
            "-n",
            "client.admin",
            "--cap",
            "mon",
            "allow *",
            "--cap",
            "osd",
            "allow *",
        )
        do("ceph-authtool", keyring, "--gen-key", "-n", "osd.0", "--cap", "mon", "allow *", "--cap", "osd", "allow *")
        do("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(folder / "monmap"), "--keyring", keyring)
        started.append(_start(["ceph-mon", "-f", "-i", "a"], environment, log))
        do("ceph", "osd", "new", cluster)
        do("ceph", "auth", "import", "-i", keyring)
        do("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", cluster)
        started.append(_start(["ceph-osd", "-f", "-i", "0"], environment, log))
        key, secret = "tests-access", "tests-secret"
        names = ["--uid", "tests", "--display-name", "tests", "--access-key", key, "--secret", secret]
        do("radosgw-admin", "user", "create", *names)
        frontend = f"--rgw-frontends=beast endpoint=127.0.0.1:{gateway}"
        started.append(_start(["radosgw", "-f", "-n", "client.admin", frontend], environment, log))
        _await(gateway, started)
        credentials = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        yield Server("s3", f"http://127.0.0.1:{gateway}", credentials, folder / "log")


@contextmanager
def azurite(folder: Path) -> Generator[Server]:
    """Run the vendor's own emulator of Azure Blob."""
    port = _port()
    words = [
        str(AZURITE),
        "--disableTelemetry",
        "--skipApiVersionCheck",
        "--location",
        str(folder),
        "--blobPort",
        str(port),
    ]
    account = "devstoreaccount1"
    # The emulator's key is public: it is in the vendor's documentation.
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    with (folder / "log").open("wb") as log, _stopping() as started:
        started.append(_start(words, dict(os.environ), log))
        _await(port, started)
        credentials = {"AZURE_STORAGE_ACCOUNT_NAME": account, "AZURE_STORAGE_ACCOUNT_KEY": key}
        yield Server("az", f"http://127.0.0.1:{port}/{account}", credentials, folder / "log")


def make_bucket(server: Server, name: str) -> None:
    """Create a bucket or a container."""
    parts = urlsplit(server.endpoint)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    if server.scheme == "s3":
        target, headers = _s3_request(server, parts.netloc, name)
    else:
        target, headers = _azure_request(server, name)
    connection.request("PUT", target, headers={**headers, "content-length": "0"})
    status = connection.getresponse().status
    connection.close()
    assert status in {200, 201}, status


def _s3_request(server: Server, host: str, bucket: str) -> tuple[str, dict[str, str]]:
    now = datetime.now(UTC)
    day, instant = f"{now:%Y%m%d}", f"{now:%Y%m%dT%H%M%SZ}"
    headers = {"host": host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": instant}
    lines = "".join(f"{key}:{value}\n" for key, value in headers.items())
    names = ";".join(headers)
    asked = f"PUT\n/{bucket}\n\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    scope = f"{day}/us-east-1/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{instant}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{server.environment['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"{server.environment['AWS_ACCESS_KEY_ID']}/{scope}"
    signed = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
    return f"/{bucket}", {**headers, "authorization": signed}


def _azure_request(server: Server, container: str) -> tuple[str, dict[str, str]]:
    account = server.environment["AZURE_STORAGE_ACCOUNT_NAME"]
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    lines = "".join(f"{key}:{value}\n" for key, value in headers.items())
    text = "PUT" + "\n" * 12 + f"{lines}/{account}/{account}/{container}\nrestype:container"
    key = base64.b64decode(server.environment["AZURE_STORAGE_ACCOUNT_KEY"])
    signature = base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()
    return f"/{account}/{container}?restype=container", {**headers, "authorization": f"SharedKey {account}:{signature}"}


def _port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _start(words: list[str], environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    # Tests that are killed cannot end their servers: the system does.
    mortal = ["setpriv", "--pdeathsig", "KILL", *words]
    return subprocess.Popen(mortal, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def _await(port: int, started: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and all(process.poll() is None for process in started):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except OSError:
            time.sleep(0.2)
        else:
            return
        finally:
            connection.close()
    message = "a server of the tests did not come up: its log is in the folder of the test run"
    raise RuntimeError(message)


@contextmanager
def _stopping() -> Generator[list[subprocess.Popen[bytes]]]:
    """Yield a list of processes; end them, youngest first, when the block ends."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        yield started
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


_CEPH = """
[global]
fsid = {cluster}
mon host = v2:127.0.0.1:{monitor}
mon initial members = a
keyring = {folder}/keyring
run dir = {folder}
admin socket = {folder}/$cluster-$name.$pid.asok
log file = {folder}/$name.log
log to stderr = false
err to stderr = true
public addr = 127.0.0.1
setuser match path = {folder}
mon data = {folder}/mon
mon allow pool size one = true
mon allow pool delete = true
mon data avail warn = 1
mon data avail crit = 0
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
rgw enable usage log = false
rgw run sync thread = false
"""
