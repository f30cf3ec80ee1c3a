"""Tallies that are kept: the figures of rows that closed stay what they were, and are not made again.

    <warehouse>/tallies/<table>/<beginning>_<last>.parquet     one a unit; in its footer what it was made from

Counts alone are in them, and nobody's pseudonym.
"""

from __future__ import annotations

import hashlib
import io
import json
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage import measure
from cetegra_usage.pipeline import keeping
from cetegra_usage.pipeline.plan import parse
from cetegra_usage.project import root, version
from cetegra_usage.store import ObjectMissingError, damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cetegra_usage.ledger import Record
    from cetegra_usage.measure import Unit
    from cetegra_usage.model import Partition
    from cetegra_usage.pipeline.job import Job

_INPUTS, _RULES, _TERMS = "inputs", "rules", "terms"


def statements() -> str:
    """Return a hash of what rows are rolled up and measured by: statements, and the version of all else."""
    hashed = hashlib.sha256(version().encode())
    for room in ("sql/marts", "sql/rollups"):
        for file in sorted((root() / room).iterdir()):
            hashed.update(file.read_bytes())
    return hashed.hexdigest()


class Kept:
    """The tallies that a job finds, and those that it makes."""

    def __init__(self, job: Job) -> None:
        """Take the ledger as it is now: whatever is committed later asks for another."""
        self._job = job
        self._made: dict[str, bytes] = {}

    def of(self, units: Iterable[Unit]) -> dict[Unit, pl.DataFrame]:
        """Return the tallies that hold.

        A tally holds while it is made from what is accepted now. If statements, settings or the catalogue are others,
        it is made again, unless somebody of it was forgotten meanwhile: then what was made when the row closed is all
        that there is. One that is not what its record says is no tally.

        Raises:
            StorageError: One is damaged, and would lack somebody were it made again; or the warehouse does not answer.
        """
        found: dict[Unit, pl.DataFrame] = {}
        for unit in units:
            try:
                data = self._job.stores.warehouse.read(_path(unit))
            except ObjectMissingError:
                continue
            is_last = self.lacking(unit) or self._is_erased(unit)
            if not keeping.is_kept(self._job, _path(unit), data):
                if is_last and not keeping.was_kept(self._job, _path(unit), data):
                    raise damaged(self._job.stores.warehouse, _path(unit))
                continue
            said = pl.read_parquet_metadata(io.BytesIO(data))
            terms = json.loads(said[_TERMS])
            if said[_INPUTS] != measure.fingerprint(unit, self._contents, terms):
                continue
            is_as_now = said[_RULES] == self._rules and terms == self._terms(unit)
            if is_as_now or is_last:
                found[unit] = pl.read_parquet(io.BytesIO(data))
        return found

    def keep(self, unit: Unit, tally: pl.DataFrame) -> None:
        """Have the tally of a unit kept, over the one that no longer holds; `put` does it."""
        data = io.BytesIO()
        terms = self._terms(unit)
        inputs = measure.fingerprint(unit, self._contents, terms)
        tally.write_parquet(data, metadata={_INPUTS: inputs, _RULES: self._rules, _TERMS: json.dumps(terms)})
        self._made[_path(unit)] = data.getvalue()

    def put(self) -> None:
        """Put what is to be kept into the warehouse, under one record."""
        keeping.keep(self._job, self._made)
        self._made.clear()

    @property
    def has_forgotten(self) -> bool:
        """Whether anybody was ever forgotten."""
        return bool(self._forgotten_in)

    def lacking(self, unit: Unit) -> list[Partition]:
        """Return the partitions that a unit looks at and out of which somebody went who counts in it.

        Who was erased counts in nothing that is made after that.
        """
        records = self._within(unit, self._forgotten_in).items()
        return [partition for partition, record in records if record.forgotten_until >= unit.beginning]

    def _is_erased(self, unit: Unit) -> bool:
        """Whether somebody was erased, after a unit had closed, out of what it looks at."""
        return any(record.erased_on > unit.last for record in self._within(unit, self._erased_in).values())

    def _within(self, unit: Unit, records: Mapping[Partition, Record]) -> dict[Partition, Record]:
        """Return those of some partitions' records at which a unit looks."""
        settings = self._job.settings
        first = unit.made_from(settings.retention.identified_days, settings.session.max_days)
        return {
            partition: record
            for partition, record in records.items()
            if first <= partition.day <= unit.last and (partition.kind == "feedback") == (unit.table == "feedback")
        }

    def _terms(self, unit: Unit) -> dict[str, Any]:
        return measure.terms(unit, catalogue=self._job.catalogue, settings=self._job.settings)

    @cached_property
    def _rules(self) -> str:
        return statements()

    @cached_property
    def _contents(self) -> measure.Contents:
        latest = self._job.ledger.latest.items()
        return measure.Contents({parse(partition): record.content for partition, record in latest})

    @cached_property
    def _forgotten_in(self) -> dict[Partition, Record]:
        latest = self._job.ledger.latest.items()
        return {parse(partition): record for partition, record in latest if record.has_forgotten}

    @cached_property
    def _erased_in(self) -> dict[Partition, Record]:
        latest = self._job.ledger.latest.items()
        return {parse(partition): record for partition, record in latest if record.erased_on > date.min}


def _path(unit: Unit) -> str:
    return f"{keeping.TALLIES}/{unit.table}/{unit.beginning}_{unit.last}.parquet"
