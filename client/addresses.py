"""Where a node of the cluster is: a WebSocket URL, as a person types it."""

from __future__ import annotations

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
