"""The declared links hold in the contract's tables as plain Python makes them; protector and auditor read the same."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import assume, given, settings

from cetegra_usage import definitions
from cetegra_usage.model import Period
from cetegra_usage.project import root
from cetegra_usage.protect import links
from cetegra_usage.protect.audit.facts import Facts
from cetegra_usage.protect.audit.rows import statements
from support.figures import DATES, GRAINS, NUMBERED
from support.reference import reference
from support.rollups import THOROUGH
from support.zones import Zone, zones

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES = {name: table for name, table in definitions.tables().items() if name in GRAINS}
LINKS = tomllib.loads((root() / "sql" / "marts" / "links.toml").read_text("utf-8"))["link"]
Marts = list[tuple[Period, dict[str, pl.DataFrame]]]


def marts(zone: Zone) -> Marts:
    """The exact tables of every period of a zone."""
    world = zone.world()
    return [(Period.parse(key), _frames(reference(world, key))) for key in zone.periods()]


def _frames(made: Mapping[str, list[dict[str, Any]]]) -> dict[str, pl.DataFrame]:
    frames: dict[str, pl.DataFrame] = {}
    for name, table in TABLES.items():
        schema: dict[str, Any] = {"period": pl.String}
        schema |= {one: pl.Date if one in DATES else pl.Int64 if one in NUMBERED else pl.String for one in table.grain}
        for measure in table.counts:
            schema |= {measure.name: pl.Int64, f"{measure.name}_status": pl.String}
        frames[name] = pl.DataFrame([{column: row[column] for column in schema} for row in made[name]], schema=schema)
    return frames


@settings(THOROUGH, max_examples=8)
@given(zone=zones(max_days=40))
def test_links_hold_but_for_who_withdrew(zone: Zone) -> None:
    """To the letter those that are not `nearly`; those too where no consent was withdrawn and no day is missing."""
    facts = Facts()
    for period, frames in marts(zone):
        facts.learn(period, frames, newest=False)
    plain = not any(change.state == "withdrawn" for change in zone.consents or ())
    plain = plain and all(state == "accepted" for state in zone.partitions.values())
    for link in LINKS:
        for row in statements(facts, [link]):
            if row.nearly and not plain:
                continue
            whole, parts = facts.figure[row.whole], [facts.figure[part] for part in row.parts]
            assert whole is not None, link["name"]
            total = sum(part or 0 for part in parts)
            holds = {"=": total == whole, "<=": total <= whole, ">=": total >= whole}[row.relation]
            assert holds, (link["name"], [list(facts.numbers)[cell] for cell in (row.whole, *row.parts)], whole, parts)


@settings(THOROUGH, max_examples=3)
@given(zone=zones(max_days=20))
def test_protector_and_auditor_read_the_same_rows(zone: Zone) -> None:
    """Two codes, one file: cell for cell the same rows."""
    facts = Facts()
    made = marts(zone)
    assume(made)
    for period, frames in made:
        facts.learn(period, frames, newest=False)
    number = {
        links.key(TABLES[one.table], one.measure, one.first, one.last, one.place): cell
        for cells in (facts.numbers, dict.fromkeys(facts.absent, -1))
        for one, cell in cells.items()
    }
    places = pl.concat([links.cells(period, frames, TABLES) for period, frames in made])
    places = places.unique(links.KEY, keep="last", maintain_order=True).with_row_index("cell")
    rows = links.resolve(places.with_columns(pl.col("cell").cast(pl.Int64)), TABLES)
    cells = [number[key] for key in places.select(links.KEY).iter_rows()]
    entries: list[list[tuple[int, int]]] = [[] for _ in rows.equal]
    for row, cell, sign in zip(rows.row, rows.cell, rows.sign, strict=True):
        entries[row].append((cells[cell], int(sign)))
    protector = {
        (frozenset(entry), bool(equal)) for entry, equal in zip(entries, rows.equal, strict=True) if len(set(entry)) > 1
    }
    auditor: set[tuple[frozenset[tuple[int, int]], bool]] = set()
    for row in statements(facts, LINKS):
        sign = 1 if row.relation == ">=" else -1
        entry = frozenset({(row.whole, sign), *((part, -sign) for part in row.parts)})
        auditor.add((entry, row.relation == "="))
    assert protector == auditor
