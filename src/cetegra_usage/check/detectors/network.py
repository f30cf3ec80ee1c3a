"""Addresses of machines and of their network cards."""

# ruff: noqa: PLR2004  # how long a run is, is what shapes are about

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from cetegra_usage.check.detectors.numbers import is_calendar, is_scale, is_standard, is_version

if TYPE_CHECKING:
    from cetegra_usage.check.detectors.readings import Reading

_HEX = "[0-9a-f]"
_START, _END = r"(?<![0-9a-z])", r"(?![0-9a-z])"
_IPV6_FULL = re.compile(rf"{_START}{_HEX}{{1,4}}(?:([:._-]){_HEX}{{1,4}})(?:\1{_HEX}{{1,4}}){{6}}{_END}")
_IPV6_START = re.compile(rf"{_START}(?:(?:20|2[4-9a-f]|f[cd]){_HEX}{{2}}|fe[89ab]{_HEX})(?=[:._-])|{_START}::")
_DOUBLE = re.compile(r"::|__|\.\.|--")
_MAC = re.compile(
    rf"{_START}(?:{_HEX}{{2}}([:._ -]){_HEX}{{2}}(?:\1{_HEX}{{2}}){{4}}"
    rf"|{_HEX}{{4}}([:._-]){_HEX}{{4}}\2{_HEX}{{4}}|{_HEX}{{12}}){_END}"
)


def ip_address(reading: Reading) -> bool:
    """Find IPv4 and IPv6 addresses."""
    return _has_ipv4(reading) or _has_ipv6(reading.text)


def _has_ipv4(reading: Reading) -> bool:
    for chain in reading.chains:
        for start in range(len(chain.groups) - 3):
            part = chain.groups[start : start + 4]
            if any(len(group) > 3 or int(group) > 255 or (len(group) > 1 and group[0] == "0") for group in part):
                continue
            if is_calendar(part) or (not chain.dotted and (is_scale(part) or max(map(len, part)) == 1)):
                continue
            if (is_version(chain) or is_standard(chain)) and max(map(len, part)) <= 2:
                continue
            return True
    return False


def _has_ipv6(text: str) -> bool:
    for found in _IPV6_FULL.finditer(text):
        if sum(character.isdigit() for character in found[0]) >= 2:
            return True
    for start in _IPV6_START.finditer(text):
        found = re.compile(rf"(?:{_HEX}{{0,4}}(?:::|__|\.\.|--|[:._-]))+(?:{_HEX}{{1,4}}{_END})?").match(
            text, start.start()
        )
        if found and _DOUBLE.search(found[0]):
            candidate = re.sub(r"[._-]", ":", found[0])
            candidate = candidate if candidate.endswith("::") else candidate.rstrip(":")
            if candidate.strip(":") and _is_ipv6(candidate):
                return True
    return False


def _is_ipv6(candidate: str) -> bool:
    try:
        return ipaddress.ip_address(candidate).version == 6
    except ValueError:
        return False


def mac_address(reading: Reading) -> bool:
    """Find addresses of network cards."""
    for found in _MAC.finditer(reading.text):
        digits = sum(character.isdigit() for character in found[0])
        separated = found[1] is not None
        if digits >= (1 if separated else 2) and any(character.isalpha() for character in found[0]):
            return True
        if separated and digits == 12 and found[1] in ":-":
            return True
    return False
