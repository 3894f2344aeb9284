"""Direct messages, and the inbox."""

from __future__ import annotations

from tests.conformance.client import check
from tests.conformance.promise import Server, promise


@promise("A direct message comes to both, each with the place in their own inbox")
async def both(server: Server) -> None:
    async with server.someone() as alice, server.someone(on_second=True) as bob:
        await alice.ok("direct", to=alice.nick, text="a note to myself")
        await alice.event("direct", seq=1)
        name = alice.new_id()
        seq = (await alice.ok("direct", to=bob.nick, text="psst", id=name))["seq"]
        for client, place in ((alice, seq), (bob, 1)):
            direct = await client.event("direct", id=name)
            expected = {"seq": place, "from": alice.nick, "to": bob.nick, "text": "psst"}
            check(expected.items() <= direct.items(), "as it was sent", direct)
            check(direct["epoch"], "the epoch of the inbox is there", direct)


@promise("A direct message sent again with its id comes once; another text under it is id_reused")
async def twice(server: Server) -> None:
    async with server.someone() as alice, server.someone(on_second=True) as bob:
        once = {"to": bob.nick, "text": "once", "id": alice.new_id()}
        seqs = {(await alice.ok("direct", **once))["seq"] for _ in range(3)}
        check(len(seqs) == 1, "each attempt has the same seq", sorted(seqs))
        await alice.refused("id_reused", "direct", **(once | {"text": "other"}))
        await alice.ok("direct", to=bob.nick, text="the end")
        await bob.event("direct", text="once")
        after = await bob.event("direct")
        check(after["text"] == "the end", "it came once", after)


@promise("What comes to an inbox while its owner is away is in the welcome, up to its position")
async def missed(server: Server) -> None:
    async with server.someone() as alice, server.someone(on_second=True) as lost:
        await alice.ok("direct", to=lost.nick, text="seen")
        seen = await lost.event("direct")
        await lost.break_off()
        names = [alice.new_id() for _ in range(3)]
        for name in names:
            await alice.ok("direct", to=lost.nick, text="missed", id=name)
        position = {"epoch": seen["epoch"], "seq": seen["seq"], "id": seen["id"]}
        async with server.client() as again:
            welcome = await again.hello(resume=lost.secret, inbox=position)
            check(welcome["recovered"] is True, "all was recovered", welcome)
            found = [direct["id"] for direct in welcome["directs"]]
            check(found == names, "exactly what was missed, in order", welcome)
            expected = {"epoch": seen["epoch"], "seq": 4, "id": names[-1]}
            check(welcome["inbox"] == expected, "the position, with its id", welcome)
            await again.break_off()
        async with server.client(on_second=True) as once_more:
            welcome = await once_more.hello(resume=lost.secret, inbox=expected)
            check(not welcome.get("directs"), "nothing more was missed", welcome)
            check(welcome["inbox"] == expected, "the position is the same", welcome)
            wrong = expected | {"id": "another one"}
            await once_more.break_off()
        async with server.client() as at_last:
            welcome = await at_last.hello(resume=lost.secret, inbox=wrong)
            check(welcome["recovered"] is False, "another message is at its place", welcome)


@promise("An inbox that has had no message is at seq 0, and that is said")
async def empty(server: Server) -> None:
    async with server.someone() as lost:
        await lost.break_off()
        async with server.client(on_second=True) as again:
            welcome = await again.hello(resume=lost.secret)
            check(welcome["inbox"]["seq"] == 0, "its position", welcome)
            check(welcome["recovered"] is True, "nothing was missed", welcome)


@promise("To somebody who has left, an earlier direct is gone, and that is uncertain")
async def gone(server: Server) -> None:
    async with server.someone() as alice, server.someone(on_second=True) as bob:
        nick = bob.nick
        await alice.ok("direct", to=nick, text="hi")
        await bob.leave()
        error = await alice.ask("direct", to=nick, text="still there?")
        while error["type"] == "ok":  # until the session is released
            error = await alice.ask("direct", to=nick, text="still there?")
        check(error["code"] in {"no_such_nick", "gone"}, "nobody has the name", error)
        check(error["uncertain"] is (error["code"] == "gone"), "and what is known", error)
