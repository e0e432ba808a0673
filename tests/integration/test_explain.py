"""`trends explain` on real servers: what each part of an answer says of itself."""

import json

import pytest
from click.testing import CliRunner, Result

from batch_layer.publish import HourResult, Stamp, publish
from batch_layer.rank import PostFields, rank_hour
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import wall_clock
from ingest.post import Post
from ingest.rule.hashtags import AS_IS
from serving.cli import main
from serving.views.documents import USES
from serving.views.store import Store
from tests.support.batch import FIRST, post


def publish_hour(store: Store, posts: list[Post], covered: tuple[int, ...], token: int, complete: bool = True) -> None:
    """Publish an hour as a run does."""
    arrived = [PostFields(each.source, each.id, each.text, each.tags) for each in posts]
    computed = HourResult(FIRST, rank_hour(arrived, AS_IS, 1_000), covered, complete)
    publish(store, [computed], Stamp(f"hour-{token}", token, AS_IS.version), wall_clock())


def use(store: Store, tag: str, count: int) -> None:
    row = {"_id": f"{FIRST}|{tag}", "hour": str(FIRST), "tag": tag, "shown": tag, "count": count}
    store.collection(USES).insert_one(row)


@pytest.fixture
def explain(settings_file: str, monkeypatch: pytest.MonkeyPatch) -> "Explain":
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    return Explain()


class Explain:
    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["explain", "--hour", str(FIRST), *arguments])

    def facts(self) -> dict[str, object]:
        told = self("--json")
        assert told.exit_code == 0, told.output
        return dict(json.loads(told.stdout))


def test_an_answer_is_explained_from_the_speed_layer_to_the_late_post(settings: Settings, explain: Explain) -> None:
    with Store(settings.mongo) as store:
        assert explain().exit_code == 3
        use(store, "paris", 3)
        use(store, "rain", 1)
        assert explain.facts()["answer"] == {
            "origin": "speed", "state": "live", "uses": 4, "tags": 2, "posts": None
        }  # fmt: skip

        archive = ArchiveWriter(settings)
        posts = [post(1, 0, "#paris"), post(2, 0, "#paris #rain"), post(1, 0, "#paris")]
        archive.add(0, posts[:2])
        archive.add(1, [posts[2], post(3, 1, "of another hour")])
        publish_hour(store, posts, (3, 3, 0), token=1)
        archive.add(1, [post(4, 0, "#late")])

        facts = explain.facts()
        told = facts["archive"]
        assert isinstance(told, dict)
        assert {key: told[key] for key in ("posts", "read", "late", "sent_again", "rejected")} == {
            "posts": 4, "read": 3, "late": 1, "sent_again": 1, "rejected": 0
        }  # fmt: skip
        assert [(each["partition"], each["start"], each["posts"], each["read"]) for each in told["chunks"]] == [
            (0, 0, 2, True),
            (1, 0, 1, True),
            (1, 3, 1, False),
        ]
        assert len(told["files"]) == 3
        assert facts["difference"] == {
            "uses": 4, "tags": 2, "entered": [], "left": [], "counts": [{"tag": "paris", "speed": 3, "batch": 2}]
        }  # fmt: skip
        said = explain().stdout
        assert "#paris 3 → 2" in said
        assert "1 came after it" in said

        use(store, "late", 1)  # the speed layer counts of a past hour what comes late, and no more
        publish_hour(store, [*posts, post(4, 0, "#late")], (3, 5, 0), token=2)
        facts = explain.facts()
        assert isinstance(facts["difference"], dict)
        assert facts["difference"]["uses"] == 4


def test_of_a_provisional_hour_the_speed_layer_is_seen_again(settings: Settings, explain: Explain) -> None:
    with Store(settings.mongo) as store:
        use(store, "paris", 1)
        publish_hour(store, [post(1, 0, "#paris")], (1, 0, 0), token=1, complete=False)
        use(store, "rain", 7)
        publish_hour(store, [post(1, 0, "#paris")], (1, 0, 0), token=2)
        difference = explain.facts()["difference"]
        assert isinstance(difference, dict)
        assert difference["uses"] == 8


def test_without_hdfs_the_views_are_explained_all_the_same(
    settings: Settings, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_HDFS__URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TRENDS_HDFS__TIMEOUT_S", "1")
    with Store(settings.mongo) as store:
        use(store, "paris", 3)
    told = explain()
    assert told.exit_code == 0
    assert "The archive did not answer" in told.stdout
