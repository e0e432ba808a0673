"""Scrape: what runs, as figures for Prometheus, guarded as the API is."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.dashboard.context import OnBoard
from serving.dashboard.http.unknown_params import only_known
from serving.status.metrics import render_metrics

router = APIRouter(include_in_schema=False, dependencies=[Depends(only_known)])


@router.get("/metrics")
def metrics(request: Request, board: OnBoard) -> Response:
    """What `trends status` tells, in the text format or as OpenMetrics, as the header `Accept` asks."""
    body, content_type = render_metrics(board.status.get(), request.headers.get("accept", ""))
    return Response(body, media_type=content_type)
