"""One Redis server: where it is, who we are to it, and a fresh connection to it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

import trio
from redis.connection import SSLConnection, UnixDomainSocketConnection, parse_url

HIGHEST_PORT: Final = 65535

_OPTIONS: Final = frozenset({"db", "username", "password"})
_TLS_OPTIONS: Final = frozenset({
    "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname",
    "ssl_keyfile", "ssl_password",
})  # fmt: skip


class Topology(Protocol):
    """Knows which server is the one to talk to."""

    @property
    def place(self) -> str:
        """What it is called in logs; it holds no secret."""

    @property
    def database(self) -> int:
        """The number of the database, which is the same on every server."""

    async def find(self) -> RedisEndpoint:
        """Give the server to connect to now. :raises OSError: if nobody knows."""

    async def certain(self) -> None:
        """Wait until what `find` gives may be believed; what a server answers counts only then."""

    async def watch(self, on_moved: Callable[[], None]) -> None:
        """Call ``on_moved`` whenever `find` gives another server than before."""


@dataclass(frozen=True)
class RedisEndpoint:
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
    """Whether sentinels name it: should it be a replica, another one will be named soon."""

    async def find(self) -> RedisEndpoint:
        """Give itself: there is no other."""
        await trio.lowlevel.checkpoint()
        return self

    async def certain(self) -> None:
        """Return at once: there is no other."""

    async def watch(self, on_moved: Callable[[], None]) -> None:  # noqa: ARG002
        """Return: it stays this one."""
        await trio.lowlevel.checkpoint()

    @classmethod
    def from_url(cls, url: str) -> RedisEndpoint:
        """Read a ``redis://``, ``rediss://`` or ``unix://`` URL as redis-py does.

        What redis-py would pass over, or this program has no use for, is refused.

        :raises ValueError: saying what is wrong, without repeating a password.
        """
        try:
            options = cast("dict[str, Any]", parse_url(url))  # type: ignore[no-untyped-call]
        except ValueError as error:
            if "Port" not in str(error):
                raise
            # Its text may be what was meant as a part of the password.
            raise ValueError("the port in a Redis URL is no number up to 65535") from None
        _check_spelling(url)
        kind = options.pop("connection_class", None)
        host, port = options.get("host", "localhost"), options.get("port", 6379)
        path = options.get("path")
        if kind is UnixDomainSocketConnection and not path:
            raise ValueError("a unix:// URL names the socket's path")
        if not 0 < port <= HIGHEST_PORT:
            raise ValueError(f"port {port} is not between 1 and {HIGHEST_PORT}")
        database = options.get("db", 0)
        if database < 0:
            raise ValueError(f"{database} is no number of a database")
        return cls(
            place=path or f"{host}:{port}",
            host=host,
            port=port,
            path=path,
            username=options.get("username"),
            password=options.get("password"),
            database=database,
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

    def credentials(self) -> list[tuple[str | int, ...]]:
        """Give the command that says who we are, if there is something to say."""
        if self.password is None and not self.username:
            return []
        user = (self.username,) if self.username else ()
        return [("AUTH", *user, self.password or "")]

    def greeting(self, name: str) -> list[tuple[str | int, ...]]:
        """Commands that a new connection begins with."""
        commands = self.credentials()
        if self.database:
            commands.append(("SELECT", self.database))
        commands.append(("CLIENT", "SETNAME", name))
        return commands


def _check_spelling(url: str) -> None:
    """Refuse what redis-py overlooks: most likely it is misspelt, and was meant to matter."""
    parts = urlsplit(url)
    if parts.fragment:
        raise ValueError("a # in a Redis URL is written %23")
    database = parts.path.removeprefix("/")
    if parts.scheme != "unix" and database and not database.isdecimal():
        # It may be what was meant as a part of the password, and so may the options below.
        raise ValueError("the database in a Redis URL is no number")
    for name in read_options(parts.query):
        if name in _TLS_OPTIONS and parts.scheme != "rediss":
            raise ValueError(f"{name} is for rediss:// alone: this URL asks for no TLS")
        if name not in _OPTIONS | _TLS_OPTIONS:
            which = repr(name) if name.isidentifier() else "like what follows its ?"
            raise ValueError(f"a Redis URL has no option {which}")


def read_options(query: str) -> dict[str, str]:
    """Take the options of a URL apart; :raises ValueError: for one without a value, or twice."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if not value or name in options:
            raise ValueError("each option in a Redis URL has one value: ?name=value")
        options[name] = value
    return options


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
    if required not in {"none", "optional", "required"}:
        raise ValueError(f"ssl_cert_reqs is none, optional or required, not {required!r}")
    if required == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif options.get("ssl_check_hostname") is False:
        context.check_hostname = False
    return context
