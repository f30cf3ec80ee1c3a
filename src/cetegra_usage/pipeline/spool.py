"""A command's own folder on this machine: gone when it ends, and after it was killed with the next command."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_PREFIX = "cetegra-usage-"
_LOCK = "alive"
_YOUNG_SECONDS = 60.0


@contextmanager
def spool() -> Generator[Path]:
    """Make a folder for copies of what has landed and of rollups, and remove those that dead commands left.

    A command holds a lock on its folder's file `alive`: the system lets go of it however the command dies.
    """
    _collect(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder, Path(folder, _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(folder)


def _collect(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            status = folder.lstat()
            # What is not ours may be a trap; what was made this minute may not be locked yet.
            if (
                status.st_uid != os.getuid()
                or not S_ISDIR(status.st_mode)
                or time.time() - status.st_ctime < _YOUNG_SECONDS
            ):
                continue
            with (folder / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # it lives, or is gone already
