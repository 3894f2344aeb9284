"""What the HTTP status means with which a node, or a proxy before it, refuses a WebSocket. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote, urljoin

from client.addresses import SCHEMES, NodeAddress
from client.i18n.texts import N_, _
from gateway import wire

LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds for which a server can have a client wait."""

SWITCHED: Final = re.compile(rb"HTTP/1\.[0-9] 101\b")
"""How the answer begins that opens a WebSocket (RFC 6455 4.1)."""
END_OF_HEAD: Final = re.compile(rb"\n\r?\n")

_STATUS: Final = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})\b")
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_MOST_SHOWN: Final = 200

_REASONS: Final[Mapping[int, str]] = {
    400: N_("the server does not understand the request (HTTP status 400)"),
    401: N_("a login is demanded there that this client cannot give (HTTP status 401)"),
    403: N_("access is forbidden there (HTTP status 403)"),
    404: N_(
        "there is no chat server at the path {path} (HTTP status 404); the usual path is {usual}"
    ),
    407: N_("a proxy demands a login that this client cannot give (HTTP status 407)"),
    408: N_("the server waited in vain for the request (HTTP status 408)"),
    426: N_("a proxy on the way does not let WebSockets through (HTTP status 426)"),
    429: N_("there were too many connections from here (HTTP status 429); try again later"),
    500: N_("the server failed to answer; its log says why (HTTP status 500)"),
    502: N_("the load balancer there reaches no chat server (HTTP status 502)"),
    503: N_("the server takes nobody in right now (HTTP status 503)"),
    504: N_("the load balancer there waits in vain for a chat server (HTTP status 504)"),
}
_NO_CHAT: Final = N_("a web server answers there, and no chat server (HTTP status {status})")
_OTHER: Final = N_("the answer is HTTP status {status}")


@dataclass(frozen=True)
class Refusal:
    """An answer that refuses a handshake; ``retry_after`` is in seconds, or None."""

    status: int
    location: str = ""
    retry_after: float | None = None


def read_refusal(answer: bytes | bytearray) -> Refusal | None:
    """Return the refusal that an answer begins with; None if it is none."""
    found = _STATUS.match(answer)
    if found is None or found[1] == b"101":
        return None
    head = END_OF_HEAD.split(answer, maxsplit=1)[0].decode("latin-1")
    lines = (line.partition(":") for line in head.splitlines()[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    return Refusal(
        int(found[1]), headers.get("location", ""), _read_retry_after(headers.get("retry-after"))
    )


def why_refused(refusal: Refusal, url: str, address: NodeAddress) -> str:
    """Return what a refusal means for the person who wants to connect."""
    status = refusal.status
    if status in _MOVED and refusal.location:
        return _("the server has moved (HTTP status {status}); connect to {location}").format(
            status=status, location=_websocket_url(url, refusal.location)
        )
    text = _REASONS.get(status) or (_NO_CHAT if 200 <= status < 300 else _OTHER)  # noqa: PLR2004
    return _(text).format(status=status, path=unquote(address.resource), usual=wire.PATH)


def _websocket_url(base: str, location: str) -> str:
    """Return the address in a ``Location``, which may be relative, as our client takes it."""
    try:
        url = urljoin(base, location)
    except ValueError:
        url = location
    scheme, colon, rest = url.partition("://")
    return f"{SCHEMES.get(scheme, scheme)}{colon}{rest}"[:_MOST_SHOWN]


def _read_retry_after(value: str | None) -> float | None:
    """Return the seconds in the header ``Retry-After``, which may be a date (RFC 9110 10.2.3)."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_RETRY_AFTER)
    try:
        seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)
