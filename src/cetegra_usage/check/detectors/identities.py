"""Numbers that states and banks give to a person: national ids of the EEA, bank accounts, payment cards."""

# ruff: noqa: PLR2004  # how long a run is, is what shapes are about

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cetegra_usage.check.detectors.numbers import parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cetegra_usage.check.detectors.readings import Reading


def norwegian_id(reading: Reading) -> bool:
    """Find Norwegian national ids: by the check digits, or by a date of birth before five digits."""
    return any(_born(digits) or _checks("no.fodselsnummer", digits) for digits in _digit_runs(reading, 11))


def swedish_id(reading: Reading) -> bool:
    """Find Swedish national ids, coordination numbers (day + 60) among them."""
    for digits in _digit_runs(reading, 10, 12):
        short = digits[-10:]
        if len(digits) == 12 and digits[:2] not in {"18", "19", "20"}:
            continue
        day = int(short[4:6])
        if 1 <= int(short[2:4]) <= 12 and 1 <= day % 60 <= 31 and day <= 91 and _checks("luhn", short):
            return True
    return False


def danish_id(reading: Reading) -> bool:
    """Find Danish national ids: a date of birth before four digits."""
    return any(_born(digits) for digits in _digit_runs(reading, 10))


_HETU = re.compile(r"(?<![0-9])((?:[0-9][ ._-]?){6})([-+a-fu-y]?)[ ._-]?((?:[0-9][ ._-]?){3})([0-9a-z])(?![a-z]{2})")


def finnish_id(reading: Reading) -> bool:
    """Find Finnish national ids, the sign of the century left out or not."""
    for born, sign, number, check in _HETU.findall(reading.text):
        birth, serial = re.sub("[^0-9]", "", born), re.sub("[^0-9]", "", number)
        if any(_checks("fi.hetu", f"{birth}{one}{serial}{check}") for one in ([sign] if sign else ["-", "a", "+"])):
            return True
    return False


# Shape (separators aside) and modules of stdnum that judge it. Where a shape has no check digits worth the name, or a
# state's ids are not known to stdnum (Cyprus, Hungary, Luxembourg, Malta), `long_number` is what finds them.
_EEA = (
    (re.compile(r"[0-9]{9}"), ("nl.bsn", "cz.rc", "pt.nif")),
    (re.compile(r"[0-9]{10}"), ("at.vnr", "bg.egn", "bg.pnf", "cz.rc", "is_.kennitala")),
    (
        re.compile(r"[0-9]{11}"),
        ("be.nn", "be.bis", "de.idnr", "ee.ik", "gr.amka", "hr.oib", "lt.asmens", "lv.pvn", "pl.pesel"),
    ),
    (re.compile(r"[0-9]{13}"), ("fr.nif", "ro.cnp", "si.emso")),
    (re.compile(r"[0-9]{15}"), ("fr.nir",)),
)
_EEA_LETTERS = (
    (
        re.compile(
            r"(?<![a-z0-9])"
            + r"[ ._-]?".join(
                ["[a-z]"] * 6
                + [r"[0-9lmnp-v]"] * 2
                + ["[a-ehlmprst]"]
                + [r"[0-9lmnp-v]"] * 2
                + ["[a-z]"]
                + [r"[0-9lmnp-v]"] * 3
                + ["[a-z]"]
            )
            + r"(?![a-z0-9])"
        ),
        ("it.codicefiscale",),
    ),
    (re.compile(r"(?<![0-9])(?:[0-9][ ._-]?){8}[a-z](?![a-z0-9])"), ("es.dni",)),
    (re.compile(r"(?<![a-z0-9])[xyz][ ._-]?(?:[0-9][ ._-]?){7}[a-z](?![a-z0-9])"), ("es.nie",)),
    (re.compile(r"(?<![0-9])(?:[0-9][ ._-]?){7}[a-z]{1,2}(?![a-z0-9])"), ("ie.pps",)),
    (re.compile(r"(?<![0-9])[12](?:[ ._-]?[0-9]){4}[ ._-]?2[ab](?:[ ._-]?[0-9]){8}"), ("fr.nir",)),
    (re.compile(r"(?<![0-9])(?:[0-9][ ._-]?){9}(?:[a-z0-9][ ._-]?){2}[0-9](?![0-9])"), ("pt.cc",)),
)


def eea_id(reading: Reading) -> bool:
    """Find national ids of the other EEA states."""
    for shape, modules in _EEA:
        for chain in reading.chains:
            for part in parts(chain):
                digits = "".join(part)
                if shape.fullmatch(digits) and any(_checks(module, digits) for module in modules):
                    return True
    return any(
        _checks(module, re.sub("[^a-z0-9]", "", found))
        for shape, modules in _EEA_LETTERS
        for found in shape.findall(reading.text)
        for module in modules
    )


_OLD = r"(?:19\d\d|200\d|201[0-4])"
_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_BIRTH_DATE = re.compile(rf"(?<![0-9])(?:{_OLD}([._ /-]?){_MONTH}\1{_DAY}|{_DAY}([._ /-]?){_MONTH}\2{_OLD})(?![0-9])")


def birth_date(reading: Reading) -> bool:
    """Find full dates that are too old for a release, a report or an event."""
    return _BIRTH_DATE.search(reading.text) is not None


_IBAN = re.compile(r"(?<![a-z0-9])[a-z]{2}[ ._-]?[0-9]{2}(?:[ ._-]?[a-z0-9]){11,30}")
_IBAN_LENGTHS = range(15, 35)


def iban(reading: Reading) -> bool:
    """Find bank accounts by their international number."""
    for start in re.finditer(r"(?<![a-z0-9])[a-z]{2}[ ._-]?[0-9]{2}", reading.text):
        found = _IBAN.match(reading.text, start.start())
        compact = re.sub("[^a-z0-9]", "", found[0]) if found else ""
        if any(_checks("iban", compact[:length]) for length in _IBAN_LENGTHS if length <= len(compact)):
            return True
    return False


_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0|6|8)\d{12}|(?:35|6\d)\d{14,17}|(?:5[06-8])\d{10,17}"
)


def payment_card(reading: Reading) -> bool:
    """Find payment cards by prefix and check digit."""
    return any(
        _CARD.fullmatch(digits) is not None and _checks("luhn", digits)
        for digits in ("".join(part) for chain in reading.chains for part in parts(chain))
    )


def _digit_runs(reading: Reading, *lengths: int) -> Iterator[str]:
    for chain in reading.chains:
        for part in parts(chain):
            if sum(map(len, part)) in lengths:
                yield "".join(part)


def _born(digits: str) -> bool:
    """Whether digits begin with a date of birth: day + 40 is a D-number, month + 40 or + 80 a test person."""
    day, month = int(digits[:2]), int(digits[2:4])
    return 1 <= day % 40 <= 31 and day < 80 and 1 <= month % 40 <= 12 and month < 93


def _checks(module: str, number: str) -> bool:
    return bool(_module(module).is_valid(number))


@cache
def _module(name: str) -> Any:
    return import_module(f"stdnum.{name}")
