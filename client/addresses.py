"""Where a node of the cluster is: a WebSocket URL, as a person types it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from client.i18n.texts import _
from gateway import wire

DEFAULT_URL: Final = f"ws://127.0.0.1:8765{wire.PATH}"


def node_url(text: str) -> str:
    """Give the URL of a node; one without a path gets the usual one.

    :raises ValueError: with a text for people, if it is none.
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
    """Give the URLs in what a person has typed, one a line; ``host:port`` alone will do.

    :raises ValueError: with a text for people, if there is none or one is wrong.
    """
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError(_("A server needs at least one address."))
    urls = (node_url(word if "://" in word else f"ws://{word}") for word in words)
    return tuple(dict.fromkeys(urls))


@dataclass(frozen=True)
class NodeAddress:
    """What a node's URL says: where to connect, and what to ask for."""

    secure: bool
    host: str
    port: int
    authority: str
    resource: str

    @classmethod
    def from_url(cls, url: str) -> NodeAddress:
        """Read a ``ws://`` or ``wss://`` URL; without a path it means ``/ws``.

        :raises ValueError: saying what is wrong with it.
        """
        parts = urlsplit(url)
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
