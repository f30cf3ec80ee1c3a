"""Attempts to lead a store out of the EEA, or to where nobody can tell: each is refused before anything is asked."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from cetegra_usage.errors import CetegraUsageError
from cetegra_usage.settings import Settings, Storage, StoreSettings
from cetegra_usage.store import open_all, open_store

if TYPE_CHECKING:
    from pathlib import Path

OUTSIDE, UNREADABLE = 12, 10
CLOUD = {"operator": "processor:A Cloud", "proof": "contract 7"}
SWEDEN = CLOUD | {"country": "SE", "region": "eu-north-1"}
NORWAY = CLOUD | {"country": "NO", "region": "norwayeast"}

# Storage of our own at an address that is somebody else's, or anybody's.
ENDPOINTS = """
https://s3.amazonaws.com                                https://s3.us-east-1.amazonaws.com
https://s3-us-west-2.amazonaws.com                      https://s3-fips.us-east-1.amazonaws.com
https://s3.dualstack.eu-west-2.amazonaws.com            https://bucket.s3-accelerate.amazonaws.com
https://s3-accelerate.dualstack.amazonaws.com           https://s3.cn-north-1.amazonaws.com.cn
https://s3.AmazonAWS.com                                https://s3.amazonaws.com.
https://s3.amazonaws.com:443                            https://s3.us-iso-east-1.c2s.ic.gov
https://x.lambda-url.us-east-1.on.aws                   https://s3.eusc-de-east-1.amazonaws.eu
https://account.blob.core.windows.net                   https://account.blob.core.usgovcloudapi.net
https://account.z6.blob.storage.azure.net               https://onelake.dfs.fabric.microsoft.com
https://storage.googleapis.com                          https://storage.mtls.googleapis.com
https://storage.cloud.google.com                        https://fra1.digitaloceanspaces.com
https://s3.eu-central-1.wasabisys.com                   https://account.eu.r2.cloudflarestorage.com
https://s3.us-west-000.backblazeb2.com                  https://objectstorage.us-ashburn-1.oraclecloud.com
https://ns.compat.objectstorage.us-ashburn-1.oci.customer-oci.com
https://s3.us-south.cloud-object-storage.appdomain.cloud
https://s3.gra.io.cloud.ovh.net                         https://s3.fr-par.scw.cloud
https://sos-ch-gva-2.exo.io                             https://s3.eu-central-3.ionoscloud.com
https://fsn1.your-objectstorage.com                     https://s3.pub1.infomaniak.cloud
https://oss-eu-central-1.aliyuncs.com                   https://cos.ap-guangzhou.myqcloud.com
https://storage.yandexcloud.net                         https://hb.ru-msk.vkcs.cloud
https://s3.nobody-knows-it.example/us                   https://s3.us-east-1.nobody-knows-it.example
https://s3-ap-southeast-2.example.no                    https://s3.eu-west-2.example.no
https://storage.uksouth.example.no                      https://storage.switzerlandnorth.example.no
https://x.ngrok-free.app                                https://x.trycloudflare.com
https://127.0.0.1.nip.io                                https://8-8-8-8.sslip.io
https://x.workers.dev                                   https://d1.cloudfront.net
https://8.8.8.8                                         https://134744072
https://0x08080808                                      https://010.8.8.8
http://127.1                                            http://0177.0.0.1
http://127.0.0.1.                                       http://127.0.0.1:0
https://[2001:4860:4860::8888]                          https://[::ffff:8.8.8.8]
https://[64:ff9b::808:808]                              https://[fe80::1%25eth0]
https://[fd00:ec2::254]                                 https://169.254.169.254
https://100.64.0.1                                      https://0.0.0.0
https://metadata.google.internal                        https://s3.example.no..
https://user:word@s3.example.no                         https://s3.example.no@evil.example
https://s3.example.no%2eevil.example                    https://s3.example.no/../x
https://s3.example.no/%2e%2e/x                          https://s3.example.no?x=https://evil.example
https://xn--mazonaws-9ve.com                            https://s3.\u0430mazonaws.com
https://s3\u3002amazonaws\u3002com                      http://s3.example.no
http://10.0.0.1:9000                                    http://localhost.evil.example
HTTPS://s3.example.no                                   ftp://s3.example.no
//s3.example.no                                         s3.example.no
""".split()  # noqa: SIM905  # a list of addresses

URLS = """
../outside                          /data/../../etc                     /data/%2e%2e/etc
file:///data/%2E%2e/etc             file:///data/%252e%252e             file:///data%2f..%2fetc
file://server/share                 file://user@localhost/data          //server/share
file:///data/%c0%ae%c0%ae/etc       file:///data/%zz                    \\\\server\\share
/proc/self/root/etc                 \uff0e\uff0e/outside                /data/\u2025/etc
s3://user:word@bucket/x             s3://bucket@evil.example/x          s3://bucket:443/x
s3://BUCKET/x                       s3://bucket./x                      s3://bu..cket/x
s3://127.0.0.1/x                    s3://0x7f000001/x                   s3://s3.amazonaws.com/bucket
s3://bucket/../other                s3://bucket/%2e%2e/other            s3://bucket/%c0%ae%c0%ae/x
s3://bucket/x?endpoint=evil         s3://bucket/x#evil                  s3://b\u00fccket/x
s3://xn--bcket-kva/x                s3://arn:aws:s3:us-east-1:1:accesspoint/x
s3://point-abc-s3alias/x            s3://bucket--x-s3/x                 az://$root/x
az://account.blob.core.windows.net/x   az://con--tainer/x               az://container@account/x
gs://bucket/x                       r2://bucket/x                       http://127.0.0.1/x
https://s3.eu-north-1.amazonaws.com/bucket                              hdfs://node/x
abfss://container@account.dfs.core.windows.net/x                        smb://server/share
""".split()  # noqa: SIM905

SETTINGS: dict[str, tuple[dict[str, str], int]] = {
    "Great Britain": ({"url": "/data", "country": "GB"}, OUTSIDE),
    "Switzerland": ({"url": "/data", "country": "CH"}, OUTSIDE),
    "the United States": ({"url": "/data", "country": "US"}, OUTSIDE),
    "two countries": ({"url": "/data", "country": "NO,US"}, UNREADABLE),
    "no country": ({"url": "/data", "country": ""}, UNREADABLE),
    "no url": ({"url": ""}, UNREADABLE),
    "an operator that is no word of ours": ({"url": "/data", "operator": "aws"}, UNREADABLE),
    "a processor without a name": ({"url": "/data", "operator": "processor:"}, OUTSIDE),
    "London": (SWEDEN | {"url": "s3://bucket/x", "region": "eu-west-2", "country": "GB"}, OUTSIDE),
    "London, called Irish": (SWEDEN | {"url": "s3://bucket/x", "region": "eu-west-2", "country": "IE"}, OUTSIDE),
    "Zurich, called German": (SWEDEN | {"url": "s3://bucket/x", "region": "eu-central-2", "country": "DE"}, OUTSIDE),
    "Virginia": (SWEDEN | {"url": "s3://bucket/x", "region": "us-east-1"}, OUTSIDE),
    "no region": ({"url": "s3://bucket/x"}, OUTSIDE),
    "a region that is a host": (SWEDEN | {"url": "s3://bucket/x", "region": "eu-north-1.evil.example/"}, OUTSIDE),
    "a region of fips": (SWEDEN | {"url": "s3://bucket/x", "region": "fips-eu-north-1"}, OUTSIDE),
    "Ireland, called Swedish": (SWEDEN | {"url": "s3://bucket/x", "region": "eu-west-1"}, OUTSIDE),
    "a public cloud of one's own": (SWEDEN | {"url": "s3://bucket/x", "operator": "own"}, OUTSIDE),
    "uksouth": (NORWAY | {"url": "az://container/x", "region": "uksouth", "country": "GB"}, OUTSIDE),
    "switzerlandnorth": (NORWAY | {"url": "az://container/x", "region": "switzerlandnorth", "country": "CH"}, OUTSIDE),
    "westeurope, called Norwegian": (NORWAY | {"url": "az://container/x", "region": "westeurope"}, OUTSIDE),
    "Azure without proof": (NORWAY | {"url": "az://container/x", "proof": ""}, OUTSIDE),
    "Azure without an operator": (NORWAY | {"url": "az://container/x", "operator": "own"}, OUTSIDE),
    "a folder with an endpoint": ({"url": "/data", "endpoint": "https://s3.example.no"}, OUTSIDE),
}
for _endpoint in ENDPOINTS:
    SETTINGS[f"endpoint {_endpoint}"] = ({"url": "s3://bucket/x", "endpoint": _endpoint}, OUTSIDE)
    SETTINGS[f"as a processor's {_endpoint}"] = (SWEDEN | {"url": "s3://bucket/x", "endpoint": _endpoint}, OUTSIDE)
for _url in URLS:
    SETTINGS[f"url {_url}"] = (SWEDEN | {"url": _url}, OUTSIDE)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every name that was looked up and every address that was called; nothing comes of it."""
    found: list[Any] = []

    def refuse(*words: Any, **_: Any) -> None:
        found.append(words)
        raise OSError

    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return found


def section(settings: dict[str, str]) -> StoreSettings:
    storage = Storage(**{key: settings[key] for key in ("endpoint", "region", "proof") if key in settings})
    own = {key: settings[key] for key in ("url", "country", "operator") if key in settings}
    return StoreSettings.model_validate({"country": "NO", "storage": storage} | own)


@pytest.mark.parametrize(("settings", "code"), SETTINGS.values(), ids=SETTINGS.keys())
def test_it_is_refused_before_anything_is_asked(
    tmp_path: Path, asked: list[Any], settings: dict[str, str], code: int
) -> None:
    with pytest.raises(CetegraUsageError) as caught:
        open_store("warehouse", section(settings), folder=tmp_path)
    assert caught.value.exit_code == code
    assert asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["landing", "warehouse", "publish"])
def test_where_one_is_refused_none_of_the_three_is_asked(asked: list[Any], name: str) -> None:
    good = section({"url": "s3://bucket/x", "endpoint": "https://s3.example.no"})
    stores = {one: good.model_dump() | {"url": f"s3://bucket/{one}"} for one in ("landing", "warehouse", "publish")}
    stores[name]["country"] = "US"
    with pytest.raises(CetegraUsageError) as caught:
        open_all(Settings.model_validate(stores))
    assert caught.value.exit_code == OUTSIDE
    assert asked == []


@pytest.mark.parametrize(
    "settings", [SWEDEN | {"url": "s3://bucket/x"}, {"url": "s3://bucket/x", "endpoint": "https://s3.example.no"}]
)
def test_what_may_be_asked_is_asked_where_it_says(tmp_path: Path, asked: list[Any], settings: dict[str, str]) -> None:
    with pytest.raises(CetegraUsageError):
        open_store("warehouse", section(settings), folder=tmp_path)
    hosts = {words[0][0] if isinstance(words[0], tuple) else words[0] for words in asked}
    assert hosts == {"s3.example.no" if "endpoint" in settings else "s3.eu-north-1.amazonaws.com"}
