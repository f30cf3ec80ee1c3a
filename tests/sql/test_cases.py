"""Each statement of the rollups and marts on small tables: inputs and what comes out, beside each other as text.

`tests/sql/<statement>/<case>/` holds a CSV file for each input (its head has the types), `expected.csv`, and
`parameters.toml` where the statement takes any.
"""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import polars as pl
import pytest

from cetegra_usage import sql

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/*/expected.csv"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_case(case: Path) -> None:
    statement = sql.load(case.parent.name)
    parameters = case / "parameters.toml"
    with sql.connect() as connection:
        for name in statement.inputs:
            head, *rows = _read(case / f"{name}.csv")
            connection.execute(f"CREATE TABLE {name} ({', '.join(head)})")
            if rows:
                values = [[value or None for value in row] for row in rows]
                connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(head))})", values)  # noqa: S608
        found = sql.frame(
            connection, statement.name, **(tomllib.loads(parameters.read_text("utf-8")) if parameters.exists() else {})
        )
    columns, *expected = _read(case / "expected.csv")
    assert found.columns == columns
    assert sorted(_text(found)) == sorted(expected)


def test_every_statement_of_rollups_and_marts_has_a_case() -> None:
    wanted = {statement.name for statement in sql.statements() if statement.room in {"rollups", "marts"}}
    assert wanted <= {case.parent.name for case in CASES}


def _read(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def _text(frame: pl.DataFrame) -> list[list[str]]:
    rows = frame.with_columns(
        pl.col(pl.Datetime).dt.strftime("%Y-%m-%d %H:%M:%S"),
        pl.col(pl.Boolean).cast(pl.String),
        pl.col(pl.Int128).cast(pl.Int64),
    ).rows()
    return [["" if value is None else str(value) for value in row] for row in rows]
