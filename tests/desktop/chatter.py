"""Many who speak: ``chatter.py URL MESSAGES_PER_SECOND SENDERS SECONDS``."""

from __future__ import annotations

import sys

import trio

from client.session import open_session


async def chatter(url: str, rate: float, senders: int, seconds: float) -> None:
    """Speak in the lobby, evenly, until the time is over."""
    until = trio.current_time() + seconds
    async with trio.open_nursery() as nursery:
        for number in range(senders):
            nursery.start_soon(_speak, url, number, rate / senders, until)


async def _speak(url: str, number: int, rate: float, until: float) -> None:
    async with (
        open_session([url], nick=f"speaker{number}") as session,
        trio.open_nursery() as nursery,
    ):
        await session.join("lobby", history=0)
        nursery.start_soon(_discard, session.events)
        due = trio.current_time()
        while due < until:
            due += 1 / rate
            await trio.sleep_until(due)
            nursery.start_soon(session.send, "lobby", f"message of {number}, " + "word " * 8)
        nursery.cancel_scope.cancel()


async def _discard(events: trio.MemoryReceiveChannel[object]) -> None:
    async for _ in events:
        pass


if __name__ == "__main__":
    trio.run(chatter, sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
