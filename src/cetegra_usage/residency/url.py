"""What a store's url says: taken apart, and refused where it leads elsewhere than it seems to."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

from cetegra_usage.errors import ConfigurationError, ResidencyError
from cetegra_usage.residency.clouds import is_public

if TYPE_CHECKING:
    from pathlib import Path

Scheme = Literal["file", "s3", "az"]

_HINT = "cetegra-usage config show"
_BUCKET = re.compile(r"(?=.{3,63}$)(?!xn--)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9](-?[a-z0-9])*")
_ADDRESS = re.compile(r"[\d.]+|0x[0-9a-f.x]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DISGUISED = re.compile(r"%(2e|2f|5c|25|00)", re.IGNORECASE)


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


def locate(name: str, url: str, folder: Path) -> Location:
    """Read a store's url.

    Args:
        name: `landing`, `warehouse` or `publish`: for messages.
        url: As configured.
        folder: Where relative paths start.

    Raises:
        ConfigurationError: The url is missing or cannot be read.
        ResidencyError: It leads, or could lead, elsewhere than it says.
    """
    if not url or _CONTROL.search(url):
        raise ConfigurationError(
            f"{name}.url is {'unreadable' if url else 'missing'}",
            why="a store is named by a path, file:///..., s3://bucket/prefix or az://container/prefix",
            hint=f"set {name}.url in cetegra-usage.toml",
        )
    found = _SCHEME.fullmatch(url)
    scheme, rest = (found[1].lower(), found[2]) if found else ("path", url)
    plain = {part.strip() for part in unicodedata.normalize("NFKC", rest).split("/")}
    if _DISGUISED.search(rest) or set(rest) & set("\\?#") or ".." in plain:
        raise refused(name, "its url holds `..`, an encoded dot or slash, a backslash, a query or a fragment")
    if scheme in {"s3", "az"}:
        return _bucket(name, "s3" if scheme == "s3" else "az", rest)
    if scheme == "file" and not rest.startswith("/"):
        raise refused(name, "its file: url names another host")
    if scheme not in {"path", "file"} or (scheme == "path" and ":" in rest.split("/")[0]):
        raise refused(name, "what its url begins with is no kind of store that can be shown to lie in the EEA")
    path = unquote(rest) if scheme == "file" else rest
    if scheme == "file" and (_BROKEN.search(rest) or "\ufffd" in path):
        raise refused(name, "its url holds an encoded character that is none")
    return _folder(name, path, folder)


def _folder(name: str, path: str, folder: Path) -> Location:
    if path.startswith("//"):
        raise refused(name, "its path begins with two slashes, which can name another host")
    absolute = os.path.normpath(folder.resolve() / path)
    real = os.path.realpath(absolute)
    if real != absolute:
        # A link can be turned to another country without a line of the settings changing.
        raise refused(name, "its path goes through a symbolic link, so that it lies elsewhere than it says")
    return Location("file", "", absolute)


def _bucket(name: str, scheme: Scheme, rest: str) -> Location:
    host, _, prefix = rest.partition("/")
    kind, plain = ("bucket", _BUCKET) if scheme == "s3" else ("container", _CONTAINER)
    if not plain.fullmatch(host) or _ADDRESS.fullmatch(host) or is_public(host):
        raise refused(name, f"{scheme}:// must be followed by a plain name of a {kind}: no user, port, address or host")
    if "%" in prefix:
        raise refused(name, "its prefix holds an encoded character")
    segments = [part for part in prefix.split("/") if part]
    if "." in segments:
        raise refused(name, "its prefix holds `.`")
    return Location(scheme, host, "/".join(segments))


def refused(name: str, why: str) -> ResidencyError:
    """Return the error for a store that may not be used."""
    return ResidencyError(f"{name} is refused", why=why, hint=_HINT)
