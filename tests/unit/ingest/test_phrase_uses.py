"""Phrases on their way to the speed layer: what is sent, how it is folded, and what hashtags do not notice of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import IngestSettings, KafkaSettings
from ingest.hours import HOUR_MS, Hour
from ingest.post import Post
from ingest.post_encoder import PostEncoder
from ingest.rule.hashtags import AS_IS, tags_of
from ingest.rule.kinds import Kind, Phrase
from ingest.rule.phrases import phrases
from ingest.rule.words import MOST_WORD_BYTES
from ingest.sources.base import Batch
from ingest.wire import MAX_USE_BYTES, Use, decode_use, encode, use_of
from speed_layer.fold import Fold, Message
from speed_layer.lane_update import hour_of_kind, lane_id, parse_hour_of_kind

FIRST = Hour.parse("2017-01-06T07")
KINDS: tuple[Phrase, ...] = ("bigram", "trigram")
POST = Post("7", "x", FIRST.start_ms, 0, "Boston #Strong tonight boston strong", "en")


def sent(*posts: Post, kinds: tuple[Phrase, ...] = KINDS) -> list[bytes]:
    """The messages of `hashtags`."""
    messages = PostEncoder(KafkaSettings(), IngestSettings(kinds=kinds), AS_IS)
    outgoing, counts = messages.encode_batch(Batch(list(posts), [], {}), "file:x")
    uses = [value or b"" for topic, value, _ in outgoing.messages if topic == "hashtags"]
    assert counts.uses == len(uses)
    return uses


def folded(values: Iterable[bytes], partitions: int, chunk: int) -> dict[str, Counter[str]]:
    """What is counted of messages that lie in partitions by their tag, chunk after chunk, by hour and kind."""
    logs: dict[int, list[Message]] = defaultdict(list)
    for value in values:
        log = logs[crc32(decode_use(value).tag.encode()) % partitions]
        log.append((2 * len(log), value))
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for partition, log in logs.items():
        start = 0
        for begin in range(0, len(log), chunk):
            fold = Fold("hashtags", partition, start, {}, lambda: FIRST.plus(1))
            fold.add(log[begin : begin + chunk])
            assert not fold.rejects
            start = fold.next
            for hour, counts in fold.hours().items():
                counted[hour].update({tag: count for tag, (count, _) in counts.items()})
    return counted


def test_a_use_of_a_hashtag_is_the_bytes_that_it_was_before_there_were_kinds() -> None:
    assert encode(use_of(POST, "a", "A")) == b'{"tag":"a","hour":"2017-01-06T07","post":"7","source":"x","shown":"A"}'
    assert decode_use(encode(use_of(POST, "a b", "A b", "bigram"))) == Use(
        "a b", "2017-01-06T07", "7", "x", "A b", "bigram"
    )


def test_phrases_are_sent_only_where_a_setting_says_so() -> None:
    tags = [encode(use_of(POST, "strong", "Strong"))]
    assert sent(POST, kinds=()) == tags
    bigrams = ["boston strong", "strong tonight", "tonight boston"]
    assert [decode_use(value).tag for value in sent(POST, kinds=("bigram",))] == ["strong", *bigrams]
    assert sent(POST)[:1] == tags


def test_three_of_the_longest_words_fit_a_message() -> None:
    word = "\U00010400" * (MOST_WORD_BYTES // 4)
    post = Post("7" * 100, "x" * 100, FIRST.start_ms, 0, f"{word} {word} {word} {word}x")
    values = sent(post)
    assert {decode_use(value).tag.count(" ") for value in values} == {1, 2}
    assert max(map(len, values)) <= MAX_USE_BYTES


@pytest.mark.parametrize("kind", ["hashtag", *KINDS])
def test_an_hour_of_a_kind_has_lanes_of_its_own(kind: Kind) -> None:
    name = hour_of_kind("2017-01-06T07", kind)
    assert parse_hour_of_kind(name) == ("2017-01-06T07", None if kind == "hashtag" else kind)
    assert (lane_id(3, name) == "3|2017-01-06T07") == (kind == "hashtag")


@pytest.mark.parametrize(
    "value",
    [
        b'{"tag":"a","hour":"2017-01-06T07~bigram","post":"7","source":"x","shown":"A"}',
        b'{"tag":"a","hour":"2017-01-06T07~bigram","post":"7","source":"x","shown":"A","kind":"bigram"}',
        b'{"tag":"a","hour":"2017-01-06T07","post":"7","source":"x","shown":"A","kind":"fourgram"}',
    ],
)
def test_a_message_that_names_no_hour_or_no_kind_is_a_reject(value: bytes) -> None:
    fold = Fold("hashtags", 0, 0, {}, lambda: FIRST)
    fold.add([(0, encode(use_of(POST, "a b", "a b", "bigram"))), (1, value)])
    assert [reject.where for reject in fold.rejects] == ["hashtags/0@1"]
    assert fold.hours() == {"2017-01-06T07~bigram": {"a b": (1, "a b")}}


words = st.sampled_from(["paris", "Paris", "the", "#rain", "rain", ".", "@me"])
posts = st.lists(
    st.builds(
        lambda number, after, text, lang: Post(str(number), "x", FIRST.start_ms + after, 0, " ".join(text), lang),
        st.integers(0, 99), st.integers(0, 2 * HOUR_MS - 1), st.lists(words, max_size=6), st.sampled_from([None, "en"]),
    ),
    max_size=12,
)  # fmt: skip


@settings(deadline=None)
@given(posts, st.integers(1, 4), st.integers(1, 5))
def test_phrases_are_counted_as_often_as_they_were_sent_and_hashtags_as_without_them(
    these: list[Post], partitions: int, chunk: int
) -> None:
    counted = folded(sent(*these), partitions, chunk)
    for hour in (FIRST, FIRST.plus(1)):
        of_hour = [post for post in these if post.hour == hour]
        assert counted[str(hour)] == Counter(tag for post in of_hour for tag in tags_of(post))
        for kind in KINDS:
            plain = Counter(phrase for post in of_hour for phrase in phrases(post.text, post.lang, [kind])[kind])
            assert counted[f"{hour}~{kind}"] == plain
    alone = folded(sent(*these, kinds=()), partitions, chunk)
    assert {hour: counts for hour, counts in counted.items() if "~" not in hour and counts} == {
        hour: counts for hour, counts in alone.items() if counts
    }
