"""The demo while it runs: ports that are taken, and parts that end."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.demo import run_demo
from tests.http import http_get
from tests.ports import free_port, loopbacks


async def test_a_path_that_is_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    long = tmp_path / ("n" * 100)
    long.mkdir()
    async with run_demo("--no-client", "--nodes", "1", temporary=str(long)) as demo:
        await demo.prints("^chat-gateway: the path of the folder for temporary files is too long")
        await demo.prints("set TMPDIR to a folder with a shorter one$")
        assert await demo.ends() == 1


@pytest.mark.parametrize("address", loopbacks())
async def test_a_taken_port_is_told_and_passed_over(address: str) -> None:
    port = free_port()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family):
        async with run_demo("--no-client", "--nodes", "2", port=port) as demo:
            pids = await demo.up()
    assert demo.printed.startswith(f"Taken by other programs: port {port}")
    assert len(pids) == 2
    assert min(pids) > port


async def test_the_nodes_are_met_over_each_family() -> None:
    async with run_demo("--no-client", "--nodes", "1") as demo:
        [port] = await demo.up()
        for address in loopbacks():
            assert (await http_get(port, "/readyz", host=address))[0] == 200


async def test_where_too_few_ports_are_free_it_says_what_to_do() -> None:
    async with run_demo("--no-client", "--nodes", "20", port=65530) as demo:
        await demo.prints(r"^chat-gateway: of the ports 65530 to 65535 only [0-6] are free, for 20")
        assert await demo.ends() == 1


async def test_each_node_that_ends_is_told_and_the_last_ends_it() -> None:
    async with run_demo("--no-client", "--nodes", "2") as demo:
        (first, pid), (second, other) = (await demo.up()).items()
        os.kill(pid, signal.SIGKILL)
        await demo.prints(rf"^node-{first} ended by SIGKILL; 1 run on\.$")
        assert (await http_get(second, "/readyz"))[0] == 200
        os.kill(other, signal.SIGTERM)
        await demo.prints(rf"^node-{second} ended with status 0; 0 run on\.$")
        await demo.prints(r"^chat-gateway: no node is left$")
        assert await demo.ends() == 1
