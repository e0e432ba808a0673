"""Behind a tag: a question for sample posts of a tag, answered from the views and the archive.

The command, the API, the dashboard and notebooks ask by this one function, so what the settings hide is hidden in all.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from config.settings import Settings
from ingest.hours import Hour
from ingest.rule.escapes import author_text
from serving.answers.tag_posts import AbsentPost, PostPlace, ShownPost, TagPosts, without_repeats
from serving.posts.originals import original
from serving.query.query import Query
from serving.query.tag_samples import tag_samples
from serving.views.client import mongo_errors
from serving.views.documents import ARCHIVES
from serving.views.store import Store

MOST_POSTS = 100
"""Posts of one answer at most."""
_READ = 2
"""It reads so many times the posts to show, since some have the text of another one."""


class ReadLimits(NamedTuple):
    """The most that one question reads of the archive."""

    seconds: float
    bytes: int


COMMAND_LIMITS = ReadLimits(60.0, 1 << 30)
SERVED_LIMITS = ReadLimits(8.0, 128 << 20)
"""A dashboard answers several people at once."""


class PostQuestion(NamedTuple):
    """What somebody asks for: the first n sample posts of a tag in `[since, until)`."""

    tag: str
    since: Hour
    until: Hour
    n: int


def posts_behind(settings: Settings, query: Query, question: PostQuestion, limits: ReadLimits) -> TagPosts:
    """Sample posts of a tag, with tags used together with it, and its spellings.

    Raises `NoDataError` where the views have no sample, `UsageError`, `UnavailableError` where MongoDB does not answer.
    Posts that the archive does not give are named in the answer, with the reason.
    """
    tag, since, until, n = question
    samples = tag_samples(query, tag, since, until)
    hidden = frozenset(settings.posts.hide)
    shown: list[ShownPost] = []
    absent: list[AbsentPost] = []
    out = 0
    for place, post in _read(settings, query.store, samples.places[: n * _READ], limits):
        if isinstance(post, str):
            absent.append(AbsentPost(place, post))
        elif f"{post['source']}:{post['id']}" in hidden:
            out += 1
        else:
            shown.append(_shown(post))
    posts = tuple(post if settings.posts.show_text else post._replace(text=None) for post in without_repeats(shown, n))
    lacking = absent if len(posts) < n else []
    return TagPosts(samples, posts, tuple(lacking), out, settings.posts.show_text)


def _shown(post: dict[str, Any]) -> ShownPost:
    source, post_id = post["source"], post["id"]
    text = author_text(source, post["text"])
    return ShownPost(source, post_id, post["created_at"], text, original(source, post_id, post["payload"]))


def _read(
    settings: Settings, store: Store, places: Collection[PostPlace], limits: ReadLimits
) -> Iterable[tuple[PostPlace, dict[str, Any] | str]]:
    """Each place with its record, or with the reason why there is none."""
    from batch_layer.archive.reading.post_lookup import ArchivedPlace, Limits, PostLookup  # noqa: PLC0415 - slow to load
    from batch_layer.storage.webhdfs import HdfsStore  # noqa: PLC0415

    asked = {place: ArchivedPlace(place.archive, place.hour, place.partition, place.offset) for place in places}
    lookup = PostLookup(HdfsStore(settings.hdfs), _roots(settings, store), Limits(*limits))
    found = lookup.find(asked.values())
    return [(place, found.records.get(at) or found.absent[at]) for place, at in asked.items()]


def _roots(settings: Settings, store: Store) -> list[str]:
    """Folders that may have an archive: the one of now, those of the settings, those that MongoDB remembers."""
    with mongo_errors():
        remembered = [str(each["root"]) for each in store.collection(ARCHIVES).find().sort("_id")]
    return [settings.hdfs.root, *settings.hdfs.earlier, *remembered]
