"""The responses to HTTP requests, after each of which the connection is closed."""

from __future__ import annotations

import json
import math
from typing import Final

import h11

from gateway import wire
from gateway.net.websocket import BadHandshake, is_upgrade
from gateway.policy.client_limits import FOR_ONE_ADDRESS, TurnedAway
from gateway.server.http.request import path_of
from gateway.server.http.response import response
from gateway.sessions.context import NodeContext

ABOUT: Final = (
    "This is a chat gateway.\n"
    f"Connect a WebSocket client to {wire.PATH} (subprotocol {wire.SUBPROTOCOL}).\n"
    "/healthz  the process lives\n/readyz   it can serve\n"
)

METRICS: Final = "/metrics"

_PATHS: Final = frozenset({"/", "/healthz", "/readyz", wire.PATH})
_ALLOWED: Final = {"Allow": "GET, HEAD"}
_VERSION: Final = {"Sec-WebSocket-Version": "13"}
_UPGRADE: Final = {"Connection": "close, Upgrade", "Upgrade": "websocket"} | _VERSION


def wants_websocket(request: h11.Request) -> bool:
    """Return whether a request asks for a WebSocket on its path.

    :raises BadRequest: if its target is wrong.
    """
    return request.method == b"GET" and path_of(request) == wire.PATH and is_upgrade(request)


def is_probe(request: h11.Request) -> bool:
    """Return whether a request asks whether the node lives, or is ready; see `wants_websocket`."""
    return path_of(request) in {"/healthz", "/readyz"}


def respond(request: h11.Request, context: NodeContext) -> bytes:
    """Return the response to a request that does not ask for a WebSocket.

    The response to HEAD has the body of that to GET. Why the node is not ready, and the metrics
    where the operator has a port, are said on that port alone.

    :raises BadRequest: if its target is wrong.
    """
    path = path_of(request)
    if path == "*":
        return response(200, "", headers=_ALLOWED)
    has_metrics = not context.settings.admin_port
    if path not in _PATHS and not (path == METRICS and has_metrics):
        return response(404, "There is nothing here.\n")
    if request.method not in {b"GET", b"HEAD"}:
        return response(405, "Only GET works here.\n", headers=_ALLOWED)
    return _respond_to_get(path, context)


def bad_request(status: int, problem: str) -> bytes:
    """Return the response to a request that is not valid HTTP."""
    return response(status, f"Bad request: {problem}\n")


def not_admitted(status: int, reason: str) -> bytes:
    """Return the response to a request that a setting refuses."""
    return response(status, f"Refused: {reason}.\n")


def internal_error() -> bytes:
    """Return the response to a request that this node failed to answer."""
    return response(500, "This node failed to answer; its log says why.\n")


def bad_handshake(error: BadHandshake) -> bytes:
    """Return the response to an invalid WebSocket handshake (RFC 6455 4.2.2, 4.4)."""
    if error.is_other_version:
        return response(426, f"{error}\n", headers=_UPGRADE)
    return response(400, f"{error}\n", headers=_VERSION)


def metrics(context: NodeContext) -> bytes:
    """Return the response with the node's metrics, for Prometheus."""
    exposition = context.metrics.exposition()
    return response(200, exposition, "text/plain; version=0.0.4; charset=utf-8")


def readiness(context: NodeContext, *, with_reason: bool) -> bytes:
    """Return the response that says whether the node is ready.

    ``with_reason``: also why it is not, or what may soon be wrong.
    """
    reason = context.why_not_ready()
    told = {"reason": reason, "warning": context.backplane.memory.problem} if with_reason else {}
    body = json.dumps({"ready": not reason} | {name: text for name, text in told.items() if text})
    return response(503 if reason else 200, body + "\n", "application/json")


def turned_away(refusal: TurnedAway) -> bytes:
    """Return the response to a client that is refused for now.

    503 means that the node takes nobody in, 429 that it is this client's address.
    """
    headers = {"Retry-After": str(max(1, math.ceil(refusal.retry_after)))}
    if refusal.reason in FOR_ONE_ADDRESS:
        return response(429, "Too many connections from your address.\n", headers=headers)
    return response(503, "Try again later, or elsewhere.\n", headers=headers)


def _respond_to_get(path: str, context: NodeContext) -> bytes:
    if path == "/healthz":
        return response(200, "ok\n")
    if path == METRICS:
        return metrics(context)
    if path == "/readyz":
        return readiness(context, with_reason=False)
    if path == wire.PATH:
        return response(
            426,
            "This is a WebSocket endpoint, for HTTP/1.1 with Upgrade: websocket.\n",
            headers=_UPGRADE,
        )
    return response(200, ABOUT)
