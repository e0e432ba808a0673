"""`trends posts`: sample posts of a tag, related tags, spellings."""

import json
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from config.errors import UsageError
from ingest.rule.hashtags import typed
from serving.cli.consoles import console
from serving.cli.options import json_option, settings_of, source_option, tz_option
from serving.cli.query_options import questions_of
from serving.query import suggestions

if TYPE_CHECKING:
    from serving.answers.tag_posts import TagPosts


@click.command()
@click.argument("tag")
@click.option("--hour", metavar="HOUR", help="One hour: 2017-01-06T07, monday-7h.")
@click.option("--since", metavar="TIME", help="Start of a range of hours.")
@click.option("--until", metavar="TIME", help="End of the range, exclusive.  [default: now]")
@click.option("--last", metavar="SPAN", help="The range from that long ago until now.  [default: 7d]")
@click.option("-n", "n", type=click.IntRange(1, 100), default=5, show_default=True, help="Number of posts.")
@source_option
@tz_option
@json_option
@click.pass_context
def posts(
    ctx: click.Context,
    tag: str,
    hour: str | None,
    since: str | None,
    until: str | None,
    last: str | None,
    n: int,
    source: str | None,
    tz: ZoneInfo,
    as_json: bool,
) -> None:
    """Show sample posts of a hashtag, with links to the originals, related hashtags, and spellings.

    The batch layer samples the posts of each ranked hashtag of an hour; this reads them from the archive. The settings
    posts.show_text and posts.hide hide texts and single posts.

    \b
    Examples:
      trends posts music
      trends posts PrayForBoston --hour 2013-04-15T20 -n 10
      trends posts music --since yesterday --until today --json
    """
    from serving.posts.behind_tag import COMMAND_LIMITS, PostQuestion, posts_behind
    from serving.render.posts.post_answers import posts_json

    name = typed(tag)
    if not name:
        raise UsageError("a hashtag has at least one character", where="TAG", next_step="Example: trends posts music")
    questions = questions_of(ctx, suggestions.posts(name), tz, source=source)
    question = PostQuestion(name, *questions.hours(hour, since, until, last), n)
    answer = posts_behind(settings_of(ctx), questions.query, question, COMMAND_LIMITS)
    if as_json:
        click.echo(json.dumps(posts_json(answer), ensure_ascii=False))
    else:
        _show(answer, tz)


def _show(answer: "TagPosts", tz: ZoneInfo) -> None:
    from serving.render.posts.post_answers import notes
    from serving.render.posts.post_text import post_lines

    console().print(post_lines(answer, tz))
    for line in notes(answer):
        click.echo(line, err=True)
