"""What proxies say of a client: its address, and whether it speaks TLS with them. Pure.

They say so in ``X-Forwarded-For`` and ``X-Forwarded-Proto``, or in ``Forwarded`` (RFC 7239).

Each proxy adds whom it serves behind what it was sent, which may be made up. So the addresses are
read from the end, and only for as long as the one that added them is trusted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import h11

from gateway.net.client_address import ClientAddress, Network, parse_address

MOST_BYTES: Final = 2048
"""The longest value of such a header that is read, of all its lines together."""
MOST_PROXIES: Final = 16
"""The most proxies in a row that are followed."""

_X_FORWARDED_FOR: Final = b"x-forwarded-for"
_X_FORWARDED_PROTO: Final = b"x-forwarded-proto"
_FORWARDED: Final = b"forwarded"
_ENCRYPTED: Final = frozenset({"https", "wss"})
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_ELEMENT: Final = re.compile(rf'(?:{_QUOTED}|[^",])+')
_FOR: Final = re.compile(rf'(?:^|;)\s*for=({_QUOTED}|[^";\s]+)', re.IGNORECASE)
_PROTO: Final = re.compile(rf'(?:^|;)\s*proto=({_QUOTED}|[^";\s]+)', re.IGNORECASE)
_WITH_PORT: Final = re.compile(
    r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<v4>[0-9.]+))(?::(?P<port>[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
)
_UNKNOWN: Final = re.compile(r"unknown|_[A-Za-z0-9._-]+(?::.*)?", re.IGNORECASE)
"""What RFC 7239 has a proxy write that does not tell whom it serves."""


class BadForwarded(Exception):
    """A trusted proxy has sent a header that cannot be read; the text says what is wrong."""


def is_forwarded(request: h11.Request) -> bool:
    """Return whether a request says on whose behalf it is sent."""
    return any(name in {_X_FORWARDED_FOR, _FORWARDED} for name, _ in request.headers)


def forwarded_client(
    request: h11.Request, sender: ClientAddress, trusted: Sequence[Network]
) -> ClientAddress:
    """Return the address of the client that a request comes from.

    That is the sender, unless it is trusted and names another one, and so on. Where a proxy does
    not tell whom it serves, it is the proxy.

    :raises BadForwarded: if what a trusted proxy says cannot be read, or is a contradiction.
    """
    found = {
        _follow(_split(value, name), sender, trusted)
        for name in (_X_FORWARDED_FOR, _FORWARDED)
        if (value := _value(request, name))
    }
    if len(found) > 1:
        raise BadForwarded(
            "X-Forwarded-For and Forwarded name different clients:"
            " have the proxy remove the one that it does not set"
        )
    return found.pop() if found else sender


def forwarded_encrypted(request: h11.Request) -> bool | None:
    """Return whether a client speaks TLS with the proxies before us; None if they do not say.

    Each hop that is named has to be encrypted: what a client has made up cannot make it so, where
    the proxy adds to it. What cannot be read is not.
    """
    try:
        protocols = _protocols(request)
    except BadForwarded:
        return False
    return all(each.strip().lower() in _ENCRYPTED for each in protocols) if protocols else None


def _protocols(request: h11.Request) -> list[str]:
    """Return the protocol that each proxy names, or empty for one that does not; or nothing."""
    value = _value(request, _X_FORWARDED_PROTO)
    protocols = value.split(",") if value else []
    named = [_PROTO.search(each) for each in _elements(_value(request, _FORWARDED))]
    if any(named):
        protocols += [_unquote(each[1]) if each else "" for each in named]
    return protocols


def _value(request: h11.Request, wanted: bytes) -> str:
    """Return a header's value, of all its lines."""
    value = b",".join(value for name, value in request.headers if name == wanted)
    if len(value) > MOST_BYTES:
        raise BadForwarded(f"{wanted.decode()} has more than {MOST_BYTES} bytes")
    return value.decode("ascii", "replace")


def _split(value: str, name: bytes) -> list[str]:
    """Return whom each proxy names, in their order; empty for one that names nobody."""
    if name == _X_FORWARDED_FOR:
        return [element.strip() for element in value.split(",") if element.strip()]
    named = [_FOR.search(element) for element in _elements(value)]
    return [_unquote(each[1]) if each else "unknown" for each in named]


def _elements(value: str) -> list[str]:
    """Return the elements of ``Forwarded``: what each proxy says."""
    if _ELEMENT.sub("", value).strip(", \t"):
        raise BadForwarded("the quotation marks of forwarded do not match")
    elements = [element.strip() for element in _ELEMENT.findall(value)]
    return [element for element in elements if element]


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _follow(named: list[str], sender: ClientAddress, trusted: Sequence[Network]) -> ClientAddress:
    client = sender
    for followed, text in enumerate(reversed(named)):
        if not client.is_in(trusted):
            break
        if followed == MOST_PROXIES:
            raise BadForwarded(f"it has come through more than {MOST_PROXIES} proxies")
        if _UNKNOWN.fullmatch(text):
            break
        client = _read_address(text)
    return client


def _read_address(text: str) -> ClientAddress:
    found = _WITH_PORT.fullmatch(text)
    try:
        if found is None:
            return parse_address(text)
        port = found["port"] or ""
        return parse_address(found["v6"] or found["v4"], port if port.isdigit() else "0")
    except ValueError:
        raise BadForwarded(f"{text[:100]!r} is no address") from None
