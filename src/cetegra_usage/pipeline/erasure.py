"""Erasure: what is known of people who asked for it goes, from the rollups, the summaries and the consent log.

The files are written anew, a record of the ledger names them, and the old ones are removed. Rows that closed keep their
figures. Whom landed files still name is known by a keyed hash, so that no later run takes them in again.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from cetegra_usage import ledger, sql
from cetegra_usage.errors import StorageError, UsageError
from cetegra_usage.pipeline import consent_log, forgetting, keeping, memory, summaries
from cetegra_usage.pipeline.plan import parse
from cetegra_usage.store import ObjectMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cetegra_usage.ledger import Record
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.store import Store

_LEAST, _MOST = 2**32 + 1, 2**63 - 1
_DIGITS = re.compile(rb"(?<![0-9])[0-9]{10,19}(?![0-9])")
_UNREADABLE = (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What a damaged Parquet file raises."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure came to.

    Attributes:
        listed: How many pseudonyms were asked for.
        partitions: The partitions out of which somebody went, by id.
        searched: How many files were searched afterwards, by store: nobody was found in any.
    """

    listed: int
    partitions: Sequence[str]
    searched: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return it as the `--json` document shows it."""
        return {"listed": self.listed, "partitions": list(self.partitions), "searched": self.searched}


def listed(file: Path) -> list[int]:
    """Read a file of pseudonyms, one a line; empty lines count for nothing.

    Raises:
        UsageError: It cannot be read, a line is no pseudonym, or there is none; no line is quoted.
    """
    content, why = b"", ""
    try:
        content = file.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
    if why:
        raise UsageError("the file of pseudonyms cannot be read", why=why, hint="name one that you may read")
    pseudonyms: set[int] = set()
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        text = line.strip()
        if not text:
            continue
        if not re.fullmatch(rb"[0-9]{1,19}", text) or not _LEAST <= int(text) <= _MOST:
            raise UsageError(
                f"line {number} of the file is no pseudonym",
                why="a pseudonym (or a recipient) is a whole number between 2^32 and 2^63, in digits, one a line",
                hint=f"mend line {number}; nothing was erased",
            )
        pseudonyms.add(int(text))
    if not pseudonyms:
        raise UsageError("the file lists nobody", why="it has no line", hint="one pseudonym a line")
    return sorted(pseudonyms)


def erase(job: Job, pseudonyms: Sequence[int], reason: str) -> Erasure:
    """Erase people from the warehouse, and search it and what is published for them.

    Args:
        job: What is there; the warehouse is held meanwhile.
        pseudonyms: Who asked for it.
        reason: Why; it stays in the ledger.

    Raises:
        QueryError: DuckDB failed on a rollup.
        StorageError: A store does not answer, another run holds the warehouse, or somebody was found again.
        UsageError: The reason names one of them: it could not be erased from the ledger.
    """
    if not set(pseudonyms).isdisjoint(map(int, _DIGITS.findall(reason.encode()))):
        raise UsageError(
            "the reason names somebody who is to be erased",
            why="it stays in the ledger, out of which nothing is taken",
            hint="--reason with the number of the request; nothing was erased",
        )
    warehouse = job.stores.warehouse
    day = max([job.today, *(parse(partition).day for partition in job.ledger.latest)])  # the clock may be behind
    with job.held(everywhere=True):  # whose end removes the files that are no longer named
        # First of all, so that a run after one that died here takes nobody in.
        known = replace(job.spec.erased, key=memory.key(job))
        known = known.joined_by(pseudonyms, day, _in_force(job, pseudonyms))
        job.spec = replace(job.spec, erased=known)
        keeping.keep_erased(job, known, reason)
        gone = pl.DataFrame({"pseudonym": pseudonyms}, schema={"pseudonym": pl.Int64}).with_columns(
            forgotten_before=day + timedelta(days=1)
        )
        summaries.forget(job, gone)
        records = _holding(job, gone)
        with sql.connect(memory_limit=job.settings.engine.memory_limit) as connection:
            bodies = [
                ledger.forgetting(
                    record, forgetting.rewritten(connection, job, record, gone), erased=day, reason=reason
                )
                for record in records
            ]
        job.make_sure()
        ledger.append(warehouse, job.ledger, bodies, datetime.now(UTC))
        consent_log.file(job)
        job.remember()
    searched: dict[str, int] = {}
    for store in (warehouse, job.stores.publish):
        searched[store.name] = _searched(store, set(pseudonyms))
    return Erasure(len(pseudonyms), sorted({record.partition for record in records}), searched)


def _in_force(job: Job, pseudonyms: Sequence[int]) -> pl.DataFrame:
    """Return when consent of some people was in force, as far as the log tells."""
    log = consent_log.changes(job).filter(pl.col("pseudonym").is_in(pseudonyms)).select(consent_log.COLUMNS)
    with sql.connect() as connection:
        connection.register("consent_log", log)
        return sql.frame(connection, "intervals")


def _holding(job: Job, gone: pl.DataFrame) -> list[Record]:
    """Return what holds of the partitions in which somebody is who has to go, days of the log as they were among it."""
    records = job.ledger.standing(sorted(job.ledger.latest))
    found: set[int] = set()
    for table, column in memory.WHO.items():
        whose: dict[str, list[int]] = {}
        for record in records:
            for path in memory.fetch_rollups(job, record, table):
                whose.setdefault(str(path), []).append(record.number)  # two may say the same
        if whose:
            there = (
                pl.scan_parquet(list(whose), include_file_paths="path")
                .select("path", pl.col(column).cast(pl.Int64).alias("pseudonym"))
                .join(gone.lazy(), on="pseudonym", how="semi")
                .select(pl.col("path").unique())
                .collect(engine="streaming")
            )
            found.update(*(whose[path] for path in there["path"]))
    return [record for record in records if record.number in found]


def _searched(store: Store, pseudonyms: set[int]) -> int:
    """Search every file of a store, and return how many there are.

    Raises:
        StorageError: Somebody is in one, or one cannot be read.
    """
    entries = store.list()
    held: list[str] = []
    unread: list[str] = []
    for entry in entries:
        try:
            if _holds(entry.path, store.read(entry.path), pseudonyms):
                held.append(entry.path)
        except ObjectMissingError:
            continue  # a run that began since has let go of it
        except (OSError, EOFError, zlib.error, *_UNREADABLE):
            unread.append(entry.path)
    for paths, what in (
        (held, "somebody who was to be erased is still in {} files of {}"),
        (unread, "nobody can say who is in {} files of {}, which are not what their names say"),
    ):
        if paths:
            raise StorageError(
                what.format(len(paths), store.name),
                why=", ".join(paths[:3]),
                hint="let no other program write there, remove what is not of this one, and run the command again",
            )
    return len(entries)


def _holds(path: str, content: bytes, pseudonyms: set[int]) -> bool:
    """Whether a file has one of some pseudonyms in it: in a column or a footer of Parquet, or as digits in a text."""
    if path.endswith(".parquet"):
        return _in_parquet(content, pseudonyms)
    text = gzip.decompress(content) if path.endswith(".gz") else content
    return any(int(digits) in pseudonyms for digits in _DIGITS.findall(text))


def _in_parquet(content: bytes, pseudonyms: set[int]) -> bool:
    frame = pl.read_parquet(io.BytesIO(content))
    for column in frame.iter_columns():
        if column.dtype.is_integer() and column.cast(pl.Int64, strict=False).is_in(list(pseudonyms)).any():
            return True
        if column.dtype == pl.String and column.is_in([str(one) for one in pseudonyms]).any():
            return True
    footer = parquet.read_metadata(io.BytesIO(content))
    return any(
        not pseudonyms.isdisjoint((statistics.min, statistics.max))
        for group in range(footer.num_row_groups)
        for column in range(footer.num_columns)
        if (statistics := footer.row_group(group).column(column).statistics) is not None and statistics.has_min_max
    )
