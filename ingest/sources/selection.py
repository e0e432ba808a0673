"""Filters of items: of posts by language and tag, and the one that accepts all items."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.post import Post
from ingest.rule.hashtags import AS_IS, Rule, tags_of, typed
from ingest.sources.languages import speaks


class AllItems:
    """Accepts each item, of whatever kind."""

    limit: int | None = None
    everything = True

    def accepts(self, _item: object) -> bool:
        """It does."""
        return True


@dataclass(frozen=True)
class PostFilter:
    """A choice among posts. The default accepts every post."""

    langs: frozenset[str] = frozenset()
    """`en` takes `en-GB` too; none: all."""
    tags: frozenset[str] = frozenset()
    """Posts that use one of these; none: all."""
    limit: int | None = None
    """At most so many posts, counted since the beginning and not since a restart."""
    rule: Rule = AS_IS

    @classmethod
    def typed(cls, langs: Sequence[str], tags: Sequence[str], limit: int | None, rule: Rule) -> "PostFilter":
        """From the command line: tags with or without `#`, in any spelling, as the rule counts them."""
        counted = frozenset(rule.aliases.get(tag, tag) for tag in map(typed, tags))
        return cls(frozenset(lang.lower() for lang in langs), counted, limit, rule)

    @property
    def everything(self) -> bool:
        """Whether it accepts every post."""
        return not (self.langs or self.tags)

    def accepts(self, post: Post) -> bool:
        """Whether a post passes."""
        if self.langs and not speaks(post.lang or "", self.langs):
            return False
        return not self.tags or not self.tags.isdisjoint(tags_of(post, self.rule))
