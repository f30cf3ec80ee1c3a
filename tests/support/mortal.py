"""A run in a process of its own that is killed, as by `kill -9`, at a chosen write to a store or after a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Any

from cetegra_usage.store.bucket import BucketStore
from cetegra_usage.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cetegra_usage.settings import Settings

# A server that has loaded what is heavy and started nothing: each run is a fork of it.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["great_expectations", "scipy.optimize", "altair", "support.mortal"])


def run_until(settings: Settings, today: date, last: date, *, writes: int, after: bool) -> bool:
    """Run until just before or just after the so-manieth write; return whether it came to that."""
    process = _PROCESSES.Process(target=_run, args=(settings, dict(os.environ), today, last, writes, after))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}, process.exitcode
    return process.exitcode != 0


def run_for(settings: Settings, today: date, last: date, *, seconds: float) -> bool:
    """Run for a time at most; return whether it was killed."""
    process = _PROCESSES.Process(target=_run, args=(settings, dict(os.environ), today, last, 0, False))
    process.start()
    process.join(seconds)
    process.kill()  # nothing happens to one that has ended
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}, process.exitcode
    return process.exitcode != 0


def _run(  # what crosses to the process
    settings: Settings,
    environment: Mapping[str, str],
    today: date,
    last: date,
    writes: int,
    after: bool,  # noqa: FBT001
) -> None:
    from cetegra_usage.pipeline import job, run  # noqa: PLC0415  # in the process that dies

    os.environ.clear()
    os.environ.update(environment)
    left = [writes]
    for kind in (LocalStore, BucketStore):
        for name in ("put", "put_file", "create", "delete"):
            setattr(kind, name, _mortal(getattr(kind, name), left, after=after))
    with job.opened(settings, today) as opened:
        run.run(opened, date.min, last)


def _mortal(method: Callable[..., Any], left: list[int], *, after: bool) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **named: Any) -> Any:
        left[0] -= 1
        dies = left[0] == 0
        if dies and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(*args, **named)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call
