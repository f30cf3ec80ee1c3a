"""Every figure of the page is the published one: read back from Parquet, cell by cell, without the pages' own code."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cetegra_usage.model import ALL

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
            if (!head.dataset.m || head.dataset.m.includes(':') || !text([cell])) return [];
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
_CHANGES = """() => [...document.querySelectorAll('th[data-m*=":"]')].flatMap((head) => {
    const [earlier, where] = head.dataset.m.split(':adoption@');
    const rows = [...head.closest('table').tBodies[0].rows];
    const text = (row) => row.cells[head.cellIndex].textContent.trim();
    return rows.map((row) => ({ earlier, where: `${where}&${row.dataset.d}`, text: text(row) }));
})"""
_SYMBOLS = {"[c]": "withheld", "[x]": "unavailable", "[z]": "undefined"}
_NOTHING = "\N{EN DASH}"
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


@pytest.mark.parametrize(("name", "fixture"), [("usage", "month"), ("week", "week"), ("many", "many")])
def test_changes_are_those_between_the_published_figures(
    visit: Opener, request: pytest.FixtureRequest, tmp_path: Path, name: str, fixture: str
) -> None:
    view: ReleaseView = request.getfixturevalue(fixture)
    now = _through_parquet(view.tables["features"].frame, tmp_path)
    before = {
        one.period: _through_parquet(one.tables["features"], tmp_path)
        for one in (view.previous, view.year_before)
        if one
    }
    periods = {period.key: period for period in before}
    fields = visit(name).evaluate(_CHANGES)
    said: set[str] = set()
    for field in fields:
        period, where = periods[field["earlier"]], _conditions(field["where"])
        feature = view.catalogue.features[dict(part.split("=") for part in field["where"].split("&"))["feature"]]
        pair = [] if feature.since > period.last else [now.filter(*where), before[period].filter(*where)]
        expected = _change(pair, view.rounding)
        assert field["text"].removesuffix(" points") == expected, field
        said.add(expected[0])
    assert {field["earlier"] for field in fields} == {*periods}
    assert said == {"▲", "▼", "≈", _NOTHING}, "each is there"


def test_five_that_rise_and_five_that_fall_are_seen_at_once(visit: Opener, week: ReleaseView, tmp_path: Path) -> None:
    assert week.previous
    now, before = (
        {
            row["feature"]: row["adoption"]
            for row in _through_parquet(frame, tmp_path).iter_rows(named=True)
            if row["user_type"] == ALL
            and row["adoption"] is not None
            and row["feature"] in week.catalogue.features
            and row["service"] == week.catalogue.features[row["feature"]].service
        }
        for frame in (week.tables["features"].frame, week.previous.tables["features"])
    )
    moves = {
        key: now[key] - before[key]
        for key in now.keys() & before.keys()
        if week.catalogue.features[key].since <= week.previous.period.last
    }
    ordered = sorted(moves, key=lambda key: moves[key])
    page = visit("week", "#movers")
    charts = page.locator("section[aria-labelledby=movers] svg.chart")
    assert charts.count() == 2
    for chart, keys in ((charts.first, ordered[::-1][:5]), (charts.last, ordered[:5])):
        texts = chart.locator("text").all_text_contents()
        titles = [week.catalogue.features[key].title for key in keys]
        assert [text for text in texts if text in titles] == titles
        for key in keys:
            assert any(f"{abs(moves[key]) * 100:.1f} points, to {now[key]:.1%}" in text for text in texts)
        box = chart.bounding_box()
        assert box
        assert 0 <= box["y"] < box["y"] + box["height"] <= 900, "both on one screen"


def _change(pair: list[pl.DataFrame], rounding: int) -> str:
    """Say how the adoption of the first row differs from the second's: not by what rounding of counts may have made."""
    shares = [row.item(0, "adoption") for row in pair]
    if not shares or None in shares:
        return _NOTHING
    # Users and active users are each up to half a step off.
    slack = sum(
        (1 + share) * rounding / 2 / row.item(0, "active_users") for row, share in zip(pair, shares, strict=True)
    )
    difference = shares[0] - shares[1]
    if abs(difference) <= max(slack, 0.005 - 1e-12):
        return "≈ same"
    return f"{'▲' if difference > 0 else '▼'} {abs(difference) * 100:.1f}"


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
