"""Addresses of nodes: as a person types them, and as a connection needs them.

An address is a ``ws://`` or ``wss://`` URL, or bare: ``host`` or ``host:port``. A bare one does not
say whether to use TLS; `client.session.scheme` finds that out for each connection.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

import idna

from client.i18n.texts import _
from gateway import wire

NODE_PORT: Final = 8765
"""The port of a node, unless its operator chose another one."""
DEFAULT_URL: Final = f"ws://127.0.0.1:{NODE_PORT}{wire.PATH}"

SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
"""What the scheme of an address means, by what may be written in its place."""
_BARE_HOST: Final = re.compile(r"[\w.-]+|\[[0-9A-Fa-f:.]+(%[\w.-]+)?\]")
_SENT_AS_IT_IS: Final = "%/?:@!$&'()*+,;=~"
"""Characters of a path or a query that are not percent-encoded, beside letters and digits."""


def node_url(text: str) -> str:
    """Return the address of a node: a WebSocket URL, with the usual path if it has none, or bare.

    ``http://`` stands for ``ws://``, and ``https://`` for ``wss://``.

    :raises ValueError: if the text is no address; its message is a text for people.
    """
    try:
        return BareAddress.parse(text).text if "://" not in text else _websocket_url(text)
    except ValueError:
        raise ValueError(
            _("{url!r} is no address of a server; one looks like {short} or {example}").format(
                url=text, short="chat.example:8765", example=DEFAULT_URL
            )
        ) from None


def _websocket_url(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in SCHEMES:
        raise ValueError(text)
    path = wire.PATH if parts.path in {"", "/"} else parts.path
    return parts._replace(scheme=SCHEMES[parts.scheme], path=path).geturl()


def _split(text: str) -> SplitResult:
    """Return the parts of a URL; :raises ValueError: if it has no host, or is no one word."""
    parts = urlsplit(text)
    port_is_right = parts.port is None or parts.port > 0
    if not (parts.hostname and port_is_right and text.isprintable() and " " not in text):
        raise ValueError(text)
    return parts


def typed_urls(text: str) -> tuple[str, ...]:
    """Return the addresses that a person has typed, separated by spaces, lines or commas.

    :raises ValueError: if there is none or one is wrong; its message is a text for people.
    """
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError(_("A server needs at least one address."))
    return tuple(dict.fromkeys(map(node_url, words)))


def place(url: str) -> str:
    """Return the ``host:port`` in an address, after which a server is named."""
    return url.rpartition("://")[2].partition("/")[0]


@dataclass(frozen=True)
class BareAddress:
    """An address without a scheme; ``port`` is None if it names none.

    ``host`` is as in a URL: an IPv6 address has brackets.
    """

    host: str
    port: int | None
    resource: str

    @classmethod
    def parse(cls, text: str) -> BareAddress:
        """Return the address in ``host``, ``host:port``, with or without a path.

        :raises ValueError: if it is none.
        """
        with suppress(ValueError):  # it is a name, or has a port
            text = f"[{ipaddress.IPv6Address(text)}]"
        parts = _split(f"//{text}")
        host, port = parts.netloc, parts.port
        if port is not None:
            host = host.rpartition(":")[0]
        if not _BARE_HOST.fullmatch(host) or parts.path.startswith("//") or parts.fragment:
            raise ValueError(text)
        path = "" if parts.path in {"/", wire.PATH} else parts.path
        return cls(host, port, f"{path}?{parts.query}" if parts.query else path)

    @property
    def text(self) -> str:
        """The address as a person would type it."""
        return f"{self.host}{self._colon_port(self.port)}{self.resource}"

    def url(self, scheme: str, port: int | None = None) -> str:
        """Return the WebSocket URL of this address, with its own port or the one given."""
        path = self.resource or wire.PATH
        if path.startswith("?"):
            path = wire.PATH + path
        return f"{scheme}://{self.host}{self._colon_port(self.port or port)}{path}"

    @staticmethod
    def _colon_port(port: int | None) -> str:
        return "" if port is None else f":{port}"


def _in_ascii(url: str) -> str:
    """Return a URL as it is sent: its path and query percent-encoded (RFC 3987 3.1), its host IDNA.

    :raises ValueError: if the host is no name; its message is a text for people.
    """
    parts = urlsplit(url)
    host, netloc = parts.hostname or "", parts.netloc
    if not host.isascii():
        try:
            encoded = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            text = _("{host} is no name that a host can have").format(host=host)
            raise ValueError(text) from None
        netloc = encoded if parts.port is None else f"{encoded}:{parts.port}"
    path, query = quote(parts.path, _SENT_AS_IT_IS), quote(parts.query, _SENT_AS_IT_IS)
    return parts._replace(netloc=netloc, path=path, query=query, fragment="").geturl()


@dataclass(frozen=True)
class NodeAddress:
    """The parts of a node's URL: where to connect, and what to request."""

    secure: bool
    host: str
    port: int
    authority: str
    resource: str

    @classmethod
    def from_url(cls, url: str) -> NodeAddress:
        """Return the address in a ``ws://`` or ``wss://`` URL; the usual path is ``/ws``.

        :raises ValueError: if the URL is wrong; its message is a text for people.
        """
        parts = urlsplit(_in_ascii(url))
        if parts.scheme not in {"ws", "wss"}:
            raise ValueError(_("{url!r} does not begin with ws:// or wss://").format(url=url))
        if not parts.hostname:
            raise ValueError(_("{url!r} names no host").format(url=url))
        secure = parts.scheme == "wss"
        resource = parts.path if parts.path not in {"", "/"} else wire.PATH
        return cls(
            secure=secure,
            host=parts.hostname,
            port=parts.port or (443 if secure else 80),
            authority=parts.netloc.rpartition("@")[2],
            resource=f"{resource}?{parts.query}" if parts.query else resource,
        )
