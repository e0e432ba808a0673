"""`/hours.atom`: the last finished hours for feed readers, on a real MongoDB."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import feedparser
import httpx
import pytest
from pydantic import SecretStr

from config.settings import Settings
from ingest.hours import Hour
from serving.render.atom import ATOM, XHTML
from serving.views.documents import Lens
from serving.views.store import Store
from tests.support.dashboard import counted, published, running

FIRST = Hour.parse("2013-04-15T20")
HOSTILE = {
    "<script>alert(1)</script>": 9,
    "]]>&amp;&#0;": 8,
    "\x00\x08\x0b\x1b\x7f\x85": 7,
    "\ufffe\uffff\u2028\u202e": 6,
    "a" * 5_000: 5,
    "\U0001f600é́": 4,
}


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


def entries(text: bytes) -> list[ET.Element]:
    """The entries of a document, after the checks that RFC 4287 makes of any."""
    root = ET.fromstring(text)
    assert root.tag == f"{{{ATOM}}}feed"
    found = root.findall(f"{{{ATOM}}}entry")
    for each in (root, *found):
        for name in ("id", "title", "updated"):
            (one,) = each.findall(f"{{{ATOM}}}{name}")
            assert one.text
        links = [(link.get("rel"), link.get("type")) for link in each.findall(f"{{{ATOM}}}link")]
        assert len(links) == len(set(links)), "one link of each relation and type"
    assert root.find(f"{{{ATOM}}}author/{{{ATOM}}}name") is not None, "entries without an author need that of the feed"
    assert len({each.findtext(f"{{{ATOM}}}id") for each in found}) == len(found)
    for each in found:
        (content,) = each.findall(f"{{{ATOM}}}content")
        assert (content.get("type"), [child.tag for child in content]) == ("xhtml", [f"{{{XHTML}}}div"])
    return found


def test_a_feed_reader_gets_the_last_48_finished_hours_the_newest_first(settings: Settings, store: Store) -> None:
    hours = [FIRST.plus(at) for at in range(50)]
    for hour in hours:
        published(store, {"boston": 5, "marathon": 5, str(hour): 1}, hour)
    published(store, {"early": 1}, hours[-1].plus(1), complete=False)
    counted(store, hours[-1].plus(2), live=3)
    with running(settings) as url:
        answer = httpx.get(f"{url}/hours.atom", params={"tz": "America/New_York"})
        page = httpx.get(f"{url}/day").text
        head = httpx.head(f"{url}/hours.atom", params={"tz": "America/New_York"})
        refused = httpx.get(f"{url}/hours.atom", params={"hours": "3"})
    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert len(entries(answer.content)) == 48
    parsed = feedparser.parse(answer.content)
    assert (parsed.bozo, parsed.version) == (False, "atom10")
    assert [each.link for each in parsed.entries[:2]] == [
        f"{url}/hour/{hour}?tz=America%2FNew_York" for hour in (hours[-1], hours[-2])
    ]
    first = parsed.entries[0]
    assert first.id == f"tag:localhost,2026-01-01:trends/hashtag/{hours[-1]}"
    assert first.title == "2013-04-17 17:00–18:00 EDT: #boston, #marathon, #2013-04-17T21"
    assert "#boston: 5 uses" in first.content[0].value
    assert parsed.feed.links[0].href == f"{url}/hours.atom?tz=America%2FNew_York"
    assert '<link rel="alternate" type="application/atom+xml"' in page
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])
    assert refused.status_code == 400
    assert refused.json()["error"]["what"] == "unknown query parameter"


def test_an_hour_that_is_computed_again_keeps_its_id_and_moves_its_time(settings: Settings, store: Store) -> None:
    published(store, {"a": 2}, FIRST)
    published(store, {"a": 2}, FIRST.plus(1))
    with running(settings, names=("trends.example.org",)) as url:
        before = httpx.get(f"{url}/hours.atom")
        same = httpx.get(f"{url}/hours.atom", headers={"If-None-Match": f'"other", W/{before.headers["etag"]}'})
        store.collection("hours").update_one(
            {"hour": str(FIRST)}, [{"$set": {"token": 9, "computed_at": {"$add": ["$computed_at", 86_400_000]}}}]
        )
        after = httpx.get(f"{url}/hours.atom", headers={"If-None-Match": before.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert after.status_code == 200
    old, new = (feedparser.parse(each.content) for each in (before, after))
    assert [each.id for each in old.entries] == [each.id for each in new.entries]
    assert old.entries[1].id == f"tag:trends.example.org,2026-01-01:trends/hashtag/{FIRST}"
    assert [each.updated for each in old.entries] == ["2013-04-15T22:00:00Z", "2013-04-15T21:00:00Z"]
    assert [each.updated for each in new.entries] == ["2013-04-15T22:00:00Z", "2013-04-16T21:00:00Z"]
    assert (old.feed.updated, new.feed.updated) == ("2013-04-15T22:00:00Z", "2013-04-16T21:00:00Z")


def test_hostile_tags_and_sources_are_text(settings: Settings, store: Store) -> None:
    source = "x:<&\x01ü/"
    published(store, HOSTILE, FIRST)
    published(store, HOSTILE, FIRST, lens=Lens(source=source))
    with running(settings) as url:
        for params in ({}, {"source": source}):
            answer = httpx.get(f"{url}/hours.atom", params=params)
            (entry,) = entries(answer.content)
            rows = [each.text or "" for each in entry.iter(f"{{{XHTML}}}li")]
            assert [row.rpartition(": ")[2] for row in rows] == [f"{count} uses" for count in HOSTILE.values()]
            assert rows[0].startswith("#<script>alert(1)</script>")
            assert rows[2].startswith("#\\u0000\\u0008\\u000b\\u001b\\u007f\\u0085")
            assert len(rows[4]) < 80
            assert not feedparser.parse(answer.content).bozo
        assert httpx.get(f"{url}/hours.atom", params={"kind": "bigram", "source": source}).status_code == 400


def test_without_hours_it_is_empty_and_with_a_token_it_needs_that(settings: Settings) -> None:
    with running(settings, token=SecretStr("correct-horse-battery-staple")) as url:
        refused = httpx.get(f"{url}/hours.atom")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        answer = httpx.get(f"{url}/hours.atom", headers={"Authorization": "Bearer correct-horse-battery-staple"})
    assert entries(answer.content) == []
    assert not feedparser.parse(answer.content).bozo
