"""Messages: everyone hears each once, in one order; sent twice, delivered once."""

from __future__ import annotations

import trio

from tests.conformance.client import Client, Frame, check
from tests.conformance.promise import Server, promise

EACH = 10
"""How much each says, where many talk at once."""


async def _talk(client: Client, room: str, sent: dict[int, str]) -> None:
    for number in range(EACH):
        text = f"{client.nick} {number}"
        sent[(await client.ok("send", room=room, text=text))["seq"]] = text


async def _hear(client: Client, room: str, many: int) -> list[Frame]:
    return [await client.event("message", room=room) for _ in range(many)]


@promise("Everyone in a room hears the same messages on every node, each once, by seq without gaps")
async def one_order(server: Server) -> None:
    async with server.in_a_room(3) as (room, clients):
        sent: dict[int, str] = {}
        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(_talk, client, room, sent)
        heard = [await _hear(client, room, 3 * EACH) for client in clients]
        for messages in heard[1:]:
            check(messages == heard[0], "all hear the same frames", messages, heard[0])
        seqs = [message["seq"] for message in heard[0]]
        check(seqs == list(range(1, 3 * EACH + 1)), "in order, without gaps", seqs)
        found = {message["seq"]: message["text"] for message in heard[0]}
        check(found == sent, "each at the seq that its sender was told", found, sent)


@promise("A message has the room, the sender, the time and the id that the sender gave it")
async def fields(server: Server) -> None:
    async with server.in_a_room() as (room, [alice, bob]):
        name = alice.new_id()
        text = 'Grüße!\n„nested \\" 💬“'
        seq = (await alice.ok("send", room=room, text=text, id=name))["seq"]
        for client in (alice, bob):
            message = await client.event("message", id=name)
            expected = {"seq": seq, "room": room, "from": alice.nick, "text": text}
            check(expected.items() <= message.items(), "the message is as sent", message)
            check(message["at"] > 1_600_000_000_000, "at is in milliseconds", message)


@promise("A message sent again with its id is answered with its first seq, and comes only once")
async def twice(server: Server) -> None:
    async with server.in_a_room() as (room, [alice, bob]):
        once = {"room": room, "text": "once", "id": alice.new_id()}
        seqs = {(await alice.ok("send", **once))["seq"] for _ in range(3)}
        check(len(seqs) == 1, "each attempt is answered with the same seq", sorted(seqs))
        await alice.ok("send", room=room, text="the end")
        await bob.event("message", text="once")
        after = await bob.event("message")
        check(after["text"] == "the end", "nobody sees it twice", after)


@promise("Another text under a used id is refused with id_reused; in another room it may be used")
async def another_text(server: Server) -> None:
    async with server.in_a_room(1) as (room, [client]):
        name, elsewhere = client.new_id(), server.new_room()
        await client.ok("join", room=elsewhere)
        await client.ok("send", room=room, text="one", id=name)
        await client.refused("id_reused", "send", room=room, text="other", id=name)
        await client.ok("send", room=elsewhere, text="other", id=name)
        page = await client.ok("history", room=room)
        check([m["text"] for m in page["messages"]] == ["one"], "the first stays", page)


@promise("After resume on another node a message sent again is recognised")
async def twice_across_nodes(server: Server) -> None:
    async with server.in_a_room(1) as (room, [lost]):
        once = {"room": room, "text": "once", "id": lost.new_id()}
        seq = (await lost.ok("send", **once))["seq"]
        await lost.break_off()
        async with server.client(on_second=True) as again:
            await again.hello(resume=lost.secret)
            await again.refused("not_in_room", "send", **once)
            joined = await again.ok("join", room=room)
            check([m["text"] for m in joined["messages"]] == ["once"], "it is there", joined)
            check((await again.ok("send", **once))["seq"] == seq, "with the same seq", seq)


@promise("In a new session with the same secret a message sent again is recognised")
async def twice_across_sessions(server: Server) -> None:
    async with server.someone() as alice, server.someone(on_second=True) as witness:
        room = server.new_room()
        await witness.ok("join", room=room)
        await alice.ok("join", room=room)
        once = {"room": room, "text": "once", "id": alice.new_id()}
        seq = (await alice.ok("send", **once))["seq"]
        await alice.leave()
        async with server.client() as anew:
            hello = {"nick": server.new_nick(), "session": alice.secret}
            answer = await anew.ask("hello", **hello)
            while answer.get("code") == "unauthorized":  # until the other session is released
                answer = await anew.ask("hello", **hello)
            check(answer["type"] == "welcome", "the secret may be used again", answer)
            await anew.ok("join", room=room)
            check((await anew.ok("send", **once))["seq"] == seq, "with the same seq", seq)
        heard = [e for e in await witness.heard() if e["type"] == "message"]
        check(len(heard) == 1, "nobody sees it twice", heard)


@promise("Somebody is told that another is typing, and never of themselves")
async def typing(server: Server) -> None:
    async with server.in_a_room() as (room, [alice, bob]):
        await alice.ok("typing", room=room)
        await bob.event("typing", nick=alice.nick, room=room)
        await alice.ok("typing", to=bob.nick)
        note = await bob.event("typing", nick=alice.nick)
        check("room" not in note, "to one person there is no room in it", note)
        heard = [e for e in await alice.heard() if e["type"] == "typing"]
        check(not heard, "never told to the one who types", heard)
