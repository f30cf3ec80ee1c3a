"""Text that no person would write: UUIDs, web tokens, API keys, digests, encoded values."""

# ruff: noqa: PLR2004  # how long a run is, is what shapes are about

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cetegra_usage.check.detectors.readings import Reading

_HEX = "[0-9a-f]"
_UUID = re.compile(rf"(?<![0-9a-f]){_HEX}{{8}}([-_. ]?){_HEX}{{4}}\1{_HEX}{{4}}\1{_HEX}{{4}}\1{_HEX}{{12}}(?![0-9a-f])")
_PREFIXED = re.compile(
    r"(?<![a-z0-9])(?:eyj[a-z0-9_-]{10,}|(?:sk|pk|rk)_(?:live|test)_[a-z0-9]{8,}|gh[pousr]_[a-z0-9]{16,}|github_pat_[a-z0-9_]{16,}"
    r"|glpat[-_][a-z0-9_-]{12,}|xox[abeoprs][-_][a-z0-9-]{8,}|(?:akia|asia)[a-z0-9]{12,}|aiza[a-z0-9_-]{20,}|npm_[a-z0-9]{20,}"
    r"|sk[-_](?:proj[-_]|ant[-_])?[a-z0-9_-]{20,}|ya29\.[a-z0-9_-]{10,}|hvs\.[a-z0-9_-]{16,}|dop_v1_[a-z0-9]{16,}|sg\.[a-z0-9_-]{16,})"
)
_PIECE = re.compile(r"[a-z0-9]+")
_SHORTEST, _MIXED, _LONG, _VERY_LONG = 8, 12, 18, 24
_HEXADECIMAL = re.compile(r"[0-9a-f]+")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{8,}")
_RARE = re.compile(r"[qxzwj]")
_UNHEARD_OF = re.compile(
    r"q(?!u)|[jqvwxz](?=[jqvxz])|[bcdfghjkmpqrstvwz]x|[bcfgjpqvwxz]q|j(?![aeiouyo])|[fhjpqvwx]z"
    r"|vb|vc|vk|bv|xk|xr|cb|cf|gv|kq"
)


def uuid(reading: Reading) -> bool:
    """Find UUIDs, whatever stands between their groups."""
    return any(any(character.isdigit() for character in found[0]) for found in _UUID.finditer(reading.text))


def token(reading: Reading) -> bool:
    """Find web tokens, API keys, digests and other long random text."""
    return _PREFIXED.search(reading.text) is not None or any(is_random(piece) for piece in _PIECE.findall(reading.text))


def is_random(piece: str) -> bool:
    """Whether a run of letters and digits is too mixed, or too hard to pronounce, to be made of words."""
    if len(piece) < _SHORTEST:
        return False
    runs = ["".join(run) for _, run in groupby(piece, key=str.isdigit)]
    letters = [run for run in runs if run[0].isalpha()]
    spoken = "".join(letters)
    if len(runs) >= (4 if _HEXADECIMAL.fullmatch(piece) else 6):
        return True
    if len(piece) >= _MIXED and len(runs) >= 5 and len(spoken) <= 3.5 * len(letters):
        return True
    if len(piece) < _LONG:
        return False
    if len(piece) >= _VERY_LONG and len(runs) > 2:
        return True
    return len(runs) >= 5 or (len(runs) >= 4 and any(map(_is_unspeakable, letters))) or _is_unspeakable(spoken)


def _is_unspeakable(text: str) -> bool:
    """Whether letters follow one another as in no language of the EEA."""
    vowels = sum(character in "aeiouy" for character in text)
    rare = len(_RARE.findall(text))
    return (
        _CONSONANTS.search(text) is not None
        or vowels < 0.2 * len(text)
        or rare > 0.14 * len(text) + 1
        or len(_UNHEARD_OF.findall(text)) > 1
    )
