"""Addresses of this machine."""

import pytest

from config.settings.network.addresses import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_only_this_machine_reaches_a_loopback_address(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "example.com", "", "127.0.0.1:80"])
def test_others_reach_any_other_address_or_name(host: str) -> None:
    assert not is_loopback(host)
