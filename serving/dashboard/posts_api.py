"""Posts API: sample posts of a tag, related tags and spellings, as `trends posts --json`."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from config.errors import UsageError
from ingest.rule.hashtags import typed
from serving.dashboard import hints
from serving.dashboard.api import REFUSALS
from serving.dashboard.context import Context, ContextDep
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.params import RequestTime, RequestTimeDep, Since, Until
from serving.posts.behind_tag import PostQuestion
from serving.query.lenses import lens_of
from serving.query.questions import Questions
from serving.render.posts.post_answers import PostsAnswer, posts_json

router = APIRouter(prefix="/api", tags=["questions"], responses=REFUSALS, dependencies=[Depends(reject_unknown_params)])


class PostsParams(BaseModel):
    """The options of `trends posts`."""

    tag: str = Field(max_length=20_000, description="The hashtag, with or without #, in any spelling.")
    hour: str | None = Field(None, max_length=64, description="2017-01-06T07, monday-7h, now-3h.")
    since: Since = None
    until: Until = None
    last: str | None = Field(None, max_length=16, description="From the hour that long ago until now; 7d by default.")
    source: str | None = Field(None, max_length=256, description="Posts of one source alone.")
    n: int = Field(5, ge=1, le=100, description="How many posts.")


def question_of(context: Context, time: RequestTime, params: PostsParams) -> PostQuestion:
    """The question of a request. Raises `UsageError`."""
    name = typed(params.tag)
    if not name:
        raise UsageError("a hashtag has at least one character", next_step="Example: music", parameters=["tag"])
    hours = Questions(context.query, time.resolver).hours(params.hour, params.since, params.until, params.last)
    return PostQuestion(name, *hours, params.n)


@router.get("/posts")
def posts(context: ContextDep, time: RequestTimeDep, params: Annotated[PostsParams, Query()]) -> PostsAnswer:
    """Sample posts of a hashtag, with related hashtags and spellings. As `trends posts --json`."""
    suggest = hints.posts("/api/posts", params.tag)
    query = replace(context.query, lens=lens_of("hashtag", params.source), suggest=suggest)
    return posts_json(context.posts(query, question_of(context, time, params)))
