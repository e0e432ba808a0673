"""The rule: Twitter's conformance suite, its fast path, what is counted, and corrections."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.hashtags import AS_IS, Rule, in_text, in_text_full, normalise, tags_of
from ingest.post import Post
from ingest.sources.file import FileSource
from ingest.sources.formats import Reading

PIECES = [
    *("#", "#", "＃", "##", "a", "Z", "é", "e\u0301", "東", "京", "ア", "ー", "ア゙", "й", "ع", "ن", "हि", "न्", "한"),
    *("1", "2", "_", "&", "&#", ";", " ", "\n", "\u3000", "http://", "https://", "x.co", ".com", "/", "?", "://"),
    *(".", "-", "@", "＠", "!", ",", "(", "$", "\ufe0f", "\u20e3", "❤️", "😀", "👍🏽", "\u200d", "\u200c", "\u0301"),
    *("İ", "ß", "ſ", "·", "・", "、", "\U0001d518", "\x00", "～", "〜"),
]


def post(text: str, tags: tuple[str, ...] | None = None) -> Post:
    return Post("1", "x", 1, 1, text, tags=tags)


def cases(test_data: Path, section: str) -> list[dict[str, Any]]:
    suite = yaml.safe_load((test_data / "twitter_text" / "extract.yml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = suite["tests"][section]
    return found


def test_all_76_conformance_cases_hold(test_data: Path) -> None:
    judged = 0
    for section in ("hashtags", "hashtags_from_astral", "hashtags_with_indices"):
        for case in cases(test_data, section):
            wanted = [found["hashtag"] if isinstance(found, dict) else found for found in case["expected"]]
            assert in_text(case["text"]) == wanted, case["description"]
            assert in_text_full(case["text"]) == wanted, case["description"]
            judged += 1
    assert judged == 76


def test_the_fast_path_equals_the_full_rule_on_all_recorded_posts(test_data: Path) -> None:
    source = FileSource([str(test_data / "crisislex_t6")], Reading("x", lambda: 2_000_000_000_000, 0, False))
    texts = [post.text for batch in source.batches({}, 10_000) for post in batch.posts]
    assert len(texts) == 60_082
    assert [text for text in texts if in_text(text) != in_text_full(text)] == []


@settings(max_examples=1_000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_the_fast_path_equals_the_full_rule(text: str) -> None:
    assert in_text(text) == in_text_full(text)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=40))
def test_no_text_makes_the_rule_fail(text: str) -> None:
    assert in_text(f"#{text}#x") == in_text_full(f"#{text}#x")


def test_a_hostile_text_is_read_in_bounded_time() -> None:
    for hostile in ("#" * 50_000, "a.b/" * 20_000 + "#x", "#a" * 30_000, "x." * 30_000 + "co/#y", "#_" * 30_000):
        in_text(hostile)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", unicodedata.normalize("NFD", "café")),
        ("STRASSE", "straße"),
        ("İstanbul", "i\u0307stanbul"),
        ("ＢｉｇＤａｔａ", "bigdata"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ﾆｭｰｽ", "ニュース"),
        ("ſet", "SET"),
    ],
)
def test_spellings_of_one_tag_are_counted_as_one(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@given(st.text(max_size=20))
def test_a_normalised_tag_stays_as_it_is(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_a_post_uses_a_tag_once_and_shows_its_first_spelling() -> None:
    assert tags_of(post("#Paris #PARIS and ＃paris #rain")) == {"paris": "Paris", "rain": "rain"}


def test_what_the_source_names_is_taken_and_the_text_is_not_read() -> None:
    assert tags_of(post("cut #off…", ("Whole", "whole"))) == {"whole": "Whole"}
    assert tags_of(post("#there is none", ())) == {}
    assert tags_of(post("#text", None)) == {"text": "text"}


def test_corrections_leave_out_and_rename() -> None:
    rule = Rule.corrected(["#Spam"], {"PrayForBoston": "＃prayersforboston"})
    assert tags_of(post("#spam #prayforboston #PrayersForBoston #ok"), rule) == {
        "prayersforboston": "prayforboston",
        "ok": "ok",
    }


def test_equal_corrections_have_equal_versions_and_others_do_not() -> None:
    one = Rule.corrected(["a", "b"], {"x": "y", "v": "w"})
    same = Rule.corrected(["#B", "A"], {"V": "w", "X": "Y"})
    assert AS_IS.version == "1"
    assert one.version == same.version != AS_IS.version
    assert Rule.corrected(["a"], {}).version != one.version


@pytest.mark.parametrize("odd", ["$inc", "../..", "a.b", "x" * 10_000, "a\x00b", ""])
def test_odd_tags_named_by_a_source_are_values_like_any_other(odd: str) -> None:
    assert tags_of(post("", (odd,))) == ({odd: odd} if odd else {})
