"""The flows: order, workers and retries. What is done stands in `cetegra_usage.pipeline`."""

from __future__ import annotations

from datetime import date  # noqa: TC003  # Prefect reads the annotations of a flow's parameters
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cetegra_usage.quiet import silence

silence()

from prefect import flow, task  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402

from cetegra_usage.errors import StorageError  # noqa: E402
from cetegra_usage.pipeline import job as jobs  # noqa: E402
from cetegra_usage.pipeline import run as runs  # noqa: E402
from cetegra_usage.settings import load_settings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prefect.client.schemas.objects import State
    from prefect.task_runners import TaskRunner

    from cetegra_usage.pipeline.job import Spec
    from cetegra_usage.settings import Engine

T = TypeVar("T")
R = TypeVar("R")


def _is_of_a_store(_: object, __: object, state: State) -> bool:
    """Whether a store did not answer: it may the next time. What data is at fault for is an outcome, no exception."""
    return isinstance(state.result(raise_on_failure=False), StorageError)


@task(
    retries=3,
    retry_delay_seconds=[1, 5, 20],
    retry_jitter_factor=0.5,
    retry_condition_fn=_is_of_a_store,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def batch(work: Callable[[Spec, Any], Any], spec: Spec, items: Any) -> Any:
    """Do one batch of partitions or releases."""
    return work(spec, items)


def each(work: Callable[[Spec, T], R], spec: Spec, batches: Sequence[T], *, name: str) -> Iterable[R]:
    """Give batches to the flow's workers and return their results in order; a terminal sees how far they are."""
    futures = [batch.with_options(name=name).submit(work, spec, items) for items in batches]
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        # All are waited for before a failure is told: nobody works on when the folder goes and the hold ends.
        for future in progress.track(futures, description=name):
            future.wait()
    return [future.result() for future in futures]


@flow(name="cetegra-usage run", persist_result=False)
def run(
    config: str | None = None,
    flags: dict[str, str] | None = None,
    today: date | None = None,
    first: date | None = None,
    last: date | None = None,
) -> runs.Report:
    """Check, accept and roll up what is pending; publish the periods that are complete."""
    with jobs.opened(load_settings(Path(config) if config else None, flags), today) as job:
        return runs.run(job, *jobs.days_to_take(job, first, last), each)


@flow(name="cetegra-usage backfill", persist_result=False)
def backfill(
    first: date,
    last: date,
    reason: str,
    config: str | None = None,
    flags: dict[str, str] | None = None,
) -> runs.Report:
    """Redo a range of days on purpose; the reason stays in the ledger."""
    with jobs.opened(load_settings(Path(config) if config else None, flags), None) as job:
        return runs.run(job, *jobs.days_to_take(job, first, last), each, again=reason)


@flow(name="cetegra-usage check", persist_result=False)
def check(
    config: str | None = None,
    flags: dict[str, str] | None = None,
    today: date | None = None,
    first: date | None = None,
    last: date | None = None,
) -> runs.Report:
    """Check a range of days; keep nothing."""
    with jobs.opened(load_settings(Path(config) if config else None, flags), today) as job:
        return runs.check(job, *jobs.days_to_take(job, first, last), each)


def start(name: str, engine: Engine, **parameters: Any) -> runs.Report:
    """Run a flow here, with the task runner that the settings name."""
    chosen: Any = {"run": run, "backfill": backfill, "check": check}[name].with_options(task_runner=_runner(engine))
    # Prefect's heartbeat thread would hold up the end of every flow by a second.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return chosen(**parameters)


def _runner(engine: Engine) -> TaskRunner[Any]:
    if engine.runner == "threads":
        from prefect.task_runners import ThreadPoolTaskRunner  # noqa: PLC0415

        return ThreadPoolTaskRunner(max_workers=engine.workers or 2)
    if engine.runner == "processes":
        from prefect.task_runners import ProcessPoolTaskRunner  # noqa: PLC0415

        return ProcessPoolTaskRunner(max_workers=engine.workers or 2)
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415

    return DaskTaskRunner(address=engine.address)
