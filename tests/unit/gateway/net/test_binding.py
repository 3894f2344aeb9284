"""Which addresses a host stands for: those of both families, where the machine has them."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest

from gateway.net import binding
from gateway.net.binding import CannotListen, open_listeners
from gateway.net.client_address import host_port
from tests.ports import loopbacks

EVERY = ["", "*", "0.0.0.0", "::", "0", "::0"]  # noqa: S104


async def bound(host: str, port: int = 0) -> list[tuple[str, int]]:
    """Return the addresses and ports on which it listens for a host."""
    listeners = await open_listeners(host, port)
    found = []
    for each in listeners:
        found.append(each.getsockname()[:2])
        each.close()
    return found


@pytest.mark.parametrize("host", EVERY)
async def test_every_interface_is_both_families(host: str) -> None:
    listeners = await open_listeners(host, 0)
    [port] = {each.getsockname()[1] for each in listeners}
    peers = []
    for each, own in zip(listeners, loopbacks(), strict=True):
        socket.create_connection((own, port)).close()
        accepted, peer = each.accept()
        accepted.close()
        each.close()
        peers.append(peer[0])
    assert peers == loopbacks(), "each client has an address of its own family"


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("localhost", loopbacks()),
        ("127.0.0.1", ["127.0.0.1"]),
        (loopbacks()[-1], loopbacks()[-1:]),
        ("::ffff:127.0.0.1", ["127.0.0.1"]),
    ],
)
async def test_other_hosts(host: str, addresses: list[str]) -> None:
    assert [address for address, _ in await bound(host)] == addresses


@pytest.fixture
def no_ipv6(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this machine one without IPv6, in one of the ways in which that shows."""

    class Socket(socket.socket):
        def __init__(self, family: int = socket.AF_INET, *rest: Any, **more: Any) -> None:
            if family == socket.AF_INET6 and request.param == errno.EAFNOSUPPORT:
                raise OSError(errno.EAFNOSUPPORT, "")
            super().__init__(family, *rest, **more)

        def bind(self, address: Any) -> None:
            if self.family == socket.AF_INET6:
                raise OSError(request.param, "")
            super().bind(address)

    monkeypatch.setattr("gateway.net.binding.socket.socket", Socket)


@pytest.mark.usefixtures("no_ipv6")
@pytest.mark.parametrize("no_ipv6", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL], indirect=True)
@pytest.mark.parametrize("host", [*EVERY, "localhost"])
async def test_without_ipv6_it_still_works(host: str) -> None:
    [(address, _)] = await bound(host)
    assert address == ("127.0.0.1" if host == "localhost" else "0.0.0.0")  # noqa: S104


@pytest.mark.usefixtures("no_ipv6")
@pytest.mark.parametrize("no_ipv6", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL], indirect=True)
async def test_without_ipv6_an_address_of_it_is_refused() -> None:
    with pytest.raises(CannotListen, match=r"^this machine has no address ::1: "):
        await bound("::1")


async def test_a_port_that_one_family_has_taken_is_taken() -> None:
    for own in loopbacks():
        [taken] = await open_listeners(own, 0)
        port = taken.getsockname()[1]
        with taken, pytest.raises(CannotListen) as caught:
            await bound("localhost", port)
        assert str(caught.value).startswith(f"{port} is taken, at {host_port(own, port)}: ")
        assert (caught.value.setting, caught.value.taken) == ("port", True)


async def test_any_port_is_one_that_every_address_has(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    class Socket(socket.socket):
        """Takes the first two ports from the last address."""

        def bind(self, address: Any) -> None:
            if address[0] == last:
                tried.append(address[1])
                if len(tried) < 3:
                    raise OSError(errno.EADDRINUSE, "")
            super().bind(address)

    *_, (last, _) = await bound("localhost")
    monkeypatch.setattr("gateway.net.binding.socket.socket", Socket)
    assert len({port for _, port in await bound("localhost")}) == 1
    assert len(tried) == 3
    tried.clear()
    monkeypatch.setattr(binding, "PORT_ATTEMPTS", 2)
    with pytest.raises(CannotListen, match=" is taken, at "):
        await bound("localhost")


@pytest.mark.parametrize(
    ("number", "host", "setting", "complaint"),
    [
        (errno.EACCES, "::1", "port", "this user may not listen on [::1]:80: choose a port from "),
        (errno.EADDRNOTAVAIL, "::1", "host", "this machine has no address ::1: give one that "),
        (errno.EINVAL, "fe80::1", "host", "cannot listen on [fe80::1]:80: the interface is missi"),
        (errno.ENOBUFS, "::1", "host", f"cannot listen on [::1]:80: {os.strerror(errno.ENOBUFS)}"),
    ],
)
async def test_each_refusal_says_what_to_do(
    number: int, host: str, setting: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Socket(socket.socket):
        def bind(self, address: Any) -> None:
            raise OSError(number, address)

    monkeypatch.setattr("gateway.net.binding.socket.socket", Socket)
    with pytest.raises(CannotListen) as caught:
        await open_listeners(host, 80)
    assert caught.value.setting == setting
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize("host", ["a..b", "a" * 100, "nowhere.invalid"])
async def test_a_name_that_is_no_hosts_is_refused(host: str) -> None:
    with pytest.raises(CannotListen, match=f"^'{host}' cannot be resolved "):
        await open_listeners(host, 0)
