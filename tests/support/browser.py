"""Debian's Chromium, driven by Playwright: pages that watch for whatever a page of ours must never do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--disable-quic", "--disable-gpu",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a new profile. Skips the test where there is none, and says how to get it."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: apt-get install chromium")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET + as_root)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Browser, url: str, expected: str | None = None, **context: Any) -> Iterator[Page]:
    """A page at which nothing may fail, no dialog open, no policy be broken, and nothing be asked of another server.

    But for what is expected on its console.
    """
    wrong: list[str] = []
    opened = browser.new_context(base_url=url, **context)
    opened.set_default_timeout(60_000)
    page = opened.new_page()
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", lambda asked: None if asked.url.startswith(url) else wrong.append(f"asked {asked.url}"))

    def opened_by_a_tag(dialog: Dialog) -> None:
        wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and (expected is None or expected not in message.text):
            wrong.append(f"console: {message.text}")

    page.on("dialog", opened_by_a_tag)
    page.on("console", said)
    try:
        yield page
    finally:
        opened.close()
    assert not wrong, "\n".join(wrong)
