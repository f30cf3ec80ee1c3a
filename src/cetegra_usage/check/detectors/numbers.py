"""Numbers: what one may innocently be, and those of orders, cases, users and companies.

What a number of a key may innocently be is decided first, by shape: a year, a date, a version, a standard, a scale.
"""

# ruff: noqa: PLR2004  # how long a run is, is what shapes are about

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from cetegra_usage.check.detectors.listing import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cetegra_usage.check.detectors.readings import Chain, Reading

_YEAR = r"(?:199\d|20[0-4]\d)"
_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?"
_RECENT = r"20(?:1[5-9]|2\d|3[0-5])"  # a date of birth is older
_DATE = re.compile(
    rf"{_RECENT}{_MONTH}(?:{_DAY}(?:{_TIME})?)?|{_DAY}{_MONTH}{_RECENT}|(?:1[5-9]|2\d|3[0-5]){_MONTH}{_DAY}"
)
_ERROR_CODE = re.compile(r"800[0-9]{5}")  # 0x80070005; no telephone of a person begins so
_YEARS = re.compile(_YEAR)
_ROUND = re.compile(r"[1-9]\d?0{3,}")
_LONG, _LONG_TOGETHER, _SHORT, _LONGEST_ARTICLE = 5, 10, 4, 7
_VERSIONS = frozenset({"v", "ver", "version", "release", "rel", "build", "firmware", "patch", "update", "upgrade"})
_BETWEEN = frozenset({"id", "nr", "no", "num", "number", "ref"})


def is_year(digits: str) -> bool:
    """Whether digits are a year that a key may name."""
    return _YEARS.fullmatch(digits) is not None


def is_calendar(groups: Sequence[str]) -> bool:
    """Whether groups of digits are years, a date, a date and a time, or a year with a week, quarter or month."""
    if all(is_year(group) for group in groups):
        return True
    if _DATE.fullmatch("".join(groups)) and (len(groups) == 1 or len(groups[0]) in {2, 4, 8}):
        return True
    if len(groups) > 1 and len(groups[0]) == 8 and _DATE.fullmatch(groups[0]):
        return re.fullmatch(rf"{_TIME}|\d{{1,3}}", "".join(groups[1:])) is not None
    few = 2
    if is_year(groups[0]) and all(len(group) <= few for group in groups[1:]):
        return len(groups) <= 6  # year, month, day, hour, minute, second
    return is_year(groups[-1]) and len(groups) <= 3 and all(len(group) <= few for group in groups[:-1])


def is_scale(groups: Sequence[str]) -> bool:
    """Whether small numbers go up by equal steps, or by steps of five: limits of an ageing report, colours, sizes."""
    if len(groups) < 3 or max(map(len, groups)) > 3 or any(len(group) > 1 and group[0] == "0" for group in groups):
        return False
    numbers = [int(group) for group in groups]
    steps = {after - before for before, after in pairwise(numbers)}
    return len(steps) == 1 or (min(steps) > 0 and all(number % 5 == 0 for number in numbers))


def is_standard(chain: Chain) -> bool:
    """Whether the number belongs to a standard, a law, a form or a protocol."""
    if chain.before[1] == "x" and _ERROR_CODE.fullmatch(chain.groups[0]):
        return True
    longest = _LONGEST_ARTICLE if chain.before[1] in words("articles") else _LONG
    return bool(words("standards") & set(chain.before)) and all(len(group) <= longest for group in chain.groups)


def is_version(chain: Chain) -> bool:
    """Whether the word before says that a version follows, and the numbers are small enough for one."""
    return chain.before[1] in _VERSIONS and max(map(len, chain.groups)) <= (_SHORT if len(chain.groups) > 1 else _LONG)


def _innocent(chain: Chain) -> bool:
    return is_calendar(chain.groups) or is_standard(chain) or is_version(chain) or is_scale(chain.groups)


def long_number(reading: Reading) -> bool:
    """Find numbers too long to be a version, a year, a date or a standard."""
    for chain in reading.chains:
        if _innocent(chain):
            continue
        if any(
            len(group) >= _LONG and not is_calendar((group,)) and not _ROUND.fullmatch(group) for group in chain.groups
        ):
            return True
        if len(chain.groups) > 1 and len(chain.digits) >= _LONG_TOGETHER:
            return True
    return False


def order_or_case_number(reading: Reading) -> bool:
    """Find numbers beside a word for an order or a case, and numbers of a year's series."""
    orders, accounts = words("orders"), words("accounts")
    return _series(reading) or any(
        _numbered(chain, orders if chain.before[0] in accounts else orders | _BETWEEN) for chain in reading.chains
    )


def account_number(reading: Reading) -> bool:
    """Find numbers beside a word for a user, a customer or a company, and Norwegian numbers of companies."""
    return any(_numbered(chain, words("accounts")) or _is_company(chain) for chain in reading.chains)


def _is_company(chain: Chain) -> bool:
    from stdnum.no import orgnr  # noqa: PLC0415  # only where a number calls for it

    return any(len(digits) == 9 and orgnr.is_valid(digits) for digits in map("".join, parts(chain)))


def _numbered(chain: Chain, nouns: frozenset[str]) -> bool:
    nearest, first, digits = chain.before[1], chain.groups[0], chain.digits
    if nearest not in nouns and not (nearest in _BETWEEN and chain.before[0] in nouns):
        return False
    if len(chain.groups) == 1:
        monthly = digits.startswith("20") and is_calendar(chain.groups)
        return len(digits) >= _SHORT and not is_year(digits) and not monthly and not _ROUND.fullmatch(digits)
    if is_calendar(chain.groups) or is_scale(chain.groups):
        return False
    if max(map(len, chain.groups)) == 1:
        return len(digits) >= _SHORT
    if is_year(first) or len(first) == 2:
        return any(len(group) > 2 and not is_year(group) for group in chain.groups[1:])
    return len(digits) >= _LONG


def _series(reading: Reading) -> bool:
    """Find `2024-00123`: a year, then a number with leading zeros."""
    for chain in reading.chains:
        for before, after in pairwise(chain.groups):
            if is_year(before) and len(after) >= _SHORT and after.startswith("0") and not is_calendar((before, after)):
                return True
    return False


@lru_cache(maxsize=256)
def parts(chain: Chain) -> tuple[tuple[str, ...], ...]:
    """Return every run of groups that is neither a date, nor a scale, nor of a year's series."""
    groups = chain.groups[:24]
    found: list[tuple[str, ...]] = []
    for start in range(len(groups)):
        for end in range(start + 1, min(len(groups), start + 16) + 1):
            part = groups[start:end]
            if not _is_of_a_year(part) and not is_calendar(part) and not is_scale(part):
                found.append(part)
    return tuple(found)


def _is_of_a_year(groups: Sequence[str]) -> bool:
    """Whether a few digits are a year and the number of a case, a law or a budget."""
    if len(groups) < 2 or sum(map(len, groups)) > _LONG_TOGETHER:
        return False
    return is_year(groups[0]) or (max(map(len, groups)) <= _SHORT and any(map(is_year, groups)))
