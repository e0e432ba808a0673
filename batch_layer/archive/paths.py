"""Paths of everything in the archive."""

from batch_layer.archive.hour_layout import LAYOUT, hour_folder
from batch_layer.archive.manifest import MANIFESTS, Manifest
from batch_layer.storage.chunk_files.file_paths import FilePaths, Terms
from batch_layer.storage.chunk_files.layout import Span
from ingest.hours import Hour

_TERMS = Terms(
    folder="the archive",
    writer="archiver",
    root_key="hdfs.root",
    topic_key="kafka.posts",
    other_topic="Set hdfs.root to a new folder: the batch layer reads this archive along with the new one",
    lost_manifest="`trends archive gap {partition} {start}` declares its posts lost",
)


class Paths(FilePaths[Manifest]):
    """The paths of one archive: a folder on HDFS, and the topic of its posts."""

    def __init__(self, root: str, topic: str) -> None:
        super().__init__(root, topic, f"{topic}+", LAYOUT, MANIFESTS, _TERMS)

    def part(self, hour: Hour, span: Span, number: int, of: int) -> str:
        """Part `number` (from 1) of a chunk, below the root."""
        return self.part_in(hour_folder(hour), span, number, of)

    def compacted(self, hour: Hour, serial: int) -> str:
        """An hour in one file, below the root."""
        return f"{hour_folder(hour)}/{self.topic}+compact+{serial:020d}.avro"
