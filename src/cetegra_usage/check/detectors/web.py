"""Addresses of pages and of mailboxes, with their signs or with words and separators in place of them."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from cetegra_usage.check.detectors.listing import words

if TYPE_CHECKING:
    from cetegra_usage.check.detectors.readings import Reading

_LABEL = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_AT = r"(?:[._-]+(?:at|krollalfa|snabel_?a)[._-]+|\(at\)|\[at\])"
_DOT = r"(?:[._-]dot[._-]|[._-]punktum[._-]|[._-]punkt[._-]|\(dot\)|\[dot\]|[._-])"
_STOP = r"(?![a-z0-9])"
_MAILBOX = re.compile(rf"\S*(?:@|{_AT})\S*")
_AT_WORDS = frozenset({"at", "krollalfa", "snabel", "snabela"})
_RESERVED = frozenset({"example", "eksempel", "localhost", "localdomain"})
_PRIVATE = "local|lan|localdomain|internal|intranet|corp"
_SPACE = re.compile(r"\s+")


def url_or_referrer(reading: Reading) -> bool:
    """Find addresses of pages and hosts; the host of a mailbox is none."""
    if not _page_sign().search(reading.text):
        return False
    if any(pattern.search(reading.text) for pattern in _page_patterns()):
        return True
    text = _MAILBOX.sub("", reading.text)
    return any(pattern.search(text) for pattern in _host_patterns())


def email(reading: Reading) -> bool:
    """Find e-mail addresses."""
    if not _has_mailbox_sign(reading):
        return False
    compact = _SPACE.sub("", reading.text)
    return any(pattern.search(compact) for pattern in _mailbox_patterns()) or _is_person_at_host(reading.pieces)


def _has_mailbox_sign(reading: Reading) -> bool:
    """Whether anything is there that a mailbox needs: the rest is spared the patterns."""
    if "@" in reading.text or not (_AT_WORDS | words("mailers")).isdisjoint(reading.words):
        return True
    last = reading.pieces[-1] if reading.pieces else ""
    return last in words("endings") or last.endswith(("com", "no", "se", "dk"))


@cache
def _page_sign() -> re.Pattern[str]:
    """Match anything that a page's address needs: the rest is spared the patterns."""
    return re.compile(
        rf"://|http|www|utm_|clid|com|ref|from|via|src|source|{_PRIVATE}|{_either(words('sites') | _RESERVED)}"
    )


@cache
def _page_patterns() -> tuple[re.Pattern[str], ...]:
    host, ending = rf"{_LABEL}(?:[._]{_LABEL})*?", _either(words("endings"))
    return (
        re.compile(r"\b[a-z][a-z0-9+.-]*://"),
        re.compile(rf"(?<![a-z])https?[^a-z0-9]+{host}[._](?:{ending}){_STOP}"),
        re.compile(r"(?<![a-z0-9])www[0-9]?[._][a-z0-9]"),
        re.compile(
            r"(?<![a-z])utm_(?:source|medium|campaign|term|content)|(?<![a-z])(?:gclid|fbclid|msclkid)(?![a-z])"
        ),
    )


@cache
def _host_patterns() -> tuple[re.Pattern[str], ...]:
    host, ending, site = rf"{_LABEL}(?:[._]{_LABEL})*?", _either(words("endings")), _either(words("sites"))
    start, referrer, common = r"(?<![a-z0-9])", "ref|referrer|referer", "com|net|org|no|se|dk|fi"
    return (
        re.compile(rf"{start}[a-z0-9-]{{2,}}\.com(?=$|[/?#:_])"),
        re.compile(rf"{start}(?:{site})[._](?:{ending})$"),
        re.compile(rf"{start}(?:{site})\.(?:net|org|no)[/?#:_]"),
        re.compile(r"(?:https?[^a-z0-9]+localhost|(?<![a-z])localhost[:_.][0-9]{4})(?![a-z])"),
        re.compile(rf"{start}(?:{referrer}|from|via|src|source)[^a-z0-9]+{host}[._](?:{common})$"),
        re.compile(rf"{start}(?:{referrer})[^a-z0-9]+(?:{site}){_STOP}"),
        re.compile(rf"{start}(?:{_either(_RESERVED)})[._](?:{ending}|local)$"),
        re.compile(r"^(?:[a-z0-9_-]+\.){2,}(?:local|lan|localdomain)$"),
        re.compile(rf"^(?=[^.]*[0-9])(?:[a-z0-9_-]+\.)+(?:{_PRIVATE})$"),
    )


@cache
def _mailbox_patterns() -> tuple[re.Pattern[str], ...]:
    host, mailer = rf"{_LABEL}(?:{_DOT}{_LABEL})*?", _either(words("mailers"))
    ending, plain = _either(words("endings")), _either(words("endings") - words("endings_that_are_words"))
    no_place = "".join(rf"(?<![._]{word})(?<!^{word})" for word in sorted(words("before_at")))
    return (
        re.compile(r"[a-z0-9._+-]@[a-z0-9-]{2,}"),
        re.compile(rf"[a-z0-9]{_AT}{host}{_DOT}(?:{ending})$"),
        re.compile(rf"[a-z0-9]{no_place}(?<!ed){_AT}{host}{_DOT}(?:{plain}){_STOP}"),
        re.compile(rf"[a-z0-9]{no_place}(?<!ed){_AT}{host}(?:\.|[._-]dot[._-])(?:{ending}){_STOP}"),
        re.compile(rf"[a-z0-9]{_AT}(?:{mailer}){_STOP}"),
        re.compile(rf"(?:{mailer})(?:com|no|se|dk)$"),
        re.compile(rf"[a-z]_40{host}[._](?:{ending})$"),
        re.compile(rf"[a-z0-9][._-](?:{mailer})[._](?:com|no|se|dk|fi|net|de|fr|co)$"),
    )


def _is_person_at_host(pieces: tuple[str, ...]) -> bool:
    """Whether a person's name stands beside `at`, or before what ends as a host does: the sign was dropped."""
    if len(pieces) < 4 or (pieces[-1] not in words("endings") and "at" not in pieces):  # noqa: PLR2004  # two, and a host
        return False
    given, family = words("given"), words("family")
    if pieces[-1] not in words("endings_that_are_words") - {"no"} and not given.isdisjoint(pieces[:-2]):
        return True
    return any(
        (before in given | words("ambiguous") and after in family) or (before in family and after in given)
        for before, after in pairwise(pieces)
    )


def _either(these: frozenset[str]) -> str:
    return "|".join(sorted(these, key=lambda word: (-len(word), word)))
