"""The rule: Twitter's conformance suite, its fast path, what is counted, and corrections."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.post import Post
from ingest.rule.hashtags import AS_IS, VERSION, Rule, in_text, in_text_full, normalise, tags_of
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.contract import Reading

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
            post_filter = [found["hashtag"] if isinstance(found, dict) else found for found in case["expected"]]
            assert in_text(case["text"]) == post_filter, case["description"]
            assert in_text_full(case["text"]) == post_filter, case["description"]
            judged += 1
    assert judged == 76


def test_the_fast_path_equals_the_full_rule_on_all_recorded_posts(test_data: Path) -> None:
    source = PostFiles([str(test_data / "crisislex_t6")], Reading("x", lambda: 2_000_000_000_000, 0, False))
    texts = [post.text for batch in source.batches({}, 10_000) for post in batch.items]
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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("読む https://t.co/Ab12、#一つ", ["一つ"]),
        ("「https://t.co/Ab12」#二つ", ["二つ"]),
        ("http://t.co/Ab12\\#behind", ["behind"]),
        ("(at http://example.org/c/d)#outside", ["outside"]),
        ('"http://example.org/c"#quoted', ["quoted"]),
        ('<a href="http://example.org/tags/x">#shown</a>', ["shown"]),
        ("http://example.org/c…#cut http://example.org/❤️#heart", ["cut", "heart"]),
        ("http://example.org/(c/d)#in http://example.org/(c/#open", ["open"]),
        ("http://foo_bar.com/#y http://sub_x.example.org/#in", ["y"]),
        ("http://example.org/c|#in https://t.co/Ab12#in https://example.org/d#in", []),
        ("https://example.org/#/in https://example.org/?q=#in example.org/?q=#in", []),
        ("example.org?q=#noPath @example.org/#name a-.org/#no", ["noPath", "name", "no"]),
        ("http://例え.jp/#in 例え.jp/#out http://x.みんな/#in", ["out"]),
    ],
)
def test_a_sign_in_a_link_begins_no_tag_and_a_link_ends_where_its_pattern_does(text: str, found: list[str]) -> None:
    assert in_text(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Q&amp;#no", []),
        ("&amp;#x27;s", []), ("a&amp;#39;b", []), ("&lt;#less&gt;", ["less"]), ("&amp;lt;#no", ["no"]),
        ("#caf&eacute;", ["caf"]), ("#R&amp;D", ["r"]), ("&#39;#one&#39; &quot;#two&quot;", ["one", "two"]),
    ],
)  # fmt: skip
def test_what_x_escapes_is_read_as_it_was_written(text: str, found: list[str]) -> None:
    assert list(tags_of(post(text))) == found


def test_other_sources_escape_nothing() -> None:
    assert list(tags_of(Post("1", "mastodon", 1, 1, "Q&amp;#yes"))) == ["yes"]


@pytest.mark.parametrize(
    "text",
    [
        "#peace", "#peace\ufe0f", "#peace☮️", "#peace\u200d", "#pea\xadce", "#peace\u200b", "#peace\u2060",
        "#peace\xad and", "a\ufe0f#peace", "#pea\u034fce", "#PEACE\ufe0f!",
    ],
)  # fmt: skip
def test_what_nobody_sees_makes_no_other_tag(text: str) -> None:
    assert list(tags_of(post(text))) == ["peace"]


def test_a_tag_that_nobody_sees_is_none() -> None:
    assert tags_of(post("", ("\u3164", "\u200b", "#", " ＃ "))) == {}


def test_a_joiner_between_letters_stays() -> None:
    assert normalise("می\u200cخواهم\u200c") == "می\u200cخواهم"


def test_signs_and_blanks_around_a_tag_that_a_source_names_are_no_part_of_it() -> None:
    assert tags_of(post("", ("Dogs", "#dogs", " dogs ", "＃DOGS", "# dogs"))) == {"dogs": "Dogs"}


def test_dotted_i_is_i_and_dotless_i_is_another_letter() -> None:
    assert len({normalise(tag) for tag in ("İzmir", "izmir", "IZMIR", "i\u0307zmir")}) == 1
    assert normalise("ısparta") != normalise("isparta")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", unicodedata.normalize("NFD", "café")),
        ("STRASSE", "straße"),
        ("İstanbul", "ISTANBUL"),
        ("ＢｉｇＤａｔａ", "bigdata"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ﾆｭｰｽ", "ニュース"),
        ("ſet", "SET"),
    ],
)
def test_spellings_of_one_tag_are_counted_as_one(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@given(
    st.text(st.one_of(st.characters(), st.sampled_from("iİıſßΐ\u0307\u0323\u034f\xad\u200d\ufe0f\u3164")), max_size=20)
)
def test_a_normalised_tag_stays_as_it_is(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_a_post_uses_a_tag_once_and_shows_its_first_spelling() -> None:
    assert tags_of(post("#Paris #PARIS and ＃paris #rain")) == {"paris": "Paris", "rain": "rain"}


def test_what_the_source_names_is_taken_and_the_text_is_not_read() -> None:
    assert tags_of(post("cut #off…", ("Whole", "whole"))) == {"whole": "Whole"}
    assert tags_of(post("#there is none", ())) == {}
    assert tags_of(post("#text", None)) == {"text": "text"}


def test_corrections_leave_out_and_rename() -> None:
    rule = Rule.with_corrections(["#Spam"], {"PrayForBoston": "＃prayersforboston"})
    assert tags_of(post("#spam #prayforboston #PrayersForBoston #ok"), rule) == {
        "prayersforboston": "prayforboston",
        "ok": "ok",
    }


def test_equal_corrections_have_equal_versions_and_others_do_not() -> None:
    one = Rule.with_corrections(["a", "b"], {"x": "y", "v": "w"})
    same = Rule.with_corrections(["#B", "A"], {"V": "w", "X": "Y"})
    assert AS_IS.version == VERSION
    assert one.version == same.version != AS_IS.version
    assert Rule.with_corrections(["a"], {}).version != one.version


@pytest.mark.parametrize("odd", ["$inc", "../..", "a.b", "x" * 10_000, "a\x00b", ""])
def test_odd_tags_named_by_a_source_are_values_like_any_other(odd: str) -> None:
    assert tags_of(post("", (odd,))) == ({odd: odd} if odd else {})
