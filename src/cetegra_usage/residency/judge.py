"""Judge where a store is and whose: first what its settings say, then what the service answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from cetegra_usage.errors import ConfigurationError, StorageError
from cetegra_usage.residency.clouds import (
    AWS_REGIONS,
    AZURE_REGIONS,
    aws_endpoint,
    fault_of_endpoint,
    named_by_server,
)
from cetegra_usage.residency.url import locate, refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cetegra_usage.residency.url import Location
    from cetegra_usage.settings import StoreSettings

EEA = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV"}
    | {"MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}  # so far the EU
    | {"IS", "LI", "NO"}
)
"""ISO 3166 codes of the thirty states of the European Economic Area."""

_COUNTRY = re.compile(r"[A-Z]{2}")
_OPERATOR = re.compile(r"own|processor:.*")
_PROCESSOR = re.compile(r"processor:\s*\S.*")
_AZURE = re.compile(r"https://[a-z0-9]{3,24}\.blob\.core\.windows\.net/?")


@dataclass(frozen=True, slots=True)
class Residency:
    """What is known of where a store is: shown in the evidence.

    Attributes:
        country: ISO 3166 code of an EEA state.
        operator: `own` or `processor:<name>`.
        proven: Whether the service itself said so; else the settings declare it.
        proof: Text that stands behind the country, if any.
        region: The cloud's region, if any.
    """

    country: str
    operator: str
    proven: bool = False
    proof: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A store that has been judged.

    Attributes:
        location: What its url says.
        residency: What is known of where it is.
        endpoint: The one address it is reached by; empty for a folder.
        public: Whether a public cloud runs it.
        clock_offset_seconds: How far its clock is ahead of ours; zero until it was asked.
    """

    location: Location
    residency: Residency
    endpoint: str = ""
    public: bool = False
    clock_offset_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said to an unsigned request.

    Attributes:
        status: Of HTTP; a redirect was not followed.
        headers: By name in lower case.
        clock_offset_seconds: How far its clock is ahead of ours, as far as it told.
    """

    status: int
    headers: Mapping[str, str]
    clock_offset_seconds: float = 0.0


class Ask(Protocol):
    """How a service is asked: without credentials, redirects or proxies."""

    def __call__(self, method: str, url: str) -> Answer | None:
        """Return its answer, or None if there was none."""
        ...


def declare(name: str, settings: StoreSettings, folder: Path, environment: Mapping[str, str]) -> Place:
    """Judge what the settings say; nothing is asked.

    Args:
        name: `landing`, `warehouse` or `publish`: for messages.
        settings: The store's section.
        folder: Where relative paths start.
        environment: Where an Azure account may be named.

    Raises:
        ConfigurationError: Url, country or operator is missing or cannot be read.
        ResidencyError: The store is not shown to lie in the EEA, or whose it is is not said.
    """
    if not _COUNTRY.fullmatch(settings.country):
        raise _unreadable(f"{name}.country", settings.country, "each store declares an ISO 3166 code, such as NO")
    if not _OPERATOR.fullmatch(settings.operator):
        raise _unreadable(f"{name}.operator", settings.operator, "it is `own`, or `processor:<name>`")
    location = locate(name, settings.url, folder)
    if settings.country not in EEA:
        raise refused(name, f"it is declared to lie in {settings.country}, which is not in the EEA")
    if settings.operator != "own" and not _PROCESSOR.fullmatch(settings.operator):
        raise refused(name, "its operator is a processor without a name")
    residency = Residency(
        country=settings.country,
        operator=settings.operator,
        proof=settings.storage.proof,
        region=settings.storage.region,
    )
    endpoint = settings.storage.endpoint
    if location.scheme == "az":
        return _azure(name, location, residency, endpoint, environment)
    if location.scheme == "s3":
        return _s3(name, location, residency, endpoint)
    if endpoint:
        raise refused(name, "it is a folder, and yet has an endpoint")
    return Place(location, residency)


def confirm(name: str, place: Place, ask: Ask) -> Place:
    """Ask the service what it can say of where it is, unsigned, before anything is read or written.

    Raises:
        ResidencyError: It says otherwise, does not say what it must, or sends us elsewhere.
        StorageError: Storage run by oneself does not answer.
    """
    location = place.location
    if location.scheme == "file":
        return place
    bucket = f"{place.endpoint}/{location.host}"
    if place.public and location.scheme == "s3":
        answer = ask("HEAD", bucket)
        said = answer.headers.get("x-amz-bucket-region") if answer else None
        if answer is None or said != place.residency.region:
            told = "another region than its settings" if said else "no region"
            raise refused(name, f"asked where the bucket is, the service said {told}")
        residency = replace(place.residency, proven=True)
        return replace(place, residency=residency, clock_offset_seconds=answer.clock_offset_seconds)
    # A server may send some requests elsewhere and answer others: each kind that will be made is tried.
    listing = "?list-type=2&max-keys=0" if location.scheme == "s3" else "?restype=container&comp=list&maxresults=1"
    inside = "/".join(part for part in (bucket, location.path, ".unfinished-residency") if part)
    questions = [("HEAD", bucket), ("GET", bucket + listing), ("GET", inside)]
    if name != "landing":
        # Unsigned and without a body: a store that is closed to strangers says no, and nothing is written.
        questions.append(("PUT", inside))
    offset = 0.0
    for method, url in questions:
        answer = ask(method, url)
        if answer is None:
            raise StorageError(
                f"{name} does not answer", why=f"nothing answers at {place.endpoint}", hint="cetegra-usage config show"
            )
        if 300 <= answer.status < 400:  # noqa: PLR2004  # what HTTP calls a redirection
            raise refused(name, "its endpoint sends requests elsewhere")
        if not place.public and named_by_server(answer.headers.get("server")):
            raise refused(name, "behind its endpoint a public cloud answers")
        offset = answer.clock_offset_seconds
    return replace(place, clock_offset_seconds=offset)


def apart(places: Mapping[str, Place]) -> None:
    """Refuse stores that would mix what is restricted with what is open.

    Raises:
        ConfigurationError: Two stores are one, or landing or warehouse lies inside publish.
    """

    def holds(outer: Place, inner: Place) -> bool:
        return outer.endpoint == inner.endpoint and outer.location.holds(inner.location)

    landing, warehouse, publish = (places[name] for name in ("landing", "warehouse", "publish"))
    if holds(publish, landing) or holds(publish, warehouse):
        raise _mixed("publish, which is open to readers, holds landing or the warehouse")
    if holds(landing, warehouse) and holds(warehouse, landing):
        raise _mixed("landing and warehouse are one place")


def _mixed(why: str) -> ConfigurationError:
    return ConfigurationError("the stores overlap", why=why, hint="give each of the three stores a place of its own")


def _s3(name: str, location: Location, residency: Residency, endpoint: str | None) -> Place:
    if endpoint is not None:
        return _self_hosted(name, location, residency, endpoint, segments=0)
    _of_cloud(name, residency, AWS_REGIONS)
    if location.host.endswith(("--x-s3", "-s3alias", "--ol-s3", "--table-s3", ".mrap")):
        raise refused(name, "it names an access point, which may lead to a bucket of another region")
    return Place(location, residency, endpoint=aws_endpoint(residency.region or ""), public=True)


def _azure(
    name: str, location: Location, residency: Residency, endpoint: str | None, environment: Mapping[str, str]
) -> Place:
    account = environment.get("AZURE_STORAGE_ACCOUNT_NAME", "")
    if endpoint is None and re.fullmatch(r"[a-z0-9]{3,24}", account):
        endpoint = f"https://{account}.blob.core.windows.net"
    if endpoint is None:
        raise refused(name, "neither its endpoint nor AZURE_STORAGE_ACCOUNT_NAME says which account it is in")
    if not _AZURE.fullmatch(endpoint):
        return _self_hosted(name, location, residency, endpoint, segments=1)
    _of_cloud(name, residency, AZURE_REGIONS)
    if not (residency.proof or "").strip():
        raise refused(name, "Azure does not tell where an account is: its storage.proof must name what shows it")
    return Place(location, residency, endpoint=endpoint.rstrip("/"), public=True)


def _of_cloud(name: str, residency: Residency, regions: Mapping[str, str]) -> None:
    country = regions.get(residency.region or "")
    if country is None:
        raise refused(name, "its storage.region is none of this cloud's regions in the EEA")
    if country != residency.country:
        raise refused(name, f"its region lies in {country}, but it is declared to lie in {residency.country}")
    if residency.operator == "own":
        raise refused(name, "a public cloud is a processor: its operator must be `processor:<name>`")


def _self_hosted(name: str, location: Location, residency: Residency, endpoint: str, *, segments: int) -> Place:
    if fault := fault_of_endpoint(endpoint, segments=segments):
        raise refused(name, fault)
    return Place(location, residency, endpoint=endpoint.rstrip("/"))


def _unreadable(key: str, value: str, why: str) -> ConfigurationError:
    state = "unreadable" if value else "missing"
    return ConfigurationError(f"{key} is {state}", why=why, hint=f"set {key} in cetegra-usage.toml")
