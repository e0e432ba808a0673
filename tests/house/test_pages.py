"""The pages lead somewhere: each link has its target, and each place that CONTRIBUTING.md names exists."""

import re
from pathlib import Path

import pytest

from tests.house.repository import OURS, ROOT, tracked

PAGES = [path for path in tracked() if path.suffix == ".md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_its_target(page: Path) -> None:
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_of_the_docs_is_in_an_index() -> None:
    readme = (ROOT / "README.md").read_text()
    assert not [path for path in PAGES if path.parent == ROOT / "docs" and f"(docs/{path.name})" not in readme]
    records = (ROOT / "docs/decisions/README.md").read_text()
    named = re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", records)
    assert sorted(named) == sorted(path.name for path in (ROOT / "docs/decisions").glob("0*.md"))


def test_contributing_answers_questions_with_places_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.split("\n## Where is …\n")[1].split("\n## ")[0]
    answers = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(answers) >= 10
    for answer in answers:
        places = re.findall(r"`(\w[\w./-]*/[\w./-]*)`", answer)
        assert places, answer
        assert not [place for place in places if not (ROOT / place).exists()], answer


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_and_folder_that_a_page_names_exists(page: Path) -> None:
    files = [f"/{path.relative_to(ROOT).as_posix()}" for path in tracked()]
    text = page.read_text()
    modules = set(re.findall(r"`(\w[\w./]*\.py)`", text))
    assert not [name for name in modules if not any(file.endswith(f"/{name}") for file in files)]
    folders = set(re.findall(rf"`((?:{'|'.join(OURS)}|tests)/[\w/]*/?)`", text))
    assert not [name for name in folders if not any(file.startswith(f"/{name}") for file in files)]
