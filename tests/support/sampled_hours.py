"""Hours with samples: posts in an archive, and the documents that a run publishes of them, without Spark."""

from collections.abc import Sequence

from batch_layer.publish import HourResult, Stamp, publish
from batch_layer.rank import Further, PostFields, rank_hour
from batch_layer.storage.chunk_files.identity import ensure_archive
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS
from serving.views.documents import Provenance
from serving.views.samples import Place
from serving.views.store import Store

SAMPLED = Further(by_source=True, samples=10)


def archive_posts(settings: Settings, posts: Sequence[Post]) -> tuple[str, int]:
    """Archive posts as the only chunk of partition 0. The archive's id, and how far it reaches."""
    archive = ArchiveWriter(settings)
    archive.add(0, posts)
    return ensure_archive(archive.store, archive.paths, 0).id, len(posts) + 1


def publish_hours(
    store: Store, archives: Sequence[tuple[str, int, Sequence[Post]]], token: int = 1, further: Further = SAMPLED
) -> list[Hour]:
    """Publish the hours of the posts of some archives, each with its id and its end, the current archive last."""
    arrived: dict[Hour, list[PostFields]] = {}
    for era, (_, _, posts) in enumerate(archives):
        for offset, post in enumerate(posts):
            fields = PostFields(post.source, post.id, post.text, post.tags, post.lang, Place(era, 0, offset))
            arrived.setdefault(post.hour, []).append(fields)
    earlier = tuple((archive, (end,)) for archive, end, _ in archives[:-1])
    archive, end, _ = archives[-1]
    results = [
        HourResult(hour, rank_hour(posts, AS_IS, 1_000, further), (end,), True, Provenance(archive, "", earlier))
        for hour, posts in arrived.items()
    ]
    publish(store, results, Stamp(f"run-{token}", token, AS_IS.version), max(arrived).end_ms)
    return sorted(arrived)
