"""Post answers: posts behind a tag as JSON and as rows, and notes on what an answer lacks. Pure."""

from typing_extensions import TypedDict

from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import iso
from serving.answers.tag_posts import TagPosts
from serving.render.json_shapes import Spelling
from serving.render.rows import Column, Rows

FORMULA = (
    "G2, the log-likelihood ratio of Dunning (1993), of the table (posts with and without the tag) x (posts with and "
    "without the other tag)"
)


class SampledPostJson(TypedDict):
    """A post. `text` is null where the settings hide texts, `link` where its source has no address for it."""

    source: str
    id: str
    at: str
    text: str | None
    link: str | None


class AbsentPostJson(TypedDict):
    """A post of the sample that the archive does not give, and the reason."""

    hour: str
    partition: int
    offset: int
    why: str


class RelatedTagJson(TypedDict):
    """A tag in the same posts, `both` of them; the score says how far that is from chance."""

    tag: str
    shown: str
    both: int
    score: float


class PostsAnswer(TypedDict):
    """Posts behind a tag."""

    tag: str
    source: str | None
    since: str
    until: str
    uses: int
    posts: list[SampledPostJson]
    absent: list[AbsentPostJson]
    hidden: int
    """Posts of the sample that `posts.hide` names."""
    shows_text: bool
    formula: str
    related: list[RelatedTagJson]
    spellings: list[Spelling]
    sampled: int
    """Hours with samples."""
    live: list[str]
    """Hours that the speed layer answers: samples come with the batch layer."""
    without: list[str]
    """Hours that the batch layer computed without samples."""
    mend: str | None
    """The command that computes those."""


def posts_json(answer: TagPosts) -> PostsAnswer:
    """Posts behind a tag, as `trends posts --json` has them."""
    samples = answer.samples
    return {
        "tag": samples.tag,
        "source": samples.lens.source,
        "since": str(samples.since),
        "until": str(samples.until),
        "uses": samples.uses,
        "posts": [
            {"source": post.source, "id": post.id, "at": iso(post.at), "text": post.text, "link": post.link}
            for post in answer.posts
        ],
        "absent": [
            {"hour": str(place.hour), "partition": place.partition, "offset": place.offset, "why": why}
            for place, why in answer.absent
        ],
        "hidden": answer.hidden,
        "shows_text": answer.shows_text,
        "formula": FORMULA,
        "related": [
            {"tag": each.tag, "shown": each.shown, "both": each.both, "score": each.score} for each in samples.related
        ],
        "spellings": [{"shown": shown, "count": count} for shown, count in samples.spellings],
        "sampled": len(samples.sampled),
        "live": [str(hour) for hour in samples.live],
        "without": [str(hour) for hour in samples.without],
        "mend": samples.mend,
    }


def post_rows(answer: TagPosts) -> Rows:
    """A row for each post."""
    columns = (Column("at", "time"), *(Column(name, "text") for name in ("source", "id", "text", "link")))
    return Rows(columns, [(post.at, post.source, post.id, post.text, post.link) for post in answer.posts])


def notes(answer: TagPosts) -> list[str]:
    """What an answer lacks, and what one can do about it."""
    samples = answer.samples
    lines = []
    if not answer.shows_text:
        lines.append("Texts are hidden: posts.show_text is false")
    if answer.hidden:
        lines.append(f"{quantity(answer.hidden, 'post')} hidden by posts.hide")
    if answer.absent:
        first = answer.absent[0]
        where = f"{first.place.partition}:{first.place.offset} of {first.place.hour}"
        lines.append(f"{quantity(len(answer.absent), 'post')} not read, the first {where}: {printable(first.why, 300)}")
    if samples.live:
        lines.append(f"{quantity(len(samples.live), 'hour')} live: samples come with the batch layer")
    if samples.without:
        lines.append(
            f"{quantity(len(samples.without), 'hour')} computed without samples: where batch.sample_posts is not 0, "
            f"`{samples.mend}` keeps them"
        )
    return lines
