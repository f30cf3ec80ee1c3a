"""Where a store may be: tables of what passes and what is refused, before anything is asked."""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cetegra_usage.errors import ConfigurationError, ResidencyError, StorageError
from cetegra_usage.residency import EEA, Answer, Place, apart, confirm, declare
from cetegra_usage.settings import Storage, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path("/nowhere/at/all")
CLOUD = "processor:A Cloud"


def place(
    url: str,
    country: str = "NO",
    operator: str = "own",
    environment: Mapping[str, str] | None = None,
    **storage: str,
) -> Place:
    settings = StoreSettings(url=url, country=country, operator=operator, storage=Storage(**storage))
    return declare("warehouse", settings, HERE, environment or {})


def test_the_eea_has_thirty_states() -> None:
    assert len(EEA) == 30
    assert {"IS", "LI", "NO"} < EEA
    assert not {"GB", "CH", "US", "UK", "EL"} & EEA


@pytest.mark.parametrize("country", sorted(EEA))
def test_every_state_of_the_eea_passes(country: str) -> None:
    assert place("/data", country).residency.country == country


OUTSIDE = ["GB", "UK", "CH", "US", "RU", "TR", "RS", "UA", "GI", "FO", "GL", "SJ", "AX", "XX", "EU", "EL", "ZZ"]


@pytest.mark.parametrize("country", OUTSIDE)
def test_other_countries_are_refused(country: str) -> None:
    with pytest.raises(ResidencyError):
        place("/data", country)


@pytest.mark.parametrize("country", ["", "no", "Norway", "NOR", "N", "N0", "NO,US", "\uff2e\uff10", "47"])
def test_a_country_that_cannot_be_read_is_a_configuration_fault(country: str) -> None:
    with pytest.raises(ConfigurationError):
        place("/data", country)


@given(st.text(string.ascii_letters, max_size=3))
def test_no_word_but_a_code_of_the_eea_passes(country: str) -> None:
    if country not in EEA:
        with pytest.raises((ResidencyError, ConfigurationError)):
            place("/data", country)


@pytest.mark.parametrize("operator", ["", "Own", "aws", "processor", "processors:x", "own;processor:x"])
def test_an_operator_that_cannot_be_read_is_a_configuration_fault(operator: str) -> None:
    with pytest.raises(ConfigurationError):
        place("/data", operator=operator)


def test_a_processor_without_a_name_is_refused() -> None:
    with pytest.raises(ResidencyError):
        place("/data", operator="processor: ")


FOLDERS = {
    "/data/landing": "file:///data/landing",
    "/data/landing/": "file:///data/landing",
    "landing": "file:///nowhere/at/all/landing",
    "./landing": "file:///nowhere/at/all/landing",
    "file:///data/a%20b": "file:///data/a%20b",
    "/data/æ b": "file:///data/%C3%A6%20b",
}


@pytest.mark.parametrize(("url", "canonical"), FOLDERS.items())
def test_folders_have_one_spelling(url: str, canonical: str) -> None:
    found = place(url)
    assert found.location.url == canonical
    assert not found.residency.proven


ELSEWHERE = [
    "../landing",
    "/data/../etc",
    "file:///data/%2e%2e/etc",
    "file:///data/%2E./etc",
    "/data/%2e%2e/etc",
    "file:///data%2f..%2fetc",
    "file:///data%5c..",
    "file:///data/%252e%252e",
    "file://server/share",
    "file://localhost/data",
    "file://user:word@server/share",
    "//server/share",
    "file:////server/share",
    "\\\\server\\share",
    "/data?x",
    "/data#x",
    "file:/data",
    "s3:bucket/x",
    "http://127.0.0.1/x",
    "https://s3.eu-north-1.amazonaws.com/bucket",
    "gs://bucket/x",
    "gcs://bucket",
    "abfs://container@account.dfs.core.windows.net/x",
    "abfss://container/x",
    "azure://container/x",
    "s3a://bucket",
    "s3n://bucket",
    "r2://bucket",
    "ftp://host/x",
    "sftp://host/x",
    "nfs://host/x",
    "memory://x",
    "data:text/plain,x",
    "s3://user:word@bucket/x",
    "s3://bucket@host/x",
    "s3://bucket:443/x",
    "s3://BUCKET/x",
    "s3://bucket/../other",
    "s3://bucket/%2e%2e/other",
    "s3://bucket/./other",
    "s3://bucket/x?endpoint=https://s3.us-east-1.amazonaws.com",
    "s3://bucket/x#y",
    "s3://127.0.0.1:9000/bucket",
    "s3://",
    "s3:///x",
    "s3://arn:aws:s3:us-east-1:1:accesspoint/x",
    "az://container@account/x",
    "az://$root/x",
    "az://",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_urls_that_lead_elsewhere_are_refused(url: str) -> None:
    with pytest.raises(ResidencyError):
        place(url, operator=CLOUD, region="eu-north-1", country="SE", proof="contract 7")


@pytest.mark.parametrize("url", ["", "/data\0x", "/data\nx", "s3://bucket/\tx"])
def test_urls_that_cannot_be_read_are_a_configuration_fault(url: str) -> None:
    with pytest.raises(ConfigurationError):
        place(url)


def test_links_on_the_way_to_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert place(str(tmp_path / "real")).location.path == str(tmp_path / "real")
    for url in ("link", "link/below"):
        with pytest.raises(ResidencyError):
            place(str(tmp_path / url))


AWS = {
    "eu-north-1": "SE",
    "eu-west-1": "IE",
    "eu-west-3": "FR",
    "eu-central-1": "DE",
    "eu-south-1": "IT",
    "eu-south-2": "ES",
    "eusc-de-east-1": "DE",
}


@pytest.mark.parametrize(("region", "country"), AWS.items())
def test_the_endpoint_of_aws_is_built_from_its_region(region: str, country: str) -> None:
    found = place("s3://bucket/x", country, CLOUD, region=region)
    assert found.endpoint.startswith(f"https://s3.{region}.amazonaws.")
    assert found.public


REFUSED_CLOUD = {
    "no region": {},
    "London": {"region": "eu-west-2", "country": "GB"},
    "London, called Irish": {"region": "eu-west-2", "country": "IE"},
    "Zurich": {"region": "eu-central-2", "country": "DE"},
    "Virginia": {"region": "us-east-1"},
    "the wrong country": {"region": "eu-west-1", "country": "SE"},
    "no processor": {"operator": "own"} | {"region": "eu-north-1"},
    "an endpoint of AWS": {"region": "eu-north-1", "endpoint": "https://s3.eu-north-1.amazonaws.com"},
    "a region that is an address": {"region": "eu-north-1.amazonaws.com@evil.example/"},
    "a region in capitals": {"region": "EU-NORTH-1"},
    "an empty endpoint": {"region": "eu-north-1", "endpoint": ""},
}


@pytest.mark.parametrize("settings", REFUSED_CLOUD.values(), ids=REFUSED_CLOUD.keys())
def test_aws_is_refused_without_a_region_of_the_eea_and_a_processor(settings: dict[str, str]) -> None:
    with pytest.raises(ResidencyError):
        place("s3://bucket/x", environment={}, **{"country": "SE", "operator": CLOUD, **settings})


@pytest.mark.parametrize("bucket", ["x--x-s3", "point-abc-s3alias", "object--ol-s3", "abc.mrap", "t--table-s3"])
def test_access_points_are_no_buckets(bucket: str) -> None:
    with pytest.raises(ResidencyError):
        place(f"s3://{bucket}/x", "SE", CLOUD, region="eu-north-1")


AZURE = {"country": "NO", "operator": CLOUD, "region": "norwayeast", "proof": "contract 7"}
REFUSED_AZURE = {
    "no proof": {"proof": ""},
    "a blank proof": {"proof": "  "},
    "no region": {"region": ""},
    "London": {"region": "uksouth", "country": "GB"},
    "Zurich": {"region": "switzerlandnorth", "country": "CH"},
    "the wrong country": {"region": "westeurope"},
    "no processor": {"operator": "own"},
    "China": {"endpoint": "https://account.blob.core.chinacloudapi.cn"},
    "a secondary": {"endpoint": "https://account-secondary.blob.core.windows.net"},
    "another service": {"endpoint": "https://account.dfs.core.windows.net"},
    "a longer name": {"endpoint": "https://account.blob.core.windows.net.evil.example"},
}


def test_azure_passes_by_region_and_named_proof() -> None:
    found = place("az://container/x", environment={"AZURE_STORAGE_ACCOUNT_NAME": "account"}, **AZURE)
    assert found.endpoint == "https://account.blob.core.windows.net"
    assert (found.residency.proven, found.residency.proof) == (False, "contract 7")


@pytest.mark.parametrize("settings", REFUSED_AZURE.values(), ids=REFUSED_AZURE.keys())
def test_azure_is_refused_otherwise(settings: dict[str, str]) -> None:
    with pytest.raises(ResidencyError):
        place("az://container/x", environment={"AZURE_STORAGE_ACCOUNT_NAME": "account"}, **AZURE | settings)


@pytest.mark.parametrize("account", ["", "evil.example/account", "evil.example#", "a@evil.example", "ACCOUNT", "a-b-c"])
def test_an_account_of_the_environment_names_no_other_host(account: str) -> None:
    with pytest.raises(ResidencyError):
        place("az://container/x", environment={"AZURE_STORAGE_ACCOUNT_NAME": account}, **AZURE)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://s3.example.no",
        "https://s3.example.no:9443/",
        "https://10.1.2.3:9000",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "http://localhost:9000",
        "https://storage",
    ],
)
def test_storage_of_our_own_is_declared(endpoint: str) -> None:
    found = place("s3://bucket/x", endpoint=endpoint)
    assert not found.residency.proven
    assert not found.public


NOT_OUR_OWN = [
    "http://s3.example.no",
    "http://10.1.2.3:9000",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "http://127.1:9000",
    "http://2130706433:9000",
    "http://0x7f000001:9000",
    "http://0177.0.0.1",
    "http://0.0.0.0:9000",
    "http://169.254.169.254",
    "https://8.8.8.8",
    "https://[2001:4860:4860::8888]",
    "https://[::ffff:8.8.8.8]",
    "https://s3.amazonaws.com",
    "https://S3.AMAZONAWS.COM",
    "https://s3.amazonaws.com.",
    "https://s3.us-east-1.amazonaws.com",
    "https://bucket.s3.eu-north-1.amazonaws.com",
    "https://s3.dualstack.us-east-1.api.aws",
    "https://storage.googleapis.com",
    "https://account.r2.cloudflarestorage.com",
    "https://ams3.digitaloceanspaces.com",
    "https://s3.eu-central-1.wasabisys.com",
    "https://s3.us-west-000.backblazeb2.com",
    "https://oss-eu-central-1.aliyuncs.com",
    "https://account.blob.core.windows.net",
    "https://d1.cloudfront.net",
    "https://play.min.io",
    "https://x.ngrok.io",
    "https://user:word@s3.example.no",
    "https://s3.example.no@evil.example",
    "https://s3.example.no\\@evil.example",
    "https://s3.example.no?x",
    "https://s3.example.no#x",
    "https://s3.example.no/path",
    "https://s3.ama\tzonaws.com",
    "https://s3.example.no:port",
    "https://s3.\u0430mazonaws.com",
    "https://",
    "s3.example.no",
    "ftp://s3.example.no",
    "//s3.example.no",
    "",
]


@pytest.mark.parametrize("endpoint", NOT_OUR_OWN)
def test_endpoints_that_are_not_our_own_are_refused(endpoint: str) -> None:
    with pytest.raises(ResidencyError):
        place("s3://bucket/x", endpoint=endpoint)


def test_a_folder_has_no_endpoint() -> None:
    with pytest.raises(ResidencyError):
        place("/data", endpoint="https://s3.example.no")


class Service:
    """A service that gives the same answer to everything, or none, and remembers what it was asked."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def __call__(self, method: str, url: str) -> Answer | None:
        self.asked.append((method, url))
        return self.answer


def in_stockholm() -> Place:
    return place("s3://bucket/x", "SE", CLOUD, region="eu-north-1")


@pytest.mark.parametrize("status", [200, 301, 403])
def test_aws_proves_a_region_by_saying_it(status: int) -> None:
    service = Service(Answer(status, {"x-amz-bucket-region": "eu-north-1"}))
    assert confirm("warehouse", in_stockholm(), service).residency.proven
    assert service.asked == [("HEAD", "https://s3.eu-north-1.amazonaws.com/bucket")]


@pytest.mark.parametrize(
    "answer", [None, Answer(403, {}), Answer(404, {}), Answer(301, {"x-amz-bucket-region": "us-east-1"})]
)
def test_aws_that_says_nothing_or_otherwise_is_refused(answer: Answer | None) -> None:
    with pytest.raises(ResidencyError):
        confirm("warehouse", in_stockholm(), Service(answer))


def test_our_own_storage_is_asked_and_must_not_send_us_elsewhere() -> None:
    found = place("s3://bucket/x", endpoint="https://s3.example.no")
    assert confirm("warehouse", found, Service(Answer(403, {}, 7.0))).clock_offset_seconds == 7.0
    for answer in (Answer(302, {}), Answer(307, {}), Answer(403, {"server": "AmazonS3"})):
        with pytest.raises(ResidencyError):
            confirm("warehouse", found, Service(answer))
    with pytest.raises(StorageError):
        confirm("warehouse", found, Service(None))


def test_nothing_is_put_to_the_landing_zone_not_even_a_question() -> None:
    found = place("s3://bucket/x", endpoint="https://s3.example.no")
    service = Service(Answer(403, {}))
    confirm("landing", found, service)
    assert {method for method, _ in service.asked} == {"HEAD", "GET"}
    confirm("publish", found, service)
    assert "PUT" in {method for method, _ in service.asked}


OVERLAPS = {
    "one place": ("/a", "/a", "/p"),
    "warehouse in publish": ("/a", "/p/w", "/p"),
    "landing in publish": ("/p/l", "/w", "/p"),
    "publish is the warehouse": ("/a", "/w", "/w"),
}


@pytest.mark.parametrize("urls", OVERLAPS.values(), ids=OVERLAPS.keys())
def test_what_is_restricted_does_not_lie_in_what_is_open(urls: tuple[str, str, str]) -> None:
    names = ("landing", "warehouse", "publish")
    with pytest.raises(ConfigurationError):
        apart({name: place(url) for name, url in zip(names, urls, strict=True)})


def test_places_that_only_look_alike_are_apart() -> None:
    one = place("s3://bucket/x", endpoint="https://s3.example.no")
    two = place("s3://bucket/x", endpoint="https://s3.example.se")
    apart({"landing": one, "warehouse": two, "publish": place("/p")})
    apart({"landing": place("/p2"), "warehouse": place("/pp"), "publish": place("/p")})
