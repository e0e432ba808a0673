"""Posts to measure with: recorded ones, repeated as shifted copies until there are enough, or sample posts.

A copy is the recorded post some seconds later under a new id: `<id>` and four digits. So texts, languages, the skew of
tags and the hours of a day are those of real posts, hours get thicker as there are more, and no post comes twice.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import count as counting
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from config.errors import NoDataError
from ingest.hours import HOUR_MS, Millis, wall_clock
from ingest.post import Post
from ingest.rule.hashtags import AS_IS
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.contract import Reading
from ingest.sources.sample.source import SampleSource
from ingest.wire import Use, use_of

COPY_EVERY_MS = 1_000
"""A copy lies so much later than the one before; 3,600 copies, 216 million posts, stay near their hour."""
LIVE_HOURS = 3


def recorded(data: Path) -> list[Post]:
    """The recorded posts, each once, in the order of the files. Raises `NoDataError` where there are none."""
    folder = data / "crisislex_t6"
    if not folder.is_dir():
        raise NoDataError("no recorded posts", where=str(folder), next_step="Set TRENDS_TEST_DATA, or take --sample")
    source = PostFiles([str(folder)], Reading("x", wall_clock, 300_000, keep_payload=True))
    once = {post.id: post for batch in source.batches({}, 10_000) for post in batch.items}
    return list(once.values())


def sample(count: int) -> list[Post]:
    """So many posts of the sample generator, each once."""
    source = SampleSource(Reading("sample", wall_clock, 300_000, keep_payload=True), end=wall_clock(), posts=count)
    once = {post.id: post for batch in source.batches({}, 10_000) for post in batch.items}
    return list(once.values())


def copies(base: Sequence[Post], count: int) -> Iterator[Post]:
    """So many posts: the base, then shifted copies of it."""
    return islice((copy_of(post, copy) for copy in counting() for post in base), count)


def copy_of(post: Post, copy: int) -> Post:
    """The post itself (copy 0), or a later one like it."""
    if not copy:
        return post
    return replace(post, id=f"{post.id}{copy:04d}", created_at=post.created_at + copy * COPY_EVERY_MS)


def live_like(posts: Iterable[Post], count: int, since: Millis) -> Iterator[Post]:
    """The posts one after the other over three hours, as a live stream brings them: new times, same order."""
    for place, post in enumerate(posts):
        yield replace(post, created_at=since + place * LIVE_HOURS * HOUR_MS // count)


def uses(posts: Iterable[Post]) -> Iterator[Use]:
    """The uses of hashtags of these posts."""
    for post in posts:
        for tag, shown in AS_IS.tags(post.text, post.tags).items():
            yield use_of(post, tag, shown)


def write_csv(path: Path, posts: Iterable[Post]) -> None:
    """Posts as a file that `trends ingest file` reads."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "created_at", "text"))
        rows.writerows((post.id, post.created_at, post.text) for post in posts)
