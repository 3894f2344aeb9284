"""The operator's port: metrics, health with reasons, and the HTTP API behind a token."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

import h11
import structlog
import trio

from gateway.backplane import Unavailable, first_message
from gateway.backplane.operator import OperatorAccess
from gateway.net.client_address import ClientAddress
from gateway.net.listener import ConnectionSlots, accept_forever
from gateway.operator import api
from gateway.operator.token import OperatorToken
from gateway.server.http import endpoints
from gateway.server.http.request import BadRequest, RequestReader, path_of
from gateway.server.http.response import response, without_body
from gateway.sessions.context import NodeContext

MOST_CONNECTIONS: Final = 16
"""Connections to the operator's port; others wait."""
MOST_COMMANDS: Final = 4
"""Requests to the API that are carried out at the same time; each has connections to Redis."""
REQUEST_SECONDS: Final = 10.0
"""Seconds in which a request must have come."""
ANSWER_SECONDS: Final = 30.0
"""Seconds in which it must have been answered, and the answer read."""

_RECEIVE_BYTES: Final = 4096
_ABOUT: Final = (
    "This is the operator's port of a chat gateway.\n"
    "/healthz  the process lives\n/readyz   it can serve, or why not\n/metrics  for Prometheus\n"
    f"{api.PREFIX}…    who, kick, ban, unban, bans, announce; with a token\n"
)

log = structlog.get_logger("operator")


class OperatorPort:
    """Serves the operator's port of one node."""

    def __init__(
        self,
        context: NodeContext,
        token: OperatorToken | None,
        open_access: Callable[[], AbstractAsyncContextManager[OperatorAccess]],
    ) -> None:
        """Serve with this token, without an API if it is None.

        ``open_access`` connects to the cluster's Redis, as the command line does.
        """
        self._context = context
        self._token = token
        self._open_access = open_access
        self._commands = trio.CapacityLimiter(MOST_COMMANDS)

    async def serve(self, listeners: Iterable[socket.socket]) -> None:
        """Accept connections, and answer a request on each; runs until it is cancelled."""
        slots = ConnectionSlots(MOST_CONNECTIONS)
        async with trio.open_nursery() as nursery:
            await accept_forever(listeners, nursery, partial(self._serve, slots), slots)

    async def _serve(
        self, slots: ConnectionSlots, connected: socket.socket, peer: ClientAddress
    ) -> None:
        try:
            async with trio.SocketStream(trio.socket.from_stdlib_socket(connected)) as stream:
                with trio.move_on_after(ANSWER_SECONDS):
                    await self._answer(stream, peer)
        except trio.BrokenResourceError:
            pass  # whoever asked has gone
        except Exception:
            log.exception("request of an operator failed", remote=str(peer))
        finally:
            slots.release()

    async def _answer(self, stream: trio.SocketStream, peer: ClientAddress) -> None:
        reader = RequestReader()
        try:
            with trio.move_on_after(REQUEST_SECONDS) as waiting:
                request = await _read_head(stream, reader)
                body = b"" if request is None else await _read_body(stream, request, reader.rest)
            if waiting.cancelled_caught or request is None:
                return
            answer = await self._respond(request, body, peer)
        except BadRequest as error:
            answer = api.problem(error.status, str(error))
        if reader.method == b"HEAD":
            answer = without_body(answer)
        await stream.send_all(answer)
        await stream.send_eof()
        while await stream.receive_some(_RECEIVE_BYTES):
            pass  # else what was not read would reset the connection, and the answer be lost

    async def _respond(self, request: h11.Request, body: bytes, peer: ClientAddress) -> bytes:
        path = path_of(request)
        if path.startswith(api.PREFIX):
            return await self._respond_to_api(path, request, body, peer)
        try:
            return self._respond_to_get(path, request.method)
        except Exception:
            log.exception("request of an operator failed", remote=str(peer))
            return endpoints.internal_error()

    def _respond_to_get(self, path: str, method: bytes) -> bytes:
        if path not in {"/", "/healthz", "/readyz", endpoints.METRICS}:
            return response(404, "There is nothing here.\n")
        if method not in {b"GET", b"HEAD"}:
            return response(405, "Only GET works here.\n", headers={"Allow": "GET, HEAD"})
        if path == endpoints.METRICS:
            return endpoints.metrics(self._context)
        if path == "/readyz":
            return endpoints.readiness(self._context, with_reason=True)
        return response(200, "ok\n" if path == "/healthz" else _ABOUT)

    # --- the API ------------------------------------------------------------------------------

    async def _respond_to_api(
        self, path: str, request: h11.Request, body: bytes, peer: ClientAddress
    ) -> bytes:
        refused = self._refuse(request, peer) or api.refuse(path, request.method)
        if refused is not None:
            return refused
        query = bytes(request.target).partition(b"?")[2]
        log.info("operator", remote=str(peer), command=path.removeprefix(api.PREFIX))
        async with self._commands:
            return await self._carry_out(path, query, body)

    async def _carry_out(self, path: str, query: bytes, body: bytes) -> bytes:
        answer = b""
        try:
            async with self._open_access() as access:
                answer = await api.respond(path, query, body, access)
        except* Unavailable as group:
            answer = api.problem(503, first_message(group) or "Redis does not answer")
        return answer

    def _refuse(self, request: h11.Request, peer: ClientAddress) -> bytes | None:
        """Return how a request without the right token is refused; None if it has that."""
        if self._token is None:
            return api.problem(403, "there is no token: set --admin-token-file")
        given = [value for name, value in request.headers if name == b"authorization"]
        scheme, _, token = bytes(given[0] if len(given) == 1 else b"").partition(b" ")
        if scheme.lower() == b"bearer" and self._token.accepts(token.strip()):
            return None
        self._context.metrics.counts.admin_refused += 1
        if wait := self._token.failed():
            seconds = {"Retry-After": str(math.ceil(wait))}
            return api.problem(429, "there were too many wrong tokens", seconds)
        log.warning("wrong token of an operator", remote=str(peer))
        wanted = {"WWW-Authenticate": "Bearer"}
        return api.problem(401, "this needs `Authorization: Bearer TOKEN`", wanted)


async def _read_head(stream: trio.SocketStream, reader: RequestReader) -> h11.Request | None:
    """Return a request without its body; None if the connection ends before."""
    while data := await stream.receive_some(_RECEIVE_BYTES):
        if (request := reader.receive(bytes(data))) is not None:
            return request
    return None


async def _read_body(stream: trio.SocketStream, request: h11.Request, begun: bytes) -> bytes:
    """Return the body of a request; :raises BadRequest: if it is too long, or does not come."""
    headers = dict(request.headers)
    if b"transfer-encoding" in headers:
        raise BadRequest(411, "say how long the body is, with Content-Length")
    length = headers.get(b"content-length", b"0")
    if len(length) > 9 or int(length) > api.MOST_BODY_BYTES:  # noqa: PLR2004
        raise BadRequest(413, f"a body has at most {api.MOST_BODY_BYTES} bytes")
    body = begun
    while len(body) < int(length):
        data = await stream.receive_some(_RECEIVE_BYTES)
        if not data:
            raise BadRequest(400, "the body is not complete")
        body += data
    return body[: int(length)]
