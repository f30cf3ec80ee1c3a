"""What each published table and measure means, read from the one file that says so: `sql/marts/tables.toml`."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from cetegra_usage.errors import ConfigurationError
from cetegra_usage.project import root

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["count", "ratio", "mean", "median"]
Of = Literal["users", "recipients", "events", "sessions", "changes"]
PEOPLE = ("users", "recipients")
"""What counts that are of people count."""
Who = Literal["everybody", "consented"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureDefinition:
    """One measure of a published table.

    Attributes:
        name: The column's name; its twin `<name>_status` says what the figure is.
        title: As a page heads it.
        kind: `count`, or `ratio` of two counts of the same table, or `mean` or `median` over rows.
        of: What is counted, or what a ratio, mean or median is about.
        who: `everybody`, or only those who `consented`.
        unit: What one is.
        definition: What the measure means, in a sentence.
        numerator: Of a ratio: a count of the same table.
        denominator: Of a ratio: a count of the same table.
        denominator_over: The dimension whose total (`all`) the denominator is taken from; none: the same cell's.
        coverage: The measure that stands beside it, and says how much of all events it can see.
    """

    name: str
    title: str
    kind: Kind
    of: Of
    who: Who
    unit: str
    definition: str
    numerator: str | None = None
    denominator: str | None = None
    denominator_over: str | None = None
    coverage: str | None = None


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """One published table.

    Attributes:
        name: The table's name in the contract and its files' name.
        title: As a page heads it.
        grain: The dimensions, in order, without `period`.
        description: What the table shows, in a sentence or two.
        measures: Its measures, in order.
    """

    name: str
    title: str
    grain: tuple[str, ...]
    description: str
    measures: tuple[MeasureDefinition, ...]

    def measure(self, name: str) -> MeasureDefinition:
        """Return one measure; raises `KeyError` where the table has none of that name."""
        return {measure.name: measure for measure in self.measures}[name]

    @property
    def counts(self) -> tuple[MeasureDefinition, ...]:
        """The measures that are counts."""
        return tuple(measure for measure in self.measures if measure.kind == "count")


@cache
def tables() -> Mapping[str, TableDefinition]:
    """Return every published table by name, in the order of the file.

    Raises:
        ConfigurationError: The file lacks a key, has one too many, or a ratio names no count of its table.
    """
    document = tomllib.loads((root() / "sql" / "marts" / "tables.toml").read_text("utf-8"))
    found = [_table(entry) for entry in document["table"]]
    return MappingProxyType({table.name: table for table in found})


def _table(entry: dict[str, Any]) -> TableDefinition:
    name = entry.get("name", "")
    fields: dict[str, Any] = {**entry, "grain": tuple(entry.get("grain", ()))}
    measures = fields.pop("measure", [])
    try:
        table = TableDefinition(**fields, measures=tuple(MeasureDefinition(**measure) for measure in measures))
    except TypeError:
        table = None
    if table is None:
        raise _broken(name, "a key is missing, or there is one that means nothing")
    counts = {measure.name for measure in table.counts}
    for measure in table.measures:
        parts = {measure.numerator, measure.denominator}
        if parts != {None} if measure.kind != "ratio" else not parts <= counts:
            raise _broken(name, f"`{measure.name}`: a ratio, and nothing else, names two counts of its table")
    return table


def _broken(table: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the definition of the table `{table}` cannot be used", why=why, hint="see CONTRIBUTING.md, Add a metric"
    )


def markdown() -> str:
    """Return every table and measure as the page `docs/measures.md` shows them."""
    lines = [
        "# Measures",
        "",
        "Made from `sql/marts/tables.toml`: `python -m cetegra_usage.definitions > docs/measures.md`.",
        "",
        "First column of every table: `period`. Every measure has a twin, `<measure>_status`. Users are pseudonyms of",
        "those who consented; over services they add up, since nobody is followed from one to another. Recipients of",
        "notices are another purpose's: nothing ties them to users.",
        "",
        "Whose consent had ended before a row begins (its day, its week, else the period's first day), and was not",
        "given again before that, is no user in it, whatever happened later. Consent ends with an interval in which it",
        "was in force: a withdrawal that ends none, of a person of whom no grant is known, is not one. Who was",
        "forgotten and grants again is a new person from the day of that grant on (less the seconds by which clocks",
        "may differ), but not before the day on which they were forgotten.",
    ]
    for table in tables().values():
        lines += ["", f"## {table.title} (`{table.name}`)", "", table.description, ""]
        lines += [
            f"One row: {' x '.join(('period', *table.grain))}.",
            "",
            "| measure | means | unit | counts | beside it |",
        ]
        lines += ["|---|---|---|---|---|"]
        lines += [_line(measure) for measure in table.measures]
    return "\n".join([*lines, ""])


def _line(measure: MeasureDefinition) -> str:
    quotient = f" `{measure.numerator}` / `{measure.denominator}`." if measure.kind == "ratio" else ""
    who = {"everybody": "everybody", "consented": "those who consented"}[measure.who]
    beside = f"`{measure.coverage}`" if measure.coverage else ""
    return (
        f"| {measure.title} (`{measure.name}`) | {measure.definition}{quotient} | {measure.unit} | {who} | {beside} |"
    )


if __name__ == "__main__":
    sys.stdout.write(markdown())
