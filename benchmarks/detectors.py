"""How much the detectors find, and what they find where nothing is: made-up data of each kind, in each writing.

    python benchmarks/detectors.py            the tables of docs/detectors.md
    python benchmarks/detectors.py --misses   and, for whoever betters a detector, some of what was missed

Every value is made up, by Faker and from one seed: the same tables each day (ages are counted from today).
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
import sys
import time
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from faker import Faker
from stdnum.be import nn
from stdnum.bg import egn
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.is_ import kennitala
from stdnum.no import fodselsnummer, orgnr
from stdnum.pt import nif
from stdnum.si import emso

from cetegra_usage.check.detectors import detect, detectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED, A_KIND = 20260401, 300
HERE = Path(__file__).parent
NOT_COUNTED = ("person name", "words at random")
"""Kinds outside the total: names warn alone, and words at random are no text that anybody writes."""

_KEY = re.compile(r"[a-z0-9._]{1,64}")
_LOCALES = [
    "no_NO",
    "sv_SE",
    "da_DK",
    "fi_FI",
    "is_IS",
    "de_DE",
    "fr_FR",
    "nl_NL",
    "pl_PL",
    "es_ES",
    "it_IT",
    "lt_LT",
    "lv_LV",
    "ro_RO",
    "hu_HU",
    "de_AT",
    "et_EE",
    "el_GR",
    "hr_HR",
    "en_US",
]
_MAKE = {locale: Faker(locale) for locale in _LOCALES}
_WORLD = _MAKE["en_US"]
_RANDOM = random.Random(SEED)  # noqa: S311  # made-up data that can be made again


def _any(*locales: str) -> Faker:
    return _MAKE[_RANDOM.choice(locales)]


def _digits(count: int) -> str:
    return "".join(_RANDOM.choices(string.digits, k=count))


def _born(layout: str) -> str:
    return _WORLD.date_of_birth(minimum_age=16, maximum_age=80).strftime(layout)


def _checked(is_valid: Callable[[str], bool], layout: str, digits: int, last: str = "") -> str:
    """Make a number with right check digits: a date of birth (or nothing), some digits, one of the last letters."""
    while True:
        number = (_born(layout) if layout else "") + _digits(digits) + (_RANDOM.choice(last) if last else "")
        if is_valid(number):
            return number


def _email() -> str:
    maker = _any(*_LOCALES[:14])
    local = ".".join(re.sub("[^a-z]", "", _latin(name)) for name in (maker.first_name(), maker.last_name()))
    return f"{local}@{_any(*_LOCALES[:6]).domain_name()}"


def _phone_at_home() -> str:
    return _RANDOM.choice(
        (
            f"{_RANDOM.choice('49')}{_digits(2)} {_digits(2)} {_digits(3)}",
            f"{_RANDOM.choice('2345')}{_RANDOM.choice('0123')} {_digits(2)} {_digits(2)} {_digits(2)}",
            f"07{_RANDOM.choice('0236')}-{_digits(3)} {_digits(2)} {_digits(2)}",
            f"04{_RANDOM.choice('0145')} {_digits(3)} {_digits(4)}",
        )
    )


def _phone_abroad() -> str:
    code = _RANDOM.choice(("47 9", "46 70 1", "45 2", "358 40 1", "49 151 2", "33 6 1", "48 60 1", "34 61 2"))
    return _RANDOM.choice(("+", "00")) + code + _digits(7)


def _d_number() -> str:
    born = _born("%d%m%y")
    return f"{int(born[0]) + 4}{born[1:]}{_digits(5)}"


def _national_id() -> str:
    return _RANDOM.choice(
        (
            *(_MAKE[f"{one}"].ssn for one in ("it_IT", "et_EE", "lv_LV", "ro_RO", "nl_NL", "hr_HR", "el_GR", "hu_HU")),
            *(_MAKE[f"{one}"].ssn for one in ("fr_FR", "de_AT", "pl_PL")),
            partial(_checked, nn.is_valid, "%y%m%d", 5),
            partial(_checked, egn.is_valid, "%y%m%d", 4),
            partial(_checked, rc.is_valid, "%y%m%d/", 4),
            partial(_checked, idnr.is_valid, "", 11),
            partial(_checked, dni.is_valid, "", 8, string.ascii_uppercase),
            partial(_checked, nif.is_valid, "", 9),
            partial(_checked, emso.is_valid, "%d%m9%y", 6),
        )
    )()


def _jwt() -> str:
    parts = ('{"alg":"HS256"}', json.dumps({"sub": _digits(6)}), _WORLD.sha256()[:24])
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


def _api_key() -> str:
    return _RANDOM.choice(("sk_live_", "ghp_", "", "", "")) + "".join(
        _RANDOM.choices(string.ascii_letters + string.digits, k=32)
    )


def _system() -> str:
    version = _RANDOM.choice(
        ("Windows NT 6.1", "Windows NT 10.0", "Windows 7", "Windows 8.1", "Windows 10", "Windows 11")
    )
    newer = f"{_RANDOM.choice(('macOS', 'iOS', 'Android', 'iPadOS'))} {_RANDOM.randint(11, 18)}.{_RANDOM.randint(0, 6)}"
    return _RANDOM.choice((version, newer))


def _browser() -> str:
    name = _RANDOM.choice(("Firefox", "Chrome", "Safari", "Edge", "Opera"))
    return f"{name} {_RANDOM.randint(60, 140)}.{_RANDOM.randint(0, 9)}"


def _numbered(*nouns: str) -> str:
    return f"{_RANDOM.choice(nouns)} {_RANDOM.randint(1, 9)}{_digits(_RANDOM.randint(3, 8))}"


def _case() -> str:
    noun = _RANDOM.choice(("case", "sak", "ticket", "incident", "CASE", "INC", "request"))
    return f"{noun}{_RANDOM.choice((f'-{_RANDOM.randint(2019, 2026)}-{_digits(5)}', f' {_digits(7)}', _digits(7)))}"


def _text() -> str:
    return _RANDOM.choice(_lines("case_texts.txt"))


def _name() -> str:
    maker = _any("no_NO", "sv_SE", "da_DK", "fi_FI")
    return f"{maker.first_name()} {maker.last_name()}"


def _lines(name: str) -> list[str]:
    return (HERE / name).read_text("utf-8").splitlines()


_KINDS: dict[str, Callable[[], str]] = {
    "e-mail": _email,
    "IPv4": _WORLD.ipv4,
    "IPv6": _WORLD.ipv6,
    "MAC": _WORLD.mac_address,
    "user agent": _WORLD.user_agent,
    "browser": _browser,
    "operating system": _system,
    "URL": _WORLD.uri,
    "referring host": lambda: f"ref www.{_any(*_LOCALES[:4]).domain_name()}",
    "phone, at home": _phone_at_home,
    "phone, + or 00": _phone_abroad,
    "fodselsnummer": partial(_checked, fodselsnummer.is_valid, "%d%m%y", 5),
    "D-number": _d_number,
    "personnummer": _MAKE["sv_SE"].ssn,
    "CPR": lambda: f"{_born('%d%m%y')}-{_digits(4)}",
    "HETU": _MAKE["fi_FI"].ssn,
    "kennitala": partial(_checked, kennitala.is_valid, "%d%m%y-", 4),
    "other national ids": _national_id,
    "date of birth": lambda: _born(_RANDOM.choice(("%d.%m.%Y", "%Y-%m-%d", "%Y%m%d"))),
    "IBAN": lambda: _any("no_NO", "da_DK", "fi_FI", "de_DE", "fr_FR", "nl_NL", "pl_PL", "es_ES", "it_IT").iban(),
    "payment card": _WORLD.credit_card_number,
    "JWT": _jwt,
    "API key": _api_key,
    "UUID": _WORLD.uuid4,
    "organisation number": lambda: "org " + _checked(orgnr.is_valid, "", 9),
    "account number": partial(_numbered, "user", "customer", "tenant", "employee", "kunde", "account", "bruker"),
    "order number": partial(_numbered, "order", "ordre", "bestilling", "invoice", "PO", "faktura"),
    "case number": _case,
    "text of a case": _text,
    "words at random": lambda: _any("en_US", "da_DK", "de_DE", "nl_NL").sentence(nb_words=9).lower().rstrip("."),
    "sensitive word": lambda: _RANDOM.choice(("pregnant", "diabetes", "kreft", "fagforening", "muslim", "trade union")),
    "person name": _name,
}


def _latin(text: str) -> str:
    return text.lower().translate(str.maketrans("æøåäöéèüłçñ", "aoaaoeeulcn"))


def _slug(text: str, between: str = "_") -> str:
    text = _latin(text).replace("@", f"{between}at{between}")
    return re.sub(r"[^a-z0-9.]+", between, text).strip("._")[:64]


def _between_digits(text: str) -> str:
    return re.sub(r"(?<=[0-9])(?=[0-9])", "_", _slug(text))[:64]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_KEY_SHAPED: dict[str, Callable[[str], str]] = {
    "slug": _slug,
    "dotted": lambda text: _slug(text, ".").replace("_", "."),
    "glued": lambda text: f"open_{_slug(text)}"[:64],
    "glued both": lambda text: f"case.{_slug(text)[:54].rstrip('._')}_view",
    "packed": lambda text: re.sub(r"[._]", "", _slug(text)),
    "spread": _between_digits,
    "hex": lambda text: text.encode().hex()[:64],
}
_OTHERS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": partial(quote, safe=""),
    "base64": _base64,
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "look-alikes": lambda text: text.translate(str.maketrans("aceopxyi", "асеорхуі")),  # noqa: RUF001  # the point
    "zero width": "\u200b".join,
}
_LOSSY: dict[str, Callable[[str], str]] = {
    "base64 in lower case": lambda text: re.sub("[^a-z0-9]", "", _base64(text).lower())[:64],
}
_NEED_SEPARATORS = {
    *("e-mail", "IPv4", "IPv6", "user agent", "browser", "operating system", "URL", "referring host", "date of birth"),
    *("organisation number", "text of a case", "words at random", "sensitive word", "person name"),
}
"""Kinds of which nothing is left to tell once the separators are gone."""

_OF_LETTERS = _NEED_SEPARATORS | {"MAC", "UUID", "API key", "JWT"}
"""Kinds that digits set apart are no writing of."""


def _fits(kind: str, writing: str) -> bool:
    return kind not in {"packed": _NEED_SEPARATORS, "spread": _OF_LETTERS}.get(writing, set())


def _values(number: int, kind: str) -> list[str]:
    _RANDOM.seed(SEED + number)
    for locale, maker in _MAKE.items():
        maker.seed_instance(f"{SEED} {kind} {locale}")
    return [_KINDS[kind]() for _ in range(A_KIND)]


def measure() -> Iterator[tuple[str, dict[str, tuple[int, int]], list[str], tuple[int, int]]]:
    """Yield each kind: (found, made) for each writing, what was missed, (found, made) together with the schema."""
    for number, kind in enumerate(_KINDS):
        values = _values(number, kind)
        cells: dict[str, tuple[int, int]] = {}
        missed: list[str] = []
        stopped = made = 0
        for writing, write in (_KEY_SHAPED | _OTHERS | _LOSSY).items():
            if not _fits(kind, writing):
                continue
            texts = [write(value) for value in values]
            unseen = [text for text in texts if not detect(text)]
            cells[writing] = (len(texts) - len(unseen), len(texts))
            if writing not in _LOSSY:
                missed += unseen
                stopped += len(texts) - sum(_KEY.fullmatch(text) is not None for text in unseen)
                made += len(texts)
        yield kind, cells, missed, (stopped, made)


def _share(found: int, made: int) -> str:
    return f"{100 * found / made:.1f}" if made else "-"


def _sum(*pairs: tuple[int, int]) -> tuple[int, int]:
    return sum(found for found, _ in pairs), sum(made for _, made in pairs)


def main() -> None:
    """Print the tables."""
    columns = [*_KEY_SHAPED, *_OTHERS, *_LOSSY]
    print(f"Recall in percent, {A_KIND} values a cell (`-`: no writing of this kind):\n")
    print("| kind | " + " | ".join(columns) + " | key-shaped | with the schema |")
    print("|---|" + "---:|" * (len(columns) + 2))
    alone, together = (0, 0), (0, 0)
    for kind, cells, missed, stopped in measure():
        key = _sum(*(cells[writing] for writing in _KEY_SHAPED if writing in cells))
        row = [_share(*cells[name]) if name in cells else "-" for name in columns]
        print(f"| {kind} | " + " | ".join((*row, _share(*key), _share(*stopped))) + " |")
        if kind not in NOT_COUNTED:
            alone, together = _sum(alone, key), _sum(together, stopped)
        if "--misses" in sys.argv:
            print(kind, *_RANDOM.sample(missed, min(8, len(missed))), sep="\n    ", file=sys.stderr)
    print(f"\nWithout {' and '.join(NOT_COUNTED)}, key-shaped, by detectors alone: {_share(*alone)} %")
    print(f"The same in all writings, by schema and detectors together: {_share(*together)} %")
    keys = _lines("realistic_keys.txt")
    alarms = [key for key in keys if detect(key)]
    print(f"False alarms on {len(keys)} realistic keys: {len(alarms)}")
    fresh = [f"{key}.{letter}" for key, letter in product(keys, string.ascii_lowercase)]
    began = time.perf_counter()
    for key in fresh:
        detect(key)
    print(f"{len(fresh) / (time.perf_counter() - began):,.0f} distinct keys a second, {len(detectors())} detectors")


if __name__ == "__main__":
    main()
