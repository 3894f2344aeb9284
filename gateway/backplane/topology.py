"""Which Redis server to talk to: one that is named, or the one that the sentinels name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, urlencode

import trio

from gateway.backplane.connection import Connection, ConnectionLost
from gateway.backplane.server import HIGHEST_PORT, Server, Topology, read_options

SENTINEL_SECONDS: Final = 1.0
"""How long a sentinel has to answer."""

_SERVER_SCHEMES: Final = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_SENTINEL_PORT: Final = 26379
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")


def topology_from_url(url: str) -> Topology:
    """Read the URL of one server, or of the sentinels that know which of several it is.

    :raises ValueError: saying what is wrong, without repeating a password.
    """
    if url.partition("://")[0] in _SERVER_SCHEMES:
        return Sentinels.from_url(url)
    return Server.from_url(url)


@dataclass(frozen=True)
class Sentinels:
    """A primary that may change, and the sentinels that say which server it is."""

    name: str
    sentinels: tuple[Server, ...]
    server: Server
    """All of it but its address."""

    @property
    def place(self) -> str:
        """The primary's name, which stays."""
        return f"sentinel/{self.name}"

    @property
    def database(self) -> int:
        """The number of the database, on whichever server is the primary."""
        return self.server.database

    @classmethod
    def from_url(cls, url: str) -> Sentinels:
        """Read ``redis+sentinel://[user:password@]host:port,host:port/NAME[/db][?options]``.

        User and password are for Redis; those for the sentinels, if they ask for any, are the
        options ``sentinel_username`` and ``sentinel_password``. With ``rediss+sentinel://`` all of
        them are spoken to over TLS, with the same options as in a ``rediss://`` URL.

        :raises ValueError: saying what is wrong, without repeating a password.
        """
        scheme, _, rest = url.partition("://")
        rest, _, query = rest.partition("?")
        credentials, at, rest = rest.rpartition("@")
        places, _, rest = rest.partition("/")
        name, _, database = rest.partition("/")
        if not name:
            raise ValueError(f"a {scheme}:// URL ends with /NAME, the primary's name")
        if database and not database.isdecimal():
            raise ValueError(f"{database!r} is no number of a database")
        options = read_options(query)
        own = {option: options.pop(option, None) for option in _SENTINEL_OPTIONS}
        server = Server.from_url(
            f"{_SERVER_SCHEMES[scheme]}://{quote(credentials, safe=':%')}{at}"
            f"primary/{database}?{urlencode(options)}"
        )
        sentinel = Server(
            place="",
            username=own["sentinel_username"],
            password=own["sentinel_password"],
            tls=server.tls,
        )
        return cls(
            name,
            tuple(_at(sentinel, *_address(place)) for place in places.split(",")),
            replace(server, must_be_primary=True),
        )

    async def find(self) -> Server:
        """Ask all sentinels at once, and believe the first that knows; some may be gone.

        :raises OSError: if none of them knows.
        """
        found: list[Server] = []
        problems: list[str] = []

        async def ask(sentinel: Server) -> None:
            try:
                with trio.fail_after(SENTINEL_SECONDS):
                    found.append(_at(self.server, *await self._ask(sentinel)))
            except trio.TooSlowError:
                problems.append(f"{sentinel.place}: no answer")
            except (OSError, UnicodeError, ConnectionLost) as error:
                problems.append(f"{sentinel.place}: {error}")
            else:
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for sentinel in self.sentinels:
                nursery.start_soon(ask, sentinel)
        if not found:
            raise OSError(f"no sentinel knows the primary: {'; '.join(problems)}")
        return found[0]

    async def _ask(self, sentinel: Server) -> tuple[str, int]:
        stream = await sentinel.connect()
        try:
            question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
            replies = await Connection(stream, sentinel).exchange(
                [*sentinel.credentials(), question]
            )
        finally:
            await trio.aclose_forcefully(stream)
        for reply in replies:
            if isinstance(reply, Exception):
                raise ConnectionLost(str(reply)) from reply
        if replies[-1] is None:
            raise ConnectionLost(f"it knows no {self.name!r}")
        host, port = replies[-1]
        return host.decode(), int(port)


def _at(server: Server, host: str, port: int) -> Server:
    return replace(server, host=host, port=port, place=f"{host}:{port}")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(_SENTINEL_PORT))
    if not host or not port.isdecimal() or not 0 < int(port) <= HIGHEST_PORT:
        raise ValueError(f"{text!r} is not the host:port of a sentinel")
    return host.strip("[]"), int(port)
