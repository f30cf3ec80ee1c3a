"""Which process holds a lease, so that a run on the same machine need not wait for one that was killed."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def me() -> str | None:
    """Name this process so that no other ever has the name; None where the system does not tell."""
    return _name(os.getpid())


def is_dead(name: str | None) -> bool:
    """Whether a named process is known to be gone.

    Only a process that ran since the same boot in the same namespace of processes can be judged from here; of any
    other this says False, and its lease runs out by itself.
    """
    mine = me()
    if not name or not mine:
        return False
    *where, pid, _ = name.split(" ")
    return where == mine.split(" ")[:-2] and _name(int(pid)) != name


def _name(pid: int) -> str | None:
    """Return boot, namespace, number and start of a process that lives."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = (_PROC / "self/ns/pid").readlink().name
        # After the name in parentheses, which may hold anything: the state first, the start as the 20th.
        fields = (_PROC / str(pid) / "stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else f"{boot} {namespace} {pid} {fields[19]}"
