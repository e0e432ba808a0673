"""Paths of everything in one folder of chunks.

<folder>/<prefix>3+<start>+<next>+1of2.<extension>          a part: see `Layout`
_tmp/3+<start>+<uuid>/…, _tmp/hours+<serial>+<uuid>/…       an attempt to commit at a start, before its commit
_commit/3/<start>.json, _commit/hours/<serial>.json         manifests: the log of a partition, the log of the hours
_index/3/<start>+<next>.json                                many manifests in one file: derived, only for speed
_identity/archive.json, _identity/topic.json                which folder this is, and of which topic
"""

import re
from typing import Generic, NamedTuple

from batch_layer.storage.chunk_files.attempts import Attempt, log_name
from batch_layer.storage.chunk_files.chunk_manifest import M, ManifestCodec
from batch_layer.storage.chunk_files.layout import Layout, Span
from config.errors import UsageError

_TOPIC = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}", re.ASCII)
_ROOT = re.compile(r"(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)+", re.ASCII)


class Terms(NamedTuple):
    """Words of one kind of folder, for errors."""

    folder: str
    """A noun with its article."""
    writer: str
    """A noun."""
    root_key: str
    """The setting, or the key of a file, that names the root."""
    topic_key: str
    other_topic: str
    """Advice for a folder of another topic."""
    lost_manifest: str
    """Advice where no backup has a manifest; with `{partition}` and `{start}`."""


class FilePaths(Generic[M]):
    """The paths below one root, and the topic of its rows."""

    def __init__(  # noqa: PLR0913, PLR0917 - what makes one kind of folder
        self, root: str, topic: str, prefix: str, layout: Layout, manifests: ManifestCodec[M], terms: Terms
    ) -> None:
        """`prefix`: the first characters of a part's name."""
        if not _ROOT.fullmatch(root):
            raise UsageError(
                f"not a folder of HDFS: {root[:80]!r}",
                where=terms.root_key,
                next_step="Give an absolute path of letters, digits and . _ = -",
            )
        if not _TOPIC.fullmatch(topic):
            raise UsageError(f"not a topic: {topic[:80]!r}", where=terms.topic_key)
        self.root = root
        self.topic = topic
        self.layout = layout
        self.manifests = manifests
        self.terms = terms
        self._prefix = prefix

    def absolute(self, below: str) -> str:
        """A path of a manifest, from the root of HDFS."""
        return f"{self.root}/{below}"

    def part_in(self, folder: str, span: Span, number: int, of: int) -> str:
        """Part `number` (from 1) of a chunk, below the root. `folder` empty: the root."""
        name = self.layout.file_name(self._prefix, span, number, of)
        return f"{folder}/{name}" if folder else name

    @property
    def all_tmp(self) -> str:
        """Folder of all attempts."""
        return f"{self.root}/_tmp"

    def tmp(self, of: Attempt) -> str:
        """Folder of an attempt."""
        return f"{self.all_tmp}/{of.name}"

    def tmp_part(self, of: Attempt, number: int) -> str:
        """Part `number` (from 1) before it is in its place."""
        return f"{self.tmp(of)}/{self.layout.upload_name(number)}"

    def tmp_manifest(self, of: Attempt) -> str:
        """A manifest before its commit."""
        return f"{self.tmp(of)}/manifest.json"

    @property
    def identity(self) -> str:
        """Folder of the identity."""
        return f"{self.root}/_identity"

    @property
    def archive_identity(self) -> str:
        """The folder's id."""
        return f"{self.identity}/archive.json"

    @property
    def topic_identity(self) -> str:
        """The topic that the offsets belong to."""
        return f"{self.identity}/topic.json"

    @property
    def all_commits(self) -> str:
        """Folder of all logs."""
        return f"{self.root}/_commit"

    def commits(self, log: int) -> str:
        """Folder of a log's manifests."""
        return f"{self.all_commits}/{log_name(log)}"

    def commit(self, log: int, start: int) -> str:
        """The manifest that begins at `start`. The first rename to this path is the commit."""
        return f"{self.commits(log)}/{start:020d}.json"

    @property
    def all_indexes(self) -> str:
        """Folder of all index files."""
        return f"{self.root}/_index"

    def indexes(self, log: int) -> str:
        """Folder of a log's index files."""
        return f"{self.all_indexes}/{log_name(log)}"

    def index(self, log: int, start: int, end: int) -> str:
        """The index file of the manifests from `start` up to `end`."""
        return f"{self.indexes(log)}/{start:020d}+{end:020d}.json"
