"""Authentication: on loopback every program of this machine may ask, elsewhere only with a token or a session cookie.

The token never goes into a URL, a log or a page. A cookie contains its own end, signed with a key that each process
makes: it reveals nothing of the token, is valid for `SESSION_S`, and ends with the server. `login_attempts` limits
wrong tokens. A page of another site may link here, and nothing else.
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
from serving.dashboard.http.login_attempts import LoginAttempts

COOKIE = "trends"
SHORTEST = 16
"""Characters of the shortest valid token."""
SESSION_S = 43_200
"""Seconds for which a cookie is valid."""
_OWN = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` for a request from our own page, or typed by the user."""


class TooManyTriesError(TrendsError):
    """An address has sent too many wrong tokens: it has to wait."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = int(wait_s) + 1
        super().__init__("too many wrong tokens", next_step=f"Try again in {self.wait_s} s")


class Authenticator:
    """Checks the host, the site and the token of a request by its headers."""

    def __init__(self, token: SecretStr | None, names: frozenset[str], clock: Callable[[], Millis]) -> None:
        self._token = token
        self._own_names = names
        self._names = names | {"localhost"}
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._attempts = LoginAttempts()

    @property
    def needs_token(self) -> bool:
        """Whether the server has a token."""
        return self._token is not None

    def is_own_host(self, host: str) -> bool:
        """Whether a `Host` header names this server: an address, or a name from the settings.

        Another site can make its own name lead here (DNS rebinding), but never an address.
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
        """Whether a page of another site sends a request, by the headers of its browser; a program sends none of them.

        `may_be_linked`: the request is for a page, which a link from elsewhere may open as a whole.
        """
        site = headers.get("sec-fetch-site")
        if site is not None:
            is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
            return site not in _OWN and not (may_be_linked and is_link)
        origin = headers.get("origin")
        return origin is not None and not self._is_own_origin(origin.lower(), headers.get("host", "").lower())

    def _is_own_origin(self, origin: str, host: str) -> bool:
        """Whether a page comes from here: under the name in `Host`, or, behind a proxy, under one from the settings."""
        try:
            parts = urlsplit(origin)
            return parts.netloc == host or parts.hostname in self._own_names
        except ValueError:
            return False

    def accepts_token(self, token: str, address: str) -> bool:
        """Whether this is the token. Raises `TooManyTriesError` if an address has sent too many wrong ones."""
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            raise TooManyTriesError(wait_s)
        if self._token is not None and _equal(token, self._token.get_secret_value()):
            return True
        self._attempts.count(address)
        return False

    def is_authenticated(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether a request has a valid cookie or the token (`Authorization: Bearer …`).

        Raises `TooManyTriesError`, as `accepts_token` does.
        """
        if self._token is None or self._is_valid_cookie(_session_cookie(headers)):
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.accepts_token(token.strip(), address)

    def new_session(self) -> str:
        """The cookie for a browser that sent the token."""
        ends = str(self._clock() + SESSION_S * 1000)
        return f"{ends}.{self._signature(ends)}"

    def _is_valid_cookie(self, cookie: str) -> bool:
        ends, _, signature = cookie.partition(".")
        return _equal(signature, self._signature(ends)) and int(ends) > self._clock()

    def _signature(self, ends: str) -> str:
        return hmac.new(self._key, ends.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def _session_cookie(headers: Mapping[str, str]) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))
