"""Joining and leaving rooms, and the list of them."""

from __future__ import annotations

import trio

from tests.conformance.client import check
from tests.conformance.promise import Server, promise


@promise("The answer to join is the room: its epoch, its last message and its id, its members")
async def joined(server: Server) -> None:
    async with server.in_a_room(1) as (room, [alice]):
        name = alice.new_id()
        await alice.ok("send", room=room, text="hi", id=name)
        async with server.someone(on_second=True) as bob:
            answer = await bob.ok("join", room=room)
            check((answer["room"], answer["seq"]) == (room, 1), "the room and its seq", answer)
            check(answer["last_id"] == name, "the id of the last message", answer)
            check([m["id"] for m in answer["messages"]] == [name], "its messages", answer)
            nicks = sorted(member["nick"] for member in answer["members"])
            check(nicks == sorted([alice.nick, bob.nick]), "the members, oneself too", answer)
            check(answer["count"] == len(nicks), "their number", answer)
            check("recovered" not in answer, "nothing was to be recovered", answer)
            empty = await bob.ok("join", room=room, history=0)
            check(empty["messages"] == [] and empty["last_id"] == name, "history: 0", empty)


@promise("A new room is empty: seq 0, no messages, oneself its only member")
async def new_room(server: Server) -> None:
    async with server.someone() as client:
        answer = await client.ok("join", room=server.new_room())
        check((answer["seq"], answer["messages"]) == (0, []), "it has no messages", answer)
        check("last_id" not in answer, "and no last one", answer)
        members = [member["nick"] for member in answer["members"]]
        check(members == [client.nick], "one member", answer)


@promise("Joining a room again is harmless, and answered in the same way")
async def joined_twice(server: Server) -> None:
    async with server.in_a_room() as (room, [alice, bob]):
        first = await bob.ok("join", room=room)
        await alice.ok("send", room=room, text="hi")
        again = await bob.ok("join", room=room, history=0)
        check(again["epoch"] == first["epoch"] and again["count"] == 2, "as before", again)
        await alice.ok("send", room=room, text="the end")
        texts = [e["text"] for e in await bob.heard() if e["type"] == "message"]
        check(texts == ["hi", "the end"], "each message comes once", texts)


@promise("Between the answer to join and the events after it no message is missing or doubled")
async def no_seam(server: Server) -> None:
    async with server.in_a_room() as (room, [alice, bob]):
        stop = trio.Event()

        async def talk() -> None:
            while not stop.is_set():
                await alice.ok("send", room=room, text="on and on")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk)
            for _ in range(5):
                joined = await bob.ok("join", room=room)
                bob.events.clear()
                seqs = [message["seq"] for message in joined["messages"]]
                seqs += [(await bob.event("message", room=room))["seq"] for _ in range(3)]
                first = seqs[0]
                check(seqs == list(range(first, first + len(seqs))), "no seam", seqs)
            stop.set()


@promise("Whoever leaves a room hears nothing of it, and is in it no more")
async def left(server: Server) -> None:
    async with server.in_a_room() as (room, [alice, bob]):
        await alice.event("presence", room=room, joined=[{"nick": bob.nick}])
        await bob.ok("leave", room=room)
        await bob.refused("not_in_room", "leave", room=room)
        await bob.refused("not_in_room", "send", room=room, text="hi")
        await alice.event("presence", room=room, left=[bob.nick])
        await bob.heard()
        await alice.ok("send", room=room, text="alone")
        heard = await bob.heard()
        check(not heard, "nothing comes", heard)


@promise("A leave sent again with its id on the same connection is answered again")
async def left_twice(server: Server) -> None:
    async with server.in_a_room(1) as (room, [client]):
        name = client.new_id()
        for _ in range(2):
            await client.ok("leave", room=room, id=name)


@promise("Room names have 1 to 64 characters, no spaces, and something to see")
async def names(server: Server) -> None:
    async with server.someone() as client:
        for wrong in ("", "x" * 65, "two words", "tab\t", "\u3164", "\u0301"):
            await client.refused("bad_room", "join", room=wrong)


@promise("Names that differ in case, width or what is invisible are one room's, as first written")
async def spellings(server: Server) -> None:
    async with server.in_a_room(1) as (room, [client]):
        wide = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in room)
        for other in (room.upper(), f"{room}\u034f", wide):
            joined = await client.ok("join", room=other)
            check(joined["room"] == room, "the room as it was first written", joined)


@promise("The rooms with most members come first, and lobby is always among them")
async def listing(server: Server) -> None:
    async with server.in_a_room() as (room, [alice, _]):
        rooms = (await alice.ok("rooms"))["rooms"]
        found = {each["room"]: each["members"] for each in rooms}
        check("lobby" in found, "lobby is listed", rooms)
        sizes = [each["members"] for each in rooms]
        check(sizes == sorted(sizes, reverse=True), "the fullest first", sizes)
        check(len(rooms) >= 500 or found.get(room) == 2, "so is this room", rooms)
