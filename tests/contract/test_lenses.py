"""Lenses in the store, on a real replica set: which run's document answers, and why there may be none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch_layer.rank import NOTHING_FURTHER, Further, PostFields
from config.errors import NoDataError
from config.settings import Settings
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from ingest.rule.phrases import version
from serving.cli import main
from serving.query.query import Query
from serving.views.documents import HOURS, LENSES, USES, Lens, use_id
from serving.views.store import Store
from tests.support.lens_hours import HOUR, POSTS, compute

BIGRAM, OF_X = Lens("bigram"), Lens(source="x")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


def rows(store: Store, lens: Lens, hour: Hour = HOUR) -> list[tuple[str, str, int]]:
    return [(row.tag, row.shown, row.count) for row in Query(store, lens=lens).hour(hour, 10).rows]


def test_a_lens_answers_with_its_own_rows_and_totals(store: Store) -> None:
    compute(store, 1)
    assert rows(store, BIGRAM) == [("boston tonight", "Boston tonight", 2), ("harbour flood", "harbour flood", 1)]
    answer = Query(store, lens=BIGRAM).hour(HOUR, 10)
    assert (answer.lens, answer.origin, answer.state, answer.posts, answer.uses) == (BIGRAM, "batch", "final", 3, 3)
    assert answer.rule != Query(store).hour(HOUR, 10).rule
    of_x = Query(store, lens=OF_X).hour(HOUR, 10)
    assert (of_x.posts, of_x.uses, of_x.rule) == (2, 2, AS_IS.version)
    assert rows(store, Lens()) == [("boston", "Boston", 2)]


def test_a_lens_is_as_final_as_its_hour(store: Store) -> None:
    compute(store, 1, complete=False)
    assert Query(store, lens=BIGRAM).hour(HOUR, 10).state == "provisional"
    compute(store, 2)
    assert Query(store, lens=BIGRAM).hour(HOUR, 10).state == "final"
    store.mark_dirty([HOUR])
    assert {Query(store, lens=lens).hour(HOUR, 10).state for lens in (BIGRAM, OF_X)} == {"provisional"}
    compute(store, 3)
    assert Query(store, lens=BIGRAM).hour(HOUR, 10).state == "final"


def test_an_older_run_replaces_no_lens_and_a_newer_one_leaves_none_of_it_behind(store: Store) -> None:
    compute(store, 2)
    compute(store, 1, [PostFields("x", "9", "old words", None)])
    assert "old words" not in [tag for tag, *_ in rows(store, BIGRAM)]
    compute(store, 3, further=NOTHING_FURTHER)
    assert not store.collection(LENSES).count_documents({})
    with pytest.raises(NoDataError, match=rf"{HOUR} was computed without bigrams.*`batch.kinds` has bigram"):
        rows(store, BIGRAM)
    with pytest.raises(NoDataError, match=r"was computed without hashtags of x.*`batch.by_source` is set"):
        rows(store, OF_X)


def test_what_a_run_left_behind_that_died_before_it_could_delete_it_is_not_read(store: Store) -> None:
    compute(store, 1)
    left = list(store.collection(LENSES).find())
    compute(store, 2, further=NOTHING_FURTHER)
    store.collection(LENSES).insert_many(left)
    with pytest.raises(NoDataError, match="was computed without bigrams"):
        rows(store, BIGRAM)
    assert not Query(store, lens=BIGRAM).hours([HOUR], 10)


def test_a_run_that_has_published_the_lenses_and_not_yet_the_hour_is_read_as_a_whole_document(store: Store) -> None:
    compute(store, 1)
    store.mark_dirty([HOUR])
    own = store.collection(HOURS).find_one() or {}
    compute(store, 2, [*POSTS, PostFields("x", "3", "harbour flood", None)])
    store.collection(HOURS).replace_one({"_id": own["_id"]}, own)  # its lenses are there, its hour is the old one
    assert ("harbour flood", "harbour flood", 2) in rows(store, BIGRAM)
    assert Query(store, lens=BIGRAM).hour(HOUR, 10).state == "final"
    store.collection(HOURS).delete_one({"_id": own["_id"]})
    assert not Query(store, lens=BIGRAM).hours([HOUR], 10), "nobody has published the hour yet"


def test_the_only_source_of_an_hour_is_answered_by_the_hours_own_document(store: Store) -> None:
    compute(store, 1, POSTS[:2], Further(by_source=True))
    assert not store.collection(LENSES).count_documents({})
    assert rows(store, OF_X) == rows(store, Lens())
    assert Query(store, lens=OF_X).hour(HOUR, 10).lens == OF_X
    with pytest.raises(NoDataError, match=r"has no post of bluesky.*It has posts of x"):
        rows(store, Lens(source="bluesky"))


def test_a_document_of_an_earlier_version_is_read_as_before_and_has_no_lens(store: Store) -> None:
    compute(store, 1, POSTS[:2], NOTHING_FURTHER)
    store.collection(HOURS).update_many({}, {"$unset": {"sources": ""}})
    assert rows(store, Lens()) == [("boston", "Boston", 2)]
    with pytest.raises(NoDataError, match="was computed without hashtags of x"):
        rows(store, OF_X)


def test_hours_are_summed_through_a_lens_and_those_without_it_are_missing(store: Store) -> None:
    compute(store, 1)
    compute(store, 2, POSTS[:1], hour=HOUR.plus(1))
    compute(store, 3, further=NOTHING_FURTHER, hour=HOUR.plus(2))
    with pytest.raises(NoDataError, match=rf"Data exists for hours from .* --hour {HOUR.plus(1)} --kind bigram`"):
        rows(store, BIGRAM, HOUR.plus(9))
    answer = Query(store, lens=BIGRAM).range(HOUR, HOUR.plus(3), 1)
    assert [(row.tag, row.count) for row in answer.rows] == [("boston tonight", 3)]
    assert (answer.lens, answer.missing, answer.max_error) == (BIGRAM, (HOUR.plus(2),), 0)
    of_x = Query(store, lens=OF_X).range(HOUR, HOUR.plus(3), 10)
    assert ([(row.tag, row.count) for row in of_x.rows], of_x.posts) == ([("boston", 3)], 3)


def posts_of(**counts: int) -> list[PostFields]:
    texts = [name.replace("_", " ") for name, count in counts.items() for _ in range(count)]
    return [PostFields("x", str(at), text, None, "en") for at, text in enumerate(texts)]


def test_phrases_are_by_surprise_against_the_three_days_before_and_by_count_without_any(
    store: Store, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute(store, 1, posts_of(good_morning=3, harbour_flood=1))
    query = Query(store, lens=BIGRAM, by="surprise")
    alone = query.hour(HOUR, 10)
    assert [(row.tag, row.count) for row in alone.rows] == [("good morning", 3), ("harbour flood", 1)]
    assert alone.surprise
    assert not alone.surprise.is_known

    compute(store, 2, posts_of(good_morning=40, coffee_break=20), hour=HOUR.plus(-72))
    compute(store, 3, posts_of(harbour_flood=90), hour=HOUR.plus(-73))  # more than three days before
    told = query.hour(HOUR, 10)
    assert [row.tag for row in told.rows] == ["harbour flood", "good morning"]
    assert told.surprise
    assert (told.surprise.hours_before, told.surprise.uses_before) == (1, 60)
    assert [row.tag for row in Query(store, lens=BIGRAM).hour(HOUR, 10).rows] == ["good morning", "harbour flood"]
    whole = query.range(HOUR, HOUR.plus(2), 10)
    assert (whole.rows, whole.surprise and whole.surprise.scores) == (told.rows, told.surprise.scores)
    now = query.now(HOUR.plus(1), 10)
    assert [(view.hour, view.surprise and view.surprise.since) for view in now] == [(HOUR, HOUR.plus(-72))]

    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    invoke = CliRunner().invoke
    text = invoke(main, ["top", "--hour", str(HOUR), "--kind", "bigram"]).output
    assert text.index("harbour flood") < text.index("good morning")
    assert f"by surprise against 1 hour with data in {HOUR.plus(-72)} to {HOUR}" in " ".join(text.split())
    plain = invoke(main, ["top", "--hour", str(HOUR), "--kind", "bigram", "--by", "count"]).output
    assert plain.index("good morning") < plain.index("harbour flood")
    assert "surprise" not in plain
    assert "surprise" not in invoke(main, ["top", "--hour", str(HOUR)]).output


def test_days_before_by_an_earlier_rule_of_phrases_are_marked(store: Store) -> None:
    compute(store, 1, posts_of(good_morning=3))
    compute(store, 2, posts_of(good_morning=4), hour=HOUR.plus(-1))
    store.collection(LENSES).update_one({"hour": str(HOUR.plus(-1))}, {"$set": {"rule": "phrases-2"}})
    told = Query(store, lens=BIGRAM, by="surprise", rule_now=lambda _: version()).hour(HOUR, 10)
    assert told.surprise
    assert told.surprise.rules.hours == {"phrases-2": 1, version(): 1}
    assert told.surprise.rules.mend == f"trends recompute --since {HOUR.plus(-1)} --until {HOUR}"
    assert Query(store, lens=BIGRAM).hour(HOUR.plus(-1), 10).rule == "phrases-2"


def test_names_of_sources_are_values_and_nothing_else(store: Store) -> None:
    names = ["$x", "a.b", "|", "x|y", "bigram", "../x"]
    compute(store, 1, [PostFields(name, "1", f"#t{at}", None) for at, name in enumerate(names)])
    for at, name in enumerate(names):
        assert rows(store, Lens(source=name)) == [(f"t{at}", f"t{at}", 1)]


def test_the_command_says_why_there_is_no_answer_and_what_to_do(
    store: Store, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))

    def top(*arguments: str) -> tuple[int, str]:
        told = CliRunner().invoke(main, ["top", *arguments])
        return told.exit_code, told.output

    assert top("--kind", "bigram", "--source", "x")[0] == 2
    assert top("--kind", "fourgram")[0] == 2
    code, text = top("--hour", str(HOUR), "--kind", "trigram")
    assert (code, "No hour has been computed with trigrams" in text) == (3, True)
    use = {"_id": use_id(str(HOUR), "a"), "hour": str(HOUR), "tag": "a", "shown": "a", "origin": "speed", "count": 1}
    store.collection(USES).insert_one(use)
    code, text = top("--hour", str(HOUR), "--kind", "bigram")
    assert (code, f"`trends batch hour {HOUR}` computes it now" in text) == (3, True)
    assert top("--hour", str(HOUR), "--origin", "speed", "--kind", "bigram")[0] == 3
    compute(store, 1)
    code, text = top("--hour", str(HOUR), "--kind", "bigram")
    assert (code, "#" in text, "Boston tonight" in text, "2 uses" in text or "uses of" in text) == (
        0,
        False,
        True,
        True,
    )
    code, text = top("--hour", str(HOUR), "--source", "x")
    assert (code, "#Boston" in text, "posts of x alone" in text) == (0, True, True)
