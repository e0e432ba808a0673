"""Settings of the hashtag rule."""

from pydantic import Field

from config.settings.section import Section


class RuleSettings(Section):
    """Corrections of the hashtag rule. They take part in the rule's version."""

    ignore: tuple[str, ...] = ()
    """Tags that the rule does not count."""
    aliases: dict[str, str] = Field(default={})
    """Tag to count instead of a tag: `{"prayforboston": "prayersforboston"}`."""
