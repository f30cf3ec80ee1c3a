"""What a text says once it is decoded: percent signs, base64, hexadecimal, base32, whole or in a part of it."""

# ruff: noqa: PLR2004  # how long a run is, is what shapes are about

from __future__ import annotations

import base64
import binascii
import re
from functools import cache
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_NO_BASE64 = re.compile(r"[a-z_-]+")  # text encodes to capitals or digits too
_LOWERED = re.compile(r"(?<![a-z0-9])[a-z0-9]{10,}(?![a-z0-9])")
_HEX = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{2}){5,}(?![0-9a-f])")
_BASE32 = re.compile(r"(?<![a-z0-9])[a-z2-7]{16,}(?![a-z0-9])")
_ESCAPED = re.compile(r"_(40|2e|3a|2f|2b)")  # a percent sign is no part of a key
_MOST_PARTS = 8


def decoded(text: str, plain: str) -> Iterator[str]:
    """Yield every text that a text holds in an encoding.

    Args:
        text: As it stands: base64 tells capitals apart.
        plain: The same, folded.
    """
    if "%" in text:
        yield unquote(text)
    if len(_ESCAPED.findall(plain)) > 1:
        yield _ESCAPED.sub(lambda sign: chr(int(sign[1], 16)), plain)
    for content in (*_from_base64(text), *_from_hexadecimal(plain), *_from_base32(plain)):
        try:
            found = content.decode()
        except UnicodeDecodeError:
            continue
        if len(found) >= 4 and found.isprintable():
            yield found
    yield from _from_lowered_base64(plain)


def _from_base64(text: str) -> Iterator[bytes]:
    """Yield the bytes of base64 (also url-safe, also without its padding), `_` and `-` taken as signs or as borders."""
    for token in _TOKEN.findall(text):
        if _NO_BASE64.fullmatch(token):
            continue
        borders = [position for position, character in enumerate(token) if character in "_-"][:_MOST_PARTS]
        for start, end in product([0, *(border + 1 for border in borders)], [len(token), *borders]):
            if end - start >= 6:
                part = token[start:end].rstrip("=").replace("-", "+").replace("_", "/")
                try:
                    yield base64.b64decode(part + "=" * (-len(part) % 4))
                except binascii.Error:
                    continue


def _from_hexadecimal(plain: str) -> Iterator[bytes]:
    for token in _HEX.findall(plain):
        yield bytes.fromhex(token)


def _from_base32(plain: str) -> Iterator[bytes]:
    for token in _BASE32.findall(plain):
        try:
            yield base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except binascii.Error:
            continue


def _from_lowered_base64(plain: str) -> Iterator[str]:
    """Yield numbers from base64 that lost its capitals: for numbers, what is left still tells."""
    for token in _LOWERED.findall(plain):
        blocks = [token[start : start + 4] for start in range(0, len(token), 4)]
        if all(block in _lowered_numbers() for block in blocks):
            yield "".join(_lowered_numbers()[block] for block in blocks)


@cache
def _lowered_numbers() -> dict[str, str]:
    """Return what one to three characters of a number are in base64, in lower case."""
    found: dict[str, str] = {}
    for length in (3, 2, 1):
        for characters in product("0123456789 .+-/:", repeat=length):
            number = "".join(characters)
            found.setdefault(base64.b64encode(number.encode()).decode().rstrip("=").lower(), number)
    return found
