"""RecordRetry: reads the records again that the readers of sources refused: stage `ingest`."""

from collections.abc import Callable

from config.errors import BadRecordError, UsageError
from ingest.kafka.transactions import Outgoing
from ingest.post import Post
from ingest.post_encoder import PostEncoder
from ingest.rejects.stage import Rewrite
from ingest.sources.formats.contract import BrokenPart, Reading
from ingest.sources.registry import reader_of
from ingest.wire import Reject


class RecordRetry:
    """Reads a record with the reader that its reject names, and encodes the posts in it."""

    def __init__(self, encoder: PostEncoder, reading: Callable[[str], Reading]) -> None:
        """`reading` returns how to read and check the posts of a source."""
        self._encoder = encoder
        self._reading = reading

    def read_again(self, reject: Reject) -> Rewrite:
        """See `ReadAgain`. A record may hold several posts: some may fail."""
        if not reject.reader:
            raise BadRecordError(reject.reason)  # `ingest` cut it, or nothing names its format
        try:
            items = reader_of(reject.reader, self._reading).read(reject.raw)
        except UsageError as error:
            raise BadRecordError(error.what) from None
        posts = [item for item in items if isinstance(item, Post)]
        broken = [reject._replace(raw=item.raw, reason=item.reason) for item in items if isinstance(item, BrokenPart)]
        outgoing = Outgoing()
        refusals = [refusal for post in posts if (refusal := self._encoder.add_item(outgoing, post)) is not None]
        failures = (*broken, *(reject._replace(reason=refusal.reason) for refusal in refusals))
        return Rewrite(outgoing.messages, len(posts) - len(refusals), failures)
