"""Which Redis server to talk to, and a fresh connection to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote

import trio
from redis import exceptions as redis_exceptions
from redis.connection import (
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.sentinel import Sentinel

SENTINEL_SCHEME: Final = "redis+sentinel://"
SENTINEL_SECONDS: Final = 1.0
"""How long one sentinel has to answer."""

_HIGHEST_PORT: Final = 65535
_SENTINEL_PORT: Final = 26379


class Topology(Protocol):
    """Knows which server is the one to talk to."""

    @property
    def place(self) -> str:
        """What it is called in logs; it holds no secret."""

    async def find(self) -> Server:
        """Give the server to connect to now. :raises OSError: if nobody knows."""


def topology_from_url(url: str) -> Topology:
    """Read the URL of one server, or of the sentinels that know which of several it is.

    :raises ValueError: saying what is wrong, without repeating a password.
    """
    if url.startswith(SENTINEL_SCHEME):
        return Sentinels.from_url(url)
    return Server.from_url(url)


@dataclass(frozen=True)
class Server:
    """One Redis server. ``place`` is for logs: it holds no secret."""

    place: str
    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    username: str | None = None
    password: str | None = None
    database: int = 0
    tls: ssl.SSLContext | None = None
    must_be_primary: bool = False
    """Whether to turn away from it should it say that it is a replica."""

    async def find(self) -> Server:
        """Give itself: there is no other."""
        await trio.lowlevel.checkpoint()
        return self

    @classmethod
    def from_url(cls, url: str) -> Server:
        """Read a ``redis://``, ``rediss://`` or ``unix://`` URL as redis-py does.

        :raises ValueError: saying what is wrong, without repeating a password.
        """
        options = cast("dict[str, Any]", parse_url(url))  # type: ignore[no-untyped-call]
        kind = options.pop("connection_class", None)
        host, port = options.get("host", "localhost"), options.get("port", 6379)
        path = options.get("path")
        if kind is UnixDomainSocketConnection and not path:
            raise ValueError("a unix:// URL names the socket's path")
        if not 0 < port <= _HIGHEST_PORT:
            raise ValueError(f"port {port} is not between 1 and {_HIGHEST_PORT}")
        return cls(
            place=path or f"{host}:{port}",
            host=host,
            port=port,
            path=path,
            username=options.get("username"),
            password=options.get("password"),
            database=options.get("db", 0),
            tls=_tls_context(options) if kind is SSLConnection else None,
        )

    async def connect(self) -> trio.abc.Stream:
        """Open a connection; nothing has been said on it yet.

        :raises OSError: if there is nobody, or TLS fails.
        """
        if self.path is not None:
            return await trio.open_unix_socket(self.path)
        stream = await trio.open_tcp_stream(self.host, self.port)
        if self.tls is None:
            return stream
        secure = trio.SSLStream(stream, self.tls, server_hostname=self.host)
        try:
            await secure.do_handshake()
        except BaseException as error:
            await trio.aclose_forcefully(secure)
            if isinstance(error, trio.BrokenResourceError):
                raise OSError(f"TLS with {self.place} failed: {error.__cause__}") from error
            raise
        return secure

    def greeting(self, name: str) -> list[tuple[str | int, ...]]:
        """Commands that a new connection begins with."""
        commands: list[tuple[str | int, ...]] = []
        if self.password is not None:
            user = (self.username,) if self.username else ()
            commands.append(("AUTH", *user, self.password))
        if self.database:
            commands.append(("SELECT", self.database))
        commands.append(("CLIENT", "SETNAME", name))
        if self.must_be_primary:
            commands.append(("ROLE",))
        return commands


@dataclass(frozen=True)
class Sentinels:
    """A primary that may change, and the sentinels that say which server it is."""

    name: str
    sentinels: tuple[tuple[str, int], ...]
    server: Server
    """All of it but its address."""

    @property
    def place(self) -> str:
        """The primary's name, which stays."""
        return f"sentinel/{self.name}"

    @classmethod
    def from_url(cls, url: str) -> Sentinels:
        """Read ``redis+sentinel://[user:password@]host:port,host:port/NAME[/db]``.

        User and password are for Redis, not for the sentinels.

        :raises ValueError: saying what is wrong, without repeating a password.
        """
        rest = url.removeprefix(SENTINEL_SCHEME)
        credentials, _, rest = rest.rpartition("@")
        places, _, rest = rest.partition("/")
        name, _, database = rest.partition("/")
        user, _, password = credentials.partition(":")
        if not name:
            raise ValueError("a redis+sentinel:// URL ends with /NAME, the primary's name")
        if database and not database.isdecimal():
            raise ValueError(f"{database!r} is no number of a database")
        server = Server(
            place="",
            username=unquote(user) or None,
            password=unquote(password) or None,
            database=int(database or 0),
            must_be_primary=True,
        )
        return cls(name, tuple(map(_sentinel_place, places.split(","))), server)

    async def find(self) -> Server:
        """Ask the sentinels; :raises OSError: if none of them knows."""
        # redis-py blocks: a thread that outlives our patience ends by its own timeouts.
        with trio.move_on_after(SENTINEL_SECONDS * (len(self.sentinels) + 1)):
            host, port = await trio.to_thread.run_sync(self._ask, abandon_on_cancel=True)
            return replace(self.server, host=host, port=port, place=f"{host}:{port}")
        raise OSError("no sentinel answers")

    def _ask(self) -> tuple[str, int]:
        asked = Sentinel(  # type: ignore[no-untyped-call]
            self.sentinels,
            socket_timeout=SENTINEL_SECONDS / 2,
            socket_connect_timeout=SENTINEL_SECONDS / 2,
        )
        try:
            host, port = asked.discover_master(self.name)  # type: ignore[no-untyped-call]
        except redis_exceptions.RedisError as error:
            raise OSError(f"no sentinel knows a primary: {error}") from None
        finally:
            for client in asked.sentinels:
                client.close()
        return (host.decode() if isinstance(host, bytes) else str(host)), int(port)


def _sentinel_place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(_SENTINEL_PORT))
    if not host or not port.isdecimal() or not 0 < int(port) <= _HIGHEST_PORT:
        raise ValueError(f"{text!r} is not the host:port of a sentinel")
    return host.strip("[]"), int(port)


def _tls_context(options: dict[str, Any]) -> ssl.SSLContext:
    """Build what redis-py's ``ssl_…`` options in a ``rediss://`` URL ask for."""
    try:
        context = ssl.create_default_context(
            cafile=options.get("ssl_ca_certs"), capath=options.get("ssl_ca_path")
        )
        if options.get("ssl_certfile"):
            context.load_cert_chain(
                options["ssl_certfile"], options.get("ssl_keyfile"), options.get("ssl_password")
            )
    except OSError as error:
        raise ValueError(f"its certificates cannot be read: {error}") from None
    required = options.get("ssl_cert_reqs", "required")
    if required == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif options.get("ssl_check_hostname") is False:
        context.check_hostname = False
    return context
