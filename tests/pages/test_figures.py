"""Every figure of the page is the published one: read back from Parquet, cell by cell, without the pages' own code."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from cetegra_usage.publish.pages.view import ReleaseView
    from support.browsing import Opener

# For each field: the table, the period, the measures, the dimensions of column and row, and the text of each figure.
_READ = """() => {
    const text = (nodes) => nodes.map((node) => node.textContent).join('').trim();
    const figures = (cell) => [
        text([...cell.childNodes].filter((node) => !node.matches?.('small, b'))),
        ...[...cell.querySelectorAll('small span, small:not(:has(span))')].map((one) => text([one])),
    ];
    const fields = [...document.querySelectorAll('table[data-t]')].flatMap((table) => {
        const heads = [...table.tHead.rows[0].cells];
        const said = table.caption?.querySelector('.p') ? true : false;
        const field = (row) => (cell, at) => {
            const head = heads[at + 1];
            if (!head.dataset.m || !text([cell])) return [];
            const [measures, where] = head.dataset.m.split('@');
            const foot = row.parentElement.tagName === 'TFOOT';
            return [{
                table: table.dataset.t, period: head.dataset.p ?? '', measures,
                where: `${where}&${row.dataset.d ?? ''}&${foot ? '' : table.dataset.d ?? ''}`,
                foot, said, texts: figures(cell),
            }];
        };
        const rows = [...table.querySelectorAll('tbody tr, tfoot tr')];
        return rows.flatMap((row) => [...row.cells].slice(1).flatMap(field(row)));
    });
    const cards = [...document.querySelectorAll('.keys [data-m]')].map((card) => {
        const [measures, where] = card.dataset.m.split('@');
        return { table: 'features', period: '', measures, where, foot: false, said: false, texts: [text([card])] };
    });
    return [...fields, ...cards];
}"""
_SYMBOLS = {"[c]": "withheld", "[x]": "unavailable", "[z]": "undefined"}
_UNITS = {"d": 86400, "h": 3600, "min": 60, "s": 1}


@pytest.mark.parametrize(("name", "fixture"), [("usage", "month"), ("week", "week")])
def test_figures_are_the_published_ones(
    visit: Opener, request: pytest.FixtureRequest, tmp_path: Path, name: str, fixture: str
) -> None:
    view: ReleaseView = request.getfixturevalue(fixture)
    assert view.previous
    frames = {("", key): _through_parquet(table.frame, tmp_path) for key, table in view.tables.items()}
    frames |= {(view.previous.period.key, key): frame for key, frame in view.previous.tables.items()}
    fields = visit(name).evaluate(_READ)
    assert {field["table"] for field in fields} == {*view.tables}, "each published table is drawn from"
    checked = 0
    for field in fields:
        rows = frames[field["period"], field["table"]].filter(*_conditions(field["where"]))
        assert rows.height == 1, field
        measures = (
            ["users"] if field["foot"] and field["measures"].startswith("adoption") else field["measures"].split()
        )
        texts = field["texts"] * (len(measures) if field["texts"][0] in _SYMBOLS and len(field["texts"]) == 1 else 1)
        for measure, text in zip(measures, texts, strict=True):
            value, status = rows.item(0, measure), rows.item(0, f"{measure}_status")
            _same(text, value, status, partial_said=field["said"], measure=measure)
            checked += 1
    assert checked > 400


def _through_parquet(frame: pl.DataFrame, folder: Path) -> pl.DataFrame:
    frame.write_parquet(folder / "one.parquet")
    return pl.read_parquet(folder / "one.parquet")


def _conditions(where: str) -> list[pl.Expr]:
    pairs = dict(part.split("=") for part in where.split("&") if part)
    return [pl.col(key) == _typed(key, value) for key, value in pairs.items()]


def _typed(key: str, value: str) -> Any:
    if key in {"day", "week", "cohort_week"}:
        return date.fromisoformat(value)
    return int(value) if key in {"active_days", "weeks_since", "within_days"} else value


def _same(text: str, value: float | None, status: str, *, partial_said: bool, measure: str) -> None:
    if value is None:
        assert _SYMBOLS.get(text) == status, (measure, text)
        return
    assert status == ("partial" if text.endswith("[p]") or partial_said else "published"), (measure, text)
    text = text.removesuffix("[p]")
    if measure.endswith("_seconds"):
        parts = re.findall(r"(\d+) (\w+)", text)
        shown, last = sum(int(number) * _UNITS[unit] for number, unit in parts), _UNITS[parts[-1][1]]
        assert shown - 0.5 <= value < shown + last, (measure, text)
        return
    digits = text.replace(",", "").removesuffix("%")
    scale = 100 if text.endswith("%") else 1
    step = 10.0 ** -len(digits.partition(".")[2])
    assert abs(float(digits) - value * scale) <= (step / 2 + 1e-9 if isinstance(value, float) else 0), (measure, text)
