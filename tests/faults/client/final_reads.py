"""What clients do when the faults are over: come in, and read everything for the checkers."""

from __future__ import annotations

from functools import partial
from typing import Final

import trio

from tests.faults.checkers.streams import repeated
from tests.faults.client.chat_client import RETRY_SECONDS, ChatClient, read_roster
from tests.faults.client.recorder import text_of
from tests.faults.generator import ROOMS
from tests.faults.history import LoggedMessage, Observation, RosterRead

PAGE: Final = 200


async def come_to_rest(client: ChatClient) -> None:
    """Wait until a client has every answer; it sends no more."""
    await client.wait_until(lambda: client.is_quiet)


async def come_in(client: ChatClient) -> None:
    """Wait until a client has every answer, and have it enter every room; it sends no more."""
    while True:
        await client.wait_until(lambda: client.is_quiet)
        missing = [room for room in ROOMS if room not in client.recorder.rooms]
        if not missing:
            return
        for room in missing:
            # Without a session it is between two of them, and enters with the next one.
            if client.session is not None:
                await client.enter(client.session, room)
        await trio.sleep(RETRY_SECONDS)


async def read_logs(client: ChatClient) -> None:
    """Read every room from its first message to its last, and what the node has in memory."""
    assert client.session is not None
    history = client.history
    for room in list(client.recorder.rooms):
        messages: list[LoggedMessage] = []
        before: int | None = None
        more = True
        while more:
            page = await client.session.history(room, before=before, limit=PAGE)
            history.readable |= {text_of(m) for m in page.messages if not m.erased}
            messages = [(m.seq, text_of(m)) for m in page.messages] + messages
            before, more = messages[0][0] if messages else None, page.more
        history.final_reads[client.name, room] = messages
        in_memory = (await client.session.join(room)).messages
        history.readable |= {text_of(m) for m in in_memory if not m.erased}


async def receive_all(client: ChatClient) -> None:
    """Wait until the last message of each room has come; checkers judge whether all did."""
    recorder = client.recorder
    for observation in recorder.rooms.values():
        observation.kept = True
    recorder.inbox.keep()
    for room, observation in recorder.rooms.items():
        logged = client.history.final_reads.get((client.name, room), [])
        last = max((seq for seq, _ in logged), default=0)
        await client.wait_until(partial(_has_come_to, observation, last))
    await client.wait_until(recorder.inbox.is_complete)


def _has_come_to(observation: Observation, last: int) -> bool:
    return last <= observation.since or any(seq == last for seq, _, _ in observation.received)


async def read_rosters(client: ChatClient, everybody: frozenset[str], patience: float) -> None:
    """Read who is in each room, until it is ``everybody`` or for ``patience`` seconds."""
    assert client.session is not None
    give_up = trio.current_time() + patience
    for room in list(client.recorder.rooms):
        while True:
            now = trio.current_time()
            listed = await read_roster(client.session, room)
            nicks = frozenset(listed)
            if nicks == everybody or trio.current_time() > give_up:
                break
            await trio.sleep(RETRY_SECONDS)
        client.history.roster_reads.append(
            RosterRead(client.name, room, now, nicks, final=True, repeated=tuple(repeated(listed)))
        )
