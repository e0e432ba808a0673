"""TopicGuard: keeps messages of one topic out of the folder of another one with the same name."""

from typing import Any

from batch_layer.delivery.same_topic import SameTopic
from batch_layer.storage.chunk_files.commit_log import ends_of
from batch_layer.storage.chunk_files.file_paths import FilePaths
from batch_layer.storage.chunk_files.identity import Origin, ensure_archive, ensure_topic
from batch_layer.storage.file_store import Store
from config.settings import KafkaSettings
from ingest.hours import Millis
from ingest.kafka.offsets import ends


class TopicGuard(SameTopic):
    """The identity files of a folder hold the id of its topic."""

    def __init__(self, settings: KafkaSettings, paths: FilePaths[Any]) -> None:
        super().__init__(settings, paths.topic, paths.terms.other_topic)
        self._settings = settings
        self._paths = paths

    def admit_folder(self, store: Store, now: Millis) -> Origin:
        """The origin of every manifest; writes the folder's identity where it has none.

        Raises `OtherTopicError` where the folder is of another topic.
        """
        topic_id, paths = self.admit(), self._paths
        archive = ensure_archive(store, paths, now)
        ensure_topic(
            store,
            paths,
            topic_id,
            lambda: ends_of(store, paths),
            lambda: ends(self._settings, paths.topic, uncommitted=True),
        )
        return Origin(archive.id, topic_id)
