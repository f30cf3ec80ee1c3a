"""What a deployment stands on, each thing looked at: in order, or the fault and what mends it."""

from __future__ import annotations

import os
import tempfile
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from cetegra_usage import landing, ledger
from cetegra_usage.errors import CetegraUsageError, ConfigurationError, ResidencyError, StorageError
from cetegra_usage.pipeline import installation
from cetegra_usage.pipeline.installation import Finding
from cetegra_usage.pipeline.job import declared, digest_numbers
from cetegra_usage.pipeline.plan import parse
from cetegra_usage.store import Store, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cetegra_usage.model import Catalogue, Partition
    from cetegra_usage.settings import Settings

KEPT_DAYS = 35
"""So many days beyond `landing.wait_days` the landing zone has to keep files: they may have to be read again."""

_SKEW_SECONDS = 240.0
_GRAVEST = (ResidencyError, ConfigurationError, StorageError)


def examine(load: Callable[[], Settings], today: date) -> list[Finding]:
    """Look at everything, and go on after a fault as far as nothing is read that should not be.

    Of warehouse and publish it is tried whether they keep create-if-absent: a file is made in each, and removed.

    Args:
        load: Gives the settings.
        today: The UTC day that is not over.
    """
    installed = [*installation.telemetry(), *installation.versions()]
    try:
        settings = load()
    except ConfigurationError as error:
        return [Finding("setting", "all", fault=error), *installed]
    return [*_settings(settings), *_stores(settings, today), *installed]


def exit_code(findings: list[Finding]) -> int:
    """Return the exit code of the gravest fault: outside the EEA before configuration before storage; 0 without one."""
    faults = [finding.fault for finding in findings if finding.fault]
    codes = [kind.exit_code for kind in _GRAVEST if any(isinstance(fault, kind) for fault in faults)]
    return next(iter(codes), faults[0].exit_code if faults else 0)


def _settings(settings: Settings) -> Iterator[Finding]:
    tried = {
        "catalogue.path": lambda: _said(declared(settings)),
        "engine.runner": lambda: installation.runner(settings.engine),
    }
    for key, value, origin in settings.rows():
        shown = "none" if value is None else str(value)
        try:
            told = (tried[key]() if key in tried else None) or ""
        except ConfigurationError as error:
            yield Finding("setting", key, f"{shown} ({origin})", error)
        else:
            yield Finding("setting", key, f"{shown} ({origin}){told}")
    try:
        numbers = digest_numbers(settings)
    except ConfigurationError as error:
        yield Finding("setting", "account digests", fault=error)
    else:
        told = "no accounts are listed: pseudonyms are held against none" if numbers is None else "a list is there"
        yield Finding("setting", "account digests", told)


def _said(catalogue: Catalogue) -> str:
    return (
        f": {len(catalogue.services)} services, {len(catalogue.user_types)} user types,"
        f" {len(catalogue.features)} features"
    )


def _stores(settings: Settings, today: date) -> Iterator[Finding]:
    found = survey(settings)
    for name, store in found.items():
        if store is None:
            yield Finding("store", name, "not asked: another store is refused or does not answer", skipped=True)
        elif isinstance(store, Store):
            yield _store(store)
        else:
            yield Finding("store", name, fault=store)
    zone, warehouse = found["landing"], found["warehouse"]
    if isinstance(zone, Store) and isinstance(warehouse, Store):
        yield _kept(zone, warehouse, today, settings.landing.wait_days + KEPT_DAYS)
    else:
        yield Finding("store", "landing keeps files", "not looked at", skipped=True)
    yield Finding("store", "spool", f"{tempfile.gettempdir()}, {_gigabytes(_free(tempfile.gettempdir()))} free")


def _store(store: Store) -> Finding:
    residency = store.residency
    told = [store.url, f"{residency.country} {'proven' if residency.proven else 'declared'}", residency.operator]
    told += [residency.region] if residency.region else []
    told += [f"proof: {residency.proof}"] if residency.proof else []
    try:
        description = store.describe()
    except CetegraUsageError as error:
        return Finding("store", store.name, ", ".join(told), error)
    if description.conditional_create is not None:
        told.append("keeps create-if-absent")
    told.append(
        "free space not told" if description.free_bytes is None else f"{_gigabytes(description.free_bytes)} free"
    )
    offset = description.clock_offset_seconds
    told.append(f"clock {offset:+.0f} s")
    fault = None
    if abs(offset) > _SKEW_SECONDS:
        fault = StorageError(
            f"the clocks of {store.name} and of this machine differ by {offset:+.0f} s",
            why="signatures carry the time, and are refused when it is wrong by minutes",
            hint="set this machine's clock",
        )
    return Finding("store", store.name, ", ".join(told), fault)


def _kept(zone: Store, warehouse: Store, today: date, days: int) -> Finding:
    """Look whether a partition that was judged, and is not old enough to go, has gone from the landing zone."""
    name = "landing keeps files"
    try:
        scanned, known = landing.scan(zone), ledger.load(warehouse).latest
    except StorageError as error:
        return Finding("store", name, fault=error)
    first = today - timedelta(days=days)
    judged = [found for one in known if (found := parse(one)).day >= first and not landing.is_masked(found)]
    gone = [found for found in judged if found not in scanned.partitions]
    strangers = f"; {scanned.strangers} files lie where no partition is: never read" if scanned.strangers else ""
    found = f"{_span(scanned.partitions)}{strangers}"
    if not gone:
        return Finding("store", name, f"{found}; none of the last {days} days that was judged has gone")
    fault = StorageError(
        f"{len(gone)} partitions of the last {days} days have gone from landing, {min(gone, key=_day).id} first",
        why="what landed may have to be read again for so long: held rows, late consent, changed rules",
        hint=f"let the landing zone keep files for {days} days or longer",
    )
    return Finding("store", name, found, fault)


def _span(partitions: Mapping[Partition, Any]) -> str:
    days = sorted(partition.day for partition in partitions)
    return f"{len(days)} partitions from {days[0]} to {days[-1]}" if days else "nothing has landed"


def _day(partition: Partition) -> date:
    return partition.day


def _free(folder: str) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB"
