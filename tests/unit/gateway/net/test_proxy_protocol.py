"""The PROXY header before a connection, right, wrong, and cut anywhere."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.net.client_address import ClientAddress
from gateway.net.proxy_protocol import (
    MOST_V1_BYTES,
    MOST_V2_BYTES,
    NO_HEADER,
    BadProxyHeader,
    ProxyHeader,
    read_proxy_header,
)
from tests.proxy_headers import SIGNATURE, v1, v2


def is_plain(address: IPv4Address | IPv6Address) -> bool:
    return not str(address).startswith("::ffff:")


hosts = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6).filter(is_plain))
ports = st.integers(0, 65_535)


@given(hosts, ports, st.sampled_from([v1, v2]), st.binary(max_size=50), st.binary(max_size=20))
def test_a_header_is_read_once_it_is_whole_and_what_follows_is_left(
    host: IPv4Address | IPv6Address, port: int, make: Any, tlv: bytes, after: bytes
) -> None:
    header = v1(str(host), port) if make is v1 else v2(str(host), port, extensions=tlv)
    for cut in range(len(header)):
        assert read_proxy_header(header[:cut]) is None
    read = read_proxy_header(header + after)
    assert read is not None
    assert (read.source, read.size) == (ClientAddress(str(host), port), len(header))


SSL = b"\x20\x00\x0f\x01\x00\x00\x00\x00\x21\x00\x07TLSv1.3"
NO_SSL = b"\x20\x00\x05\x00\x00\x00\x00\x01"
ALPN, PADDING = b"\x01\x00\x02h2", b"\x04\x00\x03\0\0\0"


@pytest.mark.parametrize(
    ("extensions", "encrypted"),
    [
        (b"", None),
        (SSL, True),
        (NO_SSL, False),
        (ALPN + PADDING + SSL, True),
        (ALPN + PADDING, None),
        (b"\x20\x00\x00" + ALPN, None),
        (SSL[:9], None),
        (b"\x20", None),
        (ALPN[:-1] + SSL, None),
    ],
)
@pytest.mark.parametrize("host", ["203.0.113.7", "2001:db8::1"])
def test_an_extension_says_whether_the_client_speaks_tls(
    host: str, extensions: bytes, encrypted: bool | None
) -> None:
    read = read_proxy_header(v2(host, 1, extensions=extensions))
    assert read is not None
    assert read.encrypted is encrypted


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 what ever 1 2\r\n",
        SIGNATURE + b"\x20\x00\x00\x00",
        SIGNATURE + b"\x20\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x20\x99\x00\x02??",
        SIGNATURE + b"\x21\x00\x00\x00",
        SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216),
    ],
)
def test_a_proxy_that_speaks_for_itself_or_does_not_know_names_nobody(header: bytes) -> None:
    assert read_proxy_header(header + b"GET") == ProxyHeader(None, len(header))


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"POST", b"PROXIES", b"\r\nGET", b"\x16\x03"]
)
def test_without_a_header_there_is_none(data: bytes) -> None:
    assert read_proxy_header(data) == NO_HEADER


def test_an_ipv4_address_in_ipv6_clothes_is_ipv4() -> None:
    header = read_proxy_header(v2("::ffff:192.0.2.1", 7))
    assert header is not None
    assert header.source == ClientAddress("192.0.2.1", 7)


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        b"PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 65536 1\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
        b"PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 five 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.٤ 5.6.7.8 1 2\r\n".encode(),
        b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY \r\n",
        b"PROXY " + b"x" * (MOST_V1_BYTES - 6),
        b"PROXY UNKNOWN " + b"x" * (MOST_V1_BYTES - 14),
        SIGNATURE + b"\x11",
        SIGNATURE + b"\x22",
        SIGNATURE + b"\x21\x12\x00\x0c",
        SIGNATURE + b"\x21\x41\x00\x0c",
        SIGNATURE + b"\x21\x11\x00\x0b",
        SIGNATURE + b"\x21\x21\x00\x23",
        SIGNATURE + b"\x21\x11" + (MOST_V2_BYTES - 15).to_bytes(2, "big"),
        SIGNATURE + b"\x20\x00\xff\xff",
    ],
)
def test_what_is_malformed_or_too_long_is_refused_without_waiting_for_more(data: bytes) -> None:
    assert read_proxy_header(data[:-1]) is None
    with pytest.raises(BadProxyHeader):
        read_proxy_header(data)


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=40).map(SIGNATURE.__add__),
                 st.binary(max_size=120).map(b"PROXY ".__add__)))  # fmt: skip
@example(b"PROXY TCP4 \xff\xff\xff\xff 5.6.7.8 1 2\r\n")
def test_any_bytes_are_a_header_or_none_or_refused_and_more_never_change_that(data: bytes) -> None:
    verdicts: list[ProxyHeader | str] = []
    for end in range(len(data) + 1):
        try:
            header = read_proxy_header(data[:end])
        except BadProxyHeader as error:
            verdicts.append(str(error))
        else:
            if header is not None:
                assert header.size <= end
                verdicts.append(header)
            else:
                assert not verdicts, "what was certain is uncertain again"
    assert len(set(verdicts)) <= 1
