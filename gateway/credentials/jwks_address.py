"""Fetches a JWK set by HTTP, within bounds of size and time."""

from __future__ import annotations

import ipaddress
import ssl
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import h11
import trio

from gateway.auth.jwt_identity import BadKeys
from gateway.auth.jwt_keys import MOST_BYTES

FETCH_SECONDS: Final = 5.0
"""The longest time from the first packet to the last byte."""
_PORTS: Final = {"http": 80, "https": 443}
_MOST_READ: Final = 16 * 1024


class JwksAddress(NamedTuple):
    """Where a JWK set is published."""

    secure: bool
    host: str
    port: int
    target: str


def parse_address(address: str) -> JwksAddress:
    """Return the parts of an ``https`` address, or of an ``http`` one of this machine.

    :raises BadKeys: saying what is wrong with it.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadKeys("this is not an address") from None
    is_plain = address.isascii() and address.isprintable() and " " not in address
    if parts.scheme not in _PORTS or not host or not is_plain:
        raise BadKeys("this is not an address that begins with https://")
    if parts.username is not None or parts.password is not None:
        raise BadKeys("an address has no user and no password here")
    if parts.scheme == "http" and not _is_loopback(host):
        raise BadKeys("http is for addresses of this machine only: use https")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return JwksAddress(parts.scheme == "https", host, port or _PORTS[parts.scheme], target)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def fetch(address: JwksAddress, tls: ssl.SSLContext) -> bytes:
    """Return what is published at an address; redirects are not followed, proxies not used.

    :raises BadKeys: if it cannot be had, or is too large.
    """
    with trio.move_on_after(FETCH_SECONDS):
        try:
            async with await _connect(address, tls) as stream:
                return await _get(stream, address)
        except (OSError, trio.BrokenResourceError, h11.ProtocolError) as error:
            why = error.__cause__ or error
            raise BadKeys(f"cannot get {address.host}:{address.port}: {why}") from None
    raise BadKeys(f"{address.host} does not answer within {FETCH_SECONDS:g} s")


async def _connect(address: JwksAddress, tls: ssl.SSLContext) -> trio.abc.Stream:
    if address.secure:
        return await trio.open_ssl_over_tcp_stream(
            address.host, address.port, https_compatible=True, ssl_context=tls
        )
    return await trio.open_tcp_stream(address.host, address.port)


async def _get(stream: trio.abc.Stream, address: JwksAddress) -> bytes:
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_READ)
    host = f"[{address.host}]" if ":" in address.host else address.host
    headers = [
        ("Host", f"{host}:{address.port}"),
        ("Accept", "application/json"),
        ("Connection", "close"),
    ]
    request = h11.Request(method="GET", target=address.target, headers=headers)
    await stream.send_all(http.send(request) + http.send(h11.EndOfMessage()))
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some(_MOST_READ)))
        elif isinstance(event, h11.Response) and event.status_code != HTTPStatus.OK:
            raise BadKeys(f"{address.host} answers {event.status_code}")
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MOST_BYTES:
                raise BadKeys(f"there are more than {MOST_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            return body
        elif isinstance(event, h11.ConnectionClosed):
            raise BadKeys(f"{address.host} closes the connection")
