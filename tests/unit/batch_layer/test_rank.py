"""Ranking is a total order, and an hour counts each post once."""

from itertools import permutations

from batch_layer.rank import PostFields, rank_hour
from ingest.rule.hashtags import AS_IS, Rule
from serving.views.documents import Row, rank


def arrived(post: str, text: str | None = None, *tags: str) -> PostFields:
    return PostFields("x", post, text, tags or None)


def test_equal_counts_are_ordered_by_code_point() -> None:
    counts = {"zebra": 2, "Ａ": 2, "a": 2, "été": 2, "\U00010400": 2, "\uff5e": 2, "top": 3}
    expected = ["top", "a", "zebra", "été", "Ａ", "\uff5e", "\U00010400"]
    assert all([tag for tag, _ in rank(dict(order))] == expected for order in permutations(counts.items()))


def test_a_post_that_was_sent_again_is_counted_as_it_arrived_first() -> None:
    ranked = rank_hour([arrived("1", "#one"), arrived("1", "#two"), PostFields("y", "1", "#two", None)], AS_IS, 10)
    assert [(row.tag, row.count) for row in ranked.rows] == [("one", 1), ("two", 1)]
    assert (ranked.posts, ranked.read, ranked.uses, ranked.tags) == (2, 3, 2, 2)


def test_a_post_that_arrived_first_without_a_hashtag_still_hides_the_second() -> None:
    ranked = rank_hour([arrived("1", None), arrived("1", "#late")], AS_IS, 10)
    assert (ranked.rows, ranked.posts, ranked.read) == ((), 1, 2)


def test_the_spelling_most_used_is_shown_and_of_equals_the_first_by_code_point() -> None:
    texts = ["#paris", "#Paris", "#Paris", "#paris", "#PARIS", "#Rome", "#rome", "#ROME #rome"]
    ranked = rank_hour([arrived(str(at), text) for at, text in enumerate(texts)], AS_IS, 10)
    assert ranked.rows == (Row("paris", "Paris", 5), Row("rome", "ROME", 3))


def test_what_is_not_kept_is_still_counted_and_ties_beyond_the_last_row_are_told() -> None:
    texts = ["#a #b #c #d #e", "#a #b #c #d", "#a"]
    ranked = rank_hour([arrived(str(at), text) for at, text in enumerate(texts)], AS_IS, 2)
    assert [row.tag for row in ranked.rows] == ["a", "b"]
    assert (ranked.tied_beyond, ranked.uses, ranked.tags) == (2, 10, 5)


def test_native_tags_are_taken_and_the_text_is_not_read() -> None:
    ranked = rank_hour([arrived("1", "#text", "Native"), PostFields("x", "2", "#text", ())], AS_IS, 10)
    assert [row.tag for row in ranked.rows] == ["native"]


def test_a_corrected_rule_counts_what_it_says() -> None:
    rule = Rule.with_corrections(ignore=["spam"], aliases={"nyc": "newyork"})
    ranked = rank_hour([arrived("1", "#spam #NYC #newyork"), arrived("2", "#nyc")], rule, 10)
    assert ranked.rows == (Row("newyork", "NYC", 2),)


def test_an_hour_without_hashtags_has_posts_and_no_rows() -> None:
    ranked = rank_hour([arrived("1", "plain"), arrived("2", None)], AS_IS, 10)
    assert (ranked.rows, ranked.tied_beyond, ranked.uses, ranked.posts) == ((), 0, 0, 2)


def test_rows_of_huge_tags_are_as_many_as_a_document_holds() -> None:
    posts = [arrived(str(number), None, f"{number:02}" + "x" * 500_000) for number in range(20)]
    ranked = rank_hour(posts, AS_IS, keep=1_000)
    assert (len(ranked.rows), ranked.tied_beyond, ranked.tags, ranked.uses) == (11, 9, 20, 20)
