"""Addresses of servers, as somebody typed them."""

from urllib.parse import urlsplit

from config.errors import UsageError


def host_of(url: str, *schemes: str) -> tuple[str, str]:
    """Scheme and host of an address that has one of these schemes, and no more than host, port and path.

    Raises `UsageError`.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")
        plain = parts.port != 0 and not (parts.username or parts.query or parts.fragment or " " in url)
    except ValueError:
        host, plain = "", False
    if not host or not plain or parts.scheme not in schemes:
        step = f"One looks like {schemes[0]}://host.example"
        raise UsageError("not a server address", where=url[:100], next_step=step)
    return parts.scheme, host
