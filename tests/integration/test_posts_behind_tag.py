"""Posts behind a tag: samples that Spark keeps, posts that the archive gives back, on the recorded posts of Boston."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import pytest

from batch_layer.archive.compaction import Compaction
from batch_layer.archive.hour_layout import hour_folder
from batch_layer.checks.compare_views import Rules, ViewComparison
from batch_layer.plan import Span
from batch_layer.storage.webhdfs import HdfsStore
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS, tags_of
from serving.views.documents import HOURS, SAMPLES
from serving.views.store import Store
from tests.support.batch import Layers, run_missing
from tests.support.cli import ask
from tests.support.posts import recorded_posts

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"
MOST = 10


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as store:
        yield store


@pytest.fixture(autouse=True)
def config(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of a test ask its own servers."""
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))


def archived(settings: Settings, posts: Sequence[Post]) -> dict[tuple[int, int], Post]:
    """The posts in two partitions, some of them once more in a third; each under its partition and offset."""
    archive = ArchiveWriter(settings)
    places: dict[tuple[int, int], Post] = {}
    for partition, chunk in enumerate((posts[::2], posts[1::2], posts[:300])):
        archive.add(partition, chunk)
        places |= {(partition, offset): post for offset, post in enumerate(chunk)}
    return places


def order(post: Post) -> int:
    return int.from_bytes(blake2b(f"{post.source}\0{post.id}".encode(), digest_size=7).digest(), "big")


def samples_of(store: Store) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """Of each hour and tag the partitions and offsets, in their order."""
    return {
        each["hour"]: {tag["tag"]: [(post[2], post[3]) for post in tag["posts"]] for tag in each["tags"]}
        for each in store.collection(SAMPLES).find({"source": None})
    }


def expected(posts: Sequence[Post]) -> dict[str, dict[str, list[str]]]:
    """Of each hour and tag the ids of the posts with the smallest hashes, found by looking at each post."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for post in posts:
        for tag in tags_of(post):
            found.setdefault(str(post.hour), {}).setdefault(tag, {})[post.id] = order(post)
    return {
        hour: {tag: sorted(ids, key=lambda each: ids[each])[:MOST] for tag, ids in tags.items()}
        for hour, tags in found.items()
    }


def test_every_sample_of_the_recorded_posts_is_the_one_that_an_oracle_finds(
    settings: Settings, layer: Layers, store: Store, test_data: Path
) -> None:
    posts = list(recorded_posts(test_data / BOSTON))
    places = archived(settings, posts)
    batch = layer()
    run_missing(batch)

    there = samples_of(store)
    named = {
        hour: {tag: [places[at].id for at in of_tag] for tag, of_tag in tags.items()} for hour, tags in there.items()
    }
    assert {hour: tags for hour, tags in named.items() if tags} == expected(posts)
    assert there.keys() == {each["hour"] for each in store.collection(HOURS).find()}

    hour = max(there, key=lambda each: len(there[each]))
    tag = "prayforboston"
    by_id = {post.id: post for post in posts}
    answer = ask("posts", "PrayForBoston", "--hour", hour, "-n", "10")
    assert {post["id"] for post in answer["posts"]} == set(expected(posts)[hour][tag])
    for post in answer["posts"]:
        original = by_id[post["id"]]
        assert tag in tags_of(original)
        assert post["text"] == original.text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert post["link"] == f"https://x.com/i/status/{original.id}"
    assert answer["related"]
    assert sum(each["count"] for each in answer["spellings"]) <= answer["uses"]

    whole = ask("posts", tag, "--since", min(there), "--until", str(Hour.parse(max(there)).plus(1)), "-n", "10")
    of_all = sorted({post.id for post in posts if tag in tags_of(post)}, key=lambda each: order(by_id[each]))
    assert {post["id"] for post in whole["posts"]} <= set(of_all[:20])

    recount = ViewComparison(store, batch.history, Rules(AS_IS, {AS_IS.version: AS_IS}), ["hashtag"], lambda: True)
    of_samples = [each for each in recount.hour(Hour.parse(hour)) if "samples" in each.where]
    assert [(each.ok, each.compared) for each in of_samples] == [(True, True)]
    right = store.collection(SAMPLES).find_one({"hour": hour})
    assert right
    store.collection(SAMPLES).update_one({"hour": hour}, {"$pop": {"tags.0.posts": -1}})
    assert [each.what for each in recount.hour(Hour.parse(hour)) if not each.ok] == [
        f"the sampled posts of {right['tags'][0]['tag']!r} are not those that a recount finds"
    ]
    store.collection(SAMPLES).replace_one({"_id": right["_id"]}, right)

    batch.ledger.refresh()
    Compaction(batch.ledger, settings.archive, 2_000_000_000_000).run([Hour.parse(each) for each in there])
    replaced = HdfsStore(settings.hdfs)
    for entry in replaced.entries(f"{settings.hdfs.root}/{hour_folder(Hour.parse(hour))}"):
        if "compact" not in entry.name:
            replaced.delete(f"{settings.hdfs.root}/{hour_folder(Hour.parse(hour))}/{entry.name}")
    assert ask("posts", tag, "--hour", hour, "-n", "10") == answer
    batch.run(batch.plan_range(Span(None, None)), resume=False)
    assert samples_of(store) == there
