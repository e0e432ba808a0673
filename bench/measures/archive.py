"""The archive: posts on Kafka to Avro files by hour, as a stream brings them and as a backfill over many hours does."""

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from batch_layer.archive.archiver import Archiver
from batch_layer.archive.compaction import Compaction
from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.archive.reading.records import posts_of
from bench.harness import kafka
from bench.harness.servers import Sandbox, sandbox, stack
from bench.harness.stack_settings import read
from bench.harness.subprocess_run import Ran, clocked, in_subprocess
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from bench.inputs import posts
from bench.peers import bare_archive
from ingest.hours import Hour, wall_clock
from ingest.post import Post
from ingest.wire import encode

SERVERS = ("kafka", "namenode", "datanode", "mongo")
LIVE_SINCE = Hour.parse("2026-01-05T06").start_ms


@dataclass(frozen=True)
class _Posts:
    """So many posts; each iteration makes them anew, since there may be many."""

    base: list[Post]
    size: int
    live: bool

    def __iter__(self) -> Iterator[Post]:
        many = posts.copies(self.base, self.size)
        return posts.live_like(many, self.size, LIVE_SINCE) if self.live else many


@contextmanager
def contenders(options: RunOptions, live: bool) -> Iterator[list[Contender]]:
    """Both read the same topic, filled once. Each trial of ours has an HDFS root of its own."""
    base = posts.sample(options.size) if options.sample else posts.recorded(options.data)
    given = _Posts(base, options.size, live)
    with stack(options.state, SERVERS) as file, sandbox(file, options.state) as filled:
        topic = filled.settings.kafka.posts
        kafka.fill(filled.settings.kafka, ((topic, encode(post), post.id.encode()) for post in given))
        yield [
            Contender("ours, to HDFS", "exactly once", partial(_ours, file, options.state, topic, given)),
            Contender(
                "consume and fastavro, to a local disk",
                "at least once; a crash leaves cut files",
                partial(_bare, filled, options.state, given),
            ),
        ]


def _ours(stack_file: Path, state: Path, topic: str, given: _Posts) -> Trial:
    with sandbox(stack_file, state, kafka={"posts": topic}, keep=(topic,)) as here:
        ran: Ran = in_subprocess(_archive, here.file).result
        ledger = ledger_of(here.settings)
        figures = _figures(ledger, given.size) | {"peak MB": ran.peak_mb}
        wrong = _wrong(_ids(ledger), given)
        compacting = clocked(_compact, here, ledger)
        figures["files an hour, compacted"] = compacting.result
        figures["compaction s"] = compacting.seconds
        wrong += _wrong(_ids(ledger), given)
    return Trial(ran.seconds, given.size, ran.cpu_s, wrong, figures)


def _archive(settings_file: Path) -> Ran:
    settings = read(settings_file)
    return clocked(lambda: Archiver(settings).run(until_drained=True, stop=threading.Event()).document())


def _figures(ledger: Ledger, count: int) -> dict[str, float]:
    parts = [part for hour in ledger.hours() for part in ledger.parts(hour)]
    return {
        "bytes a post": sum(part.bytes for part in parts) / count,
        "files an hour": len(parts) / len(ledger.hours()),
        "hours": len(ledger.hours()),
    }


def _compact(here: Sandbox, ledger: Ledger) -> float:
    several = [hour for hour in ledger.hours() if len(ledger.parts(hour)) > 1]
    Compaction(ledger, here.settings.archive, wall_clock()).run(several)
    ledger.refresh()
    return sum(len(ledger.parts(hour)) for hour in ledger.hours()) / len(ledger.hours())


def _bare(filled: Sandbox, state: Path, given: _Posts) -> Trial:
    settings = filled.settings
    with tempfile.TemporaryDirectory(dir=state) as folder:
        ran: Ran = in_subprocess(bare_archive.archive, settings.kafka.bootstrap, settings.kafka.posts, folder).result
        files = list(Path(folder).rglob("*.avro"))
        wrong = _wrong(bare_archive.ids(files), given)
        figures = {
            "bytes a post": sum(file.stat().st_size for file in files) / given.size,
            "files an hour": len(files) / len({file.parent for file in files}),
            "hours": len({file.parent for file in files}),
            "peak MB": ran.peak_mb,
        }
    return Trial(ran.seconds, given.size, ran.cpu_s, wrong, figures)


def _ids(ledger: Ledger) -> "Counter[tuple[int, str]]":
    """How often the archive has each post, by the hour whose files it is in."""
    return Counter((hour.serial, record["id"]) for hour in ledger.hours() for record in posts_of(ledger, hour))


def _wrong(found: "Counter[tuple[int, str]]", given: _Posts) -> int:
    """Posts that are missing, there twice, or in another hour's files."""
    wanted = Counter((post.hour.serial, post.id) for post in given)
    return (wanted - found).total() + (found - wanted).total()


BENCHES = (
    Bench(
        "archive-steady",
        "A live-like stream of 3 hours.",
        "posts/s",
        (100_000, 1_000_000),
        partial(contenders, live=True),
    ),
    Bench(
        "archive-backfill",
        "A backfill over more than 1,000 hours.",
        "posts/s",
        (100_000, 1_000_000),
        partial(contenders, live=False),
    ),
)
