"""The program as it is started: a process of its own, with real keys, clicks and signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from client.session import ClientSession, open_session
from tests import PATIENCE
from tests.desktop.ears import hear, hear_leaving, until_gone
from tests.desktop.screen import XWindow
from tests.nodes import Cluster, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until

CLIENT = [sys.executable, "-m", "client"]
MESSAGES = (420, 200)
"""A place in the messages of a window that has its usual size."""


@asynccontextmanager
async def client(*arguments: str) -> AsyncIterator[trio.Process]:
    """Run the program; it does not outlive the context."""
    process = await trio.lowlevel.open_process([*CLIENT, *arguments])
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


@pytest.fixture
async def cluster(redis_server: RedisServer) -> AsyncIterator[Cluster]:
    # Who goes without a goodbye is there for longer than a test waits.
    async with open_cluster(redis_server, 2, grace_seconds=600) as cluster:
        yield cluster


@pytest.fixture
async def bob(cluster: Cluster) -> AsyncIterator[ClientSession]:
    """Somebody without a window, on the second node."""
    async with open_session([cluster.urls[1]], nick="bob") as session:
        await session.join("lobby")
        yield session
        await cluster.nodes[1].kill()


async def exit_status(process: trio.Process) -> int:
    with trio.fail_after(PATIENCE):
        return await process.wait()


@pytest.mark.usefixtures("display")
async def test_typing_a_nickname_and_a_message_then_closing_the_window(
    cluster: Cluster, bob: ClientSession
) -> None:
    async with client(cluster.urls[0]) as process:
        window = await XWindow.find()
        await window.type("alice\n")
        await XWindow.find("alice in #lobby")
        await window.type("Hello [exit] $x {\n")
        assert (await hear(bob, "Hello [exit] $x {")).sender == "alice"
        window.close()
        await hear_leaving(bob, "alice")
        assert await exit_status(process) == 0


@pytest.mark.usefixtures("display")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_leaves_in_good_order(
    cluster: Cluster, bob: ClientSession, number: signal.Signals
) -> None:
    async with client(cluster.urls[0], "--nick", "alice") as process:
        await XWindow.find("alice in #lobby")
        process.send_signal(number)
        await until_gone(bob, "alice")
        assert await exit_status(process) == 0


@pytest.mark.usefixtures("display")
async def test_two_windows_on_two_nodes_talk(cluster: Cluster) -> None:
    first, second = cluster.urls
    async with client(first, "--nick", "alice"), client(second, "--nick", "bob"):
        alice, bob = await XWindow.find("alice in #lobby"), await XWindow.find("bob in #lobby")
        await alice.move(0, 0)
        await bob.move(970, 0)
        await alice.type("Hello, Bob!\n")

        async def bob_reads() -> bool:
            return "Hello, Bob!" in await bob.read(*MESSAGES)

        await until(bob_reads, "Bob to see what Alice said")
        await bob.click(420, 600)
        await bob.type("Hello, Alice!\n")

        async def alice_reads() -> bool:
            return "Hello, Alice!" in await alice.read(*MESSAGES)

        await until(alice_reads, "Alice to see what Bob said")


@pytest.mark.usefixtures("display")
@pytest.mark.parametrize("scheme", ["", "http://"])
async def test_a_host_is_enough_of_an_address(cluster: Cluster, scheme: str) -> None:
    address = f"{scheme}127.0.0.1:{cluster.nodes[0].port}"
    async with client(address, "--nick", "alice"):
        await XWindow.find("alice in #lobby")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLIENT, *arguments], capture_output=True, text=True, check=False)


def test_help_says_how_to_use_it() -> None:
    done = _run("--help")
    assert done.returncode == 0
    assert "chat-client" in done.stdout
    assert "ws://127.0.0.1:8765/ws" in done.stdout


@pytest.mark.parametrize("url", ["ftp://x", "ws://", "non sense:x", "x:port", "ws://x:99999"])
def test_a_wrong_url_is_refused(url: str) -> None:
    done = _run(url)
    assert done.returncode == 2
    assert " is no address of a server; one looks like " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("module", "remedy"),
    [
        ("_tkinter", "apt install python3-tk"),
        ("ttkbootstrap", "pip install 'chat-gateway[desktop]'"),
    ],
)
def test_without_a_part_of_it_one_line_says_how_to_get_it(module: str, remedy: str) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None; from client.__main__ import main; main([])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert remedy in done.stderr


def test_without_a_display_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    done = _run()
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "display" in done.stderr
