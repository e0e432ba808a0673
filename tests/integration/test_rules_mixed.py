"""Hours under two versions of the rule: every form of every answer says so, and the command mends it."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from batch_layer.plan import Span
from batch_layer.publish import HourResult, Stamp, publish
from batch_layer.rank import PostFields, rank_hour
from batch_layer.spark.session import Engine
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from ingest.rule.hashtags import AS_IS, Rule
from ingest.rule.rule_text import text_of
from serving.cli import main
from serving.views.documents import HOURS, RULES
from serving.views.rulebook import entries, store_texts
from serving.views.store import Store
from tests.support.batch import FIRST, Layers, post
from tests.support.dashboard import LAYERS, running

NEW = Rule.with_corrections(["spam"], {"nyc": "newyork"})
LAST = FIRST.plus(3)
SPAN = ("--since", str(FIRST), "--until", str(LAST.plus(1)))
MEND = f"trends recompute --since {FIRST.plus(2)} --until {FIRST.plus(4)}"


@pytest.fixture
def store(settings: Settings, settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    with Store(settings.mongo) as made:
        yield made


def archived(settings: Settings, store: Store) -> None:
    """Four hours of archived posts, the first two computed by the rule of now, the others by a corrected one."""
    archive = ArchiveWriter(settings)
    for at in range(4):
        posts = [post(1 + 2 * at, at, "#spam #nyc"), post(2 + 2 * at, at, "#spam")]
        posts += [post(100 + number, at, "#rain") for number in range(40 if at == 3 else 0)]
        archive.add(0, posts)
        rule = AS_IS if at < 2 else NEW
        store_texts(store, [text_of(rule)], 1_700_000_000_000)
        arrived = [PostFields(each.source, each.id, each.text, each.tags) for each in posts]
        computed = HourResult(
            FIRST.plus(at), rank_hour(arrived, rule, 1_000), (3 * at + (43 if at == 3 else 3), 0, 0), complete=True
        )
        publish(store, [computed], Stamp(f"run-{at}", 0, rule.version), wall_clock())


def trends(*arguments: str, exits: int = 0) -> Result:
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == exits, f"{told.output}\n{told.exception}"
    return told


QUESTIONS = {
    "top": ["top", *SPAN],
    "day": ["day", "--date", "2013-04-15"],
    "rising": ["rising", "--hour", str(LAST), "--against", "3h", "--least", "0"],
    "tag": ["tag", "newyork", *SPAN],
}


def test_every_form_of_every_answer_says_that_its_hours_have_two_versions(settings: Settings, store: Store) -> None:
    archived(settings, store)
    for name, words in QUESTIONS.items():
        text = " ".join(trends(*words).stdout.split())
        assert "2 versions of the rule" in text, name
        assert f"`{MEND}`" in text, name
        told = json.loads(trends(*words, "--json").stdout)
        assert told["rules"] == {AS_IS.version: 2, NEW.version: 2}, name
        assert told["mend"] == MEND, name
        lines = trends(*words, "--csv")
        rows = list(csv.DictReader(io.StringIO(lines.stdout)))
        assert {rule for row in rows for rule in row["rule"].split()} == {AS_IS.version, NEW.version}, name
        assert MEND in lines.stderr, name
    one = trends("top", "--since", str(FIRST), "--until", str(FIRST.plus(2)))
    assert "versions of the rule" not in one.output
    assert json.loads(trends("top", *SPAN, "--json").stdout)["hours"][2]["rule"] == NEW.version


def test_pictures_and_pages_say_it_too(settings: Settings, store: Store, tmp_path: Path) -> None:
    archived(settings, store)
    files = [tmp_path / name for name in ("bump.svg", "heat.svg", "tag.svg", "day.html")]
    trends(*QUESTIONS["day"], "--svg", str(files[0]), "--html", str(files[3]))
    trends(*QUESTIONS["day"], "--chart", "heat", "--svg", str(files[1]))
    trends(*QUESTIONS["tag"], "--svg", str(files[2]))
    assert all(MEND in file.read_text() for file in files)
    with running(settings, LAYERS._replace(rule=lambda _: AS_IS.version)) as url:
        pages = {
            "/day": {"date": "2013-04-15"},
            f"/hour/{LAST}": {},
            "/tag": {"name": "newyork", "at": str(FIRST), "span": "24h"},
        }
        for path, asked in pages.items():
            page = httpx.get(url + path, params=asked, timeout=30).text
            assert f"<code>{MEND}</code>" in page, path
            assert "versions of the rule" in page, path
        assert (
            httpx.get(f"{url}/api/top", params={"since": str(FIRST), "until": str(LAST.plus(1))}).json()["mend"] == MEND
        )


def test_the_texts_of_all_versions_are_told(settings: Settings, store: Store) -> None:
    archived(settings, store)
    told = json.loads(trends("rules", "--json").stdout)
    old, new = told["versions"][:2]
    assert (old["version"], old["now"], old["hours"], old["first"]) == (AS_IS.version, True, 2, str(FIRST))
    assert (new["version"], new["now"], new["hours"], new["last"]) == (NEW.version, False, 2, str(LAST))
    assert (new["ignore"], new["aliases"], new["kept_at"]) == (["spam"], {"nyc": "newyork"}, "2023-11-14T22:13:20Z")
    assert told["mend"] == MEND
    lines = trends("rules")
    assert (
        f"{NEW.version}  2 hours  {FIRST.plus(2)} to {LAST}  leaves out #spam; counts #nyc as #newyork" in lines.stdout
    )
    assert MEND in lines.stderr
    shown = trends("rules", NEW.version).stdout
    assert "leaves out #spam" in shown
    assert "def in_text(text: str)" in shown
    assert "no text stored for rule 9" in trends("rules", "9", exits=3).output
    explained = trends("explain", "--hour", str(LAST)).stdout
    assert f"`trends rules {NEW.version}` shows the text of this rule, which leaves out #spam" in explained
    assert f"`trends recompute --since {LAST} --until {LAST.plus(1)}` applies it" in explained


def test_a_text_is_written_once(store: Store) -> None:
    store_texts(store, [text_of(NEW)], 1_000)
    store_texts(store, [text_of(NEW)._replace(code={"ingest.rule.hashtags": "other"})], 2_000)
    (entry,) = entries(store).values()
    assert entry.text == text_of(NEW)
    assert entry.kept_at.timestamp() == 1


def test_documents_of_an_earlier_release_have_versions_without_a_text(settings: Settings, store: Store) -> None:
    archived(settings, store)
    store.collection(RULES).drop()
    lines = trends("rules").stdout.splitlines()
    assert lines[1].endswith("no text stored")
    assert "shows the text" not in trends("explain", "--hour", str(LAST)).stdout
    assert "2 versions of the rule" in trends("top", *SPAN).stdout


def findings(exits: int, *words: str) -> list[dict[str, Any]]:
    told = json.loads(trends("verify", *words, "--json", exits=exits).stdout)
    found: list[dict[str, Any]] = told["findings"]
    return found


def test_verify_counts_each_hour_by_the_rule_that_made_it(settings: Settings, store: Store) -> None:
    archived(settings, store)
    by_hour = {each["where"]: each for each in findings(0, "--hour", str(LAST))}
    assert by_hour[str(LAST)]["what"].endswith(f"as recounted by rule {NEW.version}")
    store.collection(HOURS).update_one({"hour": str(LAST)}, {"$inc": {"uses": 1}})
    wrong = [each for each in findings(1, "--hour", str(LAST)) if not each["ok"]]
    assert [each["where"] for each in wrong] == [str(LAST)], "a rule that is not that of now hides nothing"


def test_verify_does_not_compare_by_a_rule_that_nobody_knows_and_says_what_to_do(
    settings: Settings, store: Store
) -> None:
    archived(settings, store)
    store.collection(RULES).drop()
    (found,) = [each for each in findings(0, "--hour", str(LAST)) if "not compared" in each["what"]]
    assert NEW.version in found["what"]
    assert f"`trends recompute --since {LAST} --until {LAST.plus(1)}`" in found["next_step"]


def test_a_run_keeps_its_text_first_and_the_command_mends_the_answer(
    settings: Settings, store: Store, engine: Engine
) -> None:
    archived(settings, store)
    words = json.loads(trends("top", *SPAN, "--json").stdout)["mend"].split()
    store.collection(RULES).drop()
    layers = Layers(settings, engine)
    try:
        layer = layers(AS_IS)
        layer.run(layer.plan_range(Span(Hour.parse(words[3]), Hour.parse(words[5]))))
    finally:
        layers.close()
    told = json.loads(trends("top", *SPAN, "--json").stdout)
    assert (told["rules"], told["mend"]) == ({AS_IS.version: 4}, None)
    assert {AS_IS.version} < entries(store).keys(), "the hashtag rule and the phrase rule"
