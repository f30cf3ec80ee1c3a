"""One run at a time: a lease on the warehouse that its holder renews and that a dead run cannot keep.

The lease is the highest `lock/<n>.json`. Taking, renewing and giving back each put the next number if it is absent, so
that of any number of runs one succeeds, and whoever then finds a higher number than its own knows that it lost. A run
that was killed holds it until it runs out; on the same machine it is seen to be dead at once. The number that gives it
back says so, whatever clocks say. A run that came to its end says that there too: where nothing says it, files may be
left that nobody came to remove.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from cetegra_usage.errors import StorageError
from cetegra_usage.store.base import ObjectMissingError, numbers
from cetegra_usage.store.holder import is_dead, me

if TYPE_CHECKING:
    from types import TracebackType

    from cetegra_usage.store.base import Store

_FOLDER = "lock"
_RENEWALS = 3  # within the life of a lease


class Lease:
    """Hold the warehouse for the length of a `with` block, renewing from a thread of its own.

    Args:
        store: The warehouse.
        owner: Who holds it, for the message that another run shows.
        seconds: How long a dead run holds it at most.

    Attributes:
        ended_well: Whether the last one who held it came to its end.

    Raises:
        StorageError: On entry: another run holds it; the message says until when.
    """

    def __init__(self, store: Store, *, owner: str = "a run", seconds: float = 60.0) -> None:
        self._store = store
        self._owner = owner
        self._seconds = seconds
        # Tells our own retry from a competitor's put: two runs never write equal bytes.
        self._token = secrets.token_hex(8)
        self.ended_well = False
        self._number = 0
        self._until = 0.0
        self._lost = False
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        number, document = self._highest()
        if document and not document.get("given_back") and not self._is_over(document):
            raise _held(document)
        self.ended_well = bool(document and document.get("ended_well"))
        self._next(number, self._seconds)
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._heart.join()
        with self._guard, suppress(StorageError):  # what cannot be given back runs out
            if not self._lost:
                self._next(self._number, 0.0, ended_well=error is None)

    def check(self) -> None:
        """Make sure, before something is committed, that the lease is still ours.

        Raises:
            StorageError: It is not, or it may have run out.
        """
        if self._lost or time.monotonic() >= self._until:
            raise lost()

    def renew(self) -> None:
        """Hold the lease for its full length from now.

        Raises:
            StorageError: Another run has taken it meanwhile.
        """
        with self._guard:
            self.check()
            self._next(self._number, self._seconds)

    def _beat(self) -> None:
        while not self._stop.wait(self._seconds / _RENEWALS):
            try:
                self.renew()
            except StorageError:
                # A store that did not answer may answer the next time; `check` refuses once the time is over.
                if self._lost or time.monotonic() >= self._until:
                    return

    def _next(self, number: int, seconds: float, *, ended_well: bool = False) -> None:
        """Put the lease's next number, and drop those before it."""
        asked = time.monotonic()
        document = {
            "ended_well": ended_well,
            "expires": self._now() + seconds,
            "given_back": not seconds,
            "owner": self._owner,
            "process": me(),
            "token": self._token,
        }
        is_first = self._number == 0
        made = self._store.put_if_absent(_path(number + 1), json.dumps(document, sort_keys=True).encode())
        if made:
            self._number = number + 1  # whatever the store answers next: this one is ours
        highest, found = self._highest()
        if not made and found and highest == number + 1 and found["token"] == self._token:
            self._next(highest, seconds, ended_well=ended_well)  # put before, by a request whose answer was lost
            return
        if not made or highest != number + 1:
            self._lost = True
            raise _held(found) if found and is_first else lost()
        self._until = asked + seconds
        for one in self._numbers():
            if one <= number:
                self._store.delete(_path(one))

    def _highest(self) -> tuple[int, dict[str, Any] | None]:
        """Return the highest number with what it says."""
        while True:
            number = max(self._numbers(), default=0)
            if number == 0:
                return 0, None
            try:
                return number, json.loads(self._store.read(_path(number)))
            except ObjectMissingError:
                continue  # its holder renewed it and dropped this number: look again

    def _numbers(self) -> list[int]:
        return numbers((entry.path for entry in self._store.list(_FOLDER)), _FOLDER)

    def _is_over(self, document: dict[str, Any]) -> bool:
        """Whether a lease has run out, or its holder is dead."""
        return document["expires"] <= self._now() or is_dead(document.get("process"))

    def _now(self) -> float:
        """Return the store's time: runs on machines with different clocks agree about it."""
        return time.time() + self._store.clock_offset_seconds


def _path(number: int) -> str:
    return f"{_FOLDER}/{number}.json"


def _held(document: dict[str, Any]) -> StorageError:
    until = datetime.fromtimestamp(document["expires"], UTC)
    return StorageError(
        "another run holds the warehouse",
        why=f"{document['owner']} holds it until {until:%Y-%m-%d %H:%M:%S} UTC, and renews it while it lives",
        hint="wait for it, or until then if it is dead: then `cetegra-usage run`",
    )


def lost() -> StorageError:
    """Return the error for a hold that is no longer ours."""
    return StorageError(
        "the hold on the warehouse was lost",
        why="it could not be renewed in time, so that another run may have taken over",
        hint="cetegra-usage run",
    )
