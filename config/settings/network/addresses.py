"""Network addresses: whether a host is this machine."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address or `localhost`; IPv4 inside IPv6 (`::ffff:127.0.0.1`) counts."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
