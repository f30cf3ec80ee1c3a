"""Opening the pages of a release in a browser, and remembering what they ask for and say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("usage", "week", "many", "compliance", "index")


@dataclass
class Site:
    """A folder of pages behind a real server that remembers what it was asked."""

    address: str
    asked: list[str] = field(default_factory=list[str])


class Opener:
    """Opens pages, and fails the test where one says anything on the console."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser, self.site = browser, site
        self.said: list[str] = []
        self._open: list[Page] = []

    def __call__(self, name: str, fragment: str = "", **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        page = self._browser.new_context(**options).new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))
        page.goto(f"{self.site.address}/{name}.html{fragment}")
        self._open.append(page)
        return page

    def close(self) -> None:
        for page in self._open:
            page.context.close()
