"""The readings of a text: what it says once encodings, look-alikes and invisible characters are taken away."""

# ruff: noqa: PLR2004  # how long a run is, is what shapes are about

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cetegra_usage.check.detectors import encodings

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = re.compile(r"[a-z0-9._]*")
_NUMBER_CHAIN = re.compile(r"[0-9]+(?:[^a-z0-9]{1,3}[0-9]+)*")
_WORD = re.compile(r"[a-z]+")
_SPACED_OUT = re.compile(r"(?<![^\W_])(?:[a-z0-9@][^a-z0-9@]){5,}[a-z0-9](?![^\W_])")
_MISREAD = re.compile(r"(?<![a-z])[0-9oil]*[0-9][0-9oil]*(?![a-z])")
_ENCODED_DEPTH = 3

# Letters of other scripts that look like Latin ones, and Latin ones that lose more than an accent.
_LOOKALIKES = str.maketrans(
    {
        **dict(zip("авеёкмнорстухьѕіїјһԁԛԝүҽһӏ", "abeekmhopctyxbsiijhdqwyehl", strict=True)),
        **dict(zip("αβγεηικμνορτυχωϲϳ", "abyenikmvoptuxwcj", strict=True)),
        **dict(zip("օոսցհզ", "onughq", strict=True)),  # noqa: RUF001
        **dict(zip("ɡɑıøðłđħ", "gaiodldh", strict=True)),
        **dict.fromkeys("·•∙‧․。", "."),  # noqa: RUF001
        **dict.fromkeys("‐‑‒–—−", "-"),  # noqa: RUF001
        **dict.fromkeys("⁄∕", "/"),  # noqa: RUF001
        **dict.fromkeys("∶", ":"),  # noqa: RUF001
    }
)
_TWO_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ß": "ss", "þ": "th"})


@dataclass(frozen=True, slots=True)
class Chain:
    """Digits that stand together, in groups with separators between them.

    Attributes:
        groups: The groups of digits.
        before: The last two words before, the nearer one last; empty where there is none.
        signed: Whether a plus stands before the first group.
        dotted: Whether all its separators are dots.
    """

    groups: tuple[str, ...]
    before: tuple[str, str]
    signed: bool
    dotted: bool

    @property
    def digits(self) -> str:
        """All digits, without the separators."""
        return "".join(self.groups)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text.

    Attributes:
        text: Lower case, without accents, look-alikes and invisible characters.
        pieces: What stands between separators: letters and digits.
        words: Its runs of letters.
        chains: Its numbers.
    """

    text: str
    pieces: tuple[str, ...]
    words: tuple[str, ...]
    chains: tuple[Chain, ...]


def readings(text: str) -> list[Reading]:
    """Return every reading of a text, the plain one first."""
    found: dict[str, None] = {}
    _read(text, found, _ENCODED_DEPTH)
    return [_reading(one) for one in found]


def fold(text: str) -> str:
    """Return a text in lower case, full-width forms narrowed, look-alikes and accents and invisible characters gone."""
    if _PLAIN.fullmatch(text):
        return text
    text = unicodedata.normalize("NFKC", text).lower().translate(_TWO_LETTERS).translate(_LOOKALIKES)
    folded: list[str] = []
    for character in unicodedata.normalize("NFKD", text):
        category = unicodedata.category(character)
        if category in {"Cf", "Mn", "Me", "Cc"} and character not in "\t\r\n":
            continue
        folded.append(str(unicodedata.decimal(character)) if category == "Nd" else character)
    return "".join(folded)


def _read(text: str, found: dict[str, None], depth: int) -> None:
    plain = fold(text)
    if plain in found:
        return
    found[plain] = None
    if any(character in plain for character in "oil") and (mended := _MISREAD.sub(_as_digits, plain)) != plain:
        found[mended] = None
    if closed := _SPACED_OUT.search(plain):
        found[re.sub(r"[^a-z0-9@]", "", closed[0])] = None
    if depth:
        for decoded in encodings.decoded(text, plain):
            _read(decoded, found, depth - 1)


def _as_digits(found: re.Match[str]) -> str:
    run = found[0]
    enough = sum(character.isdigit() for character in run) * 2 >= len(run) >= 5
    return run.translate(str.maketrans("oil", "011")) if enough else run


def _reading(text: str) -> Reading:
    return Reading(
        text=text,
        pieces=tuple(re.findall(r"[a-z0-9]+", text)),
        words=tuple(re.findall(r"[a-z]+", text)),
        chains=tuple(_chains(text)),
    )


def _chains(text: str) -> Iterator[Chain]:
    for found in _NUMBER_CHAIN.finditer(text):
        before = ("", "", *_WORD.findall(text, 0, found.start())[-2:])
        yield Chain(
            groups=tuple(re.findall(r"[0-9]+", found[0])),
            before=(before[-2], before[-1]),
            signed=found.start() > 0 and text[found.start() - 1] == "+",
            dotted=set(re.findall(r"[^0-9]+", found[0])) == {"."},
        )
