"""Summary: counts of the commits of one archiver run."""

from dataclasses import dataclass, field
from typing import Any

from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest


@dataclass
class Summary:
    """Counts of one run."""

    posts: int = 0
    rejected: int = 0
    gaps: int = 0
    """Offsets that Kafka had deleted."""
    chunks: int = 0
    files: int = 0
    bytes: int = 0
    hours: set[str] = field(default_factory=set)
    offsets: dict[int, int] = field(default_factory=dict)
    """Each partition's next offset after this run's last commit."""
    by_others: int = 0
    """Posts that others of the group have archived meanwhile, where this run waited for them."""

    def add(self, manifest: ChunkManifest) -> None:
        """Count a chunk."""
        self.posts += manifest.records
        self.rejected += manifest.rejected
        self.chunks += 1
        self.files += len(manifest.parts)
        self.bytes += sum(part.bytes for part in manifest.parts)
        self.hours.update(part.label for part in manifest.parts)
        self.offsets[manifest.partition] = manifest.next

    def lost(self, offsets: int) -> None:
        """Count a gap."""
        self.gaps += offsets

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "posts": self.posts,
            "rejected": self.rejected,
            "gaps": self.gaps,
            "hours": len(self.hours),
            "chunks": self.chunks,
            "files": self.files,
            "bytes": self.bytes,
            "by_others": self.by_others,
            "offsets": {str(partition): self.offsets[partition] for partition in sorted(self.offsets)},
        }
