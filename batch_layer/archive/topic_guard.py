"""TopicGuard: keeps messages of one topic out of the archive of another one with the same name."""

from batch_layer.archive.commit_log import ends_of
from batch_layer.archive.identity import NEW_ROOT, Origin, ensure_archive, ensure_topic
from batch_layer.archive.paths import Paths
from batch_layer.storage.file_store import Store
from config.errors import NoDataError
from config.settings import KafkaSettings
from ingest.hours import Millis
from ingest.kafka.offsets import ends
from ingest.kafka.topic_ids import OtherTopicError, TopicIds, differ


class TopicGuard:
    """Says at the start whether the archive is of the topic, and before each commit whether it still is."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._ids = TopicIds(settings)
        self._topic_id = ""

    def admit(self, store: Store, paths: Paths, now: Millis) -> Origin:
        """The origin of every manifest; writes the archive's identity where it has none.

        Raises `OtherTopicError` where the archive is of another topic.
        """
        self._topic_id = self._ids.of(paths.topic)
        archive = ensure_archive(store, paths, now)
        ensure_topic(
            store,
            paths,
            self._topic_id,
            lambda: ends_of(store, paths),
            lambda: ends(self._settings, paths.topic, uncommitted=True),
        )
        return Origin(archive.id, self._topic_id)

    def check_position(self, partition: int, position: int, end: int) -> None:
        """Raise `OtherTopicError` where the archive goes beyond the end of the partition: ids can't tell every time."""
        if position > end:
            raise OtherTopicError(
                f"the archive ends at offset {position} and the topic already at {end}: it was deleted and recreated",
                where=f"{self._settings.posts}/{partition}",
                next_step=NEW_ROOT,
            )

    def check(self) -> None:
        """Raise `OtherTopicError` where the name stands for another topic by now.

        Otherwise all messages read before this call are of the admitted topic. That holds where there is no topic at
        all: they come from the deleted one, and nobody has recreated it yet.
        """
        topic = self._settings.posts
        try:
            now = self._ids.of(topic)
        except NoDataError:
            return
        if differ(self._topic_id, now):
            what = f"the topic was deleted and recreated: its id was {self._topic_id}, and is {now} now"
            raise OtherTopicError(what, where=f"Kafka topic {topic}", next_step=NEW_ROOT)
