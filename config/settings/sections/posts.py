"""Settings of posts behind a tag."""

from config.settings.section import Section


class PostsSettings(Section):
    """Sample posts of a tag, for `trends posts`, the API, the dashboard and notebooks alike."""

    show_text: bool = True
    """Whether answers have the text of posts. Without it they have time, source, id and link."""
    hide: tuple[str, ...] = ()
    """Posts that no answer shows, such as deleted or sensitive ones, each as `source:id`. They count all the same."""
