"""Reads the values of settings from text, strictly, and says what is wrong with them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

MOST_SHOWN: Final = 60
"""Characters of a wrong value that a message repeats."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


class BadSetting(ValueError):
    """A setting's value cannot be used; the text is one line for the operator."""


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return a function that reads a whole number, and raises `BadSetting` out of these bounds."""

    def parse(text: str) -> int:
        value = int(text) if _INTEGER.fullmatch(text) else None
        if value is None or not low <= value <= high:
            raise BadSetting(f"{shown(text)} is not a whole number between {low} and {high}")
        return value

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """Return a function that reads a number, and raises `BadSetting` out of these bounds."""

    def parse(text: str) -> float:
        value = float(text) if _NUMBER.fullmatch(text) else None
        if value is None or not low <= value <= high:
            raise BadSetting(f"{shown(text)} is not a number between {low:g} and {high:.15g}")
        return value

    return parse


def names(text: str) -> tuple[str, ...]:
    """Return names that are separated by commas; ``none``: no name."""
    if text == "none":
        return ()
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise BadSetting(f"{shown(text)} lacks a name between its commas")
    return found


def switch(text: str) -> bool:
    """Return whether a switch is on."""
    word = text.lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{shown(text)} is neither on nor off")


def choice(*words: str) -> Callable[[str], str]:
    """Return a function that reads one of these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise BadSetting(f"{shown(text)} is none of {', '.join(words)}")
        return text

    return parse


def word(text: str) -> str:
    """Return a short word without spaces, such as a name."""
    if not text or len(text) > 64 or not all(c.isalnum() or c in "._-" for c in text):  # noqa: PLR2004
        raise BadSetting(f"{shown(text)} is not 1-64 letters, digits, '.', '_' or '-'")
    return text


def prefix(text: str) -> str:
    """Return the beginning of words; empty for `NONE`."""
    return "" if text in {"", NONE} else word(text)


def host(text: str) -> str:
    """Return a host name, an address without brackets, or ``*`` for every interface."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text or "*"
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise BadSetting(
                f"{shown(text)} is no host name or address (the port is a setting of its own)"
            ) from None
    elif not host.isprintable() or len(host) > 253 or any(c in " /?#@[]" for c in host):  # noqa: PLR2004 - RFC 1035
        raise BadSetting(f"{shown(text)} is no host name or address")
    return host


def shown(text: str) -> str:
    """Return a wrong value in quotes as a message repeats it: on one line, and not too long."""
    return repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…")


NONE: Final = "none"


def path(text: str) -> str:
    """Return the path of a file; empty for `NONE`."""
    if "\0" in text:
        raise BadSetting(f"{shown(text)} is no path")
    return "" if text == NONE else text


def text(text: str) -> str:
    """Return any text; empty for `NONE`."""
    return "" if text == NONE else text


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return a list of addresses and networks, separated by commas or blanks."""
    if text.strip().lower() == NONE:
        return ()
    words = text.replace(",", " ").split()
    if not words:
        raise BadSetting(f"{text!r} is neither a list of networks nor {NONE}")
    return tuple(map(_network, words))


def _network(word: str) -> IPv4Network | IPv6Network:
    try:
        lenient = ip_network(word, strict=False)
    except ValueError:
        raise BadSetting(
            f"{word!r} is no network; one looks like 10.1.0.0/16, fd00::/8 or 192.0.2.7"
        ) from None
    try:
        return ip_network(word)
    except ValueError:
        raise BadSetting(f"{word!r} is an address in a network: write {lenient}") from None
