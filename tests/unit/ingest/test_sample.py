"""Sample posts: what they are like."""

import threading
from collections import Counter, defaultdict

import pytest

from config.errors import UsageError
from ingest.hours import HOUR_MS, Hour
from ingest.post import Post
from ingest.rule.hashtags import in_text, tags_of
from ingest.sources.sample.source import SampleSource
from ingest.sources.sample.vocabulary import BURSTS
from tests.support.sources import NOW, reading


def made(seed: int = 1, end: int = NOW) -> list[Post]:
    source = SampleSource(reading("sample"), end=end, seed=seed)
    return [post for batch in source.batches({}, 10_000) for post in batch.items]


def test_equal_seeds_make_equal_posts_and_others_do_not() -> None:
    assert made() == made()
    assert not {post.id for post in made()} & {post.id for post in made(seed=2)}
    assert not {post.id for post in made()} & {post.id for post in made(end=NOW + HOUR_MS)}


def test_they_lie_within_the_hours_asked_for_in_about_the_order_of_time_and_some_are_late() -> None:
    posts = made()
    assert len(posts) == 20_000
    assert all(NOW - 24 * HOUR_MS <= post.created_at < NOW for post in posts)
    newest, late = 0, 0
    for post in posts:
        newest = max(newest, post.created_at)
        late += post.created_at < newest - HOUR_MS
    assert 50 < late < 400


def test_some_are_sent_twice_as_they_are() -> None:
    posts = made()
    twice = [id_ for id_, count in Counter(post.id for post in posts).items() if count > 1]
    assert 40 < len(twice) < 200
    assert len({(post.id, post.text, post.created_at) for post in posts}) == len({post.id for post in posts})


def test_tags_are_as_many_and_as_uneven_as_in_recorded_posts() -> None:
    posts = made()
    uses = Counter(tag for post in posts for tag in tags_of(post))
    tagged = sum(1 for post in posts if tags_of(post))
    assert 0.25 < tagged / len(posts) < 0.5
    assert len(uses) > 1_000
    assert uses["news"] > 1.5 * uses["music"] > 2 * uses["love"]
    spellings = {spelling for post in posts for spelling in in_text(post.text)}
    assert spellings >= {"news", "News", "NEWS", "東京", "новости", "भारत", "خبر", "Straße"}


def test_two_bursts_rule_their_hours() -> None:
    tags: defaultdict[Hour, Counter[str]] = defaultdict(Counter)
    for post in made():
        tags[post.hour].update(list(tags_of(post)))
    ruling = {count.most_common(1)[0][0] for count in tags.values() if count}
    assert ruling >= set(BURSTS)


def test_some_lines_can_not_be_read() -> None:
    rejects = [
        reject for batch in SampleSource(reading("sample"), end=NOW).batches({}, 10_000) for reject in batch.rejects
    ]
    assert 5 < len(rejects) < 40
    assert all(reject.reason and reject.raw for reject in rejects)


def test_live_posts_follow_at_the_rate_asked_for_and_as_the_clock_goes() -> None:
    stop = threading.Event()
    source = SampleSource(reading("sample"), end=NOW - HOUR_MS, posts=10, live_per_second=1_000, batch_ms=20, stop=stop)
    live: list[Post] = []
    for batch in source.batches({}, 1_000):
        live += batch.items
        if len(live) >= 50:
            break
    assert all(post.created_at == NOW for post in live[10:])
    assert len({post.id for post in live[10:]}) == len(live[10:])


def test_what_can_not_be_made_is_refused() -> None:
    for posts, hours in ((0, 1), (1, 0), (1, 10_000_000)):
        with pytest.raises(UsageError):
            SampleSource(reading(), end=NOW, posts=posts, hours=hours)
    with pytest.raises(UsageError):
        list(SampleSource(reading(), end=NOW).batches({"end": "x"}, 10))
