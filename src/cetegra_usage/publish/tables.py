"""Protected tables as Parquet and CSV: equal tables give equal bytes."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.model import ProtectedTable


def parquet(table: ProtectedTable, definition: TableDefinition) -> bytes:
    """Return a table as Parquet, with what each column means in its metadata."""
    arrow = table.frame.to_arrow()
    meanings = {measure.name: measure.definition for measure in definition.measures}
    fields = [
        pa.field(
            name,
            pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind,
            metadata={"definition": meanings[name]} if name in meanings else None,
        )
        for name, kind in zip(arrow.schema.names, arrow.schema.types, strict=True)
    ]
    about = {"title": definition.title, "description": definition.description, "grain": json.dumps(definition.grain)}
    schema = pa.schema(fields, metadata=about)
    buffer = io.BytesIO()
    pq.write_table(arrow.cast(schema), buffer, compression="zstd", version="2.6", store_schema=False)
    return buffer.getvalue()


def csv(table: ProtectedTable) -> bytes:
    """Return a table as CSV, UTF-8 with a head; null is empty, and the status says why."""
    return table.frame.write_csv(line_terminator="\n").encode()
