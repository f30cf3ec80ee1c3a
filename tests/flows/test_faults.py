"""Every expectation is proven by a fault that it caught; without the fault nothing trips."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.check import proofs, register
from cetegra_usage.synth import FAULTS, generate
from support import landed

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST = date(2026, 6, 1), date(2026, 7, 26)
TODAY = date(2026, 8, 1)
TOGETHER = sorted(name for name, fault in FAULTS.items() if fault.kind == "events")
APART = sorted(name for name, fault in FAULTS.items() if fault.kind == "consents")
PROVEN_OTHERWISE = {expectation.id for expectation in register.load().suite("release")}


def _zone(root: Path, last: date, *faults: str) -> tuple[Path, dict[str, str]]:
    broken = generate(root / "landing", first=FIRST, last=last, users=400, faults=faults)
    (root / "cetegra-usage.toml").write_text(
        landed.SETTINGS.replace('"catalogue.toml"', '"landing/catalogue.toml"'), "utf-8"
    )
    return root / "cetegra-usage.toml", {name: partition.id for name, partition in broken.items()}


def _tripped(config: Path) -> dict[str, tuple[str, set[str]]]:
    return {
        name: (outcome.state, {failed["expectation"] for failed in outcome.failed})
        for name, outcome in landed.check(config, TODAY).items()
    }


def test_clean_partitions_trip_nothing_and_each_fault_exactly_its_own(tmp_path: Path) -> None:
    config, places = _zone(tmp_path, LAST, *TOGETHER)
    found = _tripped(config)
    for name, place in places.items():
        fault = FAULTS[name]
        expected = {fault.expectation, *fault.follows} - {None}
        assert found.pop(place) == (fault.state, expected), name
    both = {FAULTS[name].expectation for name in TOGETHER if FAULTS[name].looks_back_days or "both" in name}
    assert {name: said for name, said in found.items() if said[1] - both} == {}


@pytest.mark.parametrize("name", APART)
def test_a_fault_of_the_consent_log_trips_its_own(tmp_path: Path, name: str) -> None:
    config, places = _zone(tmp_path, date(2026, 6, 4), name)
    fault = FAULTS[name]
    assert _tripped(config)[places[name]] == (fault.state, {fault.expectation, *fault.follows})


def test_the_table_of_proofs_says_what_the_faults_say() -> None:
    claimed = {(proof.fault, proof.expectation) for proof in proofs.load()}
    assert claimed == {
        (name, expectation)
        for name, fault in FAULTS.items()
        for expectation in (fault.expectation, *fault.follows)
        if expectation
    }


def test_every_expectation_over_partitions_has_a_fault() -> None:
    expectations = set(register.load().expectations) - PROVEN_OTHERWISE
    assert expectations - {proof.expectation for proof in proofs.load()} == set()
