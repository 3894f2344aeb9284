"""Logs that nobody reads, or nothing keeps: no client may notice."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path

import pytest
import trio

from tests.cluster.redirected import open_files, redirected_node, talk
from tests.nodes import NodeProcess, open_cluster
from tests.pipes import fill, pipe
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

LOST = "chat_log_lines_lost_total"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, /dev/full, prlimit")


async def test_a_reader_of_the_log_that_dies_takes_nobody_along(redis_server: RedisServer) -> None:
    async with redirected_node(redis_server) as node, connect(node.url, "alice") as alice:
        await alice.join()
        assert node.process.stderr is not None
        await node.process.stderr.aclose()
        for number in range(5):
            await talk(node, f"bob{number}")
        sent = {"type": "send", "room": "lobby", "text": "still here", "id": "s"}
        assert (await alice.ask(sent))["type"] == "ok"
        # Each of them has connected and gone.
        await until(lambda: lost_at_least(node, 10), "the lost lines to be counted")
        assert await node.stop() == 0


async def lost_at_least(node: NodeProcess, lines: int) -> bool:
    return await node.metric(LOST) >= lines


@linux_only
async def test_a_log_goes_on_when_the_disk_has_room_again(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    path = tmp_path / "node.log"
    async with redirected_node(redis_server, f"2>>{path}") as node:
        await talk(node, "alice")
        await until(lambda: has_gone(path, "alice"), "it to be logged that she has gone")
        assert await node.metric(LOST) == 0
        # In the middle of the next line: a part of that is written.
        _, most = resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE)
        room = path.stat().st_size + 200
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (room, most))
        await talk(node, "bob")
        await talk(node, "carol")
        await until(lambda: lost_at_least(node, 1), "the disk to be full")
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (most, most))
        await talk(node, "dave")
        assert await node.stop() == 0
    lines = path.read_text().splitlines()
    torn = [line for line in lines if not line.endswith("}")]
    assert len(torn) <= 1
    read = [json.loads(line) for line in lines if line not in torn]
    events = [(line["event"], line.get("nick")) for line in read]
    assert ("connected", "alice") in events
    assert ("connected", "dave") in events
    assert ("stopped", None) in events
    [told] = [line for line in read if line["event"] == "log lines lost"]
    # Before bob, carol and dave each came a line that was written, was torn, or is counted.
    people = [(event, nick) for event, nick in events if event in {"connected", "disconnected"}]
    assert told["lines"] == 8 - len(people)
    assert told["level"] == "warning"


async def has_gone(path: Path, nick: str) -> bool:
    lines = (await trio.Path(path).read_text()).splitlines()
    return any('"disconnected"' in line and f'"{nick}"' in line for line in lines)


async def test_a_reader_of_the_log_that_hangs_takes_nobody_along(redis_server: RedisServer) -> None:
    with pipe() as (_, stderr):
        fill(stderr)
        async with redirected_node(redis_server, stderr=stderr) as node:
            await talk(node, "alice")
            # Nor does it wait for the reader longer than a moment when it stops.
            assert await node.stop() == 0


async def test_a_reader_of_the_log_that_has_hung_finds_everything(
    redis_server: RedisServer,
) -> None:
    with pipe() as (reader, stderr):
        filling = fill(stderr)
        async with redirected_node(redis_server, stderr=stderr) as node:
            os.close(stderr)
            await talk(node, "alice")
            async with trio.lowlevel.FdStream(os.dup(reader)) as stream:
                node.process.terminate()
                with trio.fail_after(30):
                    read = b"".join([chunk async for chunk in stream])
            assert await node.process.wait() == 0
    events = [json.loads(line)["event"] for line in read[filling:].splitlines()]
    assert events[0] == "listening"
    assert events[-1] == "stopped"
    assert {"connected", "disconnected"} < set(events)


@linux_only
@pytest.mark.parametrize("closing", ["2>&-", "<&- >&- 2>&-"])
async def test_what_was_closed_at_the_start_is_taken_by_no_connection(
    redis_server: RedisServer, closing: str
) -> None:
    async with redirected_node(redis_server, closing) as node:
        await talk(node, "alice")
        files = open_files(node)
        for number in range(3):
            assert not files[number].startswith(("socket", "anon_inode")), files
        assert files[2] == "/dev/null"
        assert await node.metric(LOST) == 0
        assert await node.stop() == 0


async def test_the_last_lines_of_a_node_are_written_before_it_ends(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        [node] = cluster.nodes
        await talk(node, "alice")
        node.process.send_signal(signal.SIGTERM)
        with trio.fail_after(30):
            assert await node.process.wait() == 0
        await node.logged("stopped")
        assert node.log[-1]["event"] == "stopped"
