"""HEAD: every route that takes GET answers HEAD with the same status and headers, and no body.

The route runs as for GET, so its errors are the same. A stream ends after its headers.
"""

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class HeadMiddleware:
    """ASGI middleware that passes HEAD on as GET and drops the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; one for HEAD is over as soon as its headers are complete."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        is_over = False

        async def send_head(message: Message) -> None:
            nonlocal is_over
            if is_over:
                return
            is_start = message["type"] == "http.response.start"
            if is_start:
                await send(message)
            if not is_start or "content-length" not in Headers(raw=message["headers"]):
                is_over = True
                await send(_END)
                if is_start or message.get("more_body"):
                    rest.cancel()

        with anyio.CancelScope() as rest:
            await self.app({**scope, "method": "GET"}, receive, send_head)
