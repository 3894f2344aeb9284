"""Whether to use TLS with a node whose address does not say.

A bare address is tried with TLS first: ports that might be the node's are asked, and one that
answers TLS is taken. Only if there is none, the node is talked to without. A host that has spoken
TLS once is never talked to without it again, whatever it answers later: what a session sends would
else be had by whoever can keep TLS from working.

Passwords, tokens and what else lets one in are secrets: they go to another machine over TLS only,
even if its host has never been talked to.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from enum import Enum, auto
from typing import Final

import trio

from client.addresses import NODE_PORT, BareAddress, NodeAddress, node_url
from client.errors import CannotConnect
from client.i18n.texts import _

PROBE_SECONDS: Final = 3.0
"""Seconds in which a port must answer; one that is open and silent does not speak TLS."""

_TLS_PORT: Final = 443
_PORTS: Final = (_TLS_PORT, NODE_PORT, 80)
"""The ports of a host that is named without one, the preferred first."""
_RECORDS: Final = {b"\x15\x03", b"\x16\x03"}
"""How an answer in TLS begins: with the record of an alert or of a handshake."""
_START_BYTES: Final = 2
_END_OF_HEAD: Final = b"\r\n\r\n"
"""Makes an HTTP server answer at once. For TLS it is the part of a record that never comes."""
_LOST: Final = (OSError, ValueError, trio.BrokenResourceError)
"""What a connection raises that fails, or whose host is no name that could be resolved."""


class Answer(Enum):
    """What a port answers to the beginning of TLS."""

    TLS = auto()
    PLAIN = auto()
    NOTHING = auto()


def choose(address: BareAddress, answers: Mapping[int, Answer], *, only_tls: bool) -> str:
    """Return the URL to connect to, given what the ports answer, the preferred first. Pure."""
    speaks_tls = [port for port, answer in answers.items() if answer is Answer.TLS]
    if speaks_tls or only_tls:
        port = next(iter(speaks_tls), _TLS_PORT)
        return address.url("wss", None if port == _TLS_PORT else port)
    plain = [p for p, answer in answers.items() if answer is Answer.PLAIN and p != _TLS_PORT]
    port = next(iter(plain), NODE_PORT)
    return address.url("ws", None if port == 80 else port)  # noqa: PLR2004 - the port of ws://


class SchemeChooser:
    """Chooses between ``wss://`` and ``ws://``, and remembers which hosts have spoken TLS."""

    def __init__(self, tls_hosts: Iterable[str] = ()) -> None:
        self.tls_hosts = set(tls_hosts)

    async def url(self, address: str, *, secret: bool = False) -> str:
        """Return the URL to connect to for an address, which may be one already.

        ``secret`` is whether secrets are going to be sent.

        :raises CannotConnect: if it is no address, or others could read the secrets.
        """
        try:
            address = node_url(address)
        except ValueError as error:
            raise CannotConnect(str(error)) from None
        if "://" in address:
            if secret and not keeps_secrets(address):
                text = _("{url} is without TLS: passwords and tokens are not sent to it")
                raise CannotConnect(text.format(url=address))
            return address
        bare = BareAddress.parse(address)
        host = _host(bare.url("ws"))
        only_tls = host in self.tls_hosts or (secret and not _is_this_machine(host))
        answers: dict[int, Answer] = {}
        if bare.port is None or not only_tls:
            answers = await probe_ports(host, _PORTS if bare.port is None else (bare.port,))
        chosen = choose(bare, answers, only_tls=only_tls)
        if Answer.TLS in answers.values():
            self.spoke(chosen)
        return chosen

    def spoke(self, url: str) -> None:
        """Remember that the host of a ``wss://`` URL speaks TLS."""
        if url.startswith("wss://"):
            self.tls_hosts.add(_host(url))

    def explain(self, address: str, url: str, error: CannotConnect) -> CannotConnect:
        """Return why a connection failed, with what to do if TLS was insisted on for no reason."""
        if "://" in address or not url.startswith("wss://"):
            return error
        if _host(url) not in self.tls_hosts:
            text = _("{error} (passwords and tokens are sent to {host} with TLS only)")
            return CannotConnect(text.format(error=error, host=_host(url)), error.retry_after)
        text = _(
            "{error} ({host} has spoken TLS, and is not talked to without; if that is to change, "
            "give its address with ws://)"
        )
        return CannotConnect(text.format(error=error, host=_host(url)), error.retry_after)


def keeps_secrets(url: str) -> bool:
    """Return whether nobody else can read what is sent to a URL: over TLS, or to this machine."""
    return url.startswith("wss://") or _is_this_machine(_host(url))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _host(url: str) -> str:
    return NodeAddress.from_url(url).host.rstrip(".")


async def probe_ports(host: str, ports: Iterable[int]) -> dict[int, Answer]:
    """Return what each of these ports of a host answers, in the same order."""
    answers = dict.fromkeys(ports, Answer.NOTHING)

    async def ask(port: int) -> None:
        answers[port] = await probe(host, port)

    async with trio.open_nursery() as nursery:
        for port in answers:
            nursery.start_soon(ask, port)
    return answers


async def probe(host: str, port: int) -> Answer:
    """Begin TLS on a connection of its own, and return what the port answers to that."""
    answer = Answer.NOTHING
    with trio.move_on_after(PROBE_SECONDS), suppress(*_LOST):
        async with await trio.open_tcp_stream(host, port) as stream:
            answer = Answer.PLAIN
            await stream.send_all(_client_hello(host) + _END_OF_HEAD)
            start = b""
            while len(start) < _START_BYTES and (chunk := await stream.receive_some(_START_BYTES)):
                start += chunk
            if start[:_START_BYTES] in _RECORDS:
                answer = Answer.TLS
    return answer


def _client_hello(host: str) -> bytes:
    """Return the first bytes of a connection with TLS; no certificate is ever checked on it."""
    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host)
    with suppress(ssl.SSLWantReadError):  # for the answer
        tls.do_handshake()
    return outgoing.read()
