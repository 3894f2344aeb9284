"""What an address counts as in limits, and which are exempt."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.net.client_address import ClientAddress, exempt_networks, parse_address


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
    ],
)
def test_an_ipv4_address_counts_alone_and_ipv6_by_its_first_half(host: str, counts_as: str) -> None:
    assert parse_address(host, "80").limited_as() == counts_as


def test_a_zone_does_not_count() -> None:
    assert ClientAddress("fe80::1%eth0", 80).limited_as() == "fe80::/64"


def test_proxies_are_exempt_and_loopback_only_without_one() -> None:
    loopback, other = ip_network("127.0.0.0/8"), ip_network("192.0.2.0/24")
    far, near = ip_network("198.51.100.7"), ip_network("127.0.0.1")
    assert exempt_networks([loopback, other], []) == [loopback, other]
    assert exempt_networks([loopback, other], [far]) == [far, loopback, other]
    assert exempt_networks([loopback, other], [near]) == [near, other]
