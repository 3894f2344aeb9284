"""Where a link leads, and whether its text looks as if it led elsewhere."""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

from gateway.wire.text.words import script_of

_NETLOC: Final = re.compile(r"[a-z]+://([^/?#\\]*)", re.IGNORECASE)
_PORT: Final = re.compile(r":\d*\Z")
_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
"""What separates the labels of a host, in every script (UTS #46)."""
_JOINERS: Final = frozenset("\u200c\u200d")
_USUAL_LATIN: Final = "\u017f"
"""The first Latin letter beyond the accented ones of European languages; most of those after it,
and the ones below, look like plain letters."""
_UNUSUAL_LATIN: Final = frozenset("\u0131\u0138\u0140\u0149")
_EAST_ASIAN: Final = (
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", "HANGUL"}),
)
"""Scripts that are written together (UTS #39, "highly restrictive")."""


def disguised_host(link: str) -> str | None:
    """Return the host that a link leads to if the link may look as if it led elsewhere; else None.

    The host is in ASCII, other scripts in Punycode. These count as a disguise:

    - a name before the host, as in ``https://apple.com@evil.com``;
    - a host with invisible, percent-encoded or compatibility characters;
    - a part of a host in several scripts that are not written together;
    - a part of a host in another script, under a top-level domain of ASCII letters, unless that is
      East Asian or of the accented Latin letters that European languages use;
    - an IPv4 address that is not written as usual, as in ``http://2130706433``.
    """
    netloc = found[1] if (found := _NETLOC.match(link)) else ""
    _, at, place = netloc.rpartition("@")
    host = _PORT.sub("", place)
    plain = unicodedata.normalize("NFKC", unquote(host)).lower()
    plain = "".join(c for c in plain if c.isprintable() or c in _JOINERS)
    labels = _DOTS.split(plain)
    real = _ipv4(plain) or ".".join(map(_in_ascii, labels))
    is_clear = host.lower() in {plain, real} and not _hides(labels) and _ipv4(plain) is None
    return None if is_clear and not at else real


def _hides(labels: Sequence[str]) -> bool:
    top_is_ascii = next(filter(None, reversed(labels)), "").isascii()
    return any(not label.isascii() and _may_look_alike(label, top_is_ascii) for label in labels)


def _may_look_alike(label: str, top_is_ascii: bool) -> bool:  # noqa: FBT001
    """Return whether a part of a host, which is not ASCII, may be taken for another one."""
    if _JOINERS & set(label):
        return True
    if any(c in _UNUSUAL_LATIN or (c >= _USUAL_LATIN and script_of(c) == "LATIN") for c in label):
        return True
    scripts = {script_of(c) for c in label} - {""}
    if any(scripts <= written_together for written_together in _EAST_ASIAN):
        return False
    return len(scripts) > 1 or top_is_ascii


def _in_ascii(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"


def _ipv4(host: str) -> str | None:
    """Return the usual form of an IPv4 address in an unusual one; None if it is none."""
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return None
    with suppress(OSError, ValueError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return None
