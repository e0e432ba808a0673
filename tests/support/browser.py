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
CONTRAST = """() => {
  const parse = (text) => { const c = text.match(/[\\d.]+/g).map(Number); return [c[0], c[1], c[2], c[3] ?? 1]; };
  const over = (top, base) => [0, 1, 2].map((i) => top[i] * top[3] + base[i] * (1 - top[3])).concat(1);
  const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const ground = (e) => { const own = parse(getComputedStyle(e).backgroundColor);
    return own[3] === 1 || !e.parentElement ? own : over(own, ground(e.parentElement)); };
  const poor = [];
  for (const e of document.querySelectorAll("body *:not(svg, svg *, option, datalist, script)")) {
    const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!text || e.closest(".hidden, .skip") || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)}: ${e.textContent.trim().slice(0, 30)}`);
  }
  return poor;
}"""
"""Texts with less than WCAG's 4.5 to 1 against what is behind them."""


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
    assert wrong == []
