"""A read-only look at the published tables: each is a view over the latest revision of every period."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

import duckdb

from cetegra_usage import sql
from cetegra_usage.errors import UsageError
from cetegra_usage.pipeline.spool import spool
from cetegra_usage.publish import manifests
from cetegra_usage.store import open_all, undamaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cetegra_usage.settings import Settings
    from cetegra_usage.store import Store

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_LISTINGS = frozenset({'"tables"', "__show_tables_expanded"})
_OF_THE_ENGINE = re.compile(r"(?:duckdb|pg|pragma|sqlite)_|current_setting$|getvariable$|write_log$", re.IGNORECASE)


def query(settings: Settings, text: str) -> tuple[list[str], list[list[Any]]]:
    """Run one SELECT over the published tables.

    Args:
        settings: Where they are.
        text: The statement. No file, attachment, copy or setting can be reached from it.

    Returns:
        The columns and the rows, as plain JSON values.

    Raises:
        StorageError: A published table is damaged, or the store does not answer.
        UsageError: It is no single SELECT, or DuckDB cannot run it.
    """
    published = open_all(settings).publish
    with sql.connect(memory_limit=settings.engine.memory_limit) as connection, spool() as folder:
        _load(connection, published, folder)
        # From here on nothing outside the loaded tables can be reached, and that cannot be undone.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            statements = connection.extract_statements(text)
            is_select = [statement.type for statement in statements] == [duckdb.StatementType.SELECT]
            if not is_select or not _stays_inside(connection, text):
                raise UsageError(
                    "the query is no single SELECT",
                    why="published tables can be looked at, and nothing else",
                    hint="cetegra-usage sql query 'SELECT * FROM features LIMIT 5'",
                )
            relation = connection.sql(text)
            columns = list(relation.columns)
            return columns, [[_plain(value) for value in row] for row in relation.fetchall()]
        except duckdb.Error as error:
            why = str(error).splitlines()[0]  # of the query and of published figures alone
        raise UsageError("the query cannot be run", why=why, hint="cetegra-usage sql query 'SHOW TABLES'")


def _stays_inside(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Whether a statement, as DuckDB parses it, reads tables alone: no setting, nothing of the engine, no write."""
    parsed: str = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()[0][0]
    document = json.loads(parsed)
    tables = {str(name) for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    shown = tables | {table.removesuffix("_rows") for table in tables} | _LISTINGS
    return not document["error"] and all(_is_inside(node, shown) for node in _nodes(document))


def _is_inside(node: dict[str, Any], shown: set[str]) -> bool:
    kind, table = str(node.get("type", "")), str(node.get("table_name", ""))
    if kind == "TABLE_FUNCTION":
        return node["function"].get("function_name") in _TABLE_FUNCTIONS
    if kind == "SHOW_REF":
        return not table or table in shown
    names = (table, str(node.get("function_name", "")))
    return not kind.endswith("QUERY_NODE") and not any(_OF_THE_ENGINE.match(name) for name in names)


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a parsed statement."""
    if isinstance(document, dict):
        node = cast("dict[str, Any]", document)
        yield node
        yield from (found for value in node.values() for found in _nodes(value))
    elif isinstance(document, list):
        yield from (found for value in cast("list[Any]", document) for found in _nodes(value))


def _load(connection: duckdb.DuckDBPyConnection, published: Store, spool: Path) -> None:
    """Load every published table, the latest revision of each period."""
    files: dict[str, list[str]] = {}
    manifest = manifests.current(published)
    for entry in manifest.releases:
        for found in published.list(f"{entry['path']}/data"):
            if found.path.endswith(".parquet"):
                name = found.path.rsplit("/", 1)[-1].removesuffix(".parquet")
                files.setdefault(name, []).append(str(published.fetch(found, spool)))
    for name, paths in sorted(files.items()):
        with undamaged(published, f"releases/*/data/{name}.parquet", duckdb.Error):
            connection.read_parquet(paths).to_table(f"{name}_rows")
        connection.table(f"{name}_rows").create_view(name)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what is no number, or without end, is null."""
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(part) for key, part in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in cast("list[Any]", value)]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (float, Decimal)):
        return float(value) if isfinite(value) else None
    return value
