"""Our own nodes keep every promise of the protocol, and one that lies is found out."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio_websocket

from tests.conformance.promise import Promise, Server
from tests.conformance.promises import PROMISES
from tests.conformance.trials import BROKEN, KEPT, Outcome, try_all
from tests.nodes import open_cluster
from tests.ports import free_port
from tests.redis_server import RedisServer

Frame = dict[str, Any]
Lie = Callable[[Frame], list[Frame]]


def tell_nobody(_: Outcome) -> None:
    """Keep the report to ourselves."""


async def test_our_nodes_keep_every_promise(tmp_path: Path) -> None:
    async with (
        RedisServer(tmp_path) as redis_server,
        open_cluster(redis_server, 2, flood_rate=10, ping_interval=2) as cluster,
    ):
        first, second = cluster.urls
        server = Server(first, second, patience=20, kill=cluster.nodes[0].kill)
        outcomes = await try_all(server, tell_nobody)
        assert [str(outcome) for outcome in outcomes if outcome.verdict != KEPT] == []
        assert len(outcomes) == len(PROMISES)


async def test_the_program_reports_step_by_step(tmp_path: Path) -> None:
    async with (
        RedisServer(tmp_path) as redis_server,
        open_cluster(redis_server, 1) as cluster,
    ):
        command = [sys.executable, "-m", "tests.conformance", cluster.urls[0], "--patience", "0"]
        done = await trio.run_process(command, capture_stdout=True, check=False)
        lines = done.stdout.decode().splitlines()
        assert done.returncode == 0, lines
        assert lines[0] == f"chat.v1 at {cluster.urls[0]}"
        assert lines[-1].startswith(f"{len(PROMISES)} promises: ")
        assert ", 0 BROKEN, " in lines[-1]
        for promise in PROMISES:
            assert any(line.endswith(promise.sentence) for line in lines)


async def test_a_server_that_is_not_there_breaks_promises() -> None:
    command = [sys.executable, "-m", "tests.conformance", f"ws://127.0.0.1:{free_port()}/ws"]
    done = await trio.run_process(command, capture_stdout=True, check=False)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[1].startswith("BROKEN")


# --- liars ----------------------------------------------------------------------------------------


@asynccontextmanager
async def liar(url: str, lie: Lie) -> AsyncIterator[str]:
    """Run a node that passes all on to another one, and lies in what it passes back."""

    async def serve(request: trio_websocket.WebSocketRequest) -> None:
        client = await request.accept(subprotocol="chat.v1")
        async with (
            trio_websocket.open_websocket_url(url, subprotocols=["chat.v1"]) as node,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_pass_on, client, node, lambda frame: [frame])
            nursery.start_soon(_pass_on, node, client, lie)

    async with trio.open_nursery() as nursery:
        start = partial(trio_websocket.serve_websocket, serve, "127.0.0.1", 0, None)
        server = await nursery.start(start)
        yield f"ws://127.0.0.1:{server.port}/ws"
        nursery.cancel_scope.cancel()


async def _pass_on(
    source: trio_websocket.WebSocketConnection,
    target: trio_websocket.WebSocketConnection,
    change: Lie,
) -> None:
    try:
        while True:
            for frame in change(json.loads(await source.get_message())):
                await target.send_message(json.dumps(frame))
    except trio_websocket.ConnectionClosed as closed:
        await target.aclose(1000 if closed.reason is None else closed.reason.code)


def doubled(frame: Frame) -> list[Frame]:
    return [frame, frame] if frame["type"] == "message" else [frame]


def swallowed(frame: Frame) -> list[Frame]:
    return [] if frame["type"] == "message" and frame["seq"] % 3 == 0 else [frame]


def certain(frame: Frame) -> list[Frame]:
    frame.pop("uncertain", None)
    return [frame]


def renumbered(frame: Frame) -> list[Frame]:
    if frame["type"] == "ok" and "seq" in frame:
        frame["seq"] += 1
    return [frame]


def without_last_id(frame: Frame) -> list[Frame]:
    frame.pop("last_id", None)
    return [frame]


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (doubled, "Everyone in a room hears the same messages"),
        (swallowed, "Everyone in a room hears the same messages"),
        (certain, "Each error says whether the command may be repeated"),
        (renumbered, "Everyone in a room hears the same messages"),
        (without_last_id, "The answer to join is the room"),
    ],
)
async def test_a_lie_is_found_out(tmp_path: Path, lie: Lie, found: str) -> None:
    async with (
        RedisServer(tmp_path) as redis_server,
        open_cluster(redis_server, 1) as cluster,
        liar(cluster.urls[0], lie) as url,
    ):
        [promise] = [each for each in PROMISES if each.sentence.startswith(found)]
        [honest] = await _try(promise, cluster.urls[0])
        [lying] = await _try(promise, url)
        assert (honest.verdict, lying.verdict) == (KEPT, BROKEN)
        assert lying.reason


async def _try(promise: Promise, url: str) -> list[Outcome]:
    return await try_all(Server(url, url), tell_nobody, [promise])
