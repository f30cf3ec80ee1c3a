"""The pages of one release, rendered once, served by a real server, opened in a real Chromium."""

from __future__ import annotations

import shutil
import threading
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from cetegra_usage.model import Period
from cetegra_usage.publish.pages import compliance, index, usage
from cetegra_usage.publish.pages.view import Erratum, ReleaseEntry
from support import released
from support.browsing import Opener, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from cetegra_usage.publish.pages.view import ReleaseView

MISSING = {("workspace", date(2026, 4, 14)): "quarantined", ("docs", date(2026, 4, 21)): "missing"}


@pytest.fixture(scope="session")
def month() -> ReleaseView:
    return released.release("2026-04", missing=MISSING)


@pytest.fixture(scope="session")
def week() -> ReleaseView:
    return released.release("2026-W17")


@pytest.fixture(scope="session")
def many() -> ReleaseView:
    """A month of six user types and forty features."""
    with released.six_types():
        return released.release("2026-04", released.Rules(features=40), missing=MISSING)


@pytest.fixture(scope="session")
def entries() -> list[ReleaseEntry]:
    return [
        ReleaseEntry(
            Period.parse(key), 2 - at % 2, f"releases/{key}/r{2 - at % 2}", ["Activity by day"], state, (58, 60)
        )
        for at, (key, state) in enumerate(
            (("2026-03", "met"), ("2026-W14", "met"), ("2026-04", "not_met"), ("2026-W13", "not_checked"))
        )
    ] + [
        ReleaseEntry(
            Period.parse("2026-W15"),
            2,
            "releases/2026-W15/r2",
            ["Activity by day"],
            "met",
            (14, 14),
            ["releases/2026-W15/r1"],
            [Erratum("activity", "late data", 12)],
        )
    ]


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    month: ReleaseView,
    week: ReleaseView,
    many: ReleaseView,
    entries: list[ReleaseEntry],
) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("site")
    for name, text in (
        ("usage", usage.render(month)),
        ("week", usage.render(week)),
        ("many", usage.render(many)),
        ("compliance", compliance.render(month.evidence, month)),
        ("index", index.render(entries)),
    ):
        (folder / f"{name}.html").write_text(text, "utf-8")
    found = Site("")

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            del code, size
            found.asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("Chromium is not installed: run tests/install-tools chromium")
    with sync_playwright() as playwright:
        quiet = ["--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *quiet])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Opener]:
    opener = Opener(browser, site)
    yield opener
    opener.close()
    assert opener.said == []
