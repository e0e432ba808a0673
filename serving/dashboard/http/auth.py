"""Access: who may ask. On loopback anybody at this machine; elsewhere who shows the token, once, and then a cookie.

The token never goes into a URL, a log or a page. A cookie holds when it ends, signed with a key that each process
makes: it says nothing of the token, holds for `SESSION_S`, and ends with the server. Wrong tokens are limited
(`tries`). A page of another site may lead here by a link, and ask nothing.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from pydantic import SecretStr

from config.errors import TrendsError
from ingest.hours import Millis
from serving.dashboard.http.login_attempts import Tries

COOKIE = "trends"
SHORTEST = 16
"""Characters of the shortest token that is taken."""
SESSION_S = 43_200
"""How long a cookie holds."""
_OWN = frozenset({"same-origin", "none"})
"""What a browser says in `Sec-Fetch-Site` of a request from our own page, or typed by its user."""


class TooManyTriesError(TrendsError):
    """An address has sent too many wrong tokens: it has to wait."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = int(wait_s) + 1
        super().__init__("too many wrong tokens", next_step=f"Try again in {self.wait_s} s")


class Access:
    """Decides by the headers of a request."""

    def __init__(self, token: SecretStr | None, names: frozenset[str], clock: Callable[[], Millis]) -> None:
        self._token = token
        self._told = names
        self._names = names | {"localhost"}
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._tries = Tries()

    @property
    def needs_token(self) -> bool:
        """Whether a token is asked for at all."""
        return self._token is not None

    def is_ours(self, host: str) -> bool:
        """Whether a `Host` header names this server: an address, or a name that we were told.

        A page of somebody else's can make its own name lead here (DNS rebinding), but never an address.
        """
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if name.lower() in self._names:
            return True
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True

    def is_cross_site(self, headers: Mapping[str, str], *, may_be_linked: bool) -> bool:
        """Whether a page of another site sends a request, by what its browser says; a program says nothing.

        `may_be_linked`: the request is for a page, which a link from elsewhere may open as a whole.
        """
        site = headers.get("sec-fetch-site")
        if site is not None:
            is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
            return site not in _OWN and not (may_be_linked and is_link)
        origin = headers.get("origin")
        return origin is not None and not self._is_own_origin(origin.lower(), headers.get("host", "").lower())

    def _is_own_origin(self, origin: str, host: str) -> bool:
        """Whether a page comes from here: under the name that it asks, or, behind a proxy, one that we were told."""
        try:
            parts = urlsplit(origin)
            return parts.netloc == host or parts.hostname in self._told
        except ValueError:
            return False

    def show(self, token: str, address: str) -> bool:
        """Whether this is the token. Raises `TooManyTriesError` where an address has sent too many that are not."""
        wait_s = self._tries.wait_s(address)
        if wait_s:
            raise TooManyTriesError(wait_s)
        if self._token is not None and _equal(token, self._token.get_secret_value()):
            return True
        self._tries.count(address)
        return False

    def lets_in(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether a request has a cookie that holds, or shows the token (`Authorization: Bearer …`).

        Raises `TooManyTriesError`, as `show` does.
        """
        if self._token is None or self._holds(_cookie(headers)):
            return True
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.show(shown.strip(), address)

    def session(self) -> str:
        """What the cookie of somebody who has shown the token holds."""
        ends = str(self._clock() + SESSION_S * 1000)
        return f"{ends}.{self._signed(ends)}"

    def _holds(self, cookie: str) -> bool:
        ends, _, signature = cookie.partition(".")
        return _equal(signature, self._signed(ends)) and int(ends) > self._clock()

    def _signed(self, ends: str) -> str:
        return hmac.new(self._key, ends.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return held.value if held else ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))
