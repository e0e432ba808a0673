"""Root path: the dashboard below a path of a reverse proxy, whether that proxy passes the path on or strips it."""

from starlette.types import ASGIApp, Receive, Scope, Send


class RootPathMiddleware:
    """ASGI middleware that removes `root_path` from the paths of requests; our links put it before theirs."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            scope = {**scope, **{name: self._below(scope[name]) for name in ("path", "raw_path") if scope.get(name)}}
        await self.app(scope, receive, send)

    def _below(self, path: str | bytes) -> str | bytes:
        """The path below the root; one that lies elsewhere stays as it is."""
        text = path.decode("latin-1") if isinstance(path, bytes) else path
        rest = text.removeprefix(self._root_path)
        if rest and not rest.startswith("/"):
            rest = text
        rest = rest or "/"
        return rest.encode("latin-1") if isinstance(path, bytes) else rest
