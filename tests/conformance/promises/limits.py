"""How much a client may send."""

from __future__ import annotations

from tests.conformance.client import Frame, check
from tests.conformance.promise import LeftOut, Server, promise


@promise("A text has at most text_bytes bytes of UTF-8, whatever its characters")
async def texts(server: Server) -> None:
    async with server.in_a_room(1) as (room, [client]):
        most = client.limits["text_bytes"]
        for text in ("x" * most, "é" * (most // 2)):
            await client.ok("send", room=room, text=text)
        for text in ("x" * (most + 1), "é" * (most // 2 + 1)):
            await client.refused("too_long", "send", room=room, text=text)


@promise("A larger frame than frame_bytes closes with 1009, and the session can be resumed")
async def frames(server: Server) -> None:
    async with server.someone() as client:
        await client.say({"type": "ping", "pad": "x" * client.limits["frame_bytes"]})
        code = await client.closed()
        check(code == 1009, "the close code is 1009", code)
        async with server.client() as again:
            await again.hello(resume=client.secret)


@promise("More than flood_burst commands at once are too_fast, and none of those is carried out")
async def flood(server: Server) -> None:
    async with server.in_a_room(1) as (room, [client]):
        burst, rate = client.limits["flood_burst"], client.limits["flood_rate"]
        if not rate or burst > 200:
            raise LeftOut("this server has no limit, or a very high one")
        for _ in range(2 * burst):
            message = {"type": "send", "room": room, "text": "flood", "id": client.new_id()}
            await client.say(message)
        answers: list[Frame] = []
        while len(answers) < 2 * burst:
            frame = await client.hear()
            answers += [frame] if frame["type"] in {"ok", "error"} else []
        refused = [answer for answer in answers if answer["type"] == "error"]
        check(refused, "some are refused", len(answers))
        for error in refused:
            check(error["code"] == "too_fast", "they are too_fast", error)
            check(error["retry_after"] > 0, "it says when to try again", error)
            check((error["temporary"], error["uncertain"]) == (True, False), "and why", error)
        page = await client.ok("history", room=room, limit=200)
        said = len(page["messages"])
        check(said == len(answers) - len(refused), "the others are carried out", said)


@promise("One more room than limits allows is too_many_rooms")
async def rooms(server: Server) -> None:
    async with server.someone() as client:
        most = client.limits["rooms"]
        if most > 100:
            raise LeftOut(f"one may be in {most} rooms")
        names = [server.new_room() for _ in range(most + 1)]
        for name in names[:most]:
            await client.ok("join", room=name, history=0)
        await client.refused("too_many_rooms", "join", room=names[most])
        await client.ok("join", room=names[0], history=0)
        await client.ok("leave", room=names[0])
        await client.ok("join", room=names[most], history=0)
