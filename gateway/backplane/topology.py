"""Which Redis server to talk to, and a fresh connection to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any, Final, cast

import trio
from redis.connection import (
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)

_HIGHEST_PORT: Final = 65535


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
        return commands


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
