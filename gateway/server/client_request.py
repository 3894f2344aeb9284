"""The request with which a connection begins: who sends it, and what it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import h11
import structlog

from gateway import wire
from gateway.net.client_address import ClientAddress
from gateway.net.proxy_protocol import BadProxyHeader, read_proxy_header
from gateway.net.transport import Transport
from gateway.net.websocket import BadHandshake, accept_handshake
from gateway.policy.client_limits import TurnedAway
from gateway.server.address_slot import AddressSlot, TooMany
from gateway.server.http import admission, endpoints
from gateway.server.http.forwarded import (
    BadForwarded,
    forwarded_client,
    forwarded_encrypted,
    is_forwarded,
)
from gateway.server.http.request import BadRequest, NotHttp, RequestReader
from gateway.server.http.response import without_body
from gateway.sessions.context import NodeContext

log = structlog.get_logger("connection")

Receive = Callable[[], Awaitable[bytes]]
"""Waits for bytes and returns them; empty at the end of the connection."""


class ClientRequest:
    """The one request of a connection, and what is known of its client for as long as it lasts."""

    __slots__ = (
        "_context", "_must_encrypt", "_proxied", "_proxy_encrypts", "_transport",
        "client_address", "opens_websocket", "rest", "slot",
    )  # fmt: skip

    def __init__(
        self, context: NodeContext, transport: Transport, peer: ClientAddress, *, must_encrypt: bool
    ) -> None:
        """Expect a request over a transport; see `Connection` for ``peer`` and ``must_encrypt``."""
        self._context = context
        self._transport = transport
        self._must_encrypt = must_encrypt
        self._proxied = False
        self._proxy_encrypts: bool | None = None
        self.client_address = peer
        """The client's address; until its request has been read, that of who has connected."""
        self.slot = AddressSlot(context)
        self.opens_websocket = False
        """Whether it was answered by opening a WebSocket."""
        self.rest = b""
        """The bytes after the request."""

    @property
    def confidential(self) -> bool:
        """Whether nobody between the client and this machine can read what is sent.

        - Through a trusted proxy: if it says that the client speaks TLS with it (PROXY protocol,
          ``X-Forwarded-Proto``, ``Forwarded``); if it says nothing, whether TLS ends here.
        - Else: if TLS ends here, or the client is on this machine.

        Known once the request has been read. Passwords and tokens are accepted by this alone.
        """
        if self._proxy_encrypts is not None:
            return self._proxy_encrypts
        local = self.client_address.is_loopback and not self._proxied
        return self._transport.encrypted or local

    def admit(self) -> bytes | None:
        """Count the connection for whoever has connected; return a refusal if it is one too many.

        The refusal is sent without waiting for the request. It is empty if TLS would come first.
        """
        try:
            self.slot.take(self.client_address)
        except TooMany as error:
            response = self._turn_away(error.refusal)
            return b"" if self._must_encrypt else response
        return None

    async def answer(self, receive: Receive) -> bytes:
        """Read the request and return the response; empty if the connection ends before."""
        reader = RequestReader()
        try:
            request = await self._read(reader, receive)
            if request is None:
                return b""
            self._find_client(request)
            response = self._respond(request)
        except BadRequest as error:
            response = self._refuse(error)
        except TooMany as error:
            response = self._turn_away(error.refusal)
        self.rest = reader.rest
        return without_body(response) if reader.method == b"HEAD" else response

    async def _read(self, reader: RequestReader, receive: Receive) -> h11.Request | None:
        """Return the request that the client sends; None if the connection ends before."""
        data = await receive()
        self._proxied = self.client_address.is_in(self._context.settings.trusted_proxies)
        if data and self._proxied:
            data = await self._skip_proxy_header(data, receive)
        while data:
            if (request := reader.receive(data)) is not None:
                return request
            data = await receive()
        return None

    async def _skip_proxy_header(self, data: bytes, receive: Receive) -> bytes:
        """Read the PROXY header of a trusted proxy, if it sends one; return the bytes after it."""
        try:
            while (header := read_proxy_header(data)) is None:
                if not (more := await receive()):
                    return b""
                data += more
        except BadProxyHeader as error:
            raise self._distrust(f"PROXY protocol: {error}") from None
        self._move_to(header.source or self.client_address)
        self._proxy_encrypts = header.encrypted
        return data[header.size :] or await receive()

    def _find_client(self, request: h11.Request) -> None:
        """Take from the request what a trusted proxy says of the client: address, encryption."""
        trusted = self._context.settings.trusted_proxies
        if self._proxied and self._proxy_encrypts is None:
            self._proxy_encrypts = forwarded_encrypted(request)
        if not self.client_address.is_in(trusted):
            self._context.metrics.counts.forwards_ignored += is_forwarded(request)
            return
        try:
            self._move_to(forwarded_client(request, self.client_address, trusted))
        except BadForwarded as error:
            raise self._distrust(str(error)) from None

    def _move_to(self, client: ClientAddress) -> None:
        """Count the connection as one of the client that a trusted proxy names.

        :raises TooMany: if it is one too many.
        """
        if client != self.client_address:
            self.client_address = client
            self.slot.take(client)

    def _turn_away(self, refusal: TurnedAway) -> bytes:
        """Return the response to a client that is refused for now; count and log that."""
        counts = self._context.metrics.counts
        counts.turned_away += 1
        counts.refused_connections[refusal.reason] += 1
        self._context.bounded_log.info(
            "turned away", refusal.reason, reason=refusal.reason, remote=str(self.client_address)
        )
        return endpoints.turned_away(refusal)

    def _distrust(self, problem: str) -> BadRequest:
        """Return why the request is refused: a proxy's word about the client cannot be read."""
        self._context.metrics.counts.forwards_refused += 1
        self._context.bounded_log.warning(
            "bad header of a trusted proxy", proxy=str(self.client_address), reason=problem
        )
        return BadRequest(400, problem)

    def _respond(self, request: h11.Request) -> bytes:
        """Return the response to a request; set `opens_websocket` if it opens the WebSocket."""
        if self._must_encrypt and not self._transport.encrypted:
            return endpoints.bad_request(400, "this port speaks TLS: use wss:// or https://")
        settings, counts = self._context.settings, self._context.metrics.counts
        try:
            if not endpoints.is_probe(request):
                admission.check_host(request, settings, counts)
            if not endpoints.wants_websocket(request):
                return endpoints.respond(request, self._context)
            response = accept_handshake(request, wire.SUBPROTOCOL)
            admission.check_handshake(request, settings, counts, confidential=self.confidential)
            if (refusal := self._context.admit(self.slot.address)) is not None:
                return self._turn_away(refusal)
        except BadHandshake as error:
            return endpoints.bad_handshake(error)
        except BadRequest:
            raise
        except Exception:
            log.exception("request failed", remote=str(self.client_address))
            return endpoints.internal_error()
        self.opens_websocket = True
        return response

    def _refuse(self, error: BadRequest) -> bytes:
        """Return the response to what is no request."""
        counts = self._context.metrics.counts
        if isinstance(error, admission.NotAdmitted):
            self._note("not admitted", error)
            return endpoints.not_admitted(error.status, str(error))
        if isinstance(error, NotHttp):
            counts.not_http += 1
            counts.forwards_ignored += error.is_proxy_header
            self._note("not HTTP", error)
        return endpoints.bad_request(error.status, str(error))

    def _note(self, event: str, error: BadRequest) -> None:
        self._context.bounded_log.info(event, remote=str(self.client_address), reason=str(error))
