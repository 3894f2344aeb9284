"""Members: presence, versions, nicknames, statuses."""

from __future__ import annotations

from tests.conformance.client import Client, Frame, check
from tests.conformance.promise import Server, promise


class Roster:
    """The members of a room as a client keeps them; see "Presence and versions"."""

    def __init__(self, answer: Frame) -> None:
        self.version = answer["version"]
        self.members = {member["nick"]: member for member in answer["members"]}

    def apply(self, presence: Frame) -> None:
        if presence["version"] <= self.version:
            return
        check(presence["after"] <= self.version, "no version is left out", presence, self.version)
        for member in presence.get("joined", ()):
            self.members[member["nick"]] = member
        for nick in presence.get("left", ()):
            self.members.pop(nick, None)
        for change in presence.get("changed", ()):
            self.members.pop(change["was"], None)
            kept = {key: value for key, value in change.items() if key != "was"}
            self.members[change["nick"]] = kept
        self.version = presence["version"]

    async def until(self, client: Client, room: str, version: int) -> None:
        while self.version < version:
            self.apply(await client.event("presence", room=room))


@promise("Presence, applied as described, makes of one list of members the next one")
async def presence(server: Server) -> None:
    async with server.in_a_room(1) as (room, [alice]):
        roster = Roster(await alice.ok("join", room=room))
        async with (
            server.someone(on_second=True) as bob,
            server.someone() as carol,
            server.someone() as dave,
        ):
            for client in (bob, carol, dave):
                await client.ok("join", room=room)
            await bob.ok("nick", nick=(new := server.new_nick()))
            await carol.ok("status", state="busy", text="at work")
            await dave.ok("leave", room=room)
            there = await _members_once(alice, room, {alice.nick, new, carol.nick})
            await roster.until(alice, room, there.version)
            check(roster.members == there.members, "the lists are the same", roster.members)
            busy = there.members[carol.nick]
            check((busy["state"], busy["text"]) == ("busy", "at work"), "the status", busy)


async def _members_once(client: Client, room: str, nicks: set[str]) -> Roster:
    """Ask for the members until they are these, and no change is under way."""
    while True:
        roster = Roster(await client.ok("members", room=room))
        if roster.members.keys() == nicks and any("state" in m for m in roster.members.values()):
            return roster


@promise("A nickname has one owner on all nodes, in whatever case it is written")
async def one_owner(server: Server) -> None:
    async with server.someone() as alice, server.client(on_second=True) as other:
        await other.refused("nick_taken", "hello", nick=alice.nick)
        error = await other.refused("nick_taken", "hello", nick=alice.nick.upper())
        await other.hello(nick=error["suggestion"])
        await other.refused("nick_taken", "nick", nick=alice.nick)


@promise("A nickname that is given up is free at once, and one's own may change its case")
async def given_up(server: Server) -> None:
    async with server.someone() as alice, server.someone(on_second=True) as bob:
        old = alice.nick
        named = await alice.ok("nick", nick=old.upper())
        check(named["nick"] == old.upper(), "the answer has the nickname", named)
        await alice.ok("nick", nick=server.new_nick())
        await bob.ok("nick", nick=old)


@promise("A nick or status sent again with its id on the same connection is answered again")
async def renamed_twice(server: Server) -> None:
    async with server.someone() as client:
        name, nick = client.new_id(), server.new_nick()
        answers = [await client.ok("nick", nick=nick, id=name) for _ in range(2)]
        check(answers[0] == answers[1], "in the same way", answers)


@promise("A status belongs to the session: it outlives a change of the nickname, and resuming")
async def status(server: Server) -> None:
    async with server.in_a_room(1) as (room, [lost]):
        await lost.ok("status", state="away", text="lunch")
        nick = (await lost.ok("nick", nick=server.new_nick()))["nick"]
        await lost.break_off()
        async with server.client(on_second=True) as again:
            await again.hello(resume=lost.secret)
            roster = Roster(await again.ok("join", room=room))
            while nick not in roster.members:  # the list may be one presence behind
                roster.apply(await again.event("presence", room=room))
            me = roster.members[nick]
            check((me.get("state"), me.get("text")) == ("away", "lunch"), "as before", me)
