"""Landed files as one typed DuckDB view, whatever their form; what does not cast is counted, never shown.

The view `landed` (`feedback` of answers to notices) has the columns of the contract, typed; of each instant also
`<name>_us`, microseconds since 1970 (UTC); of each column in which null is allowed `<name>_unread`, 1 where its null
is a value that does not cast; two counters a row: `unreadable` (values that are there and do not cast) and `lost` (of
the columns in which null is never allowed: values that do not cast, and columns that are absent; what else is null in
them is missing); the texts that no column holds, as lists or null: `unread`, those that do not cast, and `unlisted`,
those of columns and keys that the contract does not list; and where the row is: `file`, and its `place` in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from pyarrow import parquet

from cetegra_usage import sql
from cetegra_usage.errors import IncompletePartitionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

_TRUNCATED = "make_timestamp(epoch_ns({c}) // 1000)"  # a cast would round to the next microsecond
# AT TIME ZONE asks a calendar, row by row, and costs six times as much: it is left what is no time at all (infinity).
_IN_UTC = "coalesce(make_timestamp(epoch_us({c})), {c} AT TIME ZONE 'UTC')"
_ISO = r"'\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)'"
_INSTANT = "CASE WHEN regexp_full_match({c}, " + _ISO + ") THEN TRY_CAST({c} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
_WIDER = "{c}::BIGINT"
_SURE = (_IN_UTC, _WIDER)
"""Casts of which no value fails: not worth a second look at every row."""
# What no 64 bits hold becomes 0, which no pseudonym may be either: it is counted as out of range, no digit is lost.
_WHOLE = "CASE WHEN regexp_full_match({c}, '-?[0-9]{1,30}') THEN coalesce(TRY_CAST({c} AS BIGINT), 0) END"
_WIDE = "CASE WHEN {c} IS NOT NULL THEN coalesce(TRY_CAST({c} AS BIGINT), 0) END"
# Sixteen bytes, or a text that the writer did not mark as one.
_UUID = "TRY_CAST(CASE octet_length({c}) WHEN 16 THEN hex({c}) ELSE TRY(decode({c})) END AS UUID)"
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")

# What a column may be in a Parquet file, and how it becomes what the contract says; nulls without a type are of any.
# Nothing else casts.
_CASTS: Mapping[str, Mapping[str, str]] = {
    "uuid": {"UUID": "{c}", "VARCHAR": "TRY_CAST({c} AS UUID)", "BLOB": _UUID},
    "instant": {
        "TIMESTAMP": "{c}",
        "TIMESTAMP_MS": "TRY_CAST({c} AS TIMESTAMP)",
        "TIMESTAMP_NS": _TRUNCATED,
        "TIMESTAMP WITH TIME ZONE": _IN_UTC,
        "TIMESTAMPTZ_NS": _TRUNCATED,
        "VARCHAR": _INSTANT,
    },
    "text": {"VARCHAR": "{c}", "BLOB": "TRY(decode({c}))"},
    "flag": {
        "BOOLEAN": "{c}",
        "VARCHAR": "CASE lower({c}) WHEN 'true' THEN true WHEN 'false' THEN false END",
        **dict.fromkeys(_INTEGERS, "CASE {c} WHEN 1 THEN true WHEN 0 THEN false END"),
    },
    "whole": {
        **dict.fromkeys(_INTEGERS, _WIDER),
        **dict.fromkeys(("UBIGINT", "HUGEINT", "UHUGEINT"), _WIDE),
        "VARCHAR": _WHOLE,
    },
}

# The same for a value of a JSON object, by its JSON type.
_JSON_CASTS: Mapping[str, Mapping[str, str]] = {
    "uuid": {"VARCHAR": _CASTS["uuid"]["VARCHAR"]},
    "instant": {"VARCHAR": _INSTANT},
    "text": {"VARCHAR": "{c}"},
    "flag": {"BOOLEAN": "{c} = 'true'"},
    "whole": {"VARCHAR": _WHOLE, "BIGINT": _WHOLE, "UBIGINT": _WHOLE},
}

_ROW_NUMBER = "file_row_number"  # DuckDB's own, of every Parquet file
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_PIECE_BYTES = 1 << 20

# Of a line far too long for an event each text is cut after a thousand characters (an escape, or a pair, is one): still
# no key, id or time, whatever it says, and small enough for all that is asked of it.
_CHARACTER = r"""(?:[^"\\]|\\(?:u(?:[dD][89abAB]..\\u)?....|[^u]))"""
_LONG_TEXT = f'("{_CHARACTER}{{1000}}){_CHARACTER}+"'
_LINES = r"""
SELECT
    CASE WHEN strlen(json) > 100_000 THEN regexp_replace(json::VARCHAR, $long, '\1"', 'g')::JSON ELSE json END AS json
FROM read_ndjson_objects($file)"""

_NOTHING = "NULL::VARCHAR[]"
_OTHER_KEYS = """
list_transform(
    list_filter(
        list_transform(
            list_filter(json_keys(json), lambda key: NOT list_contains({listed}, key)),
            lambda key: json -> ('/' || replace(replace(key, '~', '~0'), '/', '~1'))
        ),
        lambda value: json_type(value) IN ('VARCHAR', 'OBJECT', 'ARRAY')
    ),
    lambda value: value ->> '$'
)"""
_TEXTS = re.compile(r"VARCHAR|BLOB|JSON|ENUM.*|STRUCT.*|MAP.*|.*\]")
"""Kinds of an unlisted column of which values are searched: numbers and times can be many things."""

_UNTYPED = '"NULL"'
_NULLS = {"uuid": "UUID", "instant": "TIMESTAMP", "text": "VARCHAR", "flag": "BOOLEAN", "whole": "BIGINT"}


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a landed table: kind (`uuid`, `instant`, `text`, `flag`, `whole`) and whether null is allowed.

    `view` is the name under which statements read it: what serves another purpose has another.
    """

    kinds: Mapping[str, str]
    nullable: frozenset[str] = frozenset()
    view: str = "landed"


EVENTS = Schema(
    {
        "event_id": "uuid",
        "occurred_at": "instant",
        "service": "text",
        "user_type": "text",
        "action": "text",
        "feature": "text",
        "consent": "flag",
        "pseudonym": "whole",
        "session_id": "uuid",
    },
    nullable=frozenset({"pseudonym", "session_id"}),
)
CONSENTS = Schema({"pseudonym": "whole", "changed_at": "instant", "state": "text"})
FEEDBACK = Schema(
    {
        "event_id": "uuid",
        "occurred_at": "instant",
        "notice": "text",
        "kind": "text",
        "rating": "whole",
        "recipient": "whole",
        "company": "uuid",
    },
    nullable=frozenset({"rating"}),
    view="feedback",
)


@dataclass(slots=True)
class Shape:
    """What a partition's files say of their columns.

    Attributes:
        extra: Columns that the contract does not list (Parquet: columns; NDJSON: rows with such a key, or one twice).
        missing: Columns that are not there (NDJSON: rows that lack a key).
        mistyped: Columns of a type that no cast mends (NDJSON: rows with a nested value).
        names: Names of the unlisted columns and keys, for the detectors alone.
        unusable: Contract columns that are missing or mistyped in some file: what needs them is not checked.
    """

    extra: int = 0
    missing: int = 0
    mistyped: int = 0
    names: set[str] = field(default_factory=set[str])
    unusable: set[str] = field(default_factory=set[str])


def view(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], schema: Schema, *, longest: int | None = None
) -> Shape:
    """Make the view of the schema over a partition's files and return what they say of their columns.

    Args:
        connection: Where the view is made.
        files: Local Parquet and NDJSON files (plain, gzip, zstd), by the endings of the contract.
        schema: The columns that the view has.
        longest: After how many characters texts are cut; None where they are as they are: to cut them costs time.

    Raises:
        IncompletePartitionError: A file cannot be read as what its name says.
    """
    shape = Shape()
    parts: list[duckdb.DuckDBPyRelation] = []
    for number, file in enumerate(files):
        try:
            if file.name.endswith(".parquet"):
                parts.append(_parquet(connection, file, number, schema, shape))
            else:
                parts.append(_ndjson(connection, file, number, schema, shape))
            continue
        except duckdb.OutOfMemoryException:
            failed: Exception = sql.QueryError("profile", "OutOfMemoryException")
        except (duckdb.Error, sql.QueryError, UnicodeError, OSError):
            failed = unreadable()  # raised below, where no chain leads back to words that may quote rows
        raise failed
    union = parts[0] if parts else _empty(connection, schema)
    for part in parts[1:]:
        union = union.union(part)
    if longest:
        cut = [f"left({name}, {longest}) AS {name}" for name, kind in schema.kinds.items() if kind == "text"]
        union = union.project(f"* REPLACE ({', '.join(cut)})")
    union.create_view(schema.view, replace=True)
    return shape


def unreadable() -> IncompletePartitionError:
    """Return the error for files that are not what their names say; the reader's own words may quote rows."""
    return IncompletePartitionError(
        "a file cannot be read as what its name says",
        why="it is cut short, damaged, or of another form",
        hint="land the partition again; the next run takes it",
    )


def _parquet(
    connection: duckdb.DuckDBPyConnection, file: Path, number: int, schema: Schema, shape: Shape
) -> duckdb.DuckDBPyRelation:
    relation, place = connection.read_parquet(_literal(file)), _ROW_NUMBER
    if _overflows(relation, file, schema):
        relation, place = _as_written(connection, file, number), "rowid"
    types = {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    extra = set(types) - set(schema.kinds)
    shape.extra += len(extra)
    shape.names |= extra
    values: dict[str, str] = {}
    for name, kind in schema.kinds.items():
        found = types.get(name, "")
        cast = _CASTS[kind].get(found) or (f"NULL::{_NULLS[kind]}" if found == _UNTYPED else None)
        if cast is None:
            shape.missing += name not in types
            shape.mistyped += name in types
            shape.unusable.add(name)
        else:
            values[name] = cast.replace("{c}", f'"{name}"')
    sure = {name for name in values if _CASTS[schema.kinds[name]].get(types[name]) in _SURE}
    raw = {name: values[name] if name in sure else f'"{name}"' for name in values}
    times = {name: f'"{name}"' for name in values if types[name] == "TIMESTAMP WITH TIME ZONE"}
    texts = [_text_of(name, types[name]) for name in sorted(extra) if _TEXTS.fullmatch(types[name])]
    if place in map(str.lower, types):  # a column of that name hides it: rows are counted then, in the file's order
        place = "row_number() OVER () - 1"
    told = {name: _text_of(name, types[name]) for name in values if types[name] in ("VARCHAR", "BLOB")}
    unlisted = f"[{', '.join(texts)}]" if texts else _NOTHING
    where = f"{number} AS file, {place} AS place"
    return _project(relation, schema, values, raw, values | times, told, unlisted, where)


def _overflows(relation: duckdb.DuckDBPyRelation, file: Path, schema: Schema) -> bool:
    """Whether a file has milliseconds that no microseconds hold: DuckDB reads them as such, and fails."""
    try:
        fields = parquet.read_schema(file)
    except (pa.ArrowException, OSError):  # DuckDB may read it all the same
        return False
    names = [field.name for field in fields if field.name in schema.kinds and _in_milliseconds(field)]
    if not names:
        return False
    try:
        relation.aggregate(", ".join(f'max(epoch_us("{name}"))' for name in names)).fetchall()
    except duckdb.ConversionException:
        return True
    return False


def _as_written(connection: duckdb.DuckDBPyConnection, file: Path, number: int) -> duckdb.DuckDBPyRelation:
    """Return a Parquet file's rows with milliseconds, in UTC, as they are; DuckDB bounds and spills them."""
    from pyarrow import dataset  # noqa: PLC0415  # heavy

    table = f"rows_of_{number}"
    fields = [
        field.with_type(pa.timestamp("ms")) if _in_milliseconds(field) else field for field in parquet.read_schema(file)
    ]
    connection.from_arrow(dataset.dataset(file, schema=pa.schema(fields))).create(table)
    return connection.table(table)


def _in_milliseconds(field: Any) -> bool:
    return pa.types.is_timestamp(field.type) and field.type.unit == "ms"


def _ndjson(
    connection: duckdb.DuckDBPyConnection, file: Path, number: int, schema: Schema, shape: Shape
) -> duckdb.DuckDBPyRelation:
    _decompress(file)
    table = f"lines_{number}"
    # Parsed and cast once, into memory that DuckDB bounds and spills; a line that is no JSON fails here.
    connection.sql(_LINES, params={"file": _literal(file), "long": _LONG_TEXT}).create(table)
    lines = connection.table(table)
    lines.create_view("lines", replace=True)
    found = sql.frame(connection, "ndjson_shape", listed=list(schema.kinds)).row(0, named=True)
    if found["no_object"]:
        raise unreadable()
    shape.extra += int(found["extra"])
    shape.missing += int(found["missing"])
    shape.mistyped += int(found["mistyped"])
    shape.names |= set(found["names"] or ()) - set(schema.kinds)
    columns = [f"json ->> '$.{name}' AS {name}, json_type(json, '$.{name}') AS {name}_type" for name in schema.kinds]
    unlisted = _OTHER_KEYS.format(listed=list(schema.kinds)) if found["extra"] else _NOTHING
    texts = lines.project(f"{', '.join(columns)}, {unlisted} AS unlisted")
    values = {
        name: "CASE "
        + " ".join(
            f"WHEN {name}_type = '{kind}' THEN {cast.replace('{c}', name)}" for kind, cast in _JSON_CASTS[of].items()
        )
        + " END"
        for name, of in schema.kinds.items()
    }
    raw = {name: name for name in schema.kinds}
    _project(texts, schema, values, raw, values, raw, "unlisted", f"{number} AS file").create(f"rows_{table}")
    connection.execute(f"DROP VIEW lines; DROP TABLE {table}")
    return connection.table(f"rows_{table}").project("*, rowid AS place")


def _decompress(file: Path) -> None:
    """Read a compressed file to its end: DuckDB takes one that is cut short or fails its checksum as if it were whole.

    Raises:
        OSError: It is cut short, damaged, or not compressed as its name says.
    """
    compression = _COMPRESSIONS.get(file.suffix)
    if compression is None:
        return
    if not file.stat().st_size:
        raise OSError
    with pa.CompressedInputStream(pa.OSFile(str(file)), compression) as stream:
        while stream.read(_PIECE_BYTES):
            pass


def _project(
    relation: duckdb.DuckDBPyRelation,
    schema: Schema,
    values: Mapping[str, str],
    raw: Mapping[str, str],
    times: Mapping[str, str],
    told: Mapping[str, str],
    unlisted: str,
    place: str,
) -> duckdb.DuckDBPyRelation:
    """Cast the columns, and add what the view has beside them; a column as it should be costs nothing."""
    columns = [f"{values.get(name, f'NULL::{_NULLS[kind]}')} AS {name}" for name, kind in schema.kinds.items()]
    columns += [
        f"epoch_us({times.get(name, 'NULL::TIMESTAMP')}) AS {name}_us"
        for name, kind in schema.kinds.items()
        if kind == "instant"
    ]
    failed = {
        name: f"({raw[name]} IS NOT NULL AND ({cast}) IS NULL)::INT"
        for name, cast in values.items()
        if cast != raw[name]
    }
    columns += [f"{failed.get(name, '0')} AS {name}_unread" for name in schema.kinds if name in schema.nullable]
    lost = [failed.get(name, "0") if name in values else "1" for name in schema.kinds if name not in schema.nullable]
    unreadable = " + ".join(failed.values()) or "0"
    columns += [f"{unreadable} AS unreadable", f"{' + '.join(lost)} AS lost"]
    texts = ", ".join(f"CASE WHEN {failed[name]} = 1 THEN {told[name]} END" for name in failed if name in told)
    unread = f"CASE WHEN {unreadable} > 0 THEN [{texts}] END" if texts else _NOTHING
    columns += [f"{unread} AS unread", f"{unlisted} AS unlisted"]
    return relation.project(f"{', '.join(columns)}, {place}")


def _empty(connection: duckdb.DuckDBPyConnection, schema: Schema) -> duckdb.DuckDBPyRelation:
    nothing = connection.sql("SELECT 1")
    return _project(nothing, schema, {}, {}, {}, {}, _NOTHING, "0 AS file, 0::BIGINT AS place").limit(0)


def _text_of(name: str, kind: str) -> str:
    """Return what a column of any kind says as text."""
    column = '"' + name.replace('"', '""') + '"'
    return f"TRY(decode({column}))" if kind == "BLOB" else f"{column}::VARCHAR"


def _literal(file: Path) -> str:
    """Return the path so that DuckDB reads that file alone: brackets and stars are no pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(file))
