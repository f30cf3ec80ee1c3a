"""The declared links hold in the contract's tables as plain Python makes them; protector and auditor read the same."""

from __future__ import annotations

import tomllib

import numpy as np
import polars as pl
from hypothesis import assume, given, settings

from cetegra_usage.model import Period
from cetegra_usage.project import root
from cetegra_usage.protect import links
from cetegra_usage.protect.audit.facts import Facts
from cetegra_usage.protect.audit.rows import rows as said
from support.figures import TABLES, exact
from support.reference import reference
from support.rollups import THOROUGH
from support.zones import Zone, zones

DECLARED = tomllib.loads((root() / "sql" / "marts" / "links.toml").read_text("utf-8"))
LINKS = DECLARED["link"]
Marts = list[tuple[Period, dict[str, pl.DataFrame]]]


def marts(zone: Zone) -> Marts:
    """The exact tables of every period of a zone."""
    world = zone.world()
    return [(Period.parse(key), exact(reference(world, key))) for key in zone.periods()]


@settings(THOROUGH, max_examples=8)
@given(zone=zones(max_days=40))
def test_links_hold_but_for_who_withdrew_or_changed_type(zone: Zone) -> None:
    """To the letter those that are not `nearly`; those too where nobody did either and no day is missing."""
    facts = Facts(marts(zone), [])
    plain = not any(change.state == "withdrawn" for change in zone.consents or ())
    people = {(event.pseudonym, event.service) for event in zone.events}
    plain = plain and len(people) == len({(event.pseudonym, event.service, event.user_type) for event in zone.events})
    plain = plain and all(state == "accepted" for state in zone.partitions.values())
    for link in LINKS:
        rows = said(facts, [link])
        whole = facts.figure[rows.whole]
        assert not np.isnan(whole).any(), link["name"]
        total = np.bincount(rows.row, np.nan_to_num(facts.figure[rows.part]), minlength=len(rows))
        holds = np.where(rows.relation < 0, total <= whole, np.where(rows.relation > 0, total >= whole, total == whole))
        for row in np.flatnonzero(~holds & (plain | ~rows.nearly)):
            cells = (rows.whole[row], *rows.part[rows.row == row])
            raise AssertionError((link["name"], [facts.name(cell) for cell in cells], whole[row], total[row]))


@settings(THOROUGH, max_examples=3)
@given(zone=zones(max_days=20))
def test_protector_and_auditor_read_the_same_rows(zone: Zone) -> None:
    """Two codes, one file: cell for cell the same rows."""
    made = marts(zone)
    assume(made)
    facts = Facts(made, [], unseen=DECLARED["unseen"])
    number = {
        links.key(TABLES[name], measure, first, last, list(zip(sheet.dimensions, place, strict=True))): begin + at
        for name, sheet in facts.sheets.items()
        for measure, begin in sheet.begin.items()
        for at, (first, last, *place) in enumerate(sheet.places.iter_rows())
    }
    places = pl.concat([links.cells(period, frames, TABLES) for period, frames in made])
    places = places.unique(links.KEY, keep="last", maintain_order=True)
    unseen = links.unseen(places.select(links.KEY)).with_columns(status=pl.lit("withheld"))
    places = pl.concat([places, unseen], how="diagonal").with_row_index("cell")
    rows = links.resolve(places.with_columns(pl.col("cell").cast(pl.Int64)), TABLES)
    cells = [number[key] for key in places.select(links.KEY).iter_rows()]
    entries: list[list[tuple[int, int]]] = [[] for _ in rows.equal]
    for row, cell, sign in zip(rows.row, rows.cell, rows.sign, strict=True):
        entries[row].append((cells[cell], int(sign)))
    protector = {
        (frozenset(entry), bool(equal))
        for entry, equal in zip(entries, rows.equal, strict=True)
        if len(dict(entry)) > 1  # that a cell is itself says nothing
    }
    auditor: set[tuple[frozenset[tuple[int, int]], bool]] = set()
    read = said(facts, LINKS)
    parts = np.split(read.part, np.flatnonzero(np.diff(read.row)) + 1)
    for whole, relation, own in zip(read.whole, read.relation, parts, strict=True):
        sign = 1 if relation > 0 else -1
        entry = frozenset({(int(whole), sign), *((int(part), -sign) for part in own)})
        auditor.add((entry, relation == 0))
    assert protector == auditor
