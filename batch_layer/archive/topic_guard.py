"""TopicGuard: keeps messages of one topic out of the archive of another one with the same name."""

from batch_layer.archive.commit_log import ends_of
from batch_layer.archive.identity import NEW_ROOT, Origin, ensure_archive, ensure_topic
from batch_layer.archive.paths import Paths
from batch_layer.delivery.same_topic import SameTopic
from batch_layer.storage.file_store import Store
from config.settings import KafkaSettings
from ingest.hours import Millis
from ingest.kafka.offsets import ends


class TopicGuard(SameTopic):
    """The archive's identity files hold the id of its topic."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(settings, settings.posts, NEW_ROOT)
        self._settings = settings

    def admit_archive(self, store: Store, paths: Paths, now: Millis) -> Origin:
        """The origin of every manifest; writes the archive's identity where it has none.

        Raises `OtherTopicError` where the archive is of another topic.
        """
        topic_id = self.admit()
        archive = ensure_archive(store, paths, now)
        ensure_topic(
            store,
            paths,
            topic_id,
            lambda: ends_of(store, paths),
            lambda: ends(self._settings, paths.topic, uncommitted=True),
        )
        return Origin(archive.id, topic_id)
