"""The PROXY protocol, versions 1 and 2: a proxy's word for whom a connection is from. Pure.

See https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt. Of the extensions (TLV) only
PP2_TYPE_SSL is read; malformed ones are skipped.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from gateway.net.client_address import ClientAddress, parse_address

MOST_V1_BYTES: Final = 107
"""The longest header of version 1, with its end."""
MOST_V2_BYTES: Final = 4096
"""The longest header of version 2 that is read; with usual extensions it has some hundred bytes."""

_V1: Final = b"PROXY "
_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_LINE: Final = re.compile(
    r"PROXY TCP([46]) ([^ ]+) ([^ ]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})"
)
_V2_FIXED: Final = 16
_VERSION_2: Final = 2
_LOCAL, _PROXY = 0, 1
_UNSPECIFIED, _TCP4, _TCP6, _UNIX = 0x00, 0x11, 0x21, 0x31
_LENGTHS: Final = {_UNSPECIFIED: 0, _TCP4: 12, _TCP6: 36, _UNIX: 216}
"""Bytes that the addresses take, by family and protocol."""
_TLV_HEAD: Final = 3
_SSL, _CLIENT_SSL = 0x20, 0x01
"""The extension about TLS, and the bit of its first byte that says that the client spoke it."""


class BadProxyHeader(Exception):
    """A PROXY header is malformed or too long; the text says what is wrong with it."""


class ProxyHeader(NamedTuple):
    """A header at the beginning of a connection.

    - ``source``: the client's address; None if the header names none: the proxy itself has
      connected, as for a health check, or it does not know.
    - ``size``: the bytes of the header; 0 if there is none.
    - ``encrypted``: whether the client speaks TLS with the proxy; None if that is not said.
    """

    source: ClientAddress | None
    size: int
    encrypted: bool | None = None


NO_HEADER: Final = ProxyHeader(None, 0)


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """Return the header that a connection begins with; None if more bytes are needed.

    :raises BadProxyHeader: as soon as it is certain.
    """
    if data.startswith(_V1):
        return _read_v1(data)
    if data.startswith(_V2):
        return _read_v2(data)
    begun = _V1.startswith(data) or _V2.startswith(data)
    return None if begun else NO_HEADER


def _read_v1(data: bytes) -> ProxyHeader | None:
    line, ended, _ = data[:MOST_V1_BYTES].partition(b"\n")
    if not ended:
        if len(data) >= MOST_V1_BYTES:
            raise BadProxyHeader(f"a line of version 1 has at most {MOST_V1_BYTES} bytes")
        return None
    if not line.endswith(b"\r"):
        raise BadProxyHeader("a line of version 1 ends with CR LF")
    size = len(line) + 1
    text = line[:-1].decode("ascii", "replace")
    if text == "PROXY UNKNOWN" or text.startswith("PROXY UNKNOWN "):
        return ProxyHeader(None, size)
    found = _V1_LINE.fullmatch(text)
    if found is None:
        raise BadProxyHeader("this is no line of version 1")
    family, source, destination, source_port, destination_port = found.groups()
    parse = IPv4Address if family == "4" else IPv6Address
    try:
        parse(source), parse(destination)
        parse_address(destination, destination_port)
        return ProxyHeader(parse_address(source, source_port), size)
    except ValueError as error:
        raise BadProxyHeader(str(error)) from None


def _read_v2(data: bytes) -> ProxyHeader | None:
    fixed = data[len(_V2) : _V2_FIXED]
    if fixed and (fixed[0] >> 4 != _VERSION_2 or fixed[0] & 0x0F > _PROXY):
        raise BadProxyHeader(f"version and command {fixed[0]:#04x} mean nothing")
    if len(data) < _V2_FIXED:
        return None
    is_local, family = fixed[0] & 0x0F == _LOCAL, fixed[1]
    length = int.from_bytes(fixed[2:4], "big")
    size = _V2_FIXED + length
    if size > MOST_V2_BYTES:
        raise BadProxyHeader(f"a header of version 2 has at most {MOST_V2_BYTES} bytes")
    if not is_local:
        if family not in _LENGTHS:
            raise BadProxyHeader(f"family and protocol {family:#04x} are not those of a stream")
        if length < _LENGTHS[family]:
            raise BadProxyHeader("its length leaves no place for the addresses")
    if len(data) < size:
        return None
    if is_local or family not in {_TCP4, _TCP6}:
        return ProxyHeader(None, size)
    extensions = data[_V2_FIXED + _LENGTHS[family] : size]
    source = _read_source(data[_V2_FIXED:size], family)
    return ProxyHeader(source, size, _read_encrypted(extensions))


def _read_source(addresses: bytes, family: int) -> ClientAddress:
    """Return the source in the addresses of version 2: both hosts, then both ports."""
    width = 4 if family == _TCP4 else 16
    host = IPv4Address(addresses[:4]) if family == _TCP4 else IPv6Address(addresses[:16])
    port = int.from_bytes(addresses[2 * width : 2 * width + 2], "big")
    return parse_address(str(host), str(port))


def _read_encrypted(extensions: bytes) -> bool | None:
    """Return what the extensions say about TLS between client and proxy; None if nothing."""
    while len(extensions) > _TLV_HEAD:
        end = _TLV_HEAD + int.from_bytes(extensions[1:_TLV_HEAD], "big")
        if extensions[0] == _SSL and _TLV_HEAD < end <= len(extensions):
            return bool(extensions[_TLV_HEAD] & _CLIENT_SSL)
        extensions = extensions[end:]
    return None
