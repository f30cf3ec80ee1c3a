"""What people write: sentences, words about a person, names of people."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from cetegra_usage.check.detectors.listing import words

if TYPE_CHECKING:
    from cetegra_usage.check.detectors.readings import Reading

_KEY_LENGTH = 64
_SPACED = re.compile(r"[a-z]\s+[a-z]")
_SENTENCE = re.compile(r"[a-z]{2}[!?;,]|[!?]$")
_LETTERS = re.compile(r"[a-z]+")
_ACTIONS = frozenset({"open", "navigate", "submit", "order"})
_FEWEST, _MORE_THAN_A_KEY = 3, 10
_ENOUGH = {3: 4, 4: 3}
"""What three and four words must weigh to be a sentence."""

_ENOUGH_OF_MORE, _ENOUGH_OF_A_PHRASE, _LONG = 2, 6, 6
_FAMILY_ENDINGS = (
    "sen", "sson", "son", "dottir", "datter", "dotter", "nen", "berg", "lund", "strom", "stroem", "quist", "qvist",
    "kvist", "gren", "dal", "dahl", "vik", "haug", "rud", "stad", "gard", "gaard", "bakken", "hagen", "moen", "land",
    "strand", "mann", "maki", "niemi", "ski", "ska", "wicz", "escu", "ova",
)  # fmt: skip
_SHORTEST_NAME = 5


def free_text(reading: Reading) -> bool:
    """Find sentences: words with spaces between them, or words of what somebody writes with separators between them."""
    text = reading.text
    if len(text) > _KEY_LENGTH or _SPACED.search(text) or _SENTENCE.search(text):
        return True
    return any(_is_sentence(_LETTERS.findall(part)) for separator in "._" for part in text.split(separator))


def _is_sentence(spoken: list[str]) -> bool:
    """Whether words weigh what a sentence weighs; long keys of product words weigh next to nothing."""
    if spoken and spoken[0] in _ACTIONS:
        spoken = spoken[1:]
    if len(spoken) < _FEWEST:
        return False
    if len(spoken) >= _MORE_THAN_A_KEY:
        return True
    weights = [
        3 if word in words("greetings") else 2 if word in words("prose") else int(word in words("small"))
        for word in spoken
    ]
    weight = sum(weights)
    said = set(spoken)
    if spoken[0] in words("phrases") or (said & words("addressed") and not said & words("speaker")):
        return weight >= _ENOUGH_OF_A_PHRASE
    if spoken[-1] in words("negations") or any(f"{one}_{next_}" in words("clauses") for one, next_ in pairwise(spoken)):
        return True
    if spoken[0] == "the" or max(weights) > 1:
        return weight >= _ENOUGH.get(len(spoken), _ENOUGH_OF_MORE)
    return len(spoken) > _LONG and weight > _ENOUGH_OF_MORE


def sensitive_word(reading: Reading) -> bool:
    """Find words about a person's health, belief, union, politics, origin or sexuality, as one or two whole words."""
    listed = words("sensitive")
    return any(word in listed for word in reading.words) or any(
        f"{before}_{after}" in listed for before, after in pairwise(reading.words)
    )


def person_name(reading: Reading) -> bool:
    """Find a given name beside a family name, in either order, and family names that mean nothing else."""
    family = words("family")
    if any(word in family and len(word) > _SHORTEST_NAME and word.endswith(_FAMILY_ENDINGS) for word in reading.words):
        return True
    return any(_named(before, after) or _named(after, before) for before, after in pairwise(reading.words))


def _named(given: str, family: str) -> bool:
    """Whether two words are a given and a family name; names with another meaning need a family name of the list."""
    if family in words("family"):
        return given in words("given") or given in words("ambiguous")
    if given not in words("given") or family in words("not_family") or len(family) < _SHORTEST_NAME:
        return False
    return family.endswith(_FAMILY_ENDINGS)
