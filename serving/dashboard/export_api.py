"""Export: the ranked tags of each hour over HTTP, streamed. As `trends export`."""

from dataclasses import replace
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from serving.dashboard import hints
from serving.dashboard.api import REFUSALS
from serving.dashboard.context import ContextDep
from serving.dashboard.http.pace import PacedResponse
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.params import ExportParams, RequestTimeDep
from serving.query.questions import Questions
from serving.render.row_files import Format, row_bytes
from serving.render.rows import hour_rows

MEDIA_TYPES: dict[Format, str] = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/x-ndjson",
}
router = APIRouter(prefix="/api", tags=["questions"], responses=REFUSALS, dependencies=[Depends(reject_unknown_params)])


@router.get("/export", response_class=PacedResponse)
def export(context: ContextDep, time: RequestTimeDep, params: Annotated[ExportParams, Query()]) -> PacedResponse:
    """The ranked tags of each hour of a range of any length: Parquet, CSV, or a JSON object a line.

    An answer that breaks off, for an error or a slow reader, has no last chunk: a client knows that it is not whole.
    """
    query = replace(params.of(context.query), suggest=hints.export("/api/export"))
    views = Questions(query, time.resolver).export(params.since, params.until, params.last, params.n)
    first = [next(views)]  # or the error that the response is, before anything has been sent
    content = row_bytes(hour_rows(chain(first, views), query.lens), time.tz, params.format)
    name = f"trends-{first[0].hour}.{params.format}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PacedResponse(content, media_type=MEDIA_TYPES[params.format], headers=disposition)
