"""The responses to HTTP requests, after each of which the connection is closed."""

from __future__ import annotations

import json
import math
from typing import Final

import h11

from gateway import wire
from gateway.net.websocket import is_upgrade
from gateway.sessions.context import NodeContext

ABOUT: Final = (
    "This is a chat gateway.\n"
    f"Connect a WebSocket client to {wire.PATH} (subprotocol {wire.SUBPROTOCOL}).\n"
    "/healthz  the process lives\n/readyz   it can serve\n/metrics  for Prometheus\n"
)

_PATHS: Final = frozenset({"/", "/healthz", "/readyz", "/metrics"})


def parse_request(head: bytes) -> h11.Request:
    """Return the request with this head, which is complete.

    :raises h11.RemoteProtocolError: if it is not HTTP.
    """
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(head)
    event = parser.next_event()
    if not isinstance(event, h11.Request):
        raise h11.RemoteProtocolError("this is no request")
    return event


def wants_websocket(request: h11.Request) -> bool:
    """Return whether a request asks for a WebSocket on its path."""
    return request.method == b"GET" and _path(request) == wire.PATH and is_upgrade(request)


def respond(request: h11.Request, context: NodeContext) -> bytes:
    """Return the response to a request that does not ask for a WebSocket."""
    path = _path(request)
    if path == wire.PATH:
        return _response(426, "This is a WebSocket endpoint.\n", header=("Upgrade", "websocket"))
    if path not in _PATHS:
        return _response(404, "There is nothing here.\n")
    response = _respond_to_get(path, context)
    if request.method == b"HEAD":
        return response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    if request.method != b"GET":
        return _response(405, "Only GET works here.\n", header=("Allow", "GET, HEAD"))
    return response


def bad_request(status: int, problem: str) -> bytes:
    """Return the response to a request that is not valid HTTP."""
    return _response(status, f"Bad request: {problem}\n")


def internal_error() -> bytes:
    """Return the response to a request that this node failed to answer."""
    return _response(500, "This node failed to answer; its log says why.\n")


def bad_handshake(problem: str) -> bytes:
    """Return the response to an invalid WebSocket handshake."""
    return _response(400, problem + "\n", header=("Sec-WebSocket-Version", "13"))


def unavailable(retry_after: float) -> bytes:
    """Return the response to a handshake that is refused for now; ``retry_after`` in seconds."""
    seconds = str(max(1, math.ceil(retry_after)))
    return _response(503, "Try again later, or elsewhere.\n", header=("Retry-After", seconds))


def _path(request: h11.Request) -> str:
    return request.target.partition(b"?")[0].decode("ascii", "replace")


def _respond_to_get(path: str, context: NodeContext) -> bytes:
    if path == "/healthz":
        return _response(200, "ok\n")
    if path == "/metrics":
        exposition = context.metrics.exposition()
        return _response(200, exposition, "text/plain; version=0.0.4; charset=utf-8")
    if path == "/readyz":
        reason = context.why_not_ready()
        body = json.dumps({"ready": not reason} | ({"reason": reason} if reason else {}))
        return _response(503 if reason else 200, body + "\n", "application/json")
    return _response(200, ABOUT)


def _response(
    status: int,
    body: str | bytes,
    content_type: str = "text/plain; charset=utf-8",
    *,
    header: tuple[str, str] | None = None,
) -> bytes:
    payload = body.encode() if isinstance(body, str) else body
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(payload))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    if header is not None:
        headers.append(header)
    start = h11.Connection(h11.SERVER).send(h11.Response(status_code=status, headers=headers))
    return (start or b"") + payload


HEAD_TOO_LONG: Final = _response(431, "The head is too long.\n")
"""The response to a request whose head is longer than a node reads."""
