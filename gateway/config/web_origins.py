"""Web origins and hosts: as settings list them, and as browsers send them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.config.parsing import BadSetting, shown

NO_ORIGIN: Final = "null"
"""What browsers send for pages without an origin, such as files; in a list: such pages."""
EVERY: Final = "*"
"""In a list of origins: pages from everywhere."""
SAME_HOST: Final = "same-host"
"""In a list of origins: pages of the host and port that the request was sent to."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOST: Final = r"(?P<host>\[[0-9a-f:.]+\]|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)"
_ORIGIN: Final = re.compile(rf"(?P<scheme>[a-z][a-z0-9+.-]*)://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?")
_AUTHORITY: Final = re.compile(rf"{_HOST}(?::(?P<port>[0-9]{{0,5}}))?")
_ANY_BELOW: Final = "*."


class Origin(NamedTuple):
    """Where a page is from (RFC 6454): scheme, host in lower case, and port; 0 if unknown.

    In a list, the host ``*.example.org`` stands for every name below ``example.org``.
    """

    scheme: str
    host: str
    port: int


class Authority(NamedTuple):
    """The host that a request is sent to, in lower case, and its port; 0 if it names none."""

    host: str
    port: int


def parse_origin(text: str) -> Origin | None:
    """Return the origin in the header ``Origin``; None if it is no host's, such as ``null``."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme, port = found["scheme"], found["port"]
    return Origin(scheme, found["host"], int(port) if port else _DEFAULT_PORTS.get(scheme, 0))


def parse_authority(text: str) -> Authority | None:
    """Return the host and port in the header ``Host``; None if it names no host."""
    found = _AUTHORITY.fullmatch(text.lower())
    return None if found is None else Authority(found["host"], int(found["port"] or 0))


def is_same_host(origin: Origin, authority: Authority) -> bool:
    """Return whether a page is from the host and port that its request is sent to.

    The scheme does not count: behind a proxy that speaks TLS, the node does not see it. So where
    ``Host`` has no port, it is the default one of either scheme.
    """
    ports = (authority.port,) if authority.port else (80, 443)
    return origin.host == authority.host and origin.port in ports


def host_is_listed(host: str, listed: Sequence[str]) -> bool:
    """Return whether a host, in lower case, is one of these, or below one with ``*.``."""
    return any(
        host.endswith(each[1:]) if each.startswith(_ANY_BELOW) else host == each for each in listed
    )


def origin_is_listed(origin: Origin, listed: Sequence[str]) -> bool:
    """Return whether an origin is one of these, or of a host below one with ``*.``."""
    return any(
        (origin.scheme, origin.port) == (each.scheme, each.port)
        and host_is_listed(origin.host, (each.host,))
        for each in map(parse_origin, listed)
        if each is not None
    )


def origins(text: str) -> tuple[str, ...]:
    """Return a list of origins, separated by commas or blanks, as a setting has it."""
    return tuple(_listed_origin(word) for word in _words(text, "origins"))


def hosts(text: str) -> tuple[str, ...]:
    """Return a list of hosts, separated by commas or blanks, as a setting has it."""
    if text.strip().lower() == "none":
        return ()
    return tuple(_listed_host(word) for word in _words(text, "hosts"))


def _words(text: str, what: str) -> list[str]:
    if words := text.replace(",", " ").lower().split():
        return words
    raise BadSetting(f"{text!r} is no list of {what}")


def _listed_origin(word: str) -> str:
    if word in {EVERY, SAME_HOST, NO_ORIGIN}:
        return word
    origin = parse_origin(word)
    least = origin is not None and origin.scheme in _DEFAULT_PORTS
    if origin is None or not least <= origin.port <= 65_535:  # noqa: PLR2004
        raise BadSetting(
            f"{shown(word)} is no origin; one looks like https://chat.example or "
            f"http://localhost:3000, without a path, in ASCII; or it is {EVERY} or {SAME_HOST}"
        )
    return word


def _listed_host(word: str) -> str:
    authority = parse_authority(word)
    if authority is None or ":" in word.rpartition("]")[2]:
        raise BadSetting(
            f"{shown(word)} is no host; one looks like chat.example, *.chat.example, 192.0.2.7 or "
            "[2001:db8::7], without a port, in ASCII"
        )
    return authority.host
