"""Laws of the batch layer: an hour's top depends on the posts alone, not on how they lie, come or are cut."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_layer.rank import HourRanking, PostFields, rank_hour
from batch_layer.spark.arrow import COLUMNS, hour_rankings, rank_batches
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS, in_text
from serving.views.documents import Row, rank

KEEP = 3
unhurried = settings(deadline=None)  # the machine may be busy
tags = st.sampled_from(["paris", "Paris", "PARIS", "rome", "東京", "été", "ETE", "ﬁn", "\U00010400x"])
texts = st.lists(tags, max_size=4).map(lambda each: " ".join(f"#{tag}" for tag in each) or "no sign")
natives = st.none() | st.lists(tags, max_size=3).map(tuple)
posts = st.builds(
    PostFields, st.sampled_from(["x", "y"]), st.integers(0, 12).map(str), texts | st.none(), natives
)  # few ids, so many are sent twice
hours = st.lists(st.tuples(st.integers(400_000, 400_003), posts), max_size=40).map(
    lambda each: sorted(each, key=lambda one: one[0])  # stable: within an hour in order of arrival
)


def oracle(arrived: Sequence[PostFields]) -> HourRanking:
    """The same by other means: first arrivals, one Counter of uses, one of spellings."""
    first: dict[tuple[str, str], PostFields] = {}
    for post in arrived:
        first.setdefault((post.source, post.id), post)
    uses: Counter[str] = Counter()
    spellings: Counter[tuple[str, str]] = Counter()
    for post in first.values():
        found = AS_IS.tags(post.text or "", post.tags)
        uses.update(found.keys())
        spellings.update(found.items())
    ordered = sorted(uses, key=lambda tag: (-uses[tag], tag))
    rows = tuple(
        Row(tag, min((-n, shown) for (of, shown), n in spellings.items() if of == tag)[1], uses[tag])
        for tag in ordered[:KEEP]
    )
    tied = sum(uses[tag] == rows[-1].count for tag in ordered[KEEP:]) if rows else 0
    return HourRanking(rows, tied, uses.total(), len(uses), len(first), len(arrived))


@unhurried
@given(st.lists(posts, max_size=40))
def test_an_hour_is_its_first_arrivals_counted(arrived: list[PostFields]) -> None:
    assert rank_hour(arrived, AS_IS, KEEP) == oracle(arrived)


@unhurried
@given(hours, st.lists(st.integers(0, 40), max_size=6))
def test_however_the_sorted_posts_are_cut_into_batches_each_hour_is_ranked_alone(
    rows: list[tuple[int, PostFields]], cuts: list[int]
) -> None:
    columns = [[serial for serial, _ in rows]] + [[post[at] for _, post in rows] for at in range(4)]
    types = [pa.int32(), pa.string(), pa.string(), pa.string(), pa.list_(pa.string())]
    whole = pa.RecordBatch.from_arrays(
        [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)], names=list(COLUMNS)
    )
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    batches = [whole.slice(begin, end - begin) for begin, end in pairwise(edges)] or [whole]

    ranked = list(rank_batches(batches, AS_IS, KEEP))

    found = dict(hour_rankings(pa.Table.from_batches(ranked))) if ranked else {}
    wanted = {serial for serial, _ in rows}
    assert found == {Hour(at): oracle([post for serial, post in rows if serial == at]) for at in wanted}


@unhurried
@given(st.dictionaries(st.text(), st.integers(1, 5)), st.randoms(use_true_random=False))
def test_ranking_does_not_depend_on_the_order_of_counting(counts: dict[str, int], random: object) -> None:
    shuffled = list(counts.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis types its Random as object
    assert rank(dict(shuffled)) == rank(counts)


@unhurried
@given(st.text())
def test_a_text_without_a_sign_has_no_hashtag_so_spark_may_leave_it_out(text: str) -> None:
    assert not in_text(text.replace("#", "").replace("＃", ""))
