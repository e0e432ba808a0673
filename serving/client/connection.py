"""Client: the questions of the command for Python programs and notebooks."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import get_args

from config.errors import UsageError
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from serving.answers.comparison import Comparison
from serving.answers.day import Day
from serving.answers.history import History
from serving.answers.now.tag_trend import HourTrend
from serving.answers.rising import SURE, Rising
from serving.answers.scores import By
from serving.answers.tag_posts import TagPosts
from serving.client.answer import Answer
from serving.client.hour_export import Export
from serving.query.lenses import lens_of, order_of
from serving.query.query import Query
from serving.query.questions import Questions, Top, check_number
from serving.query.time_expressions import zone
from serving.query.time_ranges import TimeResolver
from serving.render.json_answers import comparison_json, day_json, history_json, rising_json, top_json
from serving.render.now.now_json import now_json
from serving.render.posts.post_answers import post_rows, posts_json
from serving.render.rows import (
    comparison_rows,
    day_rows,
    history_rows,
    hour_rows,
    now_rows,
    rising_rows,
    top_rows,
)
from serving.views.documents import Kind, Lens, Origin
from serving.views.store import Store


def connect(*, tz: str = "UTC", settings: Settings | None = None) -> "Client":
    """A client of the views that the settings name: `trends.toml`, `TRENDS_CONFIG` and `TRENDS_*`, as the command.

    `tz` is the zone of local times in questions and of times in tables. Raises `UsageError` for settings or a zone that
    are wrong. A server that does not answer is an error of the first question.
    """
    return Client(settings or Settings.read(), tz=tz)


class Client:
    """Asks one store of views. Use it as a context, or close it. Threads may share it.

    Times are written as for the command: `2017-01-06T07`, `monday-7h`, `now-3h`; spans `90m`, `24h`, `7d`; ranges are
    half-open. `kind` is hashtag, bigram or trigram; `source` selects the posts of one source. Every question raises
    `NoDataError`, `UsageError` and `UnavailableError` of `config.errors`.
    """

    def __init__(self, settings: Settings, *, tz: str = "UTC") -> None:
        self.settings = settings
        self.tz = zone(tz)
        self._store = Store(settings.mongo)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._store.close()

    def top(
        self,
        *,
        hour: str | None = None,
        since: str | None = None,
        until: str | None = None,
        last: str | None = None,
        n: int = 10,
        origin: Origin | None = None,
        kind: Kind = "hashtag",
        source: str | None = None,
        by: By | None = None,
    ) -> Answer[Top]:
        """The n most used tags of an hour, of a range as one ranking, or of now. As `trends top`.

        A row for each tag: `since until origin state rank tag shown count rule`. `by` orders them: `count`, or
        `surprise`, the default of phrases, which adds `score before expected` (`serving.answers.surprise`).
        `value` is a `View`, a `Range`, or of now a tuple of the views of the hour in progress and the one before.
        """
        _check("by", by, (None, *get_args(By)))
        questions, notes = self._questions(kind, source, origin)
        questions = replace(questions, query=replace(questions.query, by=by or order_of(questions.query.lens)))
        answer = questions.top(n, hour, since, until, last)
        views = answer if isinstance(answer, tuple) else ()
        rows = top_rows(*(answer if isinstance(answer, tuple) else (answer,)))
        return Answer(answer, rows, self.tz, lambda: top_json(answer, questions.query.rules(views)), tuple(notes))

    def now(self, *, n: int = 10, kind: Kind = "hashtag", source: str | None = None) -> Answer[tuple[HourTrend, ...]]:
        """The n most used tags and n rising ones of the hour in progress and of the one before. As `trends now`.

        A row for each tag: `hour part rank tag shown count was move share projection weeks mean ratio expected score
        origin state rule`; `part` is `top` or `rising`. This client does not ask Kafka how far the speed layer lags, so
        `projection` is empty.
        """
        questions, notes = self._questions(kind, source)
        answer = questions.now(n, lambda: None)
        rules = questions.query.rules([trend.view for trend in answer])
        return Answer(answer, now_rows(answer), self.tz, lambda: now_json(answer, rules), tuple(notes))

    def day(
        self,
        *,
        date: str | None = None,
        last: str | None = None,
        since: str | None = None,
        until: str | None = None,
        n: int = 10,
        kind: Kind = "hashtag",
        source: str | None = None,
    ) -> Answer[Day]:
        """The n most used tags of each hour of a date, a range, or the span until now: 24 hours. As `trends day`.

        A row for each tag of each hour: `hour origin state rank tag shown count was move rule`.
        """
        questions, notes = self._questions(kind, source)
        answer = questions.day(n, date, last, since, until)
        return Answer(answer, day_rows(answer), self.tz, lambda: day_json(answer), tuple(notes))

    def rising(
        self,
        *,
        hour: str | None = None,
        against: str = "24h",
        n: int = 10,
        least: float = SURE,
        kind: Kind = "hashtag",
        source: str | None = None,
    ) -> Answer[Rising]:
        """The n tags whose share grew most in an hour, by default the last one with data. As `trends rising`.

        A row for each tag: `hour score tag shown count expected rank was rule`; the score is G2 of Dunning (1993).
        """
        questions, notes = self._questions(kind, source)
        answer = questions.rising(n, hour, against, least)
        return Answer(answer, rising_rows(answer), self.tz, lambda: rising_json(answer), tuple(notes))

    def history(
        self,
        tag: str,
        *,
        since: str | None = None,
        until: str | None = None,
        last: str | None = None,
        kind: Kind = "hashtag",
        source: str | None = None,
    ) -> Answer[History]:
        """One tag, in any spelling, hour by hour: of 7 days by default. As `trends tag`.

        A row for each hour: `hour count rank at_most uses origin state rule`; `state` is `missing` without data.
        """
        from ingest.rule.hashtags import typed  # slow to load, and the other questions need none of it

        questions, notes = self._questions(kind, source)
        answer = questions.history(typed(tag), since, until, last)
        return Answer(answer, history_rows(answer), self.tz, lambda: history_json(answer), tuple(notes))

    def posts(
        self,
        tag: str,
        *,
        hour: str | None = None,
        since: str | None = None,
        until: str | None = None,
        last: str | None = None,
        n: int = 5,
        source: str | None = None,
    ) -> Answer[TagPosts]:
        """The first n sample posts of a hashtag, related hashtags, spellings: of 7 days by default. As `trends posts`.

        A row for each post: `at source id text link`. `value.samples` has the related hashtags and the spellings.
        """
        from ingest.rule.hashtags import typed  # slow to load, and most questions need none of it
        from serving.posts.behind_tag import COMMAND_LIMITS, MOST_POSTS, PostQuestion, posts_behind

        if not 1 <= n <= MOST_POSTS:
            raise UsageError(f"not a number of posts: {n}", where="n", next_step=f"1 to {MOST_POSTS}")
        questions, notes = self._questions("hashtag", source)
        question = PostQuestion(typed(tag), *questions.hours(hour, since, until, last), n)
        answer = posts_behind(self.settings, questions.query, question, COMMAND_LIMITS)
        return Answer(answer, post_rows(answer), self.tz, lambda: posts_json(answer), tuple(notes))

    def compare(
        self,
        *tags: str,
        since: str | None = None,
        until: str | None = None,
        last: str | None = None,
        kind: Kind = "hashtag",
        source: str | None = None,
    ) -> Answer[Comparison]:
        """Two to five tags, in any spelling, hour by hour: of 7 days by default. As `trends tag` with several.

        A row for each hour of each tag: `tag hour count rank at_most uses origin state rule`.
        """
        from ingest.rule.hashtags import typed  # slow to load, and the other questions need none of it

        if not tags:
            raise UsageError("a comparison needs tags", where="tags", next_step='Example: compare("paris", "london")')
        questions, notes = self._questions(kind, source)
        answer = questions.compare([typed(tag) for tag in tags], since, until, last)
        rows = comparison_rows(answer)
        return Answer(answer, rows, self.tz, lambda: comparison_json(answer), tuple(notes))

    def export(
        self,
        since: str | None = None,
        until: str | None = None,
        *,
        last: str | None = None,
        n: int = 0,
        kind: Kind = "hashtag",
        source: str | None = None,
    ) -> Export:
        """The first n tags of each hour of a range of any length; with n = 0 all that are kept. As `trends export`.

        A row for each tag of each hour: `hour rank tag shown count origin state rule`. Nothing is read yet.
        """
        check_number(n, least=0)
        questions, notes = self._questions(kind, source)
        lens = questions.query.lens
        hours = questions.times.range(since, until, last)
        return Export(lambda: hour_rows(questions.query.stream(*hours, n), lens), self.tz, tuple(notes))

    def _questions(self, kind: Kind, source: str | None, origin: Origin | None = None) -> tuple[Questions, list[str]]:
        _check("kind", kind, get_args(Kind))
        _check("origin", origin, (None, *get_args(Origin)))
        notes: list[str] = []
        current = partial(rule_now, self.settings)
        query = Query(self._store, origin, lens_of(kind, source), current, suggest=_suggest)
        return Questions(query, TimeResolver(wall_clock(), self.tz, notes.append)), notes


def rule_now(settings: Settings, lens: Lens) -> str:
    """The version of the rule by which the batch layer computes an hour through a lens now."""
    from ingest.rule.hashtags import Rule  # seldom needed, and slow to load
    from ingest.rule.phrases import version

    return Rule.from_settings(settings.rule).version if lens.kind == "hashtag" else version()


def _check(name: str, value: object, known: Sequence[object]) -> None:
    """Raise `UsageError` for a word that is none: a notebook checks no types."""
    if value not in known:
        raise UsageError(f"no such {name}: {value!r}", where=name, next_step=f"One of: {', '.join(map(str, known))}")


def _suggest(_first: Hour, last: Hour, lens: Lens) -> str:
    """A call for an hour that has data."""
    chosen = {"kind": lens.kind if lens.kind != "hashtag" else None, "source": lens.source}
    return f'top(hour="{last}"' + "".join(f", {name}={value!r}" for name, value in chosen.items() if value) + ")"
