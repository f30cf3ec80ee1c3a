"""Ask a service an unsigned question: no credentials, no proxy, no redirect followed, no body read."""

from __future__ import annotations

import http.client
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from cetegra_usage.residency import Answer

_TIMEOUT_SECONDS = 10.0
_ATTEMPTS = 3


def ask(method: str, url: str) -> Answer | None:
    """Return what the service answers, or None if it does not; see `residency.Ask`."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(0.2 * 2**attempt)
        if answer := _ask(method, url):
            return answer
    return None


def _ask(method: str, url: str) -> Answer | None:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        before = time.time()
        connection.request(method, target or "/")
        response = connection.getresponse()
        between = (before + time.time()) / 2
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, _clock_offset_seconds(headers.get("date"), between))


def _clock_offset_seconds(date: str | None, now: float) -> float:
    """Return how far a `Date` header is ahead; it tells whole seconds, so that less than two mean nothing."""
    try:
        offset = parsedate_to_datetime(date or "").timestamp() + 0.5 - now
    except ValueError:
        return 0.0
    return round(offset, 1) if abs(offset) >= 2 else 0.0  # noqa: PLR2004  # seconds, see above
