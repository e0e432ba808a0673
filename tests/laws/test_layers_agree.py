"""Both layers say the same of an hour, but for posts that were sent again: batch counts such a post once."""

from collections import Counter, defaultdict
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_layer.rank import PostFields, rank_hour
from ingest.hours import HOUR_MS, Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS, tags_of
from ingest.wire import encode, use_of
from serving.views.documents import rank
from speed_layer.fold import Fold, Message

FIRST = Hour.parse("2017-01-06T07")
words = st.sampled_from(["#paris", "#Paris", "#PARIS", "＃東京", "#été", "rome", "#a#b", "#ﬁn"])


@st.composite
def sent(draw: st.DrawFn) -> list[Post]:
    """Posts of two hours, some of them twice, in any order."""
    posts = [
        Post(str(number), "x", FIRST.start_ms + after, 0, " ".join(text))
        for number, (after, text) in enumerate(
            draw(st.lists(st.tuples(st.integers(0, 2 * HOUR_MS - 1), st.lists(words, max_size=4)), max_size=15))
        )
    ]
    again = draw(st.lists(st.sampled_from(posts), max_size=4)) if posts else []
    return draw(st.permutations(posts + again))


def speed(posts: list[Post], partitions: int, chunk: int) -> dict[str, Counter[str]]:
    """The uses of posts, over partitions by tag, folded chunk by chunk."""
    logs: dict[int, list[Message]] = defaultdict(list)
    for post in posts:
        for tag, shown in tags_of(post).items():
            log = logs[crc32(tag.encode()) % partitions]
            log.append((2 * len(log), encode(use_of(post, tag, shown))))
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for partition, log in logs.items():
        start = 0
        for begin in range(0, len(log), chunk):
            folded = Fold("hashtags", partition, start, {}, lambda: FIRST.plus(1))
            folded.add(log[begin : begin + chunk])
            start = folded.next
            for hour, counts in folded.hours().items():
                counted[hour].update({tag: count for tag, (count, _) in counts.items()})
    return counted


def batch(posts: list[Post], hour: Hour) -> list[tuple[str, int]]:
    arrived = [PostFields(post.source, post.id, post.text, post.tags) for post in posts if post.hour == hour]
    return [(row.tag, row.count) for row in rank_hour(arrived, AS_IS, 1_000).rows]


@settings(deadline=None)
@given(sent(), st.integers(1, 4), st.integers(1, 5))
def test_speed_counts_a_post_as_often_as_it_was_sent_and_batch_counts_it_once(
    posts: list[Post], partitions: int, chunk: int
) -> None:
    once = list({post.id: post for post in posts}.values())
    for hour in (FIRST, FIRST.plus(1)):
        of_all = Counter(tag for post in posts if post.hour == hour for tag in tags_of(post))
        assert speed(posts, partitions, chunk)[str(hour)] == of_all
        assert rank(speed(once, partitions, chunk)[str(hour)]) == batch(posts, hour) == batch(once, hour)
