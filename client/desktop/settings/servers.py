"""The servers that the person has saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from client.addresses import place


class SavedServer(msgspec.Struct, frozen=True):
    """A cluster under the name that the person gave it; the URLs of its nodes are tried in turn."""

    name: str
    urls: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    rooms: tuple[str, ...] = ()
    """The rooms that were open when the person left."""


def with_given(
    servers: Sequence[SavedServer], urls: Sequence[str]
) -> tuple[tuple[SavedServer, ...], str]:
    """Return the servers including one with these URLs, and its name.

    A server is that one if it has these URLs, or some of them; it then gets them all.
    """
    for server in servers:
        if set(server.urls) == set(urls):
            return tuple(servers), server.name
        if set(server.urls) < set(urls):
            fuller = msgspec.structs.replace(server, urls=tuple(urls))
            return tuple(fuller if s is server else s for s in servers), server.name
    name = free_name(servers, place(urls[0]))
    return (*servers, SavedServer(name, tuple(urls))), name


def free_name(servers: Sequence[SavedServer], wanted: str) -> str:
    """Return the wanted name or, if a server has it, one with a number."""
    taken = {server.name for server in servers}
    names = (wanted if n == 1 else f"{wanted} ({n})" for n in range(1, len(servers) + 2))
    return next(name for name in names if name not in taken)
