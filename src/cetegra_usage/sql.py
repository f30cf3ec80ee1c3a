"""The warehouse's statements: load one by name, refuse what it does not declare, run it.

A file of the room `sql` holds one statement. Its head, comment lines at the top, declares it::

    -- activity: users and events a day            (table name: what it is)
    -- grain: day x service x user_type
    -- inputs: totals, persons                     (views registered by name)
    -- parameters: first DATE, last DATE           (DuckDB's $first, $last; `none` where there are none)
"""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cetegra_usage.errors import CetegraUsageError, ConfigurationError, UsageError
from cetegra_usage.project import root

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    import duckdb
    import polars as pl

T = TypeVar("T")

_SESSION = (
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = false",
    "SET parquet_metadata_cache = true",  # a file that is asked often is opened once
)
_HEAD = re.compile(r"--\s*(\w+):\s*(.+)")


class QueryError(CetegraUsageError):
    """Raised when DuckDB fails on a statement; its own words quote values, so only their kind is passed on.

    Args:
        name: The statement's name.
        kind: The class of DuckDB's error.
    """

    code = "query"
    exit_code = 1

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(
            f"the statement `{name}` failed: {kind}",
            why="DuckDB could not run it on what it was given (its own words may quote rows, and are not shown)",
            hint=f"cetegra-usage sql show {name}",
        )
        self.kind = kind

    @property
    def is_of_the_data(self) -> bool:
        """Whether the bytes that were read are the likelier cause: a damaged file, not a wrong statement."""
        return self.kind not in {"BinderException", "CatalogException", "ParserException", "OutOfMemoryException"}

    @property
    def is_of_memory(self) -> bool:
        """Whether it would take more memory than there may be."""
        return self.kind == "OutOfMemoryException"

    def __reduce__(self) -> tuple[object, ...]:
        return QueryError, (self.what.split("`")[1], self.kind)


@dataclass(frozen=True, slots=True)
class Statement:
    """One file of the room `sql`.

    Attributes:
        name: The file's name and the table's, for example `activity`.
        room: `checks`, `rollups` or `marts`.
        title: What the table is.
        grain: What one row stands for.
        inputs: The views it reads.
        parameters: DuckDB type by parameter name.
        text: The file, as it stands.
    """

    name: str
    room: str
    title: str
    grain: str
    inputs: tuple[str, ...]
    parameters: dict[str, str]
    text: str


def statements() -> list[Statement]:
    """Return every statement of the room, by room and name."""
    return [load(file.stem) for file in sorted((root() / "sql").glob("*/*.sql"))]


@cache
def load(name: str) -> Statement:
    """Load one statement.

    Raises:
        UsageError: There is no such file.
        ConfigurationError: Its head is incomplete, it holds a second statement, or it uses parameters other than the
            declared ones.
    """
    files = sorted((root() / "sql").glob(f"*/{name}.sql")) if re.fullmatch("[a-z0-9_]+", name) else []
    if len(files) != 1:
        raise UsageError(
            f"there is no statement `{name}`",
            why="a statement is a file of the room sql",
            hint="cetegra-usage sql list",
        )
    return parse(files[0])


def parse(file: Path) -> Statement:
    """Read a statement's file and judge its head against its body; raises as `load` does."""
    import duckdb  # noqa: PLC0415  # heavy: only where a statement is really used

    text = file.read_text("utf-8")
    head: dict[str, str] = {}
    for line in text.splitlines():
        found = _HEAD.match(line)
        if not found:
            break
        head.setdefault(found[1], found[2].strip())
    if missing := [key for key in (file.stem, "grain", "inputs", "parameters") if key not in head]:
        raise _broken(file, f"its head does not say {', '.join(missing)}")
    parameters = dict(entry.split(None, 1) for entry in _entries(head["parameters"]))
    try:
        found_statements = _parser().cursor().extract_statements(text)
    except duckdb.Error:
        found_statements = []
    if len(found_statements) != 1:
        raise _broken(file, "it must hold exactly one statement that DuckDB can parse")
    used = set(found_statements[0].named_parameters)
    if used != set(parameters):
        raise _broken(file, f"its head and body disagree about {', '.join(sorted(used ^ set(parameters)))}")
    return Statement(
        name=file.stem,
        room=file.parent.name,
        title=head[file.stem],
        grain=head["grain"],
        inputs=tuple(_entries(head["inputs"])),
        parameters=parameters,
        text=text,
    )


def frame(connection: duckdb.DuckDBPyConnection, name: str, /, **parameters: Any) -> pl.DataFrame:
    """Run a statement of the room and return its rows.

    Args:
        connection: Where its input views are registered.
        name: The statement's name.
        parameters: Exactly those that its head declares.

    Raises:
        ConfigurationError: A parameter is missing or undeclared.
        QueryError: DuckDB failed; the message names the statement and the kind of failure, never a value.
    """
    return _run(connection, name, parameters, lambda relation: relation.pl())


def batches(connection: duckdb.DuckDBPyConnection, name: str, rows: int, /, **parameters: Any) -> Iterator[Any]:
    """Run a statement of the room and return its rows as Arrow batches; raises as `frame` does."""
    import duckdb  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    reader = _run(connection, name, parameters, lambda relation: relation.to_arrow_reader(rows))
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            kind = type(error).__name__
        else:
            yield batch
            continue
        raise QueryError(name, kind)


def table(connection: duckdb.DuckDBPyConnection, name: str, /, **parameters: Any) -> None:
    """Run a statement of the room and keep its rows as the temporary table of its name; raises as `frame` does."""
    _run(connection, name, parameters, lambda relation: relation.to_table(name))


def empty_table(connection: duckdb.DuckDBPyConnection, name: str, /, **parameters: Any) -> None:
    """Make the table of a statement of the room, where it can have no row.

    Its columns are asked once a process, which raises as `frame` does: to bind a statement takes DuckDB as long as to
    run it on thousands of rows.
    """
    if name not in _columns:
        _columns[name] = _run(connection, name, parameters, _column_list)
    connection.execute(f"CREATE TABLE {name} ({_columns[name]})")


_columns: dict[str, str] = {}


def _column_list(relation: duckdb.DuckDBPyRelation) -> str:
    return ", ".join(f'"{column}" {kind}' for column, kind in zip(relation.columns, relation.types, strict=True))


def view(connection: duckdb.DuckDBPyConnection, name: str, /, **parameters: Any) -> None:
    """Keep a statement of the room as the view of its name, read when it is asked; raises as `frame` does."""
    _run(connection, name, parameters, lambda relation: relation.create_view(name))


def write(relation: duckdb.DuckDBPyRelation, file: Path) -> None:
    """Write a relation as Parquet: zstd, in its own order.

    Raises:
        QueryError: DuckDB failed; the message names the file's table and the kind of failure, never a value.
    """
    import duckdb  # noqa: PLC0415

    try:
        relation.write_parquet(str(file), compression="zstd")
    except duckdb.Error as error:
        kind = type(error).__name__
    else:
        return
    raise QueryError(file.name.split(".")[0], kind)


def _run(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    parameters: dict[str, Any],
    take: Callable[[duckdb.DuckDBPyRelation], T],
) -> T:
    import duckdb  # noqa: PLC0415

    statement = load(name)
    if set(parameters) != set(statement.parameters):
        raise ConfigurationError(
            f"the statement `{name}` takes {', '.join(statement.parameters) or 'no parameters'}",
            why=f"it was given {', '.join(parameters) or 'none'}",
            hint=f"cetegra-usage sql show {name}",
        )
    try:
        return take(connection.sql(statement.text, params=parameters or None))
    except duckdb.Error as error:
        kind = type(error).__name__
    raise QueryError(name, kind)


def connect(*, memory_limit: str = "1GB", spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that fetches nothing, in UTC, with bounded memory.

    Args:
        memory_limit: DuckDB's own bound.
        spill: Folder for what does not fit; nothing is spilled without it.
    """
    import duckdb  # noqa: PLC0415

    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory_limit,
        "temp_directory": str(spill) if spill else "",
    }
    connection = duckdb.connect(config=config)
    for setting in _SESSION:
        connection.execute(setting)
    return connection


class Databases:
    """Empty databases, one after the other, in one DuckDB as long as nothing fails in it: to open one takes 15 ms.

    Args:
        memory_limit: DuckDB's own bound.
        spill: Folder for what does not fit.
    """

    def __init__(self, *, memory_limit: str, spill: Path) -> None:
        self._memory_limit, self._spill = memory_limit, spill
        self._opened: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opened:
            self._opened.close()

    @contextmanager
    def empty(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Open an empty database, which is gone after it."""
        with ExitStack() as failing:
            whole = self._opened or connect(memory_limit=self._memory_limit, spill=self._spill)
            self._opened = None
            failing.callback(whole.close)  # a damaged file may leave a DuckDB that does nothing more
            with whole.cursor() as own:
                for statement in (*_SESSION, "ATTACH ':memory:' AS apart", "USE apart"):
                    own.execute(statement)
                yield own
            whole.execute("DETACH apart")
            failing.pop_all()
        self._opened = whole


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return the connection that only parses: opening one costs more than all statements."""
    import duckdb  # noqa: PLC0415

    return duckdb.connect()


def _entries(text: str) -> list[str]:
    return [] if text == "none" else [entry.strip() for entry in text.split(",")]


def _broken(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the statement {file.parent.name}/{file.name} cannot be used",
        why=why,
        hint="see CONTRIBUTING.md, Add a metric",
    )
