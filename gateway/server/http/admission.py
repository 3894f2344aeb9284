"""Which requests are admitted: by the host they are sent to, the page they are from, and the way.

A browser lets every page open a WebSocket to every host, and says from where in ``Origin``. Other
programs send none. A page may have the browser resolve its own name to this machine's address (DNS
rebinding); ``Host`` then has that name.
"""

from __future__ import annotations

from typing import Final

import h11

from gateway.config import Settings, web_origins
from gateway.observability.metrics import Counts
from gateway.server.http.request import BadRequest

_FORBIDDEN: Final = 403
_MISDIRECTED: Final = 421
_MOST_SHOWN: Final = 80


class NotAdmitted(BadRequest):
    """A request is refused by a setting; the text names it."""


def check_host(request: h11.Request, settings: Settings, counts: Counts) -> None:
    """Check that a request is sent to a host of ours; :raises NotAdmitted: with 421 if not."""
    if not settings.allowed_hosts:
        return
    host = web_origins.parse_authority(_header(request, b"host") or "")
    if host is None or not web_origins.host_is_listed(host.host, settings.allowed_hosts):
        counts.hosts_refused += 1
        raise NotAdmitted(
            _MISDIRECTED, "this server is not called so: the host is not in --allowed-hosts"
        )


def check_handshake(
    request: h11.Request, settings: Settings, counts: Counts, *, confidential: bool
) -> None:
    """Check whether a WebSocket may be opened by where its request is from, and how it came.

    ``confidential`` is whether others can read what comes over its connection.

    :raises NotAdmitted: with 403 if not.
    """
    if settings.require_encryption and not confidential:
        counts.unencrypted_refused += 1
        raise NotAdmitted(
            _FORBIDDEN,
            "only encrypted connections are admitted (--require-encryption): use wss://. Behind a "
            "proxy that speaks TLS, it has to be in --trusted-proxies and to send "
            "X-Forwarded-Proto: https",
        )
    origin = _header(request, b"origin")
    if origin is not None and not _is_allowed(origin, request, settings.allowed_origins):
        counts.origins_refused += 1
        raise NotAdmitted(
            _FORBIDDEN, f"the origin {origin[:_MOST_SHOWN]!a} is not in --allowed-origins"
        )


def _is_allowed(text: str, request: h11.Request, allowed: tuple[str, ...]) -> bool:
    if web_origins.EVERY in allowed:
        return True
    origin = web_origins.parse_origin(text)
    if origin is None:
        return text == web_origins.NO_ORIGIN and text in allowed
    host = web_origins.parse_authority(_header(request, b"host") or "")
    own = host is not None and web_origins.is_same_host(origin, host)
    return (own and web_origins.SAME_HOST in allowed) or web_origins.origin_is_listed(
        origin, allowed
    )


def _header(request: h11.Request, name: bytes) -> str | None:
    """Return the value of a header, of all its lines together; None if it is not there."""
    values = [value for each, value in request.headers if each == name]
    return b", ".join(values).decode("latin-1") if values else None
