"""Logs: history, and what was missed."""

from __future__ import annotations

from typing import Any

import trio

from tests.conformance.client import Client, check
from tests.conformance.promise import Server, promise

MANY = 250
"""More messages than any answer bounds by its history or limit."""
SENDERS = 5
"""Each of them may send some at once."""


async def _say(client: Client, room: str, many: int) -> None:
    """Say much at once; what is too fast is said again."""
    for number in range(many):
        await client.ok("send", room=room, text=f"{number}")


@promise("history reads backwards, page by page, until more is false")
async def backwards(server: Server) -> None:
    async with server.in_a_room(1) as (room, [client]):
        await _say(client, room, 12)
        seqs: list[int] = []
        before: dict[str, Any] = {}
        while True:
            page = await client.ok("history", room=room, limit=5, **before)
            found = [message["seq"] for message in page["messages"]]
            check(0 < len(found) <= 5, "a page has what was asked for", page)
            seqs = found + seqs
            if not page["more"]:
                break
            before = {"before": found[0]}
        check(seqs == list(range(1, 13)), "all of them, in order", seqs)
        none = await client.ok("history", room=room, limit=0)
        check(none["messages"] == [] and none["more"] is True, "limit: 0", none)


@promise("join with since gives exactly what was missed, and says recovered: true")
async def since(server: Server) -> None:
    async with server.in_a_room(1) as (room, [alice]):
        async with server.someone(on_second=True) as bob:
            joined = await bob.ok("join", room=room)
            name = alice.new_id()
            await alice.ok("send", room=room, text="seen", id=name)
            seen = {"epoch": joined["epoch"], "seq": 1, "id": name}
            none = await bob.ok("join", room=room, since=seen)
            check(none["recovered"] is True, "nothing was missed", none)
            check(none["messages"] == [], "and nothing comes", none)
        await _say(alice, room, 3)
        async with server.someone(on_second=True) as bob:
            joined = await bob.ok("join", room=room, since=seen, history=1)
            check(joined["recovered"] is True, "all was recovered", joined)
            seqs = [message["seq"] for message in joined["messages"]]
            check(seqs == [2, 3, 4], "exactly what was missed", joined)


@promise(
    "If another message has the place of the one seen, or the epoch is another, recovered is false"
)
async def not_recovered(server: Server) -> None:
    async with server.in_a_room(1) as (room, [client]):
        epoch = (await client.ok("join", room=room))["epoch"]
        await _say(client, room, 2)
        for wrong in (
            {"epoch": epoch, "seq": 1, "id": "another one"},
            {"epoch": "another", "seq": 1},
            {"epoch": epoch, "seq": 3},
        ):
            joined = await client.ok("join", room=room, since=wrong)
            check(joined["recovered"] is False, "not recovered", wrong, joined)
            check(len(joined["messages"]) == 2, "the recent past comes", wrong, joined)


@promise("200 is no bound for what was missed: all of it comes, before or in the answer to join")
async def much_missed(server: Server) -> None:
    async with server.in_a_room(SENDERS) as (room, senders):
        joined = await senders[0].ok("join", room=room)
        async with trio.open_nursery() as nursery:
            for sender in senders:
                nursery.start_soon(_say, sender, room, MANY // SENDERS)
        async with server.someone(on_second=True) as bob:
            start = {"epoch": joined["epoch"], "seq": 0}
            answer = await bob.ok("join", room=room, since=start, history=1)
            before = [e for e in bob.events if e["type"] == "message"]
            check(answer["recovered"] is True, "all was recovered", answer["recovered"])
            seqs = [message["seq"] for message in (*before, *answer["messages"])]
            check(seqs == list(range(1, MANY + 1)), "all of it, in order", seqs)
