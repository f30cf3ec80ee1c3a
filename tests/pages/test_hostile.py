"""What a catalogue declares is shown, not run: markup, quotes, marks that turn the writing, 500 characters, emoji."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cetegra_usage.publish.pages import compliance, usage
from support import released

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

TITLES = {
    "home.dashboard": "<script>window.ran = 1</script>",
    "cases.list": "\"><img src=x onerror='window.ran = 1'> {{ 7 * 7 }} {n} %s",
    "cases.create": "\N{RIGHT-TO-LEFT OVERRIDE}erusaet\N{RIGHT-TO-LEFT MARK} שלום",
    "search.results": "wide " * 100,
    "catalogue.browse": "W" * 500,
    "notifications.inbox": "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{ROCKET} ' onmouseover=alert(1) x='",
    "approvals.queue": "</svg></style></title></textarea><!-- & &amp; &#60;b&#62; ]]>",
    "assistant.ask": "null\x00 and bell\x07 and next line\x85",
    "docs.home": "javascript:alert(1)//'; datum.value == 0 ? 'x' : '",
    "docs": "Docs </script><script>window.ran = 1</script>",
    "workspace": "<b onclick=alert(1)>Workspace</b>",
    "basic_user": "Basic & <i>simple</i> \"user\" 'type' \N{PILE OF POO}",
    "it_admin": "A" * 120,
}


@pytest.mark.parametrize("width", [360, 1280])
def test_titles_are_shown_not_run(browser: Browser, tmp_path: Path, width: int) -> None:
    view = released.release("2026-04", titles=TITLES)
    said: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    for name, text in (("usage", usage.render(view)), ("compliance", compliance.render(view.evidence, view))):
        (tmp_path / f"{name}.html").write_text(text, "utf-8")
        page.goto((tmp_path / f"{name}.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
        assert page.evaluate("window.ran ?? 0") == 0
        alien = "document.querySelectorAll('img, script:not(:last-of-type), svg svg, bdi b, bdi i').length"
        assert page.evaluate(alien) == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        handlers = """[...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames())
            .filter(name => name.startsWith('on'))"""
        assert page.evaluate(handlers) == []
    page.goto((tmp_path / "usage.html").as_uri())
    shown = page.locator("#features-table tbody th bdi").all_text_contents()
    for key in (
        "home.dashboard",
        "cases.list",
        "catalogue.browse",
        "notifications.inbox",
        "approvals.queue",
        "docs.home",
    ):
        assert TITLES[key] in shown
    assert f"\N{FIRST STRONG ISOLATE}{TITLES['cases.create']}\N{POP DIRECTIONAL ISOLATE}" in shown
    assert (
        "null\N{REPLACEMENT CHARACTER} and bell\N{REPLACEMENT CHARACTER} and next line\N{REPLACEMENT CHARACTER}"
        in shown
    )
    page.close()
    assert said == []
