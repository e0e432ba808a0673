"""Metrics endpoint: the status as Prometheus metrics, with the same access rules as the API."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.dashboard.context import ContextDep
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.status.metrics import render_metrics

router = APIRouter(include_in_schema=False, dependencies=[Depends(reject_unknown_params)])


@router.get("/metrics")
def metrics(request: Request, context: ContextDep) -> Response:
    """The status in the text format or as OpenMetrics, by the header `Accept`."""
    body, content_type = render_metrics(context.status.get(), request.headers.get("accept", ""), context.certificates())
    return Response(body, media_type=content_type)
