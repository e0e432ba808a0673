"""Access: who may ask. On loopback anybody at this machine; elsewhere who shows the token, once, and then a cookie.

The token never goes into a URL, a log or a page. What the cookie holds is made anew by each process and says nothing
of the token.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from pydantic import SecretStr

COOKIE = "trends"
SHORTEST = 16
"""Characters of the shortest token that is taken."""


class Access:
    """Decides by the headers of a request."""

    def __init__(self, token: SecretStr | None, names: frozenset[str]) -> None:
        self._token = token
        self._names = names | {"localhost"}
        self.session = secrets.token_urlsafe(32)
        """What the cookie of somebody who has shown the token holds."""

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

    def opens(self, token: str) -> bool:
        """Whether this is the token. Takes as long whatever it differs in."""
        return self._token is not None and _equal(token, self._token.get_secret_value())

    def lets_in(self, headers: Mapping[str, str]) -> bool:
        """Whether a request shows the token (`Authorization: Bearer …`) or the cookie."""
        if self._token is None:
            return True
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        return (scheme.lower() == "bearer" and self.opens(shown.strip())) or _equal(_cookie(headers), self.session)


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return held.value if held else ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))
