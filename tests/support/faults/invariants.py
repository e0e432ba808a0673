"""What must hold after every scenario, read by means of its own: Kafka's client, WebHDFS, fastavro, pymongo.

It shares with the project the extraction of hashtags (through the oracle), and nothing else. Where something does not
hold, the assertion says where.
"""

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import fastavro
import requests
from pymongo import MongoClient

from tests.support.kafka import committed
from tests.support.oracle import Hours, Sent, count, posts_of_json, top

NO_POST = b"no post at all"
"""What a scenario puts among the posts, to be rejected."""
KEPT = 1_000
"""Rows that an hour's document keeps."""


class Places(NamedTuple):
    """Where everything lies, as plain addresses and names."""

    kafka: str
    posts: str
    rejects: str
    webhdfs: str
    root: str
    mongo: str
    database: str
    login: Mapping[str, str] = {}
    """Options of a user of Kafka who may read everything, where it asks for one."""
    ca: str = ""
    """The file of the authority that signed the certificate of WebHDFS, where that speaks https."""


class Tally(NamedTuple):
    """What was found, for the table of figures."""

    posts: int
    archived: int
    rejected: int
    gaps: int
    lost: int
    doubled: int


class WebHdfs:
    """The two calls of WebHDFS that reading takes."""

    def __init__(self, url: str, ca: str = "") -> None:
        self._url = url
        self._trusts = ca or True

    def names(self, folder: str) -> dict[str, bool]:
        """What is in a folder, and whether each is a folder."""
        answer = self._get(folder, "LISTSTATUS")
        if answer.status_code == requests.codes.not_found:
            return {}
        answer.raise_for_status()
        found = answer.json()["FileStatuses"]["FileStatus"]
        return {each["pathSuffix"]: each["type"] == "DIRECTORY" for each in found}

    def read(self, path: str) -> bytes:
        """A whole file."""
        answer = self._get(path, "OPEN")
        answer.raise_for_status()
        return answer.content

    def below(self, folder: str) -> list[str]:
        """Every file below a folder."""
        found: list[str] = []
        for name, is_folder in self.names(folder).items():
            path = f"{folder}/{name}"
            found += self.below(path) if is_folder else [path]
        return found

    def _get(self, path: str, operation: str) -> requests.Response:
        address = f"{self._url}/webhdfs/v1{path}"
        return requests.get(address, params={"op": operation}, timeout=30, verify=self._trusts)


def posts_in(kafka: Mapping[int, Mapping[int, bytes]]) -> list[Sent]:
    """The posts among what Kafka has accepted; other bytes are to be rejected."""
    return list(posts_of_json(value for values in kafka.values() for value in values.values() if value != NO_POST))


def accepted(places: Places) -> dict[int, dict[int, bytes]]:
    """What Kafka has accepted: the value at each offset of each partition of `posts`."""
    found: dict[int, dict[int, bytes]] = {}
    for message in committed(places.kafka, places.posts, places.login):
        found.setdefault(message.partition(), {})[message.offset()] = message.value() or b""
    return found


def assert_sent_once(kafka: Mapping[int, Mapping[int, bytes]], sent: Sequence[Sent]) -> None:
    """The topic holds each post that was sent, as often as it was sent."""
    there = Counter(post.id for post in posts_in(kafka))
    wanted = Counter(post.id for post in sent)
    assert not wanted - there, f"never accepted: {list((wanted - there).items())[:5]}"
    assert not there - wanted, f"accepted too often: {list((there - wanted).items())[:5]}"


def assert_archived_once(places: Places, kafka: Mapping[int, Mapping[int, bytes]]) -> Tally:
    """Per partition: archived + rejected + recorded gaps = accepted, each offset once, each post in its hour."""
    hdfs = WebHdfs(places.webhdfs, places.ca)
    refused = _refused(places)
    named: set[str] = set()
    totals: Counter[str] = Counter()
    for partition, values in kafka.items():
        archived, gaps, rejected = _follow(hdfs, places, partition, values, named)
        offsets = Counter(archived)
        doubled = [offset for offset, times in offsets.items() if times > 1]
        lost = values.keys() - offsets.keys() - gaps - refused.get(partition, set())
        assert not doubled, f"partition {partition}: archived twice: {doubled[:5]}"
        assert not lost, f"partition {partition}: neither archived, nor rejected, nor in a gap: {sorted(lost)[:5]}"
        strange = offsets.keys() - values.keys()
        assert not strange, f"partition {partition}: archived and never accepted: {sorted(strange)[:5]}"
        assert not offsets.keys() & refused.get(partition, set()), f"partition {partition}: archived and rejected"
        assert len(archived) + rejected + len(gaps & values.keys()) == len(values), partition
        totals.update(posts=len(values), archived=len(archived), rejected=rejected, gaps=len(gaps & values.keys()))
        totals.update(lost=len(lost), doubled=len(doubled))
    files = {path for path in hdfs.below(places.root) if f"{places.root}/dt=" in path}
    assert files == named, f"files that no manifest names, or the other way round: {sorted(files ^ named)[:5]}"
    return Tally(**{name: totals[name] for name in Tally._fields})


def _follow(
    hdfs: WebHdfs, places: Places, partition: int, values: Mapping[int, bytes], named: set[str]
) -> tuple[list[int], set[int], int]:
    """Follow a partition's manifests from offset 0: the offsets archived, those in gaps, how many were rejected."""
    folder = f"{places.root}/_commit/{partition}"
    left = {int(name.removesuffix(".json")): name for name in hdfs.names(folder)}
    archived: list[int] = []
    gaps: set[int] = set()
    position = rejected = 0
    while position in left:
        manifest = json.loads(hdfs.read(f"{folder}/{left.pop(position)}"))
        span = range(manifest["start"], manifest["next"])
        assert (manifest["start"], manifest["partition"]) == (position, partition)
        found: list[int] = []
        for part in manifest["parts"]:
            path = f"{places.root}/{part['path']}"
            named.add(path)
            found += _offsets(hdfs.read(path), path, partition, values)
        assert all(offset in span for offset in found), f"{folder}/{position}: offsets outside of it"
        wanted = sum(offset in span for offset in values)
        gone = wanted if manifest["kind"] == "gap" else 0
        assert len(found) + manifest["rejected"] + gone == wanted, f"{folder}/{position}: {len(found)} of {wanted}"
        gaps |= set(span) if gone else set()
        archived += found
        rejected += manifest["rejected"]
        position = manifest["next"]
    assert not left, f"{folder}: manifests behind a hole at {position}: {sorted(left)[:3]}"
    return archived, gaps, rejected


def _offsets(raw: bytes, path: str, partition: int, values: Mapping[int, bytes]) -> list[int]:
    """The offsets of a part, each of whose posts is what Kafka has there, in the folder of its hour."""
    found = []
    for record in fastavro.reader(io.BytesIO(raw)):
        assert isinstance(record, dict)
        offset = int(record["offset"])
        post = json.loads(values[offset])
        assert (record["id"], record["text"], record["partition"]) == (post["id"], post["text"], partition), path
        hour = datetime.fromtimestamp(post["created_at"] / 1000, UTC)
        assert f"/dt={hour:%Y-%m-%d}/hour={hour:%H}/" in path, f"{path}: a post of {hour}"
        found.append(offset)
    return found


def _refused(places: Places) -> dict[int, set[int]]:
    """The offsets of `posts` that are among the rejects, by partition."""
    found: dict[int, set[int]] = {}
    for message in committed(places.kafka, places.rejects, places.login):
        headers = {name: value.decode() for name, value in message.headers() or []}
        topic, _, offset = headers["where"].rpartition("@")
        name, _, partition = topic.rpartition("/")
        if headers["stage"] == "archive" and name == places.posts:
            found.setdefault(int(partition), set()).add(int(offset))
    return found


def complete_hours(kafka: Mapping[int, Mapping[int, bytes]], lateness_s: float) -> set[str]:
    """The hours that the batch layer must have, where no partition counts as idle: those that every one has passed."""
    latest = [
        max(json.loads(value)["created_at"] for value in values.values() if value != NO_POST)
        for values in kafka.values()
    ]
    passed = datetime.fromtimestamp(min(latest) / 1000 - lateness_s, UTC)
    return {post.hour for post in posts_in(kafka) if post.hour < f"{passed:%Y-%m-%dT%H}"}


def assert_batch(places: Places, sent: Sequence[Sent], complete: set[str]) -> int:
    """Complete hours have the oracle's document, and no other hour has one. How many they are."""
    once = count(sent, once=True)
    posts = Counter(hour for hour, _ in {(post.hour, post.id) for post in sent})
    with MongoClient[dict[str, Any]](places.mongo, serverSelectionTimeoutMS=5000) as client:
        documents = {each["hour"]: each for each in client[places.database].hours.find()}
    assert documents.keys() == complete, f"batch: {sorted(documents.keys() ^ complete)[:5]} of {len(complete)} hours"
    for hour, document in documents.items():
        wanted = once[hour]
        assert [(row["tag"], row["count"]) for row in document["top"]] == top(wanted, KEPT), f"batch, {hour}"
        facts = (document["origin"], document["uses"], document["tags"], document["posts"])
        assert facts == ("batch", wanted.total(), len(wanted), posts[hour]), f"batch, {hour}"
    return len(documents)


def assert_speed(places: Places, sent: Sequence[Sent], complete: set[str]) -> int:
    """Every hour that is not complete has the oracle's rows. How many they are."""
    as_sent = count(sent, once=False)
    rows: Hours = {}
    with MongoClient[dict[str, Any]](places.mongo, serverSelectionTimeoutMS=5000) as client:
        for each in client[places.database].uses.find():
            rows.setdefault(each["hour"], Counter())[each["tag"]] = each["count"]
    still_open = {hour: counts for hour, counts in as_sent.items() if hour not in complete and counts}
    for hour, counts in still_open.items():
        assert rows.get(hour) == counts, f"speed, {hour}: {rows.get(hour, Counter()).total()} of {counts.total()}"
    return len(still_open)


def last_manifests(places: Places) -> dict[int, dict[str, Any]]:
    """The last manifest of each partition that has one: an archiver makes the folder before its first manifest."""
    hdfs, found = WebHdfs(places.webhdfs, places.ca), {}
    for partition in hdfs.names(f"{places.root}/_commit"):
        folder = f"{places.root}/_commit/{partition}"
        if names := hdfs.names(folder):
            found[int(partition)] = json.loads(hdfs.read(f"{folder}/{max(names)}"))
    return found


def assert_archive_is_at_the_end(places: Places, kafka: Mapping[int, Mapping[int, bytes]]) -> None:
    """The last manifest of each partition ends behind the last message that Kafka has accepted."""
    ends = {partition: last["next"] for partition, last in last_manifests(places).items()}
    assert ends == {partition: max(values) + 1 for partition, values in kafka.items()}, f"archived up to {ends}"


def assert_no_orphan(places: Places) -> None:
    """Nothing uncommitted is left. To be asked after an archiver has begun and ended cleanly."""
    left = WebHdfs(places.webhdfs, places.ca).names(f"{places.root}/_tmp")
    assert not left, f"left in _tmp: {sorted(left)[:5]}"
