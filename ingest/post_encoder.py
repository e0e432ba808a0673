"""PostEncoder: each post as one message and one for each use, by a hashtag rule."""

from collections.abc import Iterator

from config.errors import BadRecordError
from config.quantity import quantity
from config.settings import IngestSettings, KafkaSettings
from ingest.encoder import TransactionEncoder
from ingest.kafka.transactions import Outgoing
from ingest.post import Post
from ingest.rule.escapes import author_text
from ingest.rule.hashtags import Rule, tags_of
from ingest.rule.phrases import phrases
from ingest.wire import MAX_USE_BYTES, Reject, Use, encode, use_of


class PostEncoder(TransactionEncoder[Post]):
    """Encodes posts, each as one message and one for each use, or as a reject if it does not fit."""

    def __init__(self, settings: KafkaSettings, ingest: IngestSettings, rule: Rule) -> None:
        super().__init__(settings, ingest, settings.posts)
        self._posts, self._hashtags = settings.posts, settings.hashtags
        self._rule = rule
        self._kinds = ingest.kinds

    def add_item(self, outgoing: Outgoing, item: Post) -> Reject | None:
        """See `TransactionEncoder`: a post and its uses."""
        try:
            self._add(outgoing, item)
        except BadRecordError as error:
            raw = (item.payload or item.text).encode(errors="surrogatepass")
            return Reject(raw, self.stage, error.reason, f"{item.source}/{item.id[:100]}")
        return None

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
