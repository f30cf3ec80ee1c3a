"""What `doctor` says of a deployment in order, and of each thing that is not."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cetegra_usage import ledger
from cetegra_usage.cli import cli
from cetegra_usage.errors import ConfigurationError
from cetegra_usage.pipeline import doctor, installation
from cetegra_usage.settings import Settings, StoreSettings, load_settings, mask
from cetegra_usage.store import open_store
from cetegra_usage.synth import generate

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 6, 4)
DAY = date(2026, 6, 1)


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zone")
    generate(folder / "landing", first=DAY, last=DAY, users=20)
    stores = "".join(f'[{name}]\nurl = "{name}"\ncountry = "NO"\n' for name in ("landing", "warehouse", "publish"))
    (folder / "cetegra-usage.toml").write_text(f'{stores}[catalogue]\npath = "landing/catalogue.toml"\n', "utf-8")
    return folder


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in installation.ALWAYS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("secret", ["s3://AK:a/b+c@bucket/x", "https://user:p@ss@host/x", "az://x/y?sig=s@x/y"])
def test_what_could_be_a_credential_is_masked(secret: str) -> None:
    assert not {"AK", "b+c", "ss", "sig"} & set(re.split(r"[^\w+]+", mask(secret)))


def settings(zone: Path, **flags: str) -> Settings:
    return load_settings(zone / "cetegra-usage.toml", {key.replace("__", "."): flags[key] for key in flags}, {})


def faults(zone: Path, **flags: str) -> dict[str, str]:
    """Return what `doctor` finds at fault, by name: the code of each."""
    findings = doctor.examine(lambda: settings(zone, **flags), TODAY)
    return {finding.name: finding.fault.code for finding in findings if finding.fault}


def test_what_is_in_order_is_said_to_be_and_nothing_stays_behind(zone: Path) -> None:
    findings = doctor.examine(lambda: settings(zone), TODAY)
    assert [finding for finding in findings if finding.state != "ok"] == []
    assert doctor.exit_code(findings) == 0
    said = {finding.name: finding.found for finding in findings}
    assert {key for key, _, _ in settings(zone).rows()} <= set(said)
    for name in ("landing", "warehouse", "publish"):
        assert said[name].startswith(f"file://{zone}/{name}, NO declared, own")
        assert "GB free" in said[name]
        assert "clock +0 s" in said[name]
        assert ("keeps create-if-absent" in said[name]) == (name != "landing")
    assert {"duckdb", "obstore", "prefect", "great-expectations"} <= set(said)
    assert [file for name in ("warehouse", "publish") for file in (zone / name).rglob("*")] == []


FAULTS = {
    "a country outside": ({"landing__country": "GB"}, {"landing": "residency"}, 12),
    "a country that is none": ({"publish__country": "Norway"}, {"publish": "configuration"}, 10),
    "each is told, the gravest leaves": (
        {"landing__url": "", "warehouse__country": "CH"},
        {"landing": "configuration", "warehouse": "residency"},
        12,
    ),
    "a landing zone that is not there": ({"landing__url": "nowhere"}, {"landing": "storage"}, 11),
    "stores that overlap": ({"publish__url": "."}, {"publish": "configuration"}, 10),
    "a catalogue that is not there": ({"catalogue__path": "none.toml"}, {"catalogue.path": "configuration"}, 10),
    "no amount of memory": ({"engine__memory_limit": "much"}, {"all": "configuration"}, 10),
    "dask without a scheduler": ({"engine__runner": "dask"}, {"engine.runner": "configuration"}, 10),
    "a key that nobody reads": ({"landing__colour": "red"}, {"all": "configuration"}, 10),
    "a value that is none": ({"landing__wait_days": "soon"}, {"all": "configuration"}, 10),
}


@pytest.mark.parametrize(("flags", "expected", "code"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_with_its_code(zone: Path, flags: dict[str, str], expected: dict[str, str], code: int) -> None:
    findings = doctor.examine(lambda: settings(zone, **flags), TODAY)
    assert {finding.name: finding.fault.code for finding in findings if finding.fault} == expected
    assert doctor.exit_code(findings) == code
    assert all(finding.fault.hint for finding in findings if finding.fault)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tls://127.0.0.1:1", "nowhere", "http://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer_is_told(zone: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(installation, "_ANSWER_SECONDS", 1)
    with pytest.raises(ConfigurationError, match=re.escape("engine.address")):
        installation.runner(settings(zone, engine__runner="dask", engine__address=address).engine)


def test_where_one_store_is_refused_no_other_is_touched(zone: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    findings = doctor.examine(lambda: settings(zone, landing__country="US", warehouse__url=str(new)), TODAY)
    assert {finding.name for finding in findings if finding.state == "skipped"} == {
        "warehouse",
        "publish",
        "landing keeps files",
    }
    assert not new.exists()


@pytest.mark.parametrize(("age_days", "is_kept"), [(38, False), (39, True)])
def test_landing_keeps_files_for_wait_days_and_five_weeks(
    zone: Path, tmp_path: Path, age_days: int, *, is_kept: bool
) -> None:
    gone = TODAY - timedelta(days=age_days)
    warehouse = open_store("warehouse", StoreSettings(url="w", country="NO"), folder=tmp_path)
    bodies = [{"kind": ledger.VERDICT, "partition": f"events/workspace/{day}"} for day in (gone, DAY)]
    ledger.append(warehouse, ledger.Ledger(), bodies, datetime(2026, 6, 2, tzinfo=UTC))
    found = faults(zone, warehouse__url=str(tmp_path / "w"))
    assert found == ({} if is_kept else {"landing keeps files": "storage"})


@pytest.mark.parametrize("name", ["DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED", "GX_ANALYTICS_ENABLED"])
def test_a_library_that_would_talk_is_told(zone: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    assert name in faults(zone)


def test_a_third_party_that_would_hear_of_every_flow_is_told(zone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.cloud/api/accounts/1/workspaces/2")
    assert faults(zone) == {"Prefect": "configuration"}
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    assert faults(zone) == {}


def test_a_library_of_another_version_is_told(zone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.metadata, "requires", lambda _: ["duckdb<2,>=1.4", "nobody-made-it>=1"])
    assert faults(zone) == {"duckdb": "configuration", "nobody-made-it": "configuration"}


def test_the_command_prints_a_table_or_one_document(zone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["doctor", "--config", str(zone / "cetegra-usage.toml")]
    assert cli.main(words, standalone_mode=False) == 0
    assert "keeps create-if-absent" in capsys.readouterr().out
    assert cli.main([*words, "--set", "publish.country=US", "--json"], standalone_mode=False) == 12
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    (fault,) = [finding for finding in document["findings"] if finding["state"] == "fault"]
    assert not document["ok"]
    assert set(fault) == {"kind", "name", "state", "found", "code", "what", "why", "hint"}
    assert (fault["kind"], fault["name"], fault["code"]) == ("store", "publish", "residency")
