"""The readings of a text: what it says once encodings, look-alikes and invisible characters are taken away."""

# ruff: noqa: PLR2004  # how long a run is, is what shapes are about

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = re.compile(r"[a-z0-9._]*")
_NUMBER_CHAIN = re.compile(r"[0-9]+(?:[^a-z0-9]{1,3}[0-9]+)*")
_WORD = re.compile(r"[a-z]+")
_WORD_AFTER = re.compile(r"[^a-z0-9]*([a-z]+)")
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_NO_BASE64 = re.compile(r"[a-z_-]+")  # text encodes to capitals or digits too
_ESCAPED = re.compile(r"_(40|2e|3a|2f|2b)")  # a percent sign is no part of a key
_LOWERED = re.compile(r"(?<![a-z0-9])[a-z0-9]{10,}(?![a-z0-9])")
_HEX = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{2}){5,}(?![0-9a-f])")
_BASE32 = re.compile(r"(?<![a-z0-9])[a-z2-7]{16,}(?![a-z0-9])")
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
        after: The word that follows directly, if any.
        glued: Whether the word before stands without a separator.
        signed: Whether a plus stands before the first group.
        dotted: Whether all its separators are dots.
    """

    groups: tuple[str, ...]
    before: tuple[str, str]
    after: str
    glued: bool
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
        if "%" in text and (decoded := unquote(text)) != text:
            _read(decoded, found, depth - 1)
        if len(_ESCAPED.findall(plain)) > 1:
            _read(_ESCAPED.sub(lambda sign: chr(int(sign[1], 16)), plain), found, depth - 1)
        for decoded in _decoded(text, plain):
            _read(decoded, found, depth - 1)


def _as_digits(found: re.Match[str]) -> str:
    run = found[0]
    enough = sum(character.isdigit() for character in run) * 2 >= len(run) >= 5
    return run.translate(str.maketrans("oil", "011")) if enough else run


def _decoded(text: str, plain: str) -> Iterator[str]:
    """Yield what base64, hexadecimal and base32 parts say, where that is text."""
    for token in _TOKEN.findall(text):
        if _NO_BASE64.fullmatch(token):
            continue
        starts = [0, *(position + 1 for position, character in enumerate(token) if character in "_-")][:8]
        ends = [len(token), *(position for position, character in enumerate(token) if character in "_-")][:8]
        for start in starts:
            for end in ends:
                if end - start >= 6:  # four bytes: less is no personal datum
                    yield from _printable(_base64(token[start:end]))
    for token in _LOWERED.findall(plain):
        blocks = [token[start : start + 4] for start in range(0, len(token), 4)]
        if all(block in _lowered_numbers() for block in blocks):
            yield "".join(_lowered_numbers()[block] for block in blocks)
    for token in _HEX.findall(plain):
        yield from _printable(bytes.fromhex(token))
    for token in _BASE32.findall(plain):
        try:
            yield from _printable(base64.b32decode(token.upper() + "=" * (-len(token) % 8)))
        except binascii.Error:
            continue


@cache
def _lowered_numbers() -> dict[str, str]:
    """Return what base64 of one to three characters of a number is, once its capitals are lost."""
    found: dict[str, str] = {}
    for length in (3, 2, 1):
        for characters in product("0123456789 .+-/:", repeat=length):
            number = "".join(characters)
            lowered = base64.b64encode(number.encode()).decode().rstrip("=").lower()
            found.setdefault(lowered, number)
    return found


def _base64(token: str) -> bytes:
    token = token.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        return b""


def _printable(content: bytes) -> Iterator[str]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return
    if len(text) >= 4 and text.isprintable():
        yield text


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
        after = _WORD_AFTER.match(text, found.end())
        yield Chain(
            groups=tuple(re.findall(r"[0-9]+", found[0])),
            before=(before[-2], before[-1]),
            after=after[1] if after else "",
            glued=found.start() > 0 and text[found.start() - 1].isalpha(),
            signed=found.start() > 0 and text[found.start() - 1] == "+",
            dotted=set(re.findall(r"[^0-9]+", found[0])) == {"."},
        )
