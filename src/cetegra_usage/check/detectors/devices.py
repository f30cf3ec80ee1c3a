"""What describes a reader's device: user agents, browsers and operating systems.

The same words name features (`chrome_extension.setup`), so the shape decides: a name with a version, or alone beside
words that say nothing, is a device; a name beside a word that makes it the subject of a feature is not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cetegra_usage.check.detectors.listing import words

if TYPE_CHECKING:
    from cetegra_usage.check.detectors.readings import Reading

_AGENT = re.compile(
    r"(?<![a-z])(?:mozilla|gecko|trident|opr|edg|presto|dalvik|blink|webkit|applewebkit)[^a-z0-9]*[0-9]"
    r"|(?<![a-z])windows[^a-z0-9]?nt(?![a-z])|win64[^a-z0-9]+x64|(?<![a-z])rv[^a-z0-9][0-9]+[^a-z0-9][0-9]"
    r"|(?:intel|ppc)[^a-z0-9]?mac[^a-z0-9]?os|cpu[^a-z0-9](?:iphone|os)|like[^a-z0-9]gecko|iphone[^a-z0-9]?os"
    r"|x11[^a-z0-9]+(?:linux|ubuntu|cros)|linux[^a-z0-9](?:x86|i686|armv)|mac[^a-z0-9]?os[^a-z0-9]?x(?![a-z])"
    r"|internet[^a-z0-9]?explorer|(?<![a-z])ie[^a-z0-9]?(?:[6-9]|1[01])(?![0-9])"
)
_WINDOWS = re.compile(r"(?:7|8(?:[._-]1)?|10(?:[._-]0.*)?|11|95|98|6[._-][0-3])")
_MANY_DIGITS = re.compile(r"[0-9]{2,}|[0-9]+[._-][0-9].*")
_NAMED = re.compile(r"[a-z]+|[0-9]+(?:[._-][0-9]+)*")


def browser_or_system(reading: Reading) -> bool:
    """Find user agents, and browsers and systems that describe a device."""
    if _AGENT.search(reading.text) or words("agents") & set(reading.words):
        return True
    browsers, systems = words("browsers"), words("systems")
    named = set(reading.words) & (browsers | systems)
    if not named:
        return False
    others = set(reading.words) - named
    if others & words("products"):
        return False
    nothing = words("carriers") | words("device")
    described = named if others <= nothing - {"workspace", "docs"} else named - words("servers")
    tokens: list[str] = _NAMED.findall(reading.text)
    if any(_versioned(tokens, position) for position, token in enumerate(tokens) if token in described):
        return True
    if named & browsers:
        return others <= nothing and (named != {"edge"} or bool(others & words("device")))
    return others <= words("acts") or (others <= nothing and (len(named) > 1 or bool(others & words("says_device"))))


def _versioned(tokens: list[str], position: int) -> bool:
    """Whether a version follows a name: a number that is no year, at most one word about the device between them."""
    following = tokens[position + 1 : position + 3]
    if len(following) > 1 and following[0] in words("device"):
        following = following[1:]
    number = following[0] if following else ""
    if not number[:1].isdigit() or re.fullmatch(r"(?:19|20)\d\d", number):
        return False
    if tokens[position] in {"windows", "win"}:
        return _WINDOWS.fullmatch(number) is not None
    return tokens[position] not in {"edge", "opera", "brave"} or _MANY_DIGITS.fullmatch(number) is not None
