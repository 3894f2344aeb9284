"""Addresses of nodes: WebSocket URLs, as a person types them and as a connection needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

import idna

from client.i18n.texts import _
from gateway import wire

DEFAULT_URL: Final = f"ws://127.0.0.1:8765{wire.PATH}"
_SENT_AS_IT_IS: Final = "%/?:@!$&'()*+,;=~"
"""Characters of a path or a query that are not percent-encoded, beside letters and digits."""


def node_url(text: str) -> str:
    """Return the URL of a node, with the usual path if it has none.

    :raises ValueError: if the text is no such URL; its message is a text for people.
    """
    wrong = ValueError(
        _("{url!r} is no WebSocket URL; one looks like {example}").format(
            url=text, example=DEFAULT_URL
        )
    )
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise wrong from None
    is_one_word = text.isprintable() and " " not in text
    if not (parts.scheme in {"ws", "wss"} and parts.hostname and port_is_right and is_one_word):
        raise wrong
    return text if parts.path not in {"", "/"} else parts._replace(path=wire.PATH).geturl()


def typed_urls(text: str) -> tuple[str, ...]:
    """Return the URLs that a person has typed, one a line; ``host:port`` is enough.

    :raises ValueError: if there is none or one is wrong; its message is a text for people.
    """
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError(_("A server needs at least one address."))
    urls = (node_url(word if "://" in word else f"ws://{word}") for word in words)
    return tuple(dict.fromkeys(urls))


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
