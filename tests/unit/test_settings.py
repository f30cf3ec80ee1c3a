"""What settings and catalogue may say, and how what they may not is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.errors import ConfigurationError
from cetegra_usage.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("value", ["true", '"10"', "10.0", "[10]", "{}", "2026-01-01"])
def test_a_value_of_the_file_has_the_type_of_its_setting(tmp_path: Path, value: str) -> None:
    file = tmp_path / "cetegra-usage.toml"
    file.write_text(f"[disclosure]\nthreshold = {value}\n", "utf-8")
    with pytest.raises(ConfigurationError, match=re.escape("disclosure.threshold")):
        load_settings(file, {}, {})


def test_what_flags_and_environment_say_is_text_that_is_parsed(tmp_path: Path) -> None:
    file = tmp_path / "cetegra-usage.toml"
    file.write_text("[disclosure]\nthreshold = 12\nevent_cap = 20\n[engine]\nworkers = 2\n", "utf-8")
    found = load_settings(file, {"disclosure.threshold": "15"}, {"CETEGRA_USAGE_ENGINE_WORKERS": "3"})
    assert (found.disclosure.threshold, found.disclosure.event_cap, found.engine.workers) == (15, 20, 3)
    with pytest.raises(ConfigurationError, match=re.escape("disclosure.threshold")):
        load_settings(file, {"disclosure.threshold": "true"}, {})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((f"disclosure.{key}", str(2**63)) for key in ("threshold", "rounding", "event_cap")),
        ("retention.evidence_days", str(2**63)),
    ],
)
def test_what_nothing_could_be_counted_with_is_refused(key: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(key)):
        load_settings(None, {key: value}, {})
