"""Partitions as files: frames in, Parquet or NDJSON and a seal out, the same bytes for the same table."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cetegra_usage.synth.portal import ACTIONS, USER_TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from cetegra_usage.model import Partition
    from cetegra_usage.synth.activity import Events
    from cetegra_usage.synth.people import ConsentLog

Form = Literal["parquet", "ndjson", "ndjson.gz", "ndjson.zst"]

SEAL = "_seal.json"
INSTANT = pl.Datetime("us", "UTC")
NO_ID = bytes(16)
_ROW_GROUP_ROWS = 122_880
_FEW_VALUES = ("service", "user_type", "action", "feature", "consent", "state", "notice", "kind", "rating", "company")


def event_frame(events: Events, service: str, features: tuple[str, ...]) -> pl.DataFrame:
    """Return a day's events as the contract's columns; UUIDs are 16 bytes."""
    identified = pl.col("pseudonym") > 0
    frame = pl.DataFrame(
        {
            "event_id": uuid_column(events.event_id),
            "occurred_at": events.occurred_at,
            "service": _words(np.zeros_like(events.user_type), (service,)),
            "user_type": _words(events.user_type, tuple(USER_TYPES)),
            "action": _words(events.action, ACTIONS),
            "feature": _words(events.feature, features),
            "consent": events.pseudonym > 0,
            "pseudonym": events.pseudonym,
            "session_id": uuid_column(events.session_id),
        }
    )
    return frame.with_columns(
        pl.col("occurred_at").cast(INSTANT),
        pl.when(identified).then("pseudonym"),
        pl.when(pl.col("session_id") != NO_ID).then("session_id"),
    )


def consent_frame(log: ConsentLog) -> pl.DataFrame:
    """Return changes of consent as the contract's columns."""
    return pl.DataFrame(
        {
            "pseudonym": log.pseudonym,
            "changed_at": log.changed_at,
            "state": log.granted,
        }
    ).with_columns(
        pl.col("changed_at").cast(INSTANT),
        pl.when("state").then(pl.lit("granted")).otherwise(pl.lit("withdrawn")).alias("state"),
    )


def write_partition(root: Path, partition: Partition, frame: pl.DataFrame, form: Form, stem: str = "part-0") -> None:
    """Write a file of a partition (none where there is no row), and then the seal over it and what lay beside it."""
    folder = root / partition.prefix
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{stem}.{form}"
    entries = [entry for entry in sealed(folder) if entry["name"] != name]
    if frame.height:
        data = _parquet(frame) if form == "parquet" else _compressed(_ndjson(frame), form)
        (folder / name).write_bytes(data)
        entries.append(seal_entry(name, data, frame.height))
    write_seal(folder, entries)


def sealed(folder: Path) -> list[dict[str, Any]]:
    """Return what the seal of a folder lists; nothing where there is none."""
    seal = folder / SEAL
    return json.loads(seal.read_text("utf-8"))["files"] if seal.exists() else []


def seal_entry(name: str, data: bytes, rows: int) -> dict[str, Any]:
    """Return what a seal says of a file."""
    return {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "rows": rows}


def write_seal(folder: Path, entries: list[dict[str, Any]]) -> None:
    """Write a partition's seal."""
    (folder / SEAL).write_text(json.dumps({"files": entries}, indent=1) + "\n", "utf-8")


def _parquet(frame: pl.DataFrame) -> bytes:
    table: Any = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    for position, (name, kind) in enumerate(frame.schema.items()):
        if kind == pl.Binary:
            # Through fixed bytes to Parquet's own UUID.
            table = table.set_column(position, name, table[name].cast(pa.binary(16)).cast(pa.uuid()))
    buffer = io.BytesIO()
    write: Any = pq.write_table  # its annotations know less than it does
    write(
        table,
        buffer,
        row_group_size=_ROW_GROUP_ROWS,
        version="2.6",
        data_page_version="2.0",
        compression="zstd",
        use_dictionary=[name for name in _FEW_VALUES if name in frame.columns],
        # Without it a reader sees what Parquet itself says, not what Arrow remembers.
        store_schema=False,
    )
    return buffer.getvalue()


def _ndjson(frame: pl.DataFrame) -> bytes:
    text = [
        uuid_text(name) if kind == pl.Binary else pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        for name, kind in frame.schema.items()
        if kind in {pl.Binary, INSTANT}
    ]
    return frame.with_columns(text).write_ndjson().encode()


def _compressed(data: bytes, form: Form) -> bytes:
    if form == "ndjson.gz":
        return gzip.compress(data, mtime=0)
    if form == "ndjson.zst":
        return pa.compress(data, codec="zstd", asbytes=True)
    return data


def uuid_text(name: str) -> pl.Expr:
    """Return the expression that writes a column of 16 bytes as UUIDs are written."""
    digits = pl.col(name).bin.encode("hex")
    cuts = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
    return pl.concat_str([digits.str.slice(begin, length) for begin, length in cuts], separator="-").alias(name)


def uuid_column(ids: NDArray[np.uint8]) -> pl.Series:
    """Return 16 bytes a row as one binary column, without a Python object a row."""
    storage: Any = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(ids.tobytes())])
    return pl.Series(values=storage, dtype=pl.Binary)


def _words(codes: NDArray[np.int8], words: tuple[str, ...]) -> pl.Series:
    return pl.Series(codes.astype(np.uint8)).cat.to(pl.Enum(words))
