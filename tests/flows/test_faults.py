"""Every expectation is proven by a fault that it caught; without the fault nothing trips."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cetegra_usage import sql
from cetegra_usage.check import proofs, register
from cetegra_usage.check.judge import judge
from cetegra_usage.pipeline import release_checks
from cetegra_usage.pipeline.run import RefusedError
from cetegra_usage.synth import FAULTS, generate
from support import landed

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST = date(2026, 6, 1), date(2026, 7, 26)
TODAY = date(2026, 8, 1)
TOGETHER = sorted(name for name, fault in FAULTS.items() if fault.kind == "events")
OF_FEEDBACK = sorted(name for name, fault in FAULTS.items() if fault.kind == "feedback")
APART = sorted(name for name, fault in FAULTS.items() if fault.kind == "consents")
RELEASE_FAULTS = {
    "release_store_abroad": ("stores_in_the_eea", {"countries": ["NO", "NO", "US"]}),
    "release_identifier_column": (
        "no_identifier_columns",
        {"tables": {"sessions": pl.DataFrame({"session_id": ["x"], "sessions": [50]})}},
    ),
    "release_small_cell": ("no_small_cells", {"tables": {"engagement": pl.DataFrame({"users": [0, 9, None, 10]})}}),
    "statement_joins_feedback": (
        "no_feedback_join",
        {"statements": [replace(sql.load("totals"), inputs=("accepted", "feedback"))]},
    ),
    "withdrawn_person_kept": ("withdrawn_are_gone", {"left": 1}),
    "rollup_kept_too_long": ("identified_within_retention", {"identified": [date(2025, 5, 31), FIRST]}),
}
"""What a release is judged by, made wrong on purpose: the expectation that it must trip, and what is put in."""


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


def test_each_fault_of_feedback_trips_its_own(tmp_path: Path) -> None:
    config, places = _zone(tmp_path, date(2026, 6, 28), *OF_FEEDBACK)
    found = _tripped(config)
    for name, place in places.items():
        fault = FAULTS[name]
        assert found.pop(place) == (fault.state, {fault.expectation, *fault.follows}), name
    assert {said for _, tripped in found.values() for said in tripped} == set()


@pytest.mark.parametrize("name", APART)
def test_a_fault_of_the_consent_log_trips_its_own(tmp_path: Path, name: str) -> None:
    config, places = _zone(tmp_path, date(2026, 6, 4), name)
    fault = FAULTS[name]
    assert _tripped(config)[places[name]] == (fault.state, {fault.expectation, *fault.follows})


def _clean() -> release_checks.Subject:
    return release_checks.Subject(
        tables={"engagement": pl.DataFrame({"users": [0, 10, 25, None]})},
        threshold=10,
        countries=["NO", "NO", "SE"],
        statements=sql.statements(),
        identified=[date(2025, 6, 1), FIRST],
        oldest=date(2025, 6, 1),
        left=0,
    )


def test_a_clean_release_trips_nothing_and_each_fault_exactly_its_own() -> None:
    subjects = {"clean": _clean()}
    subjects |= {name: replace(_clean(), **wrong) for name, (_, wrong) in RELEASE_FAULTS.items()}
    counts = {name: release_checks.counts(subject) for name, subject in subjects.items()}
    found = {name: {one.expectation.id for one in verdict.failed} for name, verdict in judge("release", counts).items()}
    assert found == {"clean": set()} | {name: {expected} for name, (expected, _) in RELEASE_FAULTS.items()}


def test_a_release_that_fails_a_check_is_refused_and_nothing_of_it_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _ = _zone(tmp_path, date(2026, 6, 7))
    gathered = release_checks.subject

    def with_a_small_cell(*of: Any) -> release_checks.Subject:
        return replace(gathered(*of), **RELEASE_FAULTS["release_small_cell"][1])

    monkeypatch.setattr(release_checks, "subject", with_a_small_cell)
    with pytest.raises(RefusedError, match="no_small_cells") as refused:
        landed.run(config, date(2026, 6, 9))
    assert {one["state"] for one in refused.value.beside()["partitions"]} == {"accepted"}
    assert {file.name for file in (tmp_path / "publish").rglob("*") if file.is_file()} == {"index.html", "latest.json"}
    monkeypatch.undo()
    assert landed.run(config, date(2026, 6, 9)).releases


def test_the_table_of_proofs_says_what_the_faults_say() -> None:
    claimed = {(proof.fault, proof.expectation) for proof in proofs.load()}
    assert claimed == {
        (name, expectation)
        for name, fault in FAULTS.items()
        for expectation in (fault.expectation, *fault.follows)
        if expectation
    } | {(name, expectation) for name, (expectation, _) in RELEASE_FAULTS.items()}


def test_every_expectation_has_a_fault() -> None:
    assert set(register.load().expectations) - {proof.expectation for proof in proofs.load()} == set()
