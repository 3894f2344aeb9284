"""Frames, answers, ids and errors."""

from __future__ import annotations

from typing import Any

import trio

from gateway import wire
from tests.conformance.client import Client, check
from tests.conformance.promise import Server, promise


@promise("Until hello is accepted, every other command is refused with unauthorized")
async def nothing_before_hello(server: Server) -> None:
    async with server.client() as client:
        for kind in ("ping", "rooms"):
            await client.refused("unauthorized", kind)
        await client.refused("unauthorized", "join", room="lobby")
        await client.hello(nick=server.new_nick())


@promise("The welcome has the session's secret, the nickname, the node and all limits")
async def welcome(server: Server) -> None:
    nick = server.new_nick()
    async with server.client() as client:
        answer = await client.hello(nick=nick)
        check(answer["nick"] == nick, "the nickname is the one asked for", answer)
        check(answer.get("resumed", False) is False, "no session is resumed", answer)
        check(answer["session"] and answer["node"], "the secret and the node are named", answer)
        missing = set(wire.Limits.__struct_fields__) - answer["limits"].keys()
        check(not missing, "limits has all its fields", sorted(missing))


@promise("A hello without an id gets its welcome all the same; a second hello is a bad_frame")
async def one_hello(server: Server) -> None:
    async with server.client() as client:
        await client.say({"type": "hello", "nick": server.new_nick()})
        check((await client.hear())["type"] == "welcome", "hello is answered with a welcome")
        await client.refused("bad_frame", "hello", nick=server.new_nick())
        await client.ok("ping")


@promise("Commands are answered in the order in which they were sent")
async def answers_in_order(server: Server) -> None:
    async with server.someone() as client:
        ids = [client.new_id() for _ in range(10)]
        for name in ids:
            await client.say({"type": "ping", "id": name})
        heard = [await client.hear() for _ in ids]
        check([frame.get("id") for frame in heard] == ids, "the answers come in order", heard)


@promise("A command without an id is carried out, and only an error is sent back")
async def no_id(server: Server) -> None:
    async with server.in_a_room(1) as (room, [client]):
        await client.say({"type": "send", "room": room, "text": "no id"})
        await client.event("error", code="bad_frame")
        await client.say({"type": "status", "state": "away", "text": "lunch"})
        events = await client.heard()
        kinds = {event["type"] for event in events}
        check(kinds <= {"presence"}, "no answer comes", events)
        status = {"nick": client.nick, "was": client.nick, "state": "away", "text": "lunch"}
        if status not in [change for e in events for change in e.get("changed", ())]:
            await client.event("presence", room=room, changed=[status])
        await client.say({"type": "leave", "room": server.new_room()})
        error = await client.event("error", code="not_in_room")
        check("id" not in error, "an error to a command without an id has none", error)


@promise("Unknown fields are ignored, and null in an optional field means that it is absent")
async def lenient(server: Server) -> None:
    async with server.client() as client:
        await client.hello(nick=server.new_nick(), session=None, inbox=None, unheard_of=[1])
        await client.ok("join", room=server.new_room(), since=None, colour="red")


@promise("What is no command is a bad_frame, with the id of the frame if that is valid")
async def bad_frames(server: Server) -> None:
    async with server.someone() as client:
        name = client.new_id()
        for frame in (
            {"type": "unheard_of", "id": name},
            {"type": "join", "id": name},
            {"type": "join", "room": 7, "id": name},
            {"type": "send", "room": "lobby", "text": "", "id": name},
            {"type": "history", "room": "lobby", "limit": 100_000, "id": name},
            {"type": "typing", "id": name},
            {"type": "hello", "nick": "alice", "resume": "x", "id": name},
        ):
            await _expect_bad_frame(client, frame, name)
        wrong_ids: tuple[Any, ...] = ("", "x" * 65, 7, [])
        for data in (
            "no json", "[]", "7", '{"type":', b"\x00binary",
            {"type": "send", "room": "lobby", "text": "an id is required"},
            *({"type": "ping", "id": wrong} for wrong in wrong_ids),
        ):  # fmt: skip
            await _expect_bad_frame(client, data, None)
        await client.ok("ping")


async def _expect_bad_frame(client: Client, frame: Any, name: str | None) -> None:
    while True:
        await client.say(frame)
        error = await client.event("error")
        if error["code"] != "too_fast":
            break
        await trio.sleep(error["retry_after"])
    check(error["code"] == "bad_frame", "this is a bad_frame", frame, error)
    check(error.get("id") == name, "its id is that of the frame, if it is valid", frame, error)


@promise("Each error says whether the command may be repeated, and that it was not carried out")
async def outcomes(server: Server) -> None:
    async with server.someone() as client:
        nobody, nowhere = server.new_nick(), server.new_room()
        for code, kind, fields in (
            ("bad_nick", "nick", {"nick": "no spaces here"}),
            ("bad_room", "join", {"room": "x" * 65}),
            ("not_in_room", "leave", {"room": nowhere}),
            ("not_in_room", "send", {"room": nowhere, "text": "hi"}),
            ("not_in_room", "history", {"room": nowhere}),
            ("not_in_room", "members", {"room": nowhere}),
            ("no_such_nick", "direct", {"to": nobody, "text": "hi"}),
            ("no_such_nick", "typing", {"to": nobody}),
            ("bad_status", "status", {"state": "away", "text": "two\nlines"}),
            ("too_long", "status", {"state": "away", "text": "x" * 129}),
        ):
            error = await client.refused(code, kind, **fields)
            found = error["temporary"], error["uncertain"]
            check(found == wire.OUTCOMES[code], f"what {code} leaves of a command", error)
