"""The pages about feeds: every key of a file, the shipped feeds, and examples that are feeds."""

import re
from pathlib import Path

import pytest

from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.examples import run_example
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import ColumnType, Table
from ingest.feeds.rows.expressions import BUILT_IN
from tests.house.repository import ROOT

PAGE = (ROOT / "docs/feed_files.md").read_text()
CODE = " ".join(re.findall(r"`([^`\n]+)`", PAGE))


def tables(table: type[Table]) -> list[type[Table]]:
    return [table, *(found for each in table.__subclasses__() for found in tables(each))]


@pytest.mark.parametrize("table", tables(Table)[1:], ids=lambda table: table.__name__)
def test_the_page_names_every_key(table: type[Table]) -> None:
    keys = [field.alias or name for name, field in table.model_fields.items()]
    assert [key for key in keys if not re.search(rf"(?<![\w$]){key}\b", CODE)] == []


def test_the_page_names_every_type_and_every_name_with_a_dollar() -> None:
    types = ColumnType.__args__  # type: ignore[attr-defined] # of a Literal
    assert [name for name in (*types, *BUILT_IN) if name not in CODE.replace(",", " ").split()] == []


def test_the_example_of_the_page_is_a_feed_whose_example_gives_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "stations.toml"
    text = PAGE.split("```toml\n")[1].split("```")[0]
    path.write_text(text)
    feed = FeedFile(path).feed({}, {})
    (example,) = feed.declaration.examples
    assert run_example(feed, example, tmp_path, 1_760_000_000_000).differences == []


def test_the_error_of_the_page_is_the_error_of_that_file(tmp_path: Path) -> None:
    text = PAGE.split("```toml\n")[1].split("```")[0]
    path = tmp_path / "stations.toml"
    path.write_text(text.replace('from = "bikes", type = "int"', 'from = "bikes", type = "integer"'))
    said = re.search(r"feeds/(stations\.toml:.*)", PAGE)
    assert said is not None
    with pytest.raises(Exception, match=re.escape(said[1])):
        FeedFile(path).feed({}, {})


def test_the_page_about_feeds_has_each_shipped_feed_with_its_topic() -> None:
    page = (ROOT / "docs/feeds.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| (?:`([\w-]+)`|–) \|", page, re.MULTILINE))
    shipped = {path.stem: FeedFile(path).feed({}, {}, lenient=True).declaration for path in SHIPPED.glob("*.toml")}
    topics = {name: feed.topic.name if feed.topic is not None else "" for name, feed in shipped.items()}
    assert {name: rows.get(name) for name in topics} == topics


def test_the_example_of_the_page_about_feeds_is_a_feed(tmp_path: Path) -> None:
    path = tmp_path / "bikes.toml"
    path.write_text((ROOT / "docs/feeds.md").read_text().split("```toml\n")[1].split("```")[0])
    assert FeedFile(path).feed({}, {}).declaration.sinks.keys() == {"postgres"}
