"""The register: each promise has its proof, each check its promise; one in which either is missing does not load."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from cetegra_usage.check import register
from cetegra_usage.errors import ConfigurationError
from cetegra_usage.project import root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the room `expectations`, from which the register is read."""
    shutil.copytree(root() / "expectations", tmp_path / "expectations")
    monkeypatch.setattr(register, "root", lambda: tmp_path)
    return tmp_path / "expectations"


def load() -> register.Register:
    """Read the register anew."""
    return register.load.__wrapped__()


def change(room: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    document = json.loads((room / "events.json").read_text("utf-8"))
    edit(document["expectations"][0])
    (room / "events.json").write_text(json.dumps(document), "utf-8")


def test_each_promise_has_a_check_or_names_what_else_shows_it(room: Path) -> None:
    assert room.is_dir()
    found = load()
    assert len(found.promises) == 26
    for promise in found.promises.values():
        assert promise.expectations or promise.evidence
    asked_for = {expectation.id for promise in found.promises.values() for expectation in promise.expectations}
    without = [one for one in found.expectations.values() if one.id not in asked_for]
    assert {one.severity for one in without} <= {"warn"}


def test_a_promise_with_neither_is_refused(room: Path) -> None:
    with (room / "promises.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[promise]]\nid = "bare"\npromise = "p"\nsection = "s"\nscope = "all"\n')
    with pytest.raises(ConfigurationError, match="bare has neither"):
        load()


def test_a_check_of_an_unknown_promise_is_refused(room: Path) -> None:
    change(room, lambda expectation: expectation["meta"].update(promise="nobody-asked"))
    with pytest.raises(ConfigurationError, match="nobody-asked"):
        load()


def test_a_check_that_blocks_without_a_promise_is_refused(room: Path) -> None:
    change(room, lambda expectation: expectation["meta"].update(promise=None, also=[]))
    with pytest.raises(ConfigurationError, match="names no promise"):
        load()
