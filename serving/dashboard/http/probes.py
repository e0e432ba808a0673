"""Probes: whether this process lives, and whether it can answer. Both need no token, and reveal nothing else.

`/healthz` asks no other server, so a supervisor that restarts what fails it does not restart us for MongoDB. `/readyz`
asks MongoDB, at most once a second, however many probes come.
"""

from fastapi import APIRouter, Depends
from starlette.responses import PlainTextResponse, Response

from config.errors import TrendsError
from serving.dashboard.context import ContextDep
from serving.dashboard.http.error_handlers import RETRY_AFTER
from serving.dashboard.http.unknown_params import reject_unknown_params

PATHS = frozenset({"/healthz", "/readyz"})
READY_S, READY_AGE_S = 1.0, 1.0
"""Seconds that MongoDB has to answer a probe, and for which its answer counts."""
router = APIRouter(include_in_schema=False, dependencies=[Depends(reject_unknown_params)])


@router.get("/healthz")
async def healthz() -> Response:
    """200 while the process serves requests."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(context: ContextDep) -> Response:
    """200 while MongoDB answers; else 503 and the reason, without an address or a name."""
    try:
        context.ready.get()
    except TrendsError as error:
        reason = "MongoDB does not answer" if error.where == "MongoDB" else "too many probes at once"
        return PlainTextResponse(f"not ready: {reason}\n", 503, {"Retry-After": RETRY_AFTER})
    return PlainTextResponse("ok\n")
