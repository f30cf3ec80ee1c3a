"""What settings and catalogue may say, and how what they may not is told."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from cetegra_usage import sql
from cetegra_usage.errors import ConfigurationError
from cetegra_usage.settings import load_catalogue, load_settings
from support import landed

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


@pytest.mark.parametrize("value", ["1KB", "63MB", "0.05GB", "-5GB", "1000", "80%", "lots", "", "1GBs", "9999999TB"])
def test_memory_is_an_amount_that_work_can_be_done_with(value: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape("engine.memory_limit")) as refused:
        load_settings(None, {"engine.memory_limit": value}, {})
    assert refused.value.why == "it is a number with a unit, such as 1GB, and 64MB or more"


@pytest.mark.parametrize("value", ["64MB", "1GB", "2 GiB", "0.5gb", "999999TiB"])
def test_memory_is_written_as_duckdb_reads_it(value: str) -> None:
    sql.connect(memory_limit=load_settings(None, {"engine.memory_limit": value}, {}).engine.memory_limit).close()


def test_what_helps_where_a_file_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=re.escape("none.toml")) as refused:
        load_settings(tmp_path / "none.toml", {}, {})
    assert "--config FILE" in refused.value.hint
    with pytest.raises(ConfigurationError, match=re.escape("none.toml")) as refused:
        load_catalogue(load_settings(None, {"catalogue.path": str(tmp_path / "none.toml")}, {}))
    assert "catalogue.path" in refused.value.hint


@pytest.mark.parametrize(("expires", "is_refused"), [("2025-12-31", True), ("2026-01-01", False)])
def test_a_feature_expires_no_earlier_than_it_begins(tmp_path: Path, expires: str, *, is_refused: bool) -> None:
    settings = load_settings(landed.zone(tmp_path), {}, {})
    with (tmp_path / "catalogue.toml").open("a", encoding="utf-8") as catalogue:
        catalogue.write(f"expires = {expires}\n")  # of the feature, which stands last
    refusal = pytest.raises(ConfigurationError, match=re.escape("cases.open_list"))
    with refusal if is_refused else nullcontext():
        assert load_catalogue(settings).features
