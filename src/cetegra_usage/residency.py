"""Where a store is and whose: read from its settings, judged against the EEA, refused before the first byte."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

from cetegra_usage.errors import ConfigurationError, ResidencyError

if TYPE_CHECKING:
    from pathlib import Path

    from cetegra_usage.settings import StoreSettings

EEA = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV"}
    | {"MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}  # so far the EU
    | {"IS", "LI", "NO"}
)
"""ISO 3166 codes of the thirty states of the European Economic Area."""

Scheme = Literal["file", "s3", "az"]

_HINT = "cetegra-usage doctor"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_DISGUISED = re.compile(r"%(2e|2f|5c|25|00)", re.IGNORECASE)
_COUNTRY = re.compile(r"[A-Z]{2}")
_OPERATOR = re.compile(r"own|processor:\S(.*\S)?")


@dataclass(frozen=True, slots=True)
class Location:
    """A store's url, taken apart and found to say what it seems to say.

    Attributes:
        scheme: `file`, `s3` or `az`.
        host: Bucket or container; empty for a folder.
        path: Absolute path of a folder, or the prefix inside the bucket without slashes around it.
    """

    scheme: Scheme
    host: str
    path: str

    @property
    def url(self) -> str:
        """The one spelling under which the store is known."""
        if self.scheme == "file":
            return "file://" + quote(self.path)
        return f"{self.scheme}://" + "/".join(part for part in (self.host, self.path) if part)

    def holds(self, other: Location) -> bool:
        """Whether another store is this one or lies inside it, by whole path segments."""
        above = tuple(part for part in self.path.split("/") if part)
        below = tuple(part for part in other.path.split("/") if part)
        return (self.scheme, self.host) == (other.scheme, other.host) and below[: len(above)] == above


@dataclass(frozen=True, slots=True)
class Residency:
    """What is known of where a store is: shown in the evidence.

    Attributes:
        country: ISO 3166 code of an EEA state.
        operator: `own` or `processor:<name>`.
        proven: Whether the service itself said so; else the settings declare it.
        proof: Text that stands behind the country, if any.
        region: The cloud region, if any.
    """

    country: str
    operator: str
    proven: bool = False
    proof: str | None = None
    region: str | None = None


def locate(name: str, settings: StoreSettings, folder: Path) -> Location:
    """Read a store's url.

    Args:
        name: `landing`, `warehouse` or `publish`: for messages.
        settings: The store's section.
        folder: Where relative paths start.

    Raises:
        ConfigurationError: The url is missing or cannot be read.
        ResidencyError: It leads, or could lead, elsewhere than it says.
    """
    url = settings.url
    if not url or _CONTROL.search(url):
        raise ConfigurationError(
            f"{name}.url is {'unreadable' if url else 'missing'}",
            why="a store is named by a path, file:///..., s3://bucket/prefix or az://container/prefix",
            hint=f"set {name}.url in cetegra-usage.toml",
        )
    found = _SCHEME.fullmatch(url)
    scheme, rest = (found[1].lower(), found[2]) if found else ("path", url)
    if _DISGUISED.search(rest) or set(rest) & set("\\?#") or ".." in rest.split("/"):
        raise _refused(name, "its url holds `..`, an encoded dot or slash, a backslash, a query or a fragment")
    if scheme in {"s3", "az"}:
        return _bucket(name, "s3" if scheme == "s3" else "az", rest)
    if scheme == "file" and not rest.startswith("/"):
        raise _refused(name, "its file: url names another host")
    if scheme not in {"path", "file"}:
        raise _refused(name, f"{scheme}: is no kind of store that can be shown to lie in the EEA")
    path = unquote(rest) if scheme == "file" else rest
    return _folder(name, path, folder)


def judge(name: str, settings: StoreSettings, location: Location) -> Residency:
    """Judge what the settings say of a store's country and operator.

    Raises:
        ConfigurationError: Country or operator is missing or cannot be read.
        ResidencyError: The country is not in the EEA.
    """
    if not _COUNTRY.fullmatch(settings.country):
        raise ConfigurationError(
            f"{name}.country is {'unreadable' if settings.country else 'missing'}",
            why="each store declares the ISO 3166 code of the country it lies in, such as NO",
            hint=f"set {name}.country in cetegra-usage.toml",
        )
    if settings.country not in EEA:
        raise _refused(name, f"it is declared to lie in {settings.country}, which is not in the EEA")
    if not _OPERATOR.fullmatch(settings.operator):
        raise ConfigurationError(
            f"{name}.operator is unreadable",
            why="the operator of a store is `own`, or `processor:<name>` where someone else runs it",
            hint=f"set {name}.operator in cetegra-usage.toml",
        )
    if location.scheme == "file":
        return Residency(settings.country, settings.operator, proof=settings.storage.proof)
    raise _refused(name, f"{location.scheme}: stores cannot be judged")


def apart(locations: dict[str, Location]) -> None:
    """Refuse stores that would mix what is restricted with what is open.

    Raises:
        ConfigurationError: Two stores are one, or landing or warehouse lies inside publish.
    """
    publish = locations["publish"]
    for name in ("landing", "warehouse"):
        if publish.holds(locations[name]):
            raise _mixed(f"{name} lies inside publish, which is open to readers")
    for name, other in (("landing", "warehouse"), ("landing", "publish"), ("warehouse", "publish")):
        if locations[name] == locations[other]:
            raise _mixed(f"{name} and {other} are one place")


def _folder(name: str, path: str, folder: Path) -> Location:
    if path.startswith("//"):
        raise _refused(name, "its path begins with two slashes, which can name another host")
    absolute = os.path.normpath(folder.resolve() / path)
    real = os.path.realpath(absolute)
    if real != absolute:
        # A link can be turned to another country without a line of the settings changing.
        raise _refused(name, "its path goes through a symbolic link, so that it lies elsewhere than it says")
    return Location("file", "", absolute)


def _bucket(name: str, scheme: Scheme, rest: str) -> Location:
    host, _, prefix = rest.partition("/")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", host):
        raise _refused(name, f"{scheme}:// must be followed by a plain name of a bucket: no user, port or address")
    segments = [part for part in prefix.split("/") if part]
    if "." in segments:
        raise _refused(name, "its prefix holds `.`")
    return Location(scheme, host, "/".join(segments))


def _refused(name: str, why: str) -> ResidencyError:
    return ResidencyError(f"{name} is refused", why=why, hint=_HINT)


def _mixed(why: str) -> ConfigurationError:
    return ConfigurationError("the stores overlap", why=why, hint="give each of the three stores a place of its own")
