"""Sessions: resumed on any node, by one connection at a time; and a node that is killed."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress

import trio

from tests.conformance.client import Broken, Client, check
from tests.conformance.promise import LeftOut, Server, promise, wait_out

RIVALS = 4


@promise("A lost session is resumed on another node with its nickname, and nobody sees it go")
async def resumed(server: Server) -> None:
    async with server.in_a_room() as (room, [lost, bob]):
        await bob.heard()
        await lost.break_off()
        async with server.client(on_second=True) as again:
            welcome = await again.hello(resume=lost.secret)
            check(welcome["resumed"] is True, "it is resumed", welcome)
            check(welcome["nick"] == lost.nick, "with its nickname", welcome)
            check(welcome["session"] == lost.secret, "and its secret", welcome)
            await again.ok("join", room=room)
            changes = [e for e in await bob.heard() if e["type"] == "presence"]
            seen = [c for c in changes if lost.nick in str(c)]
            check(not seen, "nobody sees it go", seen)


@promise("A session whose connection still looks alive is resumed all the same; that one gets 4502")
async def taken_over(server: Server) -> None:
    async with server.someone() as first, server.client(on_second=True) as second:
        await second.hello(resume=first.secret)
        code = await first.closed()
        check(code == 4502, "the former connection is closed with 4502", code)
        await second.ok("ping")


@promise("If many connections resume one session at once, one has it, and the others get 4502")
async def double_resume(server: Server) -> None:
    codes: dict[Client, int] = {}
    settled = trio.Event()

    async def compete(rival: Client, secret: str) -> None:
        with suppress(Broken):  # it may lose the session before it is welcomed
            await rival.hello(resume=secret, id=rival.new_id())
        codes[rival] = await rival.closed()
        if len(codes) == RIVALS - 1:
            settled.set()

    async with AsyncExitStack() as stack:
        lost = await stack.enter_async_context(server.someone())
        await lost.break_off()
        clients = [server.client(on_second=number % 2 == 1) for number in range(RIVALS)]
        rivals = [await stack.enter_async_context(client) for client in clients]
        async with trio.open_nursery() as nursery:
            for rival in rivals:
                nursery.start_soon(compete, rival, lost.secret)
            await settled.wait()
            nursery.cancel_scope.cancel()
        found = sorted(codes.values())
        check(found == [4502] * (RIVALS - 1), "all but one are closed with 4502", found)
        [winner] = [rival for rival in rivals if rival not in codes]
        await winner.ok("join", room=server.new_room())


@promise("A session ended with 1000 is over: its nickname is free, its secret worth nothing")
async def goodbye(server: Server) -> None:
    async with server.someone() as alice, server.client(on_second=True) as other:
        await alice.leave(1000)
        await _until_free(other, alice.nick)
        async with server.client() as again:
            await again.refused("unauthorized", "hello", resume=alice.secret)


async def _until_free(client: Client, nick: str) -> None:
    """Say hello under a nickname as soon as it is free."""
    answer = await client.ask("hello", nick=nick)
    while answer.get("code") == "nick_taken":
        answer = await client.ask("hello", nick=nick)
    check(answer["type"] == "welcome", "the nickname is free", answer)


@promise("A session closed with another code, or without one, waits to be resumed")
async def closed_otherwise(server: Server) -> None:
    for code in (1001, 3000, 3999, 4999):
        async with server.someone() as client, server.client(on_second=True) as again:
            await client.leave(code)
            await again.hello(resume=client.secret)


@promise("resume with the secret of no session is unauthorized; then a new one may have the secret")
async def unknown_secret(server: Server) -> None:
    secret = "s" * 12 + server.new_nick()
    async with server.client() as client:
        await client.refused("unauthorized", "hello", resume=secret)
        welcome = await client.hello(nick=server.new_nick(), session=secret)
        check(welcome["session"] == secret, "the secret is one's own", welcome)
        async with server.client() as other:
            nick = server.new_nick()
            await other.refused("unauthorized", "hello", nick=nick, session=secret)


@promise("When the grace time is over the others are told, and the session cannot be resumed")
async def grace(server: Server) -> None:
    async with server.in_a_room() as (room, [lost, bob]):
        seconds = lost.limits["grace_seconds"]
        await lost.break_off()
        await wait_out(server, seconds, "the grace time")
        await bob.event("presence", room=room, left=[lost.nick])
        async with server.client() as again:
            await again.refused("unauthorized", "hello", resume=lost.secret)


@promise("A client that is frozen is closed with 4002, and resumes without a loss")
async def frozen(server: Server) -> None:
    async with server.in_a_room(1) as (room, [alice]), server.client(queued=1) as lost:
        await lost.hello(nick=server.new_nick())
        joined = await lost.ok("join", room=room)
        interval = lost.limits["ping_interval"]
        for _ in range(5):  # the last of these stays unread, and so do the pings after it
            await alice.ok("send", room=room, text="unread")
        await wait_out(server, 3 * interval, "being frozen until it is noticed")
        code = await lost.closed()
        check(code in {4002, 1006}, "it is closed for its silence", code)
        async with server.client(on_second=True) as again:
            await again.hello(resume=lost.secret)
            start = {"epoch": joined["epoch"], "seq": joined["seq"]}
            missed = await again.ok("join", room=room, since=start)
            check(missed["recovered"] is True, "all was recovered", missed)
            check(len(missed["messages"]) == 5, "all that it did not read", missed)


@promise(
    "A node is killed: nothing acknowledged is lost, doubled or out of order, and sessions go on",
    alone=True,
)
async def killed(server: Server) -> None:
    if server.kill is None or server.first == server.second:
        raise LeftOut("needs --kill and --second")
    async with server.someone() as alice, server.someone(on_second=True) as witness:
        room = server.new_room()
        joined = await alice.ok("join", room=room)
        await witness.ok("join", room=room)
        said = {}
        for number in range(10):
            said[(await alice.ok("send", room=room, text=str(number)))["seq"]] = str(number)
        await server.kill()
        in_doubt = {"room": room, "text": "10", "id": alice.new_id()}
        await alice.say({"type": "send"} | in_doubt)
        check(await alice.closed() == 1006, "the connection breaks")
        async with server.client(on_second=True) as again:
            welcome = await again.hello(resume=alice.secret)
            check(welcome["nick"] == alice.nick, "the session goes on", welcome)
            start = {"epoch": joined["epoch"], "seq": 0}
            missed = await again.ok("join", room=room, since=start)
            check(missed["recovered"] is True, "all was recovered", missed)
            found = {message["seq"]: message["text"] for message in missed["messages"]}
            check(said.items() <= found.items(), "all that was acknowledged", found, said)
            said[(await again.ok("send", **in_doubt))["seq"]] = "10"
            await again.ok("send", room=room, text="the end")
            heard = [await witness.event("message", room=room)]
            while heard[-1]["text"] != "the end":
                heard.append(await witness.event("message", room=room))
            texts = [message["text"] for message in heard]
            check(texts == [*map(str, range(11)), "the end"], "once, and in order", texts)
