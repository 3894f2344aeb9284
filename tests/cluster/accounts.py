"""People with accounts: how tests register and sign in, over raw WebSockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.websocket import WebSocketClient, connect

PASSWORD: Final = "lavender tram 41 umbrella"  # noqa: S105
"""One that is hard to guess, and nobody's."""
ANOTHER: Final = "four owls on a wet roof"


async def register(client: WebSocketClient, nick: str, **fields: Any) -> dict[str, Any]:
    """Register; gives the answer."""
    command = {"type": "register", "id": f"register-{nick}", "nick": nick, "password": PASSWORD}
    return await client.ask(command | fields)


async def hello(client: WebSocketClient, **fields: Any) -> dict[str, Any]:
    """Say hello; gives the answer."""
    return await client.ask({"type": "hello", "id": "hello"} | fields)


@asynccontextmanager
async def registered(
    url: str, nick: str, **fields: Any
) -> AsyncIterator[tuple[WebSocketClient, dict[str, Any]]]:
    """Connect and register; gives the client, and the welcome."""
    async with connect(url) as client:
        welcome = await register(client, nick, **fields)
        assert welcome["type"] == "welcome", welcome
        yield client, welcome


@asynccontextmanager
async def signed_in(
    url: str, **fields: Any
) -> AsyncIterator[tuple[WebSocketClient, dict[str, Any]]]:
    """Connect and sign in, by a token or a password; gives the client, and the welcome."""
    async with connect(url) as client:
        welcome = await hello(client, **fields)
        assert welcome["type"] == "welcome", welcome
        yield client, welcome


def outcome(answer: dict[str, Any]) -> tuple[Any, Any]:
    """The code of a refusal, and its reason."""
    return answer.get("code", answer["type"]), answer.get("reason")
