"""The messages of one transaction, for posts and rejects. Pure: the producer sends them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from config.errors import BadRecordError
from config.quantity import quantity
from config.settings import IngestSettings, KafkaSettings
from ingest.cursors import encode_cursor
from ingest.kafka import dead_letters
from ingest.kafka.transactions import Outgoing
from ingest.post import Post
from ingest.rule.escapes import author_text
from ingest.rule.hashtags import Rule, tags_of
from ingest.rule.phrases import phrases
from ingest.sources.base import Batch
from ingest.sources.status import State
from ingest.standings import gap_message, state_message
from ingest.wire import MAX_USE_BYTES, Reject, Use, encode, use_of


class Counts(NamedTuple):
    """Numbers of records by their fate."""

    posts: int = 0
    uses: int = 0
    rejects: int = 0
    notices: int = 0
    """Records that hold no post by design."""
    filtered: int = 0
    """Posts outside the filter of the command."""
    read_bytes: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """The sum."""
        return Counts(*map(sum, zip(self, other, strict=True)))


class TransactionEncoder:
    """Encodes posts by a hashtag rule: each as one message and one for each use, or as a reject if it does not fit."""

    def __init__(self, settings: KafkaSettings, ingest: IngestSettings, rule: Rule) -> None:
        self._settings = settings
        self._posts, self._hashtags = settings.posts, settings.hashtags
        self._most = ingest.max_post_bytes
        self._rule = rule
        self._kinds = ingest.kinds
        self.topic = settings.posts
        """The topic of the items: the producer stores its id with every cursor."""

    def encode_batch(self, batch: Batch[Post], name: str, topic_id: str = "") -> tuple[Outgoing, Counts]:
        """One transaction: a batch, its cursor with the id of the topic, its gaps and the state of the source."""
        outgoing = Outgoing()
        refused = [reject for post in batch.items if (reject := self.add_post(outgoing, post)) is not None]
        self.add_rejects(outgoing, [*batch.rejects, *refused])
        posts = len(batch.items) - len(refused)
        uses = len(outgoing.messages) - posts
        self._add_to_cursors(outgoing, (encode_cursor(batch.cursor, topic_id), name.encode()))
        for gap in batch.gaps:
            self._add_to_cursors(outgoing, gap_message(name, gap))
        if batch.state is not None:
            self._add_to_cursors(outgoing, state_message(name, batch.state))
        counts = Counts(posts, uses, len(outgoing.rejects), batch.notices, batch.filtered, batch.read_bytes)
        return outgoing, counts

    def add_post(self, outgoing: Outgoing, post: Post) -> Reject | None:
        """Add a post and its uses. Return a reject instead, and add nothing, if the post does not fit."""
        try:
            self._add(outgoing, post)
        except BadRecordError as error:
            raw = (post.payload or post.text).encode(errors="surrogatepass")
            return Reject(raw, "ingest", error.reason, f"{post.source}/{post.id[:100]}")
        return None

    def add_rejects(self, outgoing: Outgoing, refused: Iterable[Reject]) -> None:
        """Add rejects, each cut to the size limit."""
        for reject in refused:
            fitting = reject
            if len(reject.raw) > self._most:  # its reader could not read the rest
                why = f"{reject.reason} ({quantity(len(reject.raw), 'byte')}, cut)"
                fitting = reject._replace(raw=reject.raw[: self._most], reason=why, reader="")
            outgoing.rejects.append(dead_letters.message(self._settings, fitting))

    def encode_state(self, name: str, state: State) -> Outgoing:
        """One transaction: the state of a source, and nothing else."""
        outgoing = Outgoing()
        self._add_to_cursors(outgoing, state_message(name, state))
        return outgoing

    def _add_to_cursors(self, outgoing: Outgoing, message: tuple[bytes, bytes]) -> None:
        outgoing.messages.append((self._settings.cursors, *message))

    def _add(self, outgoing: Outgoing, post: Post) -> None:
        try:
            value = encode(post)
        except UnicodeEncodeError:
            raise BadRecordError("holds half a character (a lone surrogate)") from None
        if len(value) > self._most:
            raise BadRecordError(f"a post of {quantity(len(value), 'byte')}; ingest.max_post_bytes is {self._most}")
        uses = [(self._hashtags, encode(use), use.tag.encode()) for use in self._uses(post)]
        for _, use, tag_bytes in uses:
            if len(use) > MAX_USE_BYTES:
                raise BadRecordError(f"a hashtag of {quantity(len(tag_bytes), 'byte')}")
        outgoing.messages.append((self._posts, value, post.id.encode()))
        outgoing.messages += uses

    def _uses(self, post: Post) -> Iterator[Use]:
        for tag, shown in tags_of(post, self._rule).items():
            yield use_of(post, tag, shown)
        if self._kinds:
            for kind, found in phrases(author_text(post.source, post.text), post.lang, self._kinds).items():
                for phrase, shown in found.items():
                    yield use_of(post, phrase, shown, kind)
