"""Every detector over a value, a name, or the catalogue."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from cetegra_usage.check.detectors import devices, identities, network, numbers, phones, prose, tokens, web
from cetegra_usage.check.detectors.listing import detectors
from cetegra_usage.check.detectors.readings import fold, readings
from cetegra_usage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cetegra_usage.check.detectors.readings import Reading
    from cetegra_usage.model import Catalogue

_FINDERS: Mapping[str, Callable[[Reading], bool]] = {
    "ip_address": network.ip_address,
    "mac_address": network.mac_address,
    "browser_or_system": devices.browser_or_system,
    "url_or_referrer": web.url_or_referrer,
    "email": web.email,
    "phone": phones.phone,
    "national_id_no": identities.norwegian_id,
    "national_id_se": identities.swedish_id,
    "national_id_dk": identities.danish_id,
    "national_id_fi": identities.finnish_id,
    "national_id_eea": identities.eea_id,
    "birth_date": identities.birth_date,
    "iban": identities.iban,
    "payment_card": identities.payment_card,
    "account_number": numbers.account_number,
    "uuid": tokens.uuid,
    "token": tokens.token,
    "order_or_case_number": numbers.order_or_case_number,
    "long_number": numbers.long_number,
    "free_text": prose.free_text,
    "sensitive_word": prose.sensitive_word,
    "person_name": prose.person_name,
}
_ON_WORDS = frozenset(
    {"browser_or_system", "url_or_referrer", "email", "token", "free_text", "sensitive_word", "person_name"}
)
"""Finders that can find something where there is no digit: the others are spared the look."""

_UNEXPLAINED = frozenset({"long_number", "free_text", "sensitive_word", "person_name"})
"""Finders that do not say what a long number is; where another does, `long_number` has nothing to add."""

_MISPLACED = frozenset({"ip_address", "browser_or_system", "url_or_referrer", "email", "sensitive_word", "person_name"})
"""Finders for what stands where an id or a time belongs: the others find much in an id that is merely damaged."""

_WRITTEN = frozenset({"free_text", "sensitive_word", "browser_or_system"})
"""Finders that a title, written to be read, is not searched with: it names a feature, and nobody's device or health."""

_SHORT, LONGEST = 256, 4096
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A place of the catalogue that carries personal data; never what stands there.

    Attributes:
        table: `service`, `user_type`, `feature` or `notice`.
        position: The entry's place among its table's, from 1, in the order of the file.
        field: `key`, `title` or `owner`.
        detector: Id of the detector.
        severity: `block`: the catalogue is refused; `warn`: it is said.
    """

    table: str
    position: int
    field: str
    detector: str
    severity: Literal["block", "warn"]


def detect(text: str) -> frozenset[str]:
    """Return the ids of the detectors that find something in a value, in any of its readings.

    A value longer than a key is free text whatever it says; of a very long one only the beginning is searched.

    Raises:
        ConfigurationError: The list of detectors cannot be used.
    """
    return _detect(text) if len(text) <= _SHORT else _search(text[:LONGEST], frozenset(_finders()))


def detect_misplaced(text: str) -> frozenset[str]:
    """Return the ids of the detectors that find something in what stands where an id, a time or a yes or no belongs.

    Raises:
        ConfigurationError: The list of detectors cannot be used.
    """
    return detect(text) & _MISPLACED


@lru_cache(maxsize=1 << 16)
def _detect(text: str) -> frozenset[str]:
    """Search a short value; the same few come again in every partition of a run."""
    return _search(text, frozenset(_finders()))


@lru_cache(maxsize=1 << 12)
def detect_name(name: str) -> frozenset[str]:
    """Return the ids of the detectors that a column's or key's name calls for, and of those that find something in it.

    `clientIp` and `client_ip` both hold the word `ip`. An unknown column blocks in any case: this says which promise
    it breaks.

    Raises:
        ConfigurationError: The list of detectors cannot be used.
    """
    split = " " + " ".join(re.findall(r"[a-z0-9]+", fold(_CAMEL.sub(" ", name)))) + " "
    told: set[str] = set()
    for known, ids in _names():
        if f" {known} " in split:
            told |= ids
            split = split.replace(f" {known} ", "  ")
    return frozenset(told) | detect(name)


@cache
def _names() -> tuple[tuple[str, frozenset[str]], ...]:
    """Return each known name with the detectors that list it, the longest first: `user agent` is no `user`."""
    known = {name for one in detectors().values() for name in one.names}
    listed = {name: frozenset(one.id for one in detectors().values() if name in one.names) for name in known}
    return tuple(sorted(listed.items(), key=lambda item: (-len(item[0]), item[0])))


def judge_catalogue(catalogue: Catalogue) -> list[Finding]:
    """Return where a catalogue carries personal data: in a key, a title or an owner.

    Titles and owners are written to be read: they are not searched for free text, sensitive words and devices.

    Raises:
        ConfigurationError: The list of detectors cannot be used.
    """
    return sorted(
        Finding(table, position, field, found, detectors()[found].severity)
        for table, position, field, text in _texts(catalogue)
        for found in (detect(text) if field == "key" else _search(text, frozenset(_finders()) - _WRITTEN))
    )


def _texts(catalogue: Catalogue) -> Iterator[tuple[str, int, str, str]]:
    titled = {"service": catalogue.services, "user_type": catalogue.user_types, "notice": catalogue.notices}
    for table, entries in titled.items():
        for position, (key, title) in enumerate(entries.items(), start=1):
            yield table, position, "key", key
            yield table, position, "title", title
    for position, feature in enumerate(catalogue.features.values(), start=1):
        yield "feature", position, "key", feature.key
        yield "feature", position, "title", feature.title
        yield "feature", position, "owner", feature.owner


def _search(text: str, wanted: frozenset[str]) -> frozenset[str]:
    found: set[str] = set()
    for reading in readings(text):
        useful = wanted - found if reading.chains else (wanted & _ON_WORDS) - found
        found |= {name for name in useful if _finders()[name](reading)}
    return frozenset(found if found <= _UNEXPLAINED else found - {"long_number"})


@cache
def _finders() -> Mapping[str, Callable[[Reading], bool]]:
    """Return the finders, once the list is known to name exactly them: an entry without one would seem to work."""
    if strangers := sorted(set(detectors()) ^ set(_FINDERS)):
        raise ConfigurationError(
            f"the list of detectors and the code disagree about {', '.join(strangers)}",
            why="a detector is an entry of expectations/detectors.toml and a finder that does what it says",
            hint="restore the file from the release",
        )
    return _FINDERS
