"""Whom a request comes from, by what proxies say; those that are trusted are in 10.0.0.0/8."""

from __future__ import annotations

from ipaddress import ip_network

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.net.client_address import ClientAddress
from gateway.server.http.forwarded import (
    MOST_BYTES,
    MOST_PROXIES,
    BadForwarded,
    forwarded_client,
)

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
PROXY = ClientAddress("10.0.0.1", 4000)
STRANGER = ClientAddress("192.0.2.9", 4000)


def client(*headers: tuple[str, str], sender: ClientAddress = PROXY) -> str:
    said = [(name, value.strip()) for name, value in headers]
    request = h11.Request(method="GET", target="/", headers=[("Host", "a"), *said])
    return str(forwarded_client(request, sender, TRUSTED))


def x_forwarded_for(*values: str, sender: ClientAddress = PROXY) -> str:
    return client(*(("X-Forwarded-For", value) for value in values), sender=sender)


def forwarded(*values: str) -> str:
    return client(*(("Forwarded", value) for value in values))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1:7000"], "192.0.2.1:7000"),
        (["2001:db8::1"], "[2001:db8::1]"),
        (["[2001:db8::1]"], "[2001:db8::1]"),
        (["[2001:db8::1]:7000"], "[2001:db8::1]:7000"),
        (["::ffff:192.0.2.1"], "192.0.2.1"),
        (["1.1.1.1, 192.0.2.1"], "192.0.2.1"),
        (["1.1.1.1", "192.0.2.1"], "192.0.2.1"),
        (["1.1.1.1, 192.0.2.1, 10.0.0.2,10.9.9.9"], "192.0.2.1"),
        (["made up; nonsense, 192.0.2.1"], "192.0.2.1"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["192.0.2.1, fd00::2"], "192.0.2.1"),
        (["192.0.2.1,, "], "192.0.2.1"),
        (["1.1.1.1, unknown"], "10.0.0.1:4000"),
        ([""], "10.0.0.1:4000"),
        ([" , "], "10.0.0.1:4000"),
        ([], "10.0.0.1:4000"),
    ],
)
def test_the_last_address_that_a_trusted_proxy_names_is_the_clients(
    values: list[str], found: str
) -> None:
    assert x_forwarded_for(*values) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["for=192.0.2.1"], "192.0.2.1"),
        (["For=192.0.2.1;proto=https;by=10.0.0.1"], "192.0.2.1"),
        (["proto=https; for=192.0.2.1"], "192.0.2.1"),
        (['for="192.0.2.1:7000"'], "192.0.2.1:7000"),
        (['for="[2001:db8::1]:7000"'], "[2001:db8::1]:7000"),
        (['for="[2001:db8::1]"'], "[2001:db8::1]"),
        (['for="[2001:db8::1]:_hidden"'], "[2001:db8::1]"),
        (["for=1.1.1.1, for=192.0.2.1"], "192.0.2.1"),
        (["for=1.1.1.1", 'for="192.0.2.1", for=10.0.0.2'], "192.0.2.1"),
        (['for=1.1.1.1;host="a,b;for=8.8.8.8", for=192.0.2.1'], "192.0.2.1"),
        (["for=1.1.1.1, for=unknown"], "10.0.0.1:4000"),
        (["for=1.1.1.1, for=_hidden"], "10.0.0.1:4000"),
        (["for=1.1.1.1, proto=https"], "10.0.0.1:4000"),
    ],
)
def test_forwarded_says_the_same_in_more_words(values: list[str], found: str) -> None:
    assert forwarded(*values) == found


@pytest.mark.parametrize("value", ["1.1.1.1", "10.0.0.2", "nonsense", "x" * (MOST_BYTES - 1)])
def test_a_stranger_is_not_believed(value: str) -> None:
    assert x_forwarded_for(value, sender=STRANGER) == "192.0.2.9:4000"


@pytest.mark.parametrize(
    "values",
    [
        ["nonsense"],
        ["1.1.1.1, nonsense"],
        ["1.1.1.1, nonsense, 10.0.0.2"],
        ["1.1.1.1.1"],
        ["1.1.1.1:99999"],
        ["1.1.1.1:http"],
        ["[::1"],
        ["fe80::1%eth0"],
        ["1.1.1.1, " * (MOST_BYTES // 9 + 1)],
        [", ".join(["10.0.0.2"] * (MOST_PROXIES + 1))],
    ],
)
def test_what_cannot_be_read_of_a_trusted_proxy_is_refused(values: list[str]) -> None:
    with pytest.raises(BadForwarded):
        x_forwarded_for(*values)


@pytest.mark.parametrize(
    "value", ['for="192.0.2.1', 'for="1.1.1.1, for="[2001:db8::1]"', 'for="a"']
)
def test_quotation_marks_cannot_swallow_what_a_proxy_adds(value: str) -> None:
    with pytest.raises(BadForwarded):
        forwarded(value)


def test_two_headers_that_contradict_each_other_are_refused() -> None:
    both = ("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1")
    assert client(*both) == "192.0.2.1"
    with pytest.raises(BadForwarded, match="different clients"):
        client(both[0], ("Forwarded", "for=1.1.1.1"))


addresses = st.ip_addresses(v=4).map(str)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60), addresses)
def test_what_a_client_makes_up_never_changes_what_its_proxy_adds(made_up: str, real: str) -> None:
    if real.startswith("10."):
        return
    assert x_forwarded_for(f"{made_up.strip()}, {real}") == real


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60), addresses)
def test_nor_in_forwarded(made_up: str, real: str) -> None:
    try:
        found = forwarded(f"{made_up.strip()}, for={real}")
    except BadForwarded:
        return
    assert found == real or real.startswith("10.")
