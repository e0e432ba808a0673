"""Laws of lenses: each depends on the posts alone, the default one is as if it were alone, and sources add up to it."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_layer.rank import Further, PostFields, Ranking, rank_hour
from batch_layer.spark.arrow import COLUMNS, LANG, hour_rankings, rank_batches
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from ingest.rule.phrases import WORDS_IN, runs
from serving.views.documents import Lens, Row

KEEP = 3
ALL = Further(("bigram", "trigram"), by_source=True)
unhurried = settings(deadline=None)  # the machine may be busy
words = st.sampled_from(["paris", "Paris", "the", "The", "#rain", "#Rain", "new", "york", "@me", "t.co/x", "."])
posts = st.builds(
    PostFields,
    st.sampled_from(["x", "y", "z"]),
    st.integers(0, 9).map(str),
    st.none() | st.lists(words, max_size=6).map(" ".join),
    st.none() | st.just(("native",)),
    st.sampled_from([None, "en"]),
)  # few ids, so many are sent twice


def ranking(uses: Sequence[dict[str, str]]) -> Ranking:
    """What posts use, counted plainly: for each post its tags, each with its spelling."""
    counts = Counter(tag for each in uses for tag in each)
    spellings = Counter(pair for each in uses for pair in each.items())
    ordered = sorted(counts, key=lambda tag: (-counts[tag], tag))
    rows = tuple(
        Row(tag, min((-n, shown) for (of, shown), n in spellings.items() if of == tag)[1], counts[tag])
        for tag in ordered[:KEEP]
    )
    tied = sum(counts[tag] == rows[-1].count for tag in ordered[KEEP:]) if rows else 0
    return Ranking(rows, tied, counts.total(), len(counts), len(uses))


def phrases(post: PostFields, size: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for counted, spelled in runs(post.text or "", post.lang):
        for at in range(len(counted) - size + 1):
            found.setdefault(" ".join(counted[at : at + size]), " ".join(spelled[at : at + size]))
    return found


def oracle(arrived: Sequence[PostFields]) -> dict[Lens, Ranking]:
    first: dict[tuple[str, str], PostFields] = {}
    for post in arrived:
        first.setdefault((post.source, post.id), post)
    lenses = {Lens(kind): ranking([phrases(post, size) for post in first.values()]) for kind, size in WORDS_IN.items()}
    sources = sorted({post.source for post in first.values()})
    for source in sources if len(sources) > 1 else []:
        tags = [AS_IS.tags(post.text or "", post.tags) for post in first.values() if post.source == source]
        lenses[Lens(source=source)] = ranking(tags)
    return lenses


@unhurried
@given(st.lists(posts, max_size=25))
def test_every_lens_is_the_first_arrivals_counted_and_changes_nothing_of_the_default_one(
    arrived: list[PostFields],
) -> None:
    ranked = rank_hour(arrived, AS_IS, KEEP, ALL)
    assert dict(ranked.further) == oracle(arrived)
    alone = rank_hour(arrived, AS_IS, KEEP)
    assert (alone.sources, alone.further) == ((), ())
    assert (ranked.rows, ranked.tied_beyond, ranked.uses, ranked.tags, ranked.posts, ranked.read) == (
        alone.rows, alone.tied_beyond, alone.uses, alone.tags, alone.posts, alone.read
    )  # fmt: skip
    assert ranked.sources == tuple(sorted({post.source for post in arrived}))


@unhurried
@given(st.lists(posts, max_size=25))
def test_the_sources_of_an_hour_add_up_to_it(arrived: list[PostFields]) -> None:
    ranked = rank_hour(arrived, AS_IS, 1_000, Further(by_source=True))
    parts = [part for lens, part in ranked.further if lens.source] or [ranked]
    added: Counter[str] = Counter()
    for part in parts:
        added.update({row.tag: row.count for row in part.rows})
    assert added == {row.tag: row.count for row in ranked.rows}
    assert sum(part.posts for part in parts) == ranked.posts


@unhurried
@given(
    st.lists(st.tuples(st.integers(400_000, 400_002), posts), max_size=25).map(
        lambda each: sorted(each, key=lambda one: one[0])
    ),
    st.lists(st.integers(0, 25), max_size=4),
)
def test_however_the_sorted_posts_are_cut_into_batches_each_hour_has_its_lenses(
    rows: list[tuple[int, PostFields]], cuts: list[int]
) -> None:
    columns = [[serial for serial, _ in rows]] + [[post[at] for _, post in rows] for at in range(5)]
    types = [pa.int32(), pa.string(), pa.string(), pa.string(), pa.list_(pa.string()), pa.string()]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    whole = pa.RecordBatch.from_arrays(arrays, names=[*COLUMNS, LANG])
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    batches = [whole.slice(begin, end - begin) for begin, end in pairwise(edges)] or [whole]

    ranked = list(rank_batches(batches, AS_IS, KEEP, ALL))

    found = dict(hour_rankings(pa.Table.from_batches(ranked))) if ranked else {}
    assert found == {
        Hour(at): rank_hour([post for serial, post in rows if serial == at], AS_IS, KEEP, ALL)
        for at in {serial for serial, _ in rows}
    }
