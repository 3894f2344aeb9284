"""Whether to use TLS with a bare address: what ports answer, and what is made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client.addresses import BareAddress
from client.session import CannotConnect, open_session
from client.session.scheme import (
    PROBE_SECONDS,
    Answer,
    SchemeChooser,
    choose,
    keeps_secrets,
    probe,
    probe_ports,
)
from tests import PATIENCE
from tests.backplane.tls import Identity, tls_port
from tests.ports import HOST, free_port

TLS, PLAIN, NOTHING = Answer.TLS, Answer.PLAIN, Answer.NOTHING

CHOICES = [
    # address, answers, known to speak TLS, chosen
    ("a:9", {9: TLS}, False, "wss://a:9/ws"),
    ("a:9", {9: PLAIN}, False, "ws://a:9/ws"),
    ("a:9", {9: NOTHING}, False, "ws://a:9/ws"),
    ("a:9", {}, True, "wss://a:9/ws"),
    ("a:443", {443: TLS}, False, "wss://a:443/ws"),
    ("a", {443: TLS, 8765: TLS, 80: PLAIN}, False, "wss://a/ws"),
    ("a", {443: TLS, 8765: PLAIN, 80: PLAIN}, False, "wss://a/ws"),
    ("a", {443: NOTHING, 8765: TLS, 80: PLAIN}, False, "wss://a:8765/ws"),
    ("a", {443: NOTHING, 8765: PLAIN, 80: PLAIN}, False, "ws://a:8765/ws"),
    ("a", {443: PLAIN, 8765: NOTHING, 80: PLAIN}, False, "ws://a/ws"),
    ("a", {443: NOTHING, 8765: NOTHING, 80: NOTHING}, False, "ws://a:8765/ws"),
    ("a", {443: NOTHING, 8765: TLS, 80: PLAIN}, True, "wss://a:8765/ws"),
    ("a", {443: NOTHING, 8765: PLAIN, 80: PLAIN}, True, "wss://a/ws"),
]


@pytest.mark.parametrize(("address", "answers", "only_tls", "url"), CHOICES)
def test_the_choice(address: str, answers: dict[int, Answer], only_tls: bool, url: str) -> None:
    assert choose(BareAddress.parse(address), answers, only_tls=only_tls) == url


Serve = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve, port: int = 0) -> AsyncIterator[int]:
    """Serve every connection like this; gives the port."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, port, host=HOST))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def answer_http(stream: trio.SocketStream) -> None:
    """Answer the head of a request, as a node does."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def hang_up(stream: trio.SocketStream) -> None:
    await stream.receive_some()


async def send_alert(stream: trio.SocketStream) -> None:
    await stream.receive_some()
    for byte in b"\x15\x03\x03\x00\x02\x02\x28":
        await stream.send_all(bytes([byte]))


@pytest.mark.parametrize(
    ("serve", "answer"), [(answer_http, PLAIN), (hang_up, PLAIN), (send_alert, TLS)]
)
async def test_what_a_port_answers(
    serve: Serve, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.session.scheme.PROBE_SECONDS", 600.0)
    async with server(serve) as port:
        with trio.fail_after(PATIENCE):
            assert await probe(HOST, port) is answer


async def test_a_silent_port_speaks_no_tls(mock_clock: MockClock) -> None:
    asked, answers = trio.Event(), []

    async def stay_silent(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        asked.set()
        await trio.sleep_forever()

    async def ask() -> None:
        answers.append(await probe(HOST, port))

    async with server(stay_silent) as port, trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await asked.wait()
        mock_clock.jump(PROBE_SECONDS)
    assert answers == [PLAIN]


@pytest.mark.parametrize("host", ["a..b", "x" * 100, "nowhere.invalid"])
async def test_a_host_that_is_none_answers_nothing(host: str) -> None:
    assert await probe(host, 1) is NOTHING


async def test_ports_are_asked_side_by_side(tmp_path: Path) -> None:
    closed = free_port()
    async with (
        server(answer_http) as plain,
        server(hang_up) as behind,
        tls_port(Identity(tmp_path), partial(trio.open_tcp_stream, HOST, behind)) as tls,
    ):
        answers = await probe_ports(HOST, (closed, tls, plain))
    assert list(answers.items()) == [(closed, NOTHING), (tls, TLS), (plain, PLAIN)]


async def test_a_host_that_spoke_tls_is_remembered_by_every_name(tmp_path: Path) -> None:
    chooser = SchemeChooser()
    async with (
        server(hang_up) as behind,
        tls_port(Identity(tmp_path), partial(trio.open_tcp_stream, HOST, behind)) as port,
    ):
        assert await chooser.url(f"{HOST}:{port}") == f"wss://{HOST}:{port}/ws"
    assert chooser.tls_hosts == {HOST}
    assert await chooser.url(f"{HOST}:1") == f"wss://{HOST}:1/ws"
    chooser.spoke("wss://Chat.Example./ws")
    assert await chooser.url("CHAT.example:1") == "wss://CHAT.example:1/ws"


async def test_a_url_is_used_as_it_is() -> None:
    chooser = SchemeChooser(["a"])
    assert await chooser.url("ws://a/ws") == "ws://a/ws"
    assert await chooser.url("http://a") == "ws://a/ws"
    assert await chooser.url("https://b") == "wss://b/ws"


OTHER_MACHINE = "192.0.2.1"


@pytest.mark.parametrize(
    ("url", "is_kept"),
    [
        (f"wss://{OTHER_MACHINE}/ws", True), (f"ws://{OTHER_MACHINE}/ws", False),
        ("ws://chat.example/ws", False), ("ws://localhost.example/ws", False),
        ("ws://127.0.0.1.example/ws", False), ("ws://0.0.0.0/ws", False),
        ("ws://127.0.0.1:9/ws", True), ("ws://127.8.8.8/ws", True), ("ws://[::1]:9/ws", True),
        ("ws://localhost/ws", True), ("ws://LOCALHOST./ws", True), ("ws://a.localhost/ws", True),
    ],
)  # fmt: skip
def test_who_keeps_a_secret(url: str, is_kept: bool) -> None:
    assert keeps_secrets(url) == is_kept


async def test_a_secret_goes_to_a_bare_address_of_another_machine_over_tls_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def speak_no_tls(_host: str, ports: Iterable[int]) -> dict[int, Answer]:
        await trio.lowlevel.checkpoint()
        return dict.fromkeys(ports, PLAIN)

    monkeypatch.setattr("client.session.scheme.probe_ports", speak_no_tls)
    chooser = SchemeChooser()
    assert await chooser.url("chat.example:9") == "ws://chat.example:9/ws"
    assert await chooser.url("chat.example:9", secret=True) == "wss://chat.example:9/ws"
    assert await chooser.url("chat.example", secret=True) == "wss://chat.example/ws"
    assert await chooser.url("localhost:9", secret=True) == "ws://localhost:9/ws"
    assert chooser.tls_hosts == set(), "none of them has spoken it"
    failure = chooser.explain("chat.example", "wss://chat.example/ws", CannotConnect("Refused."))
    assert str(failure) == "Refused. (passwords and tokens are sent to chat.example with TLS only)"


async def test_a_secret_goes_to_no_url_without_tls_but_one_of_this_machine() -> None:
    chooser = SchemeChooser()
    for address in ("ws://chat.example/ws", "http://chat.example"):
        with pytest.raises(CannotConnect, match="without TLS"):
            await chooser.url(address, secret=True)
    assert await chooser.url("ws://[::1]:9/ws", secret=True) == "ws://[::1]:9/ws"
    assert await chooser.url("https://chat.example", secret=True) == "wss://chat.example/ws"


async def test_what_is_no_address_is_told() -> None:
    with pytest.raises(CannotConnect, match="'a b' is no address of a server"):
        async with open_session(["a b"], nick="alice"):
            raise AssertionError("let in")
