"""Great Expectations is the judge: what a suite says decides, and a suite that loads in part does not judge."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cetegra_usage.check import judge, register
from cetegra_usage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

SUITE = "release"
NAMES = [expectation.id for expectation in register.load().suite(SUITE)]
CLEAN = dict.fromkeys(NAMES, 0)


@pytest.fixture(autouse=True)
def verdicts_are_remembered() -> None:
    """Remember none here."""


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[..., None]]:
    """Change the first expectation of the suite's file, as Great Expectations reads it."""

    def edit(**changed: Any) -> None:
        known = register.load()
        documents = json.loads(json.dumps(known.documents))
        documents[SUITE]["expectations"][0] |= changed
        monkeypatch.setattr(register, "load", lambda: replace(known, documents=documents))

    built = judge._checkpoint  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    built.cache_clear()
    yield edit
    built.cache_clear()


def test_a_count_fails_and_what_was_not_checked_neither_fails_nor_succeeds() -> None:
    found = judge.judge(SUITE, {"a": CLEAN, "b": CLEAN | {NAMES[0]: 3}, "c": CLEAN | {NAMES[1]: None}})
    assert {name: [result.expectation.id for result in verdict.failed] for name, verdict in found.items()} == {
        "a": [],
        "b": [NAMES[0]],
        "c": [],
    }
    assert {result.expectation.id: result.success for result in found["c"].results}[NAMES[1]] is None


@pytest.mark.parametrize(("bound", "state"), [(2, 1), (3, 0)])
def test_the_files_bounds_decide(edited: Callable[..., None], bound: int, state: int) -> None:
    edited(kwargs={"column": NAMES[0], "min_value": 0, "max_value": bound})
    assert len(judge.judge(SUITE, {"a": CLEAN | {NAMES[0]: 3}})["a"].failed) == state


def test_a_suite_that_loads_with_fewer_expectations_than_its_file_holds_is_an_error(
    edited: Callable[..., None],
) -> None:
    edited(type="expect_nothing_of_the_kind")
    with pytest.raises(ConfigurationError) as refused:
        judge.judge(SUITE, {"a": CLEAN})
    assert f"{len(NAMES)} expectations are in the file, {len(NAMES) - 1} were loaded" in refused.value.why


def test_a_count_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigurationError):
        judge.judge(SUITE, {"a": {NAMES[0]: 0}})
