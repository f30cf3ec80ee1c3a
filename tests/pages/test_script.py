"""What the script adds: sort, filter, links to a view, and a day's figures, by pointer and by keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from support.browsing import Opener

TABLE = "#features-table"


def shown(page: Page) -> list[str]:
    return page.locator(f"{TABLE} tbody tr:visible th bdi").all_text_contents()


def column(page: Page, at: int) -> list[str]:
    texts = "(rows, at) => rows.map(row => row.cells[at].firstChild.textContent)"
    return page.locator(f"{TABLE} tbody tr:visible").evaluate_all(texts, at)


def test_sort_turns_round_and_keeps_missing_last(visit: Opener) -> None:
    page = visit("usage")
    heading = page.locator(f"{TABLE} thead th").nth(3)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    down = column(page, 3)
    heading.get_by_role("button").click()
    up = column(page, 3)
    figures = [text for text in down if text.endswith("%")]
    assert 0 < len(figures) < len(down)
    assert [float(text[:-1]) for text in figures] == sorted((float(text[:-1]) for text in figures), reverse=True)
    assert down[: len(figures)] == figures
    assert up[: len(figures)] == figures[::-1]
    assert {*down[len(figures) :]} == {"[c]"}


def test_sort_by_name_and_by_change(visit: Opener) -> None:
    page = visit("usage")
    page.get_by_role("button", name="Feature", exact=True).click()
    assert shown(page) == sorted(shown(page), key=str.lower)
    page.get_by_role("button", name="Change on March 2026").click()
    first, *_ = column(page, 6)
    assert first.startswith("▲")


def test_filter_by_words_and_service(visit: Opener) -> None:
    page = visit("usage")
    page.get_by_label("Filter features").fill("CASE")
    assert {*shown(page)} == {"My cases", "Create a case"}
    assert page.locator(".tools [role=status]").inner_text() == "2 of 20 shown"
    page.get_by_label("Filter features").fill("")
    page.get_by_label("Service", exact=True).select_option("docs")
    assert len(shown(page)) == 5
    page.get_by_label("Service", exact=True).select_option("")
    assert len(shown(page)) == 20


def test_a_link_shows_the_same_view(visit: Opener) -> None:
    page = visit("usage")
    page.get_by_label("Filter features").fill("search")
    page.get_by_role("button", name="Events of").click()
    assert "?" not in page.url
    other = visit("usage", page.url[page.url.index("#") :])
    assert other.get_by_label("Filter features").input_value() == "search"
    assert shown(other) == shown(page) == ["Search", "Docs search"]
    assert other.locator("[aria-sort]").inner_text().startswith("Events of")
    other.evaluate("location.hash = 'f=article'")
    other.wait_for_function("document.querySelector('[name=f]').value === 'article'")
    assert shown(other) == ["Article"]


@pytest.mark.parametrize(
    "fragment", ["#sort=99&dir=up", "#f=%3Cscript%3E", "#sort=x", "#%E0%A4%A=1", "#%E0%A4%A", "#nowhere", "#s=gone"]
)
def test_a_broken_link_breaks_nothing(visit: Opener, fragment: str) -> None:
    page = visit("usage", fragment)
    page.get_by_label("Filter features").fill("article")
    page.get_by_label("Service", exact=True).select_option("")
    assert shown(page) == ["Article"]


def test_copy_link(visit: Opener) -> None:
    page = visit("usage", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Filter features").fill("case")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Link copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_copy_link_by_hand_where_the_browser_forbids_it(visit: Opener) -> None:
    page = visit("usage")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy link").click()
    assert page.get_by_label("Link to this view").input_value() == page.url


def test_a_day_by_keyboard(visit: Opener) -> None:
    page = visit("usage")
    slider = page.get_by_label("Read a day").first
    slider.focus()
    slider.press("Home")
    reading = page.locator(".read output").first
    first = reading.inner_text()
    row = page.locator("#active-days tbody tr").first
    assert first.startswith("Wed 1 Apr")
    assert row.locator("td").first.evaluate("cell => cell.firstChild.textContent") in first
    assert slider.get_attribute("aria-valuetext") == "Wed 1 Apr"
    slider.press("ArrowRight")
    assert reading.inner_text().startswith("Thu 2 Apr")


def test_a_day_under_the_pointer(visit: Opener) -> None:
    page = visit("usage")
    chart = page.locator("svg[data-x]").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box
    start, end = (int(x) for x in (chart.get_attribute("data-x") or "").split())
    at = box["x"] + box["width"] * (start + (end - start) * 13 / 29) / 340
    page.mouse.move(at, box["y"] + box["height"] / 2)
    assert page.locator(".read output").first.inner_text().startswith("Tue 14 Apr")


def test_keyboard_alone_reaches_everything(visit: Opener) -> None:
    page = visit("usage")
    reachable = """[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
        .filter(one => one.checkVisibility()).length"""
    wanted: int = page.evaluate(reachable)
    seen: set[str] = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        place = """() => { const one = document.activeElement; if (one === document.body) return '';
            const style = getComputedStyle(one); const all = [...document.querySelectorAll('*')];
            return `${all.indexOf(one)} ${style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2}`; }"""
        seen.add(page.evaluate(place))
    seen.discard("")
    assert len(seen) == wanted
    assert all(one.endswith("true") for one in seen), "each shows that it has the focus"


def test_keyboard_alone_works_everything(visit: Opener) -> None:
    page = visit("usage")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.get_by_role("button", name="Basic user").focus()
    page.keyboard.press("Enter")
    assert page.locator("[aria-sort=descending]").inner_text().startswith("Basic")
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#active-days").is_visible()


def test_a_link_into_something_closed_opens_it(visit: Opener) -> None:
    page = visit("compliance", "#events.workspace.2026-04-14")
    assert page.get_by_role("row", name="events/workspace/2026-04-14").is_visible()


def test_an_auditor_finds_the_failing_day_at_once(visit: Opener) -> None:
    page = visit("compliance")
    link = page.get_by_role("link", name="Cetegra Workspace, Tue 14 Apr")
    box = link.bounding_box()
    assert box
    assert box["y"] < 900, "on the first screen"
    link.click()
    assert "no_pseudonym_without_consent" in page.locator(":target").inner_text()
