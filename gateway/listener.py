"""The node's open port: accepts connections, and starts a task for each."""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import structlog
import trio

BACKLOG: Final = 4096
"""Connections that the kernel keeps until they are accepted (as many as it allows)."""
ACCEPT_BATCH: Final = 16
"""Connections accepted at one go; then everybody else has a turn."""
RETRY_SECONDS: Final = 0.1

_OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger("listener")

Serve = Callable[[socket.socket, str], Awaitable[None]]
"""Serves a connected, non-blocking socket, whose peer is told as ``host:port``, and closes it."""


class CannotListen(Exception):
    """The address is taken, or not ours; the text is one line for the operator."""


async def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Listen at every address that a host name stands for; port 0 takes any free one.

    :raises CannotListen: if the address cannot be had.
    """
    try:
        opened = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotListen(f"cannot listen on {host}:{port}: {reason}") from error
    listeners = [socket.socket(fileno=each.socket.detach()) for each in opened]
    for listener in listeners:
        listener.settimeout(0)
        # Those that are accepted inherit it: that saves a system call for each.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listeners


async def accept_forever(
    listeners: Iterable[socket.socket], connections: trio.Nursery, serve: Serve
) -> None:
    """Accept connections and serve each in a task of the nursery; ends by being cancelled.

    Closes the listeners at its end.
    """
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(_accept_from, listener, connections, serve)


async def _accept_from(listener: socket.socket, connections: trio.Nursery, serve: Serve) -> None:
    with listener:
        while True:
            await trio.lowlevel.wait_readable(listener)
            await _accept_some(listener, connections, serve)


async def _accept_some(listener: socket.socket, connections: trio.Nursery, serve: Serve) -> None:
    for _ in range(ACCEPT_BATCH):
        try:
            connected, address = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in _OUT_OF_FILES:
                log.warning("cannot accept", reason=error.strerror, retry_after=RETRY_SECONDS)
                await trio.sleep(RETRY_SECONDS)
                return
            log.debug("connection gone before it was accepted", reason=error.strerror)
            continue
        connected.settimeout(0)
        connections.start_soon(serve, connected, f"{address[0]}:{address[1]}")
