"""A batch in the making."""

from dataclasses import dataclass, field

from ingest.post import Post
from ingest.sources.base import Batch, Cursor
from ingest.sources.selection import PostFilter
from ingest.sources.status import Gap, State, Tally
from ingest.wire import Reject


@dataclass
class BatchBuilder:
    """What a source read since its last batch: the fields of `Batch`."""

    posts: list[Post] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    notices: int = 0
    filtered: int = 0
    read_bytes: int = 0
    repeated: int = 0

    def __bool__(self) -> bool:
        """Whether anything was read, were it only to be left out."""
        return bool(self.posts or self.rejects or self.notices or self.filtered)

    def add(self, post: Post, post_filter: PostFilter) -> bool:
        """Put a post where it belongs; whether it was wanted."""
        if not post_filter.accepts(post):
            self.filtered += 1
            return False
        self.posts.append(post)
        return True

    def add_to(self, tally: Tally, connections: int) -> Tally:
        """The tally with this batch."""
        return Tally(
            posts=tally.posts + len(self.posts),
            rejects=tally.rejects + len(self.rejects),
            notices=tally.notices + self.notices,
            filtered=tally.filtered + self.filtered,
            repeated=tally.repeated + self.repeated,
            read_bytes=tally.read_bytes + self.read_bytes,
            connections=connections,
        )

    def batch(self, cursor: Cursor, gaps: tuple[Gap, ...] = (), state: State | None = None) -> Batch:
        """Ends here: the cursor is behind all of it."""
        return Batch(self.posts, self.rejects, cursor, self.notices, self.filtered, self.read_bytes, gaps, state)
