"""Laws of samples: they depend on the set of posts alone, and equal what a look at each post of each tag finds."""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from math import log
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_layer.rank import Further, HourRanking, PostFields, rank_hour
from batch_layer.samples import PAIRED, RELATED, SPELLINGS, unpack
from ingest.rule.hashtags import AS_IS
from serving.views.documents import HASHTAGS, Lens
from serving.views.samples import HourSamples, Place

KEEP, MOST = 5, 3
unhurried = settings(deadline=None)  # the machine may be busy
words = st.sampled_from(["#rain", "#Rain", "#RAIN", "#paris", "#Paris", "#news", "#storm", "#flood", "#sun", "plain"])
fields = st.tuples(st.sampled_from(["x", "y"]), st.integers(0, 12).map(str), st.lists(words, max_size=6).map(" ".join))


def arrivals(each: list[tuple[str, str, str]]) -> list[PostFields]:
    return [PostFields(*post, None, None, Place(0, at % 2, at)) for at, post in enumerate(each)]


posts = st.lists(fields, max_size=40).map(arrivals)
distinct = posts.map(lambda each: list({(post.source, post.id): post for post in each}.values()))


def samples_of(ranked: HourRanking, lens: Lens = HASHTAGS) -> HourSamples:
    return unpack(dict(ranked.samples)[lens])


def order(post: PostFields) -> int:
    return int.from_bytes(blake2b(f"{post.source}\0{post.id}".encode(), digest_size=7).digest(), "big")


def g2(both: int, uses: int, others: int, posts: int) -> float:
    """Dunning's sum over the four cells of the table, each beside what independence expects."""
    cells = {(1, 1): both, (1, 0): uses - both, (0, 1): others - both, (0, 0): posts - uses - others + both}
    rows, columns = {1: uses, 0: posts - uses}, {1: others, 0: posts - others}
    return 2 * sum(n * log(n * posts / (rows[a] * columns[b])) for (a, b), n in cells.items() if n)


@unhurried
@given(posts)
def test_samples_are_what_one_finds_by_looking_at_each_post_of_each_tag(arrived: list[PostFields]) -> None:
    ranked = rank_hour(arrived, AS_IS, KEEP, Further(by_source=True, samples=MOST))
    first: dict[tuple[str, str], PostFields] = {}
    for post in arrived:
        first.setdefault((post.source, post.id), post)
    lenses = {HASHTAGS: ranked.rows} | {lens: part.rows for lens, part in ranked.further if lens.source}
    assert {lens for lens, _ in ranked.samples} == lenses.keys()
    for lens, rows in lenses.items():
        used = [
            (post, AS_IS.tags(post.text or "", None))
            for post in first.values()
            if lens.source in (None, post.source) and AS_IS.tags(post.text or "", None)
        ]
        found = samples_of(ranked, lens)
        assert (found.most, found.tagged) == (MOST, len(used))
        assert [(each.tag, each.uses) for each in found.tags] == [(row.tag, row.count) for row in rows]
        for each in found.tags:
            having = [(order(post), post.place) for post, tags in used if each.tag in tags]
            assert each.posts == tuple(sorted(having)[:MOST])
            spelled = Counter(tags[each.tag] for _, tags in used if each.tag in tags)
            assert each.spellings == tuple(sorted(spelled.items(), key=lambda item: (-item[1], item[0]))[:SPELLINGS])
            check_related(found, each.tag, [tags for _, tags in used])


def check_related(found: HourSamples, tag: str, used: Sequence[dict[str, str]]) -> None:
    """Each other ranked tag beside this one, by an own formula; of equal scores rounding decides nothing."""
    uses = Counter(each for tags in used for each in tags)
    expected: dict[str, tuple[int, Any]] = {}
    for other in (each.tag for each in found.tags if each.tag != tag):
        both = sum(tag in tags and other in tags for tags in used)
        if both * len(used) > uses[tag] * uses[other]:
            expected[other] = (both, pytest.approx(g2(both, uses[tag], uses[other], len(used)), abs=2e-3))
    related = next(each.related for each in found.tags if each.tag == tag)
    assert {each.tag: (each.both, each.score) for each in related} == expected
    assert [each.score for each in related] == sorted((each.score for each in related), reverse=True)


@unhurried
@given(distinct, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_sample(arrived: list[PostFields], shuffle: Random) -> None:
    shuffled = list(arrived)
    shuffle.shuffle(shuffled)
    further = Further(by_source=True, samples=MOST)
    assert rank_hour(shuffled, AS_IS, KEEP, further) == rank_hour(arrived, AS_IS, KEEP, further)


@unhurried
@given(posts)
def test_samples_change_nothing_else(arrived: list[PostFields]) -> None:
    further = Further(("bigram",), by_source=True)
    alone = rank_hour(arrived, AS_IS, KEEP, further)
    ranked = rank_hour(arrived, AS_IS, KEEP, further._replace(samples=MOST))
    assert alone.samples == ()
    assert ranked == HourRanking(
        **{name: getattr(alone, name) for name in ("rows", "tied_beyond", "uses", "tags", "posts", "read", "sources")},
        further=alone.further,
        samples=ranked.samples,
    )


def test_the_bounds_hold_for_hostile_posts() -> None:
    huge = [f"#{'a' * 10_000}{at}" for at in range(300)]
    many = " ".join(f"#t{at}" for at in range(2_500))
    cased = [f"#{''.join(c.upper() if at >> bit & 1 else c for bit, c in enumerate('spelling'))}" for at in range(60)]
    texts = [many, many, *[" ".join(huge[at : at + 25]) for at in range(0, 300, 25)] * 2, *cased, *["#common"] * 2_500]
    arrived = [PostFields("x", str(at), text, None, None, Place(0, 0, at)) for at, text in enumerate(texts)]
    ranked = rank_hour([*arrived, PostFields("x", "$inc", "#$inc #common", None)], AS_IS, 10_000, Further(samples=10))

    packed = dict(ranked.samples)[HASHTAGS]
    found = unpack(packed)

    assert len(found.tags) == 1_000
    assert len(packed) < 12_000_000
    assert all(len(each.posts) <= 10 and len(each.related) <= RELATED for each in found.tags)
    assert all(len(each.spellings) <= SPELLINGS for each in found.tags)
    assert not [one for each in found.tags for one in each.related if len(one.tag) > 300]
    assert {each.tag for each in found.tags if each.related} <= {f"t{at}" for at in range(PAIRED)}
    assert found.tags[0].tag == "common"
    assert found.tags[0].uses == 2_501
