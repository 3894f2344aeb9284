"""A Redis server: its address, our credentials, and how to connect to it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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
    """Finds the server to connect to."""

    @property
    def place(self) -> str:
        """The name in logs, without secrets."""

    @property
    def database(self) -> int:
        """The number of the database, the same on every server."""

    async def find(self) -> RedisEndpoint:
        """Return the server to connect to now.

        :raises OSError: if it is not known.
        :raises Unsuitable: if somebody must change something before it can be known.
        """

    async def certain(self) -> None:
        """Wait until it is certain that the server that `find` returned is still the right one.

        Call it before a reply of the server is used.
        """

    async def watch(self, on_moved: Callable[[], None]) -> None:
        """Call ``on_moved`` whenever the right server is no longer the one that `find` returned.

        Returns only if that cannot happen.
        """


@dataclass(frozen=True)
class RedisEndpoint:
    """One Redis server, which is also a topology. ``place`` is for logs, and has no secrets."""

    place: str
    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    username: str | None = None
    password: str | None = None
    database: int = 0
    tls: ssl.SSLContext | None = None
    must_be_primary: bool = False
    """Whether sentinels name it: if it is a replica, they will soon name another one."""

    async def find(self) -> RedisEndpoint:
        """Return this server: there is no other."""
        await trio.lowlevel.checkpoint()
        return self

    async def certain(self) -> None:
        """Return at once: there is no other."""

    async def watch(self, on_moved: Callable[[], None]) -> None:  # noqa: ARG002
        """Return at once: there is no other."""
        await trio.lowlevel.checkpoint()

    @classmethod
    def from_url(cls, url: str) -> RedisEndpoint:
        """Return the server of a ``redis://``, ``rediss://`` or ``unix://`` URL, as in redis-py.

        Options that this program does not use, and what redis-py ignores, are refused.

        :raises ValueError: saying what is wrong, without repeating a password.
        """
        if not url.isprintable() or " " in url:
            raise ValueError("a Redis URL has no spaces and no control characters")
        try:
            options = cast("dict[str, Any]", parse_url(url))  # type: ignore[no-untyped-call]
        except ValueError as error:
            if "Port" not in str(error):
                raise
            # The error's text may be a part of the password.
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
        """Open a connection, on which nothing is sent yet.

        :raises OSError: if nobody listens, or TLS fails.
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
        """Return the commands that authenticate us, if any."""
        if self.password is None and not self.username:
            return []
        user = (self.username,) if self.username else ()
        return [("AUTH", *user, self.password or "")]

    def greeting(self, name: str) -> list[tuple[str | int, ...]]:
        """Return the first commands on a new connection; ``name`` is for CLIENT LIST."""
        commands = self.credentials()
        if self.database:
            commands.append(("SELECT", self.database))
        commands.append(("CLIENT", "SETNAME", name))
        return commands


def _check_spelling(url: str) -> None:
    """Refuse what redis-py would ignore: most likely it is misspelt."""
    parts = urlsplit(url)
    if parts.fragment:
        raise ValueError("a # in a Redis URL is written %23")
    database = parts.path.removeprefix("/")
    if parts.scheme != "unix" and database and not (database.isascii() and database.isdecimal()):
        # Not in the error: it may be part of the password, and so may the options below.
        raise ValueError("the database in a Redis URL is no number")
    for name in read_options(parts.query):
        if name in _TLS_OPTIONS and parts.scheme != "rediss":
            raise ValueError(f"{name} is for rediss:// alone: this URL asks for no TLS")
        if name not in _OPTIONS | _TLS_OPTIONS:
            which = repr(name) if name.isidentifier() else "like what follows its ?"
            raise ValueError(f"a Redis URL has no option {which}")


def read_options(query: str) -> dict[str, str]:
    """Return the options of a URL; :raises ValueError: if one has no value, or comes twice."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if not value or name in options:
            raise ValueError("each option in a Redis URL has one value: ?name=value")
        options[name] = value
    return options


@contextmanager
def _reading(options: str, *files: str | None) -> Iterator[None]:
    """Translate the errors of files that are read in this context.

    :raises ValueError: naming the options, the files, and what is wrong with them.
    """
    try:
        yield
    except OSError as error:
        names = " and ".join(file for file in files if file)
        reason = error.strerror
        if isinstance(error, ssl.SSLError):
            reason = "not in PEM form, not made for each other, or ssl_password is not theirs"
        raise ValueError(f"{options}: {names} cannot be used: {reason}") from None


def _tls_context(options: dict[str, Any]) -> ssl.SSLContext:
    """Return the TLS context for redis-py's ``ssl_…`` options."""
    ca_certs, ca_path = options.get("ssl_ca_certs"), options.get("ssl_ca_path")
    certfile, keyfile = options.get("ssl_certfile"), options.get("ssl_keyfile")
    if keyfile and not certfile:
        raise ValueError("ssl_keyfile needs ssl_certfile")
    if ca_path and not Path(ca_path).is_dir():  # OpenSSL would pass over it
        raise ValueError(f"ssl_ca_path: {ca_path} is no folder")
    with _reading("ssl_ca_certs", ca_certs):
        context = ssl.create_default_context(cafile=ca_certs, capath=ca_path)
    if certfile:
        with _reading("ssl_certfile or ssl_keyfile", certfile, keyfile):
            # With None in the place of the password OpenSSL would ask for it on the terminal.
            context.load_cert_chain(certfile, keyfile, options.get("ssl_password") or "")
    required = options.get("ssl_cert_reqs", "required")
    if required not in {"none", "optional", "required"}:
        raise ValueError(f"ssl_cert_reqs is none, optional or required, not {required!r}")
    if required == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif options.get("ssl_check_hostname") is False:
        context.check_hostname = False
    return context
