"""axe-core, which finds what people with assistive technology can't use: the npm package of the lock, in the cache.

`tests/fixtures/axe/package-lock.json` has its version and its hash. Its licence, MPL-2.0, keeps it out of the tree.
"""

import base64
import hashlib
import io
import json
import os
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from config.settings import StackSettings
from config.stack.paths import StackPaths

LOCK = Path(__file__).parents[1] / "fixtures" / "axe" / "package-lock.json"
REGISTRY = "https://registry.npmjs.org"
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that depend on colours."""
_RUN = """(rules) => axe.run(document, {resultTypes: ["violations"], ...(rules && {runOnly: rules})}).then(
  (found) => found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.html.slice(0, 160)}: ${node.failureSummary.replace(/\\s+/g, " ")}`)))"""


@cache
def script() -> str:
    """The text of axe.min.js. Skips the test where the cache lacks it and the registry does not answer."""
    package = json.loads(LOCK.read_text())["packages"]["node_modules/axe-core"]
    file = StackPaths.of(StackSettings()).cache / "npm" / f"axe-core-{package['version']}.tgz"
    if not file.is_file():
        _fetch(package["resolved"], file)
    content = file.read_bytes()
    kind, _, wanted = package["integrity"].partition("-")
    assert base64.b64encode(hashlib.new(kind, content).digest()).decode() == wanted, (
        f"{file} is not what the lock names"
    )
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def _fetch(address: str, file: Path) -> None:
    """Download the package; a rename follows when it is whole, so two processes at once are harmless."""
    registry = os.environ.get("NPM_CONFIG_REGISTRY", REGISTRY).rstrip("/")  # npm's name for another one
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        answer = httpx.get(address.replace(REGISTRY, registry), timeout=60, follow_redirects=True).raise_for_status()
    except httpx.HTTPError as error:
        pytest.skip(f"no axe-core: the npm registry does not answer: {error}")
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as scratch:
        scratch.write(answer.content)
    Path(scratch.name).rename(file)


def violations(page: Page, *rules: str) -> list[str]:
    """What breaks the rules of axe-core on a page, all of them by default: rule, element, what to do."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(script())
    found: list[Any] = page.evaluate(_RUN, list(rules) or None)
    return [str(each) for each in found]
