"""What holds for all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.check import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Counts = Mapping[str, Mapping[str, int | None]]


@pytest.fixture(scope="session", autouse=True)
def power_does_not_fail() -> Iterator[None]:
    """Wait for no disk: who kills a process, as some tests do, takes nothing from the kernel."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: None)
        yield


_verdicts: dict[object, list[list[str]]] = {}


@pytest.fixture(autouse=True)
def verdicts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask Great Expectations once of the same counts: it takes half a second, for a day of one row too."""
    asked = judge._failing  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    def failing(suite: str, names: Sequence[str], counts: Counts) -> dict[str, frozenset[str]]:
        key = suite, *(tuple(evidence[name] for name in names) for evidence in counts.values())
        if key not in _verdicts:
            found = asked(suite, names, counts)
            _verdicts[key] = [[name for name in names if partition in found[name]] for partition in counts]
        failed = dict(zip(counts, _verdicts[key], strict=True))
        return {name: frozenset(partition for partition in counts if name in failed[partition]) for name in names}

    monkeypatch.setattr(judge, "_failing", failing)
