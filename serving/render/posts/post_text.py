"""Post text: posts behind a tag on a terminal. All text is escaped."""

from zoneinfo import ZoneInfo

from rich.console import Group
from rich.text import Text

from config.quantity import quantity
from config.terminal_text import printable
from serving.answers.tag_posts import ShownPost, TagPosts
from serving.render.posts.post_answers import FORMULA
from serving.render.text import local_moment

_LONGEST = 1_000
"""Characters of a text; JSON has all of them."""


def post_lines(answer: TagPosts, tz: ZoneInfo) -> Group:
    """Each post with its time, source and address, then related tags and spellings."""
    samples, label = answer.samples, answer.samples.lens.label
    lines = [Text(label(samples.tag), style="bold")]
    lines += [line for post in answer.posts for line in _lines_of(post, tz)]
    if samples.related:
        related = ", ".join(f"{label(each.shown)} ({each.both:,})" for each in samples.related)
        lines += [Text(), Text.assemble(("related   ", "dim"), related), Text(f"          by {FORMULA}", style="dim")]
    if samples.spellings:
        spelled = ", ".join(f"{label(shown)} ({count:,})" for shown, count in samples.spellings)
        lines.append(Text.assemble(("spellings ", "dim"), spelled))
    facts = f"{quantity(samples.uses, 'use')} in {quantity(len(samples.sampled), 'hour')} with samples"
    lines += [Text(), Text(facts, style="dim")]
    return Group(*lines)


def _lines_of(post: ShownPost, tz: ZoneInfo) -> list[Text]:
    at = local_moment(post.at, tz)
    head = Text.assemble(f"{at}  ", (printable(post.source), "dim"), "  ", (post.link or "", "dim"))
    lines = [Text(), head]
    if post.text is not None:
        lines.append(Text(one_line(post.text, _LONGEST)))
    return lines


def one_line(text: str, longest: int | None) -> str:
    """A text in one line: blanks and line breaks in a row are one blank, invisible characters are codes."""
    return printable(" ".join(text.split()), longest)
