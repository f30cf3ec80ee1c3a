"""The judge: Great Expectations over frames of counts, one row a partition; the verdict is its checkpoint's result."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

from cetegra_usage.check import register
from cetegra_usage.errors import ConfigurationError
from cetegra_usage.quiet import silence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Result:
    """What an expectation says of one partition: its count, and success (None: not checked)."""

    expectation: register.Expectation
    count: int | None
    success: bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says of one partition: each expectation's result, and what follows."""

    results: tuple[Result, ...]

    @property
    def state(self) -> Literal["accepted", "quarantined"]:
        """Quarantined as soon as one blocking expectation fails."""
        return "quarantined" if any(result.expectation.severity == "block" for result in self.failed) else "accepted"

    @property
    def failed(self) -> list[Result]:
        """The results that are no success, in the order of the suite."""
        return [result for result in self.results if result.success is False]


def judge(suite: str, counts: Mapping[str, Mapping[str, int | None]]) -> dict[str, Verdict]:
    """Judge partitions (or releases), all in one batch.

    Args:
        suite: `events`, `consents`, `feedback` or `release`.
        counts: For each partition's id, what breaks each expectation of the suite (None: not checked).

    Raises:
        ConfigurationError: The suite loads with fewer expectations than its file holds,
            the counts lack one of them, or an expectation fails to run.
    """
    expectations = register.load().suite(suite)
    names = [expectation.id for expectation in expectations]
    for evidence in counts.values():
        if lacking := [name for name in names if name not in evidence]:
            raise _unsound(suite, f"the evidence does not say {', '.join(lacking)}")
    if not counts:
        return {}
    failing = _failing(suite, names, counts)
    return {
        partition: Verdict(
            tuple(
                Result(
                    expectation,
                    count=evidence[expectation.id],
                    success=None if evidence[expectation.id] is None else partition not in failing[expectation.id],
                )
                for expectation in expectations
            )
        )
        for partition, evidence in counts.items()
    }


def gx_version() -> str:
    """Return the version of the judge."""
    return metadata.version("great-expectations")


def _failing(
    suite: str, names: Sequence[str], counts: Mapping[str, Mapping[str, int | None]]
) -> dict[str, frozenset[str]]:
    """Run the checkpoint and return, for each expectation, the partitions that fail it."""
    import pandas as pd  # noqa: PLC0415  # at this door alone, with counts

    frame = pd.DataFrame(
        {"partition": list(counts)}
        | {name: pd.array([evidence[name] for evidence in counts.values()], dtype="Int64") for name in names}
    )
    outcome = _checkpoint(suite, len(names)).run(batch_parameters={"dataframe": frame})
    failing: dict[str, frozenset[str]] = {}
    for result in next(iter(outcome.run_results.values())).results:
        name = result.expectation_config.kwargs["column"]
        if result.exception_info.get("raised_exception", True):
            raise _unsound(suite, f"the expectation {name} could not be run")
        failing[name] = frozenset(entry["partition"] for entry in result.result["unexpected_index_list"])
        if result.success != (not failing[name]):
            raise _unsound(suite, f"the expectation {name} contradicts itself")
    if set(failing) != set(names):
        raise _unsound(suite, "some expectations gave no result")
    return failing


@cache
def _checkpoint(suite: str, expected: int) -> Any:
    """Build a suite's checkpoint; what Great Expectations silently drops while loading is found out here."""
    silence()
    import great_expectations as gx  # noqa: PLC0415
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    loaded = context.suites.add(gx.ExpectationSuite(**register.load().documents[suite]))
    if len(loaded.expectations) != expected:
        raise _unsound(suite, f"{expected} expectations are in the file, {len(loaded.expectations)} were loaded")
    batch = (
        context.data_sources.add_pandas(suite).add_dataframe_asset(suite).add_batch_definition_whole_dataframe("all")
    )
    validation = context.validation_definitions.add(gx.ValidationDefinition(name=suite, data=batch, suite=loaded))
    return context.checkpoints.add(
        gx.Checkpoint(
            name=suite,
            validation_definitions=[validation],
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["partition"]},
        )
    )


def _unsound(suite: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the suite `{suite}` cannot judge",
        why=f"{why}: a check that does not run would look like one that passed",
        hint=f"compare expectations/{suite}.json with the installed version of great-expectations",
    )
