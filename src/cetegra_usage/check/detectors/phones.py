"""Telephone numbers: Nordic ones as they are dialled at home, all countries' with their code."""

# ruff: noqa: PLR2004  # how long a run is, is what shapes are about

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage.check.detectors.listing import words
from cetegra_usage.check.detectors.numbers import is_standard, is_version, is_year, parts

if TYPE_CHECKING:
    from cetegra_usage.check.detectors.readings import Chain, Reading

_HOME = {7: ("IS",), 8: ("NO", "DK"), 9: ("SE", "FI"), 10: ("SE", "FI"), 11: ("SE", "FI"), 12: ("SE", "FI")}
_WITH_TRUNK_ZERO = frozenset({"SE", "FI"})
_WITH_CODE = range(10, 18)
_SAID_TO_BE_ONE = range(6, 16)
_SPACED = {(2, 2, 2, 2), (3, 2, 3)}
"""How the eight digits of a Norwegian or Danish number are grouped."""


def phone(reading: Reading) -> bool:
    """Find telephone numbers."""
    return any(_is_abroad(part, chain) or _is_home(part, chain) for chain in reading.chains for part in parts(chain))


def _is_abroad(part: tuple[str, ...], chain: Chain) -> bool:
    """Whether digits are a number with its country's code, after a plus, two zeros or nothing."""
    digits = "".join(part)
    if digits.startswith("00") or (chain.signed and part[0] == chain.groups[0]):
        return len(digits) > 6 and _is_valid("+" + digits.removeprefix("00"), None)
    return len(digits) in _WITH_CODE and _is_valid("+" + digits, None)


def _is_home(part: tuple[str, ...], chain: Chain) -> bool:
    """Whether digits are a Nordic number, and neither a size in pixels, nor a law, nor a version."""
    digits = "".join(part)
    if len(part) == 2 and (all(group.endswith("0") for group in part) or any(map(is_year, part))):
        return False
    if is_standard(chain) or is_version(chain):
        return False
    if tuple(map(len, part)) in _SPACED and digits[0] not in "01":
        return True
    if part == chain.groups and chain.before[1] in words("phones") and len(digits) in _SAID_TO_BE_ONE:
        return True
    return any(
        _is_valid(digits, region)
        for region in _HOME.get(len(digits), ())
        if digits.startswith("0") or region not in _WITH_TRUNK_ZERO
    )


def _is_valid(number: str, region: str | None) -> bool:
    import phonenumbers  # noqa: PLC0415  # only where a number calls for it

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
