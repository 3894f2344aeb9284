"""The open port: many connections at a go, and none lost when files run out."""

from __future__ import annotations

import errno
import os
import resource
import socket
from typing import Any

import pytest
import structlog.testing
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.net import listener
from gateway.net.binding import open_listeners
from gateway.net.client_address import ClientAddress
from gateway.net.listener import (
    ConnectionSlots,
    accept_forever,
    allow_many_connections,
    most_connections,
)
from tests import PATIENCE
from tests.waiting import until


class Guests:
    """Serves connections by keeping them."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.remotes: list[str] = []

    async def serve(self, connected: socket.socket, peer: ClientAddress) -> None:
        self.sockets.append(connected)
        self.remotes.append(str(peer))
        await trio.lowlevel.checkpoint()


async def test_all_who_come_at_once_are_served() -> None:
    guests = Guests()
    [listening] = await open_listeners("127.0.0.1", 0)
    address = listening.getsockname()
    async with trio.open_nursery() as nursery:
        comers = [socket.create_connection(address) for _ in range(3 * listener.ACCEPT_BATCH)]
        nursery.start_soon(accept_forever, [listening], nursery, guests.serve, ConnectionSlots(100))
        with trio.fail_after(PATIENCE):
            while len(guests.sockets) < len(comers):
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert sorted(guests.remotes) == sorted(
        f"127.0.0.1:{comer.getsockname()[1]}" for comer in comers
    )
    for each in (*guests.sockets, *comers):
        each.close()
    assert listening.fileno() == -1


async def test_what_is_accepted_never_waits_and_sends_at_once() -> None:
    guests = Guests()
    [listening] = await open_listeners("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_forever, [listening], nursery, guests.serve, ConnectionSlots(100))
        with socket.create_connection(listening.getsockname()), trio.fail_after(PATIENCE):
            while not guests.sockets:
                await trio.lowlevel.checkpoint()
        [accepted] = guests.sockets
        assert accepted.gettimeout() == 0
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        accepted.close()
        nursery.cancel_scope.cancel()


class OutOfFiles(socket.socket):
    """A listening socket for which there is no file left the first time."""

    refused = 0

    def accept(self) -> tuple[socket.socket, Any]:
        if not self.refused:
            self.refused += 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


async def test_without_files_it_waits_a_little_and_goes_on(mock_clock: MockClock) -> None:
    guests = Guests()
    [opened] = await open_listeners("127.0.0.1", 0)
    starved = OutOfFiles(fileno=opened.detach())
    starved.settimeout(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_forever, [starved], nursery, guests.serve, ConnectionSlots(100))
        with socket.create_connection(starved.getsockname()):
            await wait_all_tasks_blocked(0.01)
            assert (starved.refused, guests.sockets) == (1, [])
            mock_clock.jump(listener.RETRY_SECONDS)
            await wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()
    [accepted] = guests.sockets
    accepted.close()


async def test_where_no_more_files_may_be_watched_it_goes_on_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Linux bounds what all programs of a user watch together (max_user_watches)."""
    watch, refused = trio.lowlevel.wait_readable, 0

    async def wait_readable(file: Any) -> None:
        nonlocal refused
        if not refused:
            refused += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        await watch(file)

    monkeypatch.setattr(trio.lowlevel, "wait_readable", wait_readable)
    guests = Guests()
    [listening] = await open_listeners("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_forever, [listening], nursery, guests.serve, ConnectionSlots(100))
        with socket.create_connection(listening.getsockname()):
            await until(lambda: guests.sockets, "the guest to be let in")
        nursery.cancel_scope.cancel()
    assert refused == 1
    guests.sockets[0].close()


async def test_beyond_the_places_connections_wait_and_that_is_said_once(
    mock_clock: MockClock,
) -> None:
    guests, slots = Guests(), ConnectionSlots(2)
    [listening] = await open_listeners("127.0.0.1", 0)
    address = listening.getsockname()
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slots.report)
            nursery.start_soon(accept_forever, [listening], nursery, guests.serve, slots)
            comers = [socket.create_connection(address) for _ in range(2)]
            await wait_all_tasks_blocked(0.01)
            assert (len(guests.sockets), logs) == (2, []), "nobody waits yet"
            comers += [socket.create_connection(address) for _ in range(3)]
            for served in (2, 3, 4, 5):
                await wait_all_tasks_blocked(0.01)
                assert len(guests.sockets) == served
                slots.release()
            await wait_all_tasks_blocked(0.01)
            assert [line["event"] for line in logs] == ["connections have to wait"]
            mock_clock.jump(listener.CALM_SECONDS)
            await wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
    [_, over] = logs
    assert (over["event"], over["seconds"], over["waits"]) == (
        "connections need not wait any more", 0, 3,
    )  # fmt: skip
    for each in (*guests.sockets, *comers):
        each.close()


@pytest.mark.parametrize(("files", "connections"), [(20_000, 19_936), (128, 64), (60, 30)])
def test_files_are_left_for_the_node_itself(
    monkeypatch: pytest.MonkeyPatch, files: int, connections: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
    assert most_connections() == connections


def test_a_limit_that_the_system_does_not_take_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it says that files are unlimited."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    beyond = before[0], resource.RLIM_INFINITY
    with monkeypatch.context() as unlimited, structlog.testing.capture_logs() as logs:
        unlimited.setattr("resource.getrlimit", lambda _: beyond)
        allow_many_connections()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
    assert [line["files"] for line in logs] == [before[0]]
