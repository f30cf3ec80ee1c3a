"""In a real browser: nothing is asked for, said or stored; it can be read at every width, light, dark and printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe

from support.browsing import NAMES

if TYPE_CHECKING:
    from support.browsing import Opener

# Texts of a chart that leave its frame, and pairs of them that lie over one another.
_FAULTS = """() => [...document.querySelectorAll('svg.chart')].flatMap((svg) => {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);
    const leaves = (box) => box.left < frame.left - 4 || box.right > frame.right + 4
        || box.top < frame.top - 4 || box.bottom > frame.bottom + 4;
    const meet = (one, other) => one.left + 1 < other.right && other.left + 1 < one.right
        && one.top + 4 < other.bottom && other.top + 4 < one.bottom;
    const outside = texts.filter(([, box]) => leaves(box)).map(([said]) => `${said} leaves the chart`);
    const over = texts.flatMap(([said, box], at) => texts.slice(at + 1)
        .filter(([, other]) => meet(box, other)).map(([other]) => `${said} lies over ${other}`));
    return [...outside, ...over];
})"""

# Runs of characters, found by a pattern, that do not stand on one line.
_BROKEN = """(cells, pattern) => cells.filter(one => one.checkVisibility()).flatMap((cell) => {
    const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), broken = [];
    while (walk.nextNode()) for (const found of walk.currentNode.data.matchAll(new RegExp(pattern, 'gu'))) {
        const range = document.createRange();
        range.setStart(walk.currentNode, found.index);
        range.setEnd(walk.currentNode, found.index + found[0].length);
        if (new Set([...range.getClientRects()].map((box) => box.top)).size > 1) broken.push(found[0]);
    }
    return broken;
})"""

EVERY_PAGE = pytest.mark.parametrize("name", NAMES)


@EVERY_PAGE
def test_asks_for_nothing_but_itself(visit: Opener, name: str) -> None:
    before = len(visit.site.asked)
    page = visit(name)
    page.mouse.wheel(0, 20_000)
    page.wait_for_load_state("networkidle")
    assert visit.site.asked[before:] == [f"/{name}.html"]


@EVERY_PAGE
def test_policy_lets_nothing_in(visit: Opener, name: str) -> None:
    page = visit(name)
    assert page.evaluate("fetch('/index.html').then(() => 'answered', () => 'refused')") == "refused"
    refused = """() => { const made = document.createElement('script'); made.textContent = 'window.ran = 1';
        document.body.append(made); document.body.setAttribute('style', 'color: red');
        return [window.ran ?? 0, getComputedStyle(document.body).color === 'rgb(255, 0, 0)']; }"""
    assert page.evaluate(refused) == [0, False]
    assert visit.said
    assert all("Content Security Policy" in message for message in visit.said)
    visit.said.clear()


@EVERY_PAGE
def test_stores_nothing(visit: Opener, name: str) -> None:
    page = visit(name)
    page.keyboard.press("Tab")
    stored = "[document.cookie, localStorage.length, sessionStorage.length, history.length]"
    assert page.evaluate(stored)[:3] == ["", 0, 0]
    assert page.context.cookies() == []
    assert page.evaluate("indexedDB.databases().then(found => found.length)") == 0


@EVERY_PAGE
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers(visit: Opener, name: str, scheme: str) -> None:
    page = visit(name, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found] == []


@EVERY_PAGE
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("script", [True, False])
def test_never_scrolls_sideways(visit: Opener, name: str, width: int, script: bool) -> None:  # noqa: FBT001
    page = visit(name, viewport={"width": width, "height": 800}, java_script_enabled=script)
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("name", "table"), [("usage", "#features-table"), ("compliance", ".prom"), ("index", "#weeks + .scroll table")]
)
def test_rows_are_cards_on_a_small_screen(visit: Opener, name: str, table: str) -> None:
    page = visit(name, viewport={"width": 360, "height": 800})
    outside = """table => [...table.querySelectorAll('th, td')].filter(one => one.checkVisibility())
        .filter(one => one.getBoundingClientRect().right > innerWidth).length"""
    assert page.locator(table).evaluate(outside) == 0
    unnamed = """table => [...table.querySelectorAll('td')].filter(one => one.checkVisibility()
        && getComputedStyle(one, '::before').content.slice(1, -1)
            !== table.tHead.rows[0].cells[one.cellIndex].textContent).length"""
    assert page.locator(table).evaluate(unnamed) == 0
    assert [(one["id"], one["nodes"][0]["target"]) for one in Axe().run(page).response["violations"]] == []


@EVERY_PAGE
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_every_table_but_a_triangle_fits_its_frame(visit: Opener, name: str, width: int) -> None:
    page = visit(name, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    wide = """frames => frames.filter(one => one.scrollWidth > one.clientWidth + 1)
        .map(one => one.getAttribute('aria-label') ?? one.querySelector('caption').innerText)"""
    assert page.locator(".scroll:not(:has(.heat))").evaluate_all(wide) == []
    if width > 360:
        assert page.locator(".scroll:has(.heat)").evaluate_all(wide) == []


@pytest.mark.parametrize("name", ["usage", "many"])
@pytest.mark.parametrize(("media", "width"), [("screen", 360), ("screen", 768), ("screen", 1280), ("print", 688)])
def test_no_word_is_broken_in_a_heading_and_no_change_in_two(
    visit: Opener, name: str, media: Literal["screen", "print"], width: int
) -> None:
    page = visit(name, viewport={"width": width, "height": 800})
    page.emulate_media(media=media)
    assert page.locator("thead th, .files th").evaluate_all(_BROKEN, r"[\p{L}\d]+") == []
    changes = "#features-table td[data-v]:not(:has(svg, b))"
    assert page.locator(changes).count() > 20
    assert page.locator(changes).evaluate_all(_BROKEN, ".+") == []


@pytest.mark.parametrize("name", ["usage", "week"])
@pytest.mark.parametrize("width", [360, 1280])
def test_charts_cut_nothing_off_and_no_texts_meet(visit: Opener, name: str, width: int) -> None:
    page = visit(name, viewport={"width": width, "height": 800})
    assert page.evaluate(_FAULTS) == []


def test_bars_are_as_long_as_their_figures(visit: Opener) -> None:
    shown = """bars => bars.map(bar => [parseFloat(bar.parentElement.firstChild.data),
        bar.getBoundingClientRect().width, parseFloat(getComputedStyle(bar).backgroundSize)])"""
    bars: list[tuple[float, float, float]] = visit("usage").locator("#features-table td b").evaluate_all(shown)
    assert len(bars) > 60
    assert len({width for _, width, _ in bars}) == 1, "one scale for all columns"
    assert all(abs(figure - length) <= 0.6 for figure, _, length in bars)


def test_prints_without_its_tools_and_whole(visit: Opener) -> None:
    page = visit("usage")
    page.emulate_media(media="print")
    assert page.locator("nav, .tools, .read").evaluate_all("found => found.every(one => !one.checkVisibility())")
    # The printable width of A4 at 96 dots an inch; what is wider than its frame would be cut off.
    page.set_viewport_size({"width": 688, "height": 1000})
    cut = """found => found.filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1)
        .map(one => one.innerText.slice(0, 40))"""
    assert page.locator(".scroll").evaluate_all(cut) == []
    assert len(page.pdf(format="A4")) > 10_000


def test_headings_that_are_buttons_print_as_text(visit: Opener) -> None:
    page = visit("usage")
    page.emulate_media(media="print")
    # Chromium repeats the head of a table on each sheet, but leaves out what is a box of its own, as buttons are.
    shown = "found => found.map(one => getComputedStyle(one).display)"
    assert {*page.locator("thead th button").evaluate_all(shown)} == {"contents"}


def test_compliance_prints_every_partition(visit: Opener) -> None:
    page = visit("compliance")
    page.emulate_media(media="print")
    assert page.get_by_role("row", name="events/docs/2026-04-30").is_visible()


def test_reads_without_script(visit: Opener) -> None:
    page = visit("usage", java_script_enabled=False)
    assert page.get_by_role("heading", name="active users").first.is_visible()
    assert page.get_by_role("row", name="Dashboard").first.is_visible()
    assert not page.locator(".tools").first.is_visible()
    page.get_by_text("The same figures as a table").first.click()
    assert page.get_by_role("row", name="Tue 14 Apr").first.is_visible()


def test_every_chart_has_a_text_and_ids_are_unique(visit: Opener) -> None:
    page = visit("usage")
    found = page.locator("svg.chart").evaluate_all(
        """charts => charts.map(one =>
            [one.getAttribute('role'), ...['title', 'desc'].map(name => one.querySelector(name).textContent)])"""
    )
    assert len(found) > 10
    assert all(role == "img" and title and description for role, title, description in found)
    ids: list[str] = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len({*ids})
    dangling = """[...document.querySelectorAll('a[href^="#"]')].map(one => one.hash)
        .filter(hash => !document.getElementById(hash.slice(1)))"""
    assert page.evaluate(dangling) == []
