"""The nodes that a URL names: by address, of either family, each once."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.load.target.cluster import running
from tests.ports import free_port, loopbacks


def urls(*given: str) -> list[str]:
    return [node.url for node in running(given).nodes]


def test_literals_of_both_families() -> None:
    assert urls("ws://127.0.0.1:1", "ws://[::1]:1/there") == [
        "ws://127.0.0.1:1/ws",
        "ws://[::1]:1/there",
    ]


@pytest.mark.parametrize("own", loopbacks())
def test_a_name_of_both_families_is_each_node_once(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The addresses of the family on which it is listened."""
    resolve = socket.getaddrinfo

    def both(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        hosts = ["::1", "127.0.0.1"] if host == "localhost" else [host]
        return [found for host in hosts for found in resolve(host, port, *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    family = socket.AF_INET6 if ":" in own else socket.AF_INET
    with socket.create_server((own, 0), family=family) as listener:
        port = listener.getsockname()[1]
        host = f"[{own}]" if ":" in own else own
        assert urls(f"ws://localhost:{port}") == [f"ws://{host}:{port}/ws"]
    port = free_port()
    assert urls(f"ws://localhost:{port}") == [f"ws://127.0.0.1:{port}/ws"]
