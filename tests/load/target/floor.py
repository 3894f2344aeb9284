"""The floor: what a delivery costs on bare sockets, with one write each and nothing else.

There are as many bare processes as nodes. Each reads a Redis channel and writes every message to
each member's socket; no frame is parsed, nothing is bounded or counted. ``python -m tests.load …
--floor`` measures it on the same cores as the nodes, and reports the ratio.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import trio

from gateway.embedded_redis import find_redis
from tests.load.target.processes import port_of, start, usage, wait_for

_CHANNEL: Final = b"floor"
_SUBSCRIBE: Final = b"*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nfloor\r\n"
_MARK: Final = b"$7\r\nmessage\r\n"
_WARMUP_SECONDS: Final = 1.0


def serve(redis_path: str, members: int) -> None:
    """Accept ``members`` connections, then write to them whatever is published."""
    redis = socket.socket(socket.AF_UNIX)
    redis.connect(redis_path)
    redis.sendall(_SUBSCRIBE)
    redis.recv(4096)  # confirmed before anybody can connect, and so before any message
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        fds = []
        for _ in range(members):
            connected, _ = listener.accept()
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(0)
            fds.append(connected.detach())
    rest = b""
    while chunk := redis.recv(65536):
        *whole, rest = _publications(rest + chunk)
        for payload in whole:
            for fd in fds:
                try:
                    os.write(fd, payload)
                except BlockingIOError:
                    os.set_blocking(fd, True)
                    os.write(fd, payload)
                    os.set_blocking(fd, False)


def _publications(data: bytes) -> list[bytes]:
    """Return the complete payloads in what came of the channel, and last the incomplete rest."""
    found = []
    while (at := data.find(_MARK)) >= 0:
        head = data.find(b"\r\n", at + len(_MARK) + len(_CHANNEL) + 6)
        if head < 0:
            break
        size_at = data.rfind(b"$", at, head)
        begin = head + 2
        size = int(data[size_at + 1 : head])
        if len(data) < begin + size + 2:
            break
        found.append(data[begin : begin + size])
        data = data[begin + size + 2 :]
    return [*found, data]


def measure(
    *, processes: int, members: int, in_flight: int, payload: int, seconds: float,
    node_core: int | None, other_core: int | None,
) -> float:  # fmt: skip
    """Return the microseconds of CPU per delivery with ``in_flight`` messages on their way."""
    with tempfile.TemporaryDirectory(prefix="chat-floor-") as folder:
        path = f"{folder}/redis.sock"
        redis = start(
            [trio.run(find_redis), "--port", "0", "--unixsocket", path, "--save", ""],
            Path.cwd(),
            other_core,
        )
        nodes: list[subprocess.Popen[bytes]] = []
        sockets: list[socket.socket] = []
        try:
            wait_for(Path(path).exists, redis, "Redis")
            share = members // processes
            code = f"from tests.load.target.floor import serve; serve({path!r}, {share})"
            command = [sys.executable, "-c", code]
            nodes += [start(command, Path.cwd(), node_core) for _ in range(processes)]
            for node in nodes:
                port = wait_for(partial(port_of, node.pid), node, "a bare node")
                sockets += [socket.create_connection(("127.0.0.1", port)) for _ in range(share)]
            for each in sockets:
                each.settimeout(0)
            pids = [node.pid for node in nodes]
            return _drive(path, sockets, pids, in_flight=in_flight, payload=payload,
                          seconds=seconds)  # fmt: skip
        finally:
            for process in (*nodes, redis):
                process.kill()
                process.wait()
            for each in sockets:
                each.close()


def _drive(
    path: str, members: list[socket.socket], pids: list[int], *, in_flight: int, payload: int,
    seconds: float,
) -> float:  # fmt: skip
    message = b"x" * (
        payload + 140
    )  # the size of a message is that of its text and of what is around it
    command = b"*3\r\n$7\r\nPUBLISH\r\n$5\r\nfloor\r\n$%d\r\n%s\r\n" % (len(message), message)
    publisher = socket.socket(socket.AF_UNIX)
    publisher.connect(path)
    epoll = select.epoll()
    by_fd = {member.fileno(): member for member in members}
    for fd in by_fd:
        epoll.register(fd, select.EPOLLIN)
    heard = sent = 0
    cpu_from, heard_from = 0.0, 0
    begin = time.monotonic() + _WARMUP_SECONDS
    while (now := time.monotonic()) < begin + seconds:
        if not heard_from and now >= begin:
            cpu_from, heard_from = sum(usage(pid).cpu for pid in pids), heard
        while sent - heard // (len(members) * len(message)) < in_flight:
            publisher.sendall(command)
            sent += 1
        for fd, _ in epoll.poll(0.01):
            heard += len(by_fd[fd].recv(262_144))
        with suppress(BlockingIOError):
            publisher.recv(65536, socket.MSG_DONTWAIT)
    cpu = sum(usage(pid).cpu for pid in pids) - cpu_from
    return cpu / ((heard - heard_from) / len(message)) * 1e6
