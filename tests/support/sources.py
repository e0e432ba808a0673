"""Reading records as sources do, for tests: a fixed clock, everything kept."""

from contextlib import closing
from pathlib import Path

from ingest.post import Post
from ingest.sources.base import Batch
from ingest.sources.files.detect import Detection, detect
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.contract import Reading
from ingest.sources.unpacking.content import Content
from ingest.wire import Reject

NOW = 1_800_000_000_000
"""2027-01-15T08:00Z."""


def reading(source: str = "x") -> Reading:
    return Reading(source, lambda: NOW, 300_000, keep_payload=True)


def detected(file: Path) -> Detection | None:
    """The format of a file."""
    with closing(Content.of(file)) as content:
        return detect(content)


def read(source: PostFiles, most: int = 10_000) -> tuple[list[Post], list[Reject], list[Batch[Post]]]:
    """All posts, all rejects, and the batches that they came in."""
    batches = list(source.batches({}, most))
    return [p for b in batches for p in b.items], [r for b in batches for r in b.rejects], batches


def read_bytes(
    tmp_path: Path, content: bytes, name: str = "posts.csv", **asked: object
) -> tuple[list[Post], list[Reject]]:
    """Posts and rejects of a file with this content."""
    file = tmp_path / name
    file.write_bytes(content)
    posts, rejects, _ = read(PostFiles([str(file)], reading(), **asked))  # type: ignore[arg-type] # as asked
    return posts, rejects
