"""The recount of samples: it agrees with what the batch layer keeps, and finds each way in which that can be wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from batch_layer.checks.recount_samples import compare_samples
from batch_layer.rank import Further, PostFields, rank_hour
from batch_layer.samples import unpack
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from serving.views.documents import HASHTAGS
from serving.views.samples import Place, SampleStamp, samples_document

HOUR = Hour.parse("2017-01-06T07")
TEXTS = ["#Rain #Paris", "#rain", "#rain #news", "#paris #news", "plain", "#rain #paris"] * 4
ARRIVED = [
    PostFields("x", str(at % 20), text, None, None, Place(at // 12, at % 2, at)) for at, text in enumerate(TEXTS)
]
ARCHIVES = ["a" * 32, "b" * 32]
RECORDS = [
    {"source": each.source, "id": each.id, "text": each.text, "tags": None, **each.place._asdict()} for each in ARRIVED
]
OWN: Any = {"hour": str(HOUR), "dirty": False, "complete": True, "token": 4}


def document() -> dict[str, Any]:
    ordered = sorted(ARRIVED, key=lambda each: each.place)
    packed = dict(rank_hour(ordered, AS_IS, 10, Further(samples=3)).samples)[HASHTAGS]
    stamp = SampleStamp(AS_IS.version, "run", 4, HOUR.end_ms, ARCHIVES)
    return dict(samples_document(HOUR, HASHTAGS, unpack(packed), stamp))


def test_what_the_batch_layer_keeps_is_right() -> None:
    found = compare_samples(document(), OWN, RECORDS, ARCHIVES, AS_IS)
    assert (found.ok, found.compared, found.what) == (
        True,
        True,
        f"9 posts of 3 tags, as recounted by rule {AS_IS.version}",
    )


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda tags: tags[0]["posts"].pop(), "the sampled posts of 'rain' are not"),
        (lambda tags: tags[0]["posts"][0].__setitem__(3, 999), "the sampled posts of 'rain' are not"),
        (lambda tags: tags[0]["posts"][0].__setitem__(1, 7), "damaged document: IndexError"),
        (lambda tags: tags[1]["spellings"][0].__setitem__(1, 99), "uses or spellings of 'paris' differ"),
        (lambda tags: tags[0]["related"].append(["news", "news", 99, 1.0]), "posts with 'rain' and a related tag"),
        (lambda tags: tags.pop(0), "it samples other tags than those that rank first"),
        (lambda tags: tags[0].pop("posts"), "damaged document: KeyError"),
    ],
)
def test_what_is_wrong_is_found(damage: Callable[[list[dict[str, Any]]], object], what: str) -> None:
    changed = document()
    damage(changed["tags"])
    found = compare_samples(changed, OWN, RECORDS, ARCHIVES, AS_IS)
    assert (found.ok, found.what.startswith(what)) == (False, True), found.what


def test_samples_of_another_run_or_rule_are_not_compared() -> None:
    others: list[tuple[Any, str]] = [
        ({**OWN, "token": 5}, AS_IS.version),
        ({**OWN, "dirty": True}, AS_IS.version),
        (OWN, "other"),
    ]
    for own, rule in others:
        assert not compare_samples(document() | {"rule": rule}, own, RECORDS, ARCHIVES, AS_IS).compared
