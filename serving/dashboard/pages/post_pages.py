"""Post pages: sample posts of a tag, as a page and as the part that a tag's page loads."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, Response

from config.errors import NoDataError
from ingest.hours import iso
from serving.dashboard.context import ContextDep
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.pages.links import Links
from serving.dashboard.pages.templating import page
from serving.dashboard.params import RequestTimeDep
from serving.dashboard.posts_api import PostsParams, question_of
from serving.posts.behind_tag import PostQuestion
from serving.query.lenses import lens_of
from serving.render.posts.post_answers import notes
from serving.render.text import local_moment

router = APIRouter(
    default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(reject_unknown_params)]
)


class PageParams(PostsParams):
    """The parameters of the page; `part` is true for the part alone."""

    part: bool = False


@router.get("/posts")
def posts(
    request: Request, context: ContextDep, time: RequestTimeDep, params: Annotated[PageParams, Query()]
) -> Response:
    """Sample posts of a tag, related tags and spellings; without them, the reason.

    The part without posts is an answer too: a page that loads it has nothing to report, so its status is 200.
    """
    question = question_of(context, time, params)
    query = replace(context.query, lens=lens_of("hashtag", params.source))
    links = Links(time.tz, query.lens, context.root_path)
    values: dict[str, Any] = {**question._asdict(), "is_part": params.part, "page_of": _page_of(links, question)}
    values |= {"answer": None, "why": None}
    template = "posts/part.html" if params.part else "posts/page.html"
    try:
        answer = context.posts(query, question)
    except NoDataError as why:
        return page(request, template, values | {"why": why}, 200 if params.part else 404)
    return page(
        request, template, values | {"answer": answer, "notes": notes(answer), "at": partial(local_moment, tz=time.tz)}
    )


def _page_of(links: Links, question: PostQuestion) -> Callable[[str], str]:
    """Leads to a tag in the same hours: around an hour, or in a range."""
    if question.until == question.since.plus(1):
        return lambda tag: links.tag(tag, question.since)
    since, until = iso(question.since.start_ms), iso(question.until.start_ms)
    return lambda tag: links.to("/tag", name=tag, since=since, until=until)
