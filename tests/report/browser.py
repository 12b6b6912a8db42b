"""A real browser for the tests of the page: headless Chromium, watched for whatever a report must not do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Starts headless Chromium.

    Raises:
        AssertionError: none is installed.
    """
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path  # where `playwright install` puts it
        path = next(filter(None, map(shutil.which, (*NAMES, own))), None)
        if path is None:
            raise AssertionError(
                "These tests open the report in Chromium and found none: `apt-get install chromium`, or "
                "`playwright install --with-deps chromium`."
            )
        # the sandbox needs a user other than root; the pages are our own
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A report opened from its file, and what it did that it must not do.

    Args:
        browser: that opens it.
        path: where the file is written.
        html: the report.
        before: a script that runs before those of the page.
        options: of the browser's context, e.g. `viewport`.

    Attributes:
        page: of playwright, when the report says that it is ready (or can do nothing).
        incidents: requests for anything but the file itself, none of which is let through; messages on the console, of
            any level; errors that nobody caught; dialogs.
    """

    def __init__(self, browser: Browser, path: Path, html: bytes, *, before: str = "", **options):
        path.write_bytes(html)
        self.incidents: list[str] = []
        usual = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
        self.context = browser.new_context(**{**usual, **options})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda message: self.incidents.append(f"console {message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.incidents.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self._record(request.url, path.as_uri()))
        self.page.route(lambda url: not url.startswith(("data:", path.as_uri())), lambda route: route.abort())
        if before:
            self.page.add_init_script(before)
        self._url, self._scripted = path.as_uri(), options.get("java_script_enabled", True)
        self.open()

    def open(self) -> None:
        """Opens the report, once more if it is open, and waits until it says that it is ready."""
        self.page.goto(self._url)
        if self._scripted:
            self.page.wait_for_selector("html[data-ready]")

    def _dismiss(self, dialog) -> None:
        self.incidents.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _record(self, url: str, own: str) -> None:
        if not url.startswith("data:") and url.split("#")[0] != own:
            self.incidents.append(f"request: {url[:200]}")
