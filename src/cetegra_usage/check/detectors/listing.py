"""The list of detectors and the words that they know, as `expectations/` has them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from cetegra_usage.errors import ConfigurationError
from cetegra_usage.project import root

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE, WORDS_FILE = "expectations/detectors.toml", "expectations/words.toml"
Expectation = Literal[
    "no_device_data", "no_direct_identifiers", "no_content_values", "no_sensitive_words", "no_person_names"
]


@dataclass(frozen=True, slots=True)
class Detector:
    """One entry of the list.

    Attributes:
        id: Its name, as the evidence shows it.
        finds: What it finds.
        promise: Id of the promise that a find breaks.
        expectation: Name of the expectation of the event suite that counts its finds; that of the feedback suite has
            `feedback_` before it.
        severity: `block` (the partition is quarantined) or `warn`; `class` in the file.
        library: What the recognising is done with.
        trips: Made up examples that it finds.
        passes: Examples that no detector finds anything in.
        names: Names of columns and keys that say they hold such a thing, words set apart by spaces.
    """

    id: str
    finds: str
    promise: str
    expectation: Expectation
    severity: Literal["block", "warn"]
    library: str
    trips: tuple[str, ...]
    passes: tuple[str, ...]
    names: tuple[str, ...]


@cache
def detectors() -> Mapping[str, Detector]:
    """Return every detector of the list by id, in the order of the file.

    Raises:
        ConfigurationError: The file cannot be read, or an entry lacks something, has something else, or stands twice.
    """
    found: dict[str, Detector] = {}
    for position, entry in enumerate(_document(FILE).get("detector", []), start=1):
        detector = _detector(entry)
        if detector is None or detector.id in found:
            raise _broken(f"its entry {position} is not one detector with an id of its own")
        found[detector.id] = detector
    return MappingProxyType(found)


@cache
def words(name: str) -> frozenset[str]:
    """Return one of the lists of words; words of two parts have `_` between them.

    Raises:
        ConfigurationError: The file cannot be read, or has no such list.
    """
    listed = _document(WORDS_FILE).get(name)
    if not isinstance(listed, str):
        raise _broken(f"it has no list of words named {name}", WORDS_FILE)
    return frozenset(listed.split())


@cache
def _document(file: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads((root() / file).read_text("utf-8"))
    except (OSError, ValueError):
        pass
    raise _broken("it is not there, or is no TOML", file)


def _detector(entry: Any) -> Detector | None:
    if not isinstance(entry, dict):
        return None
    fields: dict[str, Any] = {**entry, "severity": entry.get("class")}
    fields.pop("class", None)
    for name in ("trips", "passes", "names"):
        fields[name] = tuple(fields.get(name, ()))
    if fields["severity"] not in {"block", "warn"} or fields.get("expectation") not in get_args(Expectation):
        return None
    if not fields["trips"] or not fields["passes"]:
        return None
    try:
        return Detector(**fields)
    except TypeError:
        return None


def _broken(why: str, file: str = FILE) -> ConfigurationError:
    return ConfigurationError(
        f"the list of detectors ({file}) cannot be used", why=why, hint="restore the file from the release"
    )
