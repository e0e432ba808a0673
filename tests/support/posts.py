"""Posts on Kafka as the producer leaves them: in transactions. And what an archive holds, counted from its files."""

import csv
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Producer

from batch_layer.archive.archiver import Archiver
from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.archive.reading.records import posts_of
from batch_layer.archive.summary import Summary
from batch_layer.checks.verify import verify_archive
from config.settings import Settings
from ingest.hours import HOUR_MS, Hour
from ingest.post import Post
from ingest.wire import encode

SNOWFLAKE_MS = 1_288_834_974_657
PAST = Hour.parse("2013-04-15T18").start_ms


def some_posts(count: int, hours: int = 3, since: int = PAST) -> list[Post]:
    """Posts spread over a few hours, each with an id of its own."""
    return [
        Post(uuid.uuid4().hex, "x", created_at=since + n * hours * HOUR_MS // count, received_at=since, text="#a")
        for n in range(count)
    ]


def recorded_posts(path: Path) -> Iterator[Post]:
    """The posts of a CrisisLex file, in its order."""
    with path.open(newline="", encoding="utf-8") as lines:
        for number, text, *_ in list(csv.reader(lines))[1:]:
            post_id = number.strip("'")
            at = (int(post_id) >> 22) + SNOWFLAKE_MS
            yield Post(id=post_id, source="x", created_at=at, received_at=at, text=text, payload=text)


class Sender:
    """A transactional producer of posts."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.kafka.posts
        self._producer = Producer(
            {"bootstrap.servers": settings.kafka.bootstrap, "transactional.id": uuid.uuid4().hex, "linger.ms": 5}
        )
        self._producer.init_transactions(30)

    def send(self, posts: Iterable[Post], partition: int = -1) -> None:
        """One transaction."""
        with self.open():
            for post in posts:
                self._producer.produce(self._topic, encode(post), post.id, partition=partition)

    def send_bytes(self, values: Sequence[bytes | None], partition: int = -1) -> None:
        """One transaction of anything."""
        with self.open():
            for value in values:
                self._producer.produce(self._topic, value, partition=partition)

    @contextmanager
    def open(self) -> Iterator[None]:
        """A transaction that is on its way."""
        self._producer.begin_transaction()
        yield
        self._producer.commit_transaction(30)

    def begin(self, posts: Iterable[Post], partition: int) -> None:
        """A transaction that stays open until `finish`."""
        self._producer.begin_transaction()
        for post in posts:
            self._producer.produce(self._topic, encode(post), post.id, partition=partition)
        self._producer.flush(30)

    def finish(self) -> None:
        """Commit it."""
        self._producer.commit_transaction(30)


def with_archive(settings: Settings, **values: object) -> Settings:
    """The settings with other values for the archive."""
    return settings.model_copy(update={"archive": settings.archive.model_copy(update=values)})


def archive_all(settings: Settings) -> Summary:
    """Archive everything committed so far."""
    return Archiver(settings).run(until_drained=True, stop=threading.Event())


class Running:
    """An archiver in a thread, as `trends archive` runs it."""

    def __init__(self, settings: Settings, **options: object) -> None:
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.archiver = Archiver(settings, **options)  # type: ignore[arg-type]  # its own keywords, passed on
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.archiver.run(until_drained=False, stop=self.stop)
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.error = error

    def __enter__(self) -> "Running":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


def archived(settings: Settings) -> int:
    """Posts in the archive, by its manifests."""
    ledger = ledger_of(settings)
    return sum(ledger.posts(hour) for hour in ledger.hours())


def ids_of(ledger: Ledger) -> Counter[str]:
    """How often each post is archived."""
    return Counter(record["id"] for hour in ledger.hours() for record in posts_of(ledger, hour))


def assert_exactly_once(settings: Settings, posts: Sequence[Post]) -> Ledger:
    """Every post is in the archive once, and `verify` agrees."""
    ledger = ledger_of(settings)
    assert ids_of(ledger) == Counter(post.id for post in posts)
    assert [finding for finding in verify_archive(settings, None) if not finding.ok] == []
    return ledger


def records_read(running: Running) -> int:
    return sum(chunk.records for chunk in list(running.archiver.runner.chunks.values()))
