"""What the owner of an account may do in a session, and what other devices do to it."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from client.session import (
    AccountState,
    CommandError,
    Ended,
    Guest,
    Identity,
    NickChanged,
    NotConnected,
    NotRejoined,
    Registration,
    Rejoined,
    Token,
    Unsent,
    open_session,
)
from gateway import wire
from tests.unit.client.session.account_sessions import (
    Tokens,
    alice,
    guest,
    next_of,
    room,
    signed_in,
)
from tests.unit.client.session.scripted_node import (
    LOST,
    Answer,
    Frame,
    Hangup,
    refusal,
    scripted_node,
    welcome,
)

pytestmark = pytest.mark.usefixtures("at_once")

OK: Frame = {"type": "ok"}
UNAUTHORIZED = refusal("unauthorized")
NEW = Registration("alice", "lavender tram 41 umbrella")


# --- becoming the account's -------------------------------------------------------------------


async def test_a_guests_session_turns_into_the_accounts_on_the_same_connection() -> None:
    tokens = Tokens()
    async with guest(tokens) as (node, session):
        answer = signed_in(nick="Alice", rooms=[room("lobby"), room("cafe")]) | {"token": "t"}
        node.script("register", answer)
        state = await session.account.register(NEW)
        assert (state.account, session.account.state, session.nick) == ("a1", state, "Alice")
        assert tokens.kept == ["t"]
        told = await next_of(session, AccountState)
        assert told == state
        rejoined = await next_of(session, Rejoined)
        assert isinstance(rejoined, Rejoined)
        assert rejoined.joined.room == "cafe", "what else the account has"
        assert [command["room"] for command in node.frames("join")] == ["lobby", "cafe"]
        message = {
            "seq": 1, "type": "message", "at": 1, "room": "lobby", "from": "bob", "text": "hi",
            "id": "m",
        }  # fmt: skip
        await node.tell(message)
        heard = await next_of(session, wire.Message)
        assert isinstance(heard, wire.Message)
        assert len(node.frames("hello")) == 1
        await node.tell(LOST)
        node.script("hello", UNAUTHORIZED, signed_in(rooms=[room("lobby", 1), room("cafe")]))
        joins = await node.until("join", 4)
        assert [command["token"] for command in node.frames("hello")[2:]] == ["t"]
        [lobby] = [command for command in joins[2:] if command["room"] == "lobby"]
        assert lobby["since"]["seq"] == 1, "its place stays"


@pytest.mark.parametrize("is_made", [True, False])
async def test_a_registration_by_a_guest_whose_answer_is_lost_is_sent_again(is_made: bool) -> None:
    async with guest() as (node, session):
        account = signed_in(rooms=[room("lobby")]) | {"token": "t"}
        node.script("register", LOST, account)
        node.script("hello", UNAUTHORIZED if is_made else welcome(resumed=True))
        state = await session.account.register(NEW)
        assert state.account == "a1"
        assert session.rooms == ["lobby"]
        one, other = node.frames("register")
    assert one == other
    assert one["id"] == NEW.id
    assert len(node.frames("hello")) == 2


async def test_a_guest_whose_registration_is_refused_stays_a_guest() -> None:
    async with guest() as (node, session):
        node.script("register", refusal("weak_password", reason="common"))
        with pytest.raises(CommandError, match="very common"):
            await session.account.register(NEW)
        assert session.account.state is None
        await node.tell(LOST)
        hellos = await node.until("hello", 2)
        assert "resume" in hellos[1]


async def test_a_guest_whose_registration_is_refused_after_its_answer_was_lost_stays_one() -> None:
    async with guest() as (node, session):
        node.script("register", LOST, refusal("nick_taken"))
        node.script("hello", UNAUTHORIZED, welcome())
        with pytest.raises(CommandError, match="taken"):
            await session.account.register(NEW)
        assert session.account.state is None
        assert [command.get("nick") for command in node.frames("hello")] == ["alice", None, "alice"]
        assert session.connected


async def test_no_password_is_sent_where_others_can_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("client.session.current_connection.keeps_secrets", lambda _url: False)
    async with guest() as (node, session):
        account = session.account
        for ask in (
            partial(account.register, NEW),
            partial(account.change_password, "old", "new"),
            partial(account.delete, "old"),
            partial(account.refresh, "jwt"),
        ):
            with pytest.raises(CommandError, match="with TLS only") as refused:
                await ask()
            assert refused.value.code == "insecure"
        assert {command["type"] for command in node.commands} == {"hello", "join"}


async def test_whoever_has_an_account_makes_no_other_one() -> None:
    async with alice() as (node, session):
        with pytest.raises(CommandError) as refused:
            await session.account.register(NEW)
        assert refused.value.code == "forbidden"
        assert node.frames("register") == []


# --- commands ---------------------------------------------------------------------------------


async def test_each_command_is_sent_as_the_protocol_has_it() -> None:
    device = {"id": "d1", "name": "laptop", "last_seen": 1_767_225_600_000, "current": True}
    talk = {"with": "bob", "person": "p", "seq": 7, "read": 5, "unread": 1}
    direct = {
        "seq": 7, "type": "direct", "at": 1, "epoch": "e", "from": "bob", "to": "alice",
        "text": "hi", "id": "x",
    }  # fmt: skip
    async with alice() as (node, session):
        node.script("devices", {**OK, "devices": [device]})
        node.script("conversations", {**OK, "conversations": [talk]})
        node.script(
            "history", {**OK, "with": "bob", "directs": [direct], "before": 3, "more": True}
        )
        account = session.account
        await account.change_password("old", "new", sign_out_others=True)
        [laptop] = await account.devices()
        await account.revoke("d2")
        await account.revoke_others()
        [bob] = await account.conversations()
        page = await account.history_with("bob", before=9, limit=1)
        await session.set_idle(idle=True)
    assert (laptop.name, laptop.current) == ("laptop", True)
    assert (bob.with_, bob.unread) == ("bob", 1)
    assert ([d.text for d in page.directs], page.before, page.more) == (["hi"], 3, True)
    sent = [{k: v for k, v in c.items() if k not in {"type", "id"}} for c in node.commands[1:]]
    assert sent == [
        {"old": "old", "new": "new", "sign_out_others": True},
        {},
        {"device": "d2"},
        {"others": True},
        {},
        {"with": "bob", "before": 9, "limit": 1},
        {"idle": True},
    ]


async def test_signing_out_ends_the_session_and_its_token() -> None:
    tokens = Tokens()
    async with scripted_node() as node:
        node.script("hello", signed_in())
        node.script("sign_out", [OK, Hangup(1000)])
        async with open_session([node.url], Token("t"), on_token=tokens.keep) as session:
            await session.account.sign_out()
            assert tokens.kept == [None]
            ended = await next_of(session, Ended)
    assert ended == Ended("you have signed out on this device", "signed_out")


async def test_deleting_the_account_ends_the_session_and_its_token() -> None:
    tokens = Tokens()
    async with scripted_node() as node:
        node.script("hello", signed_in())
        node.script("delete_account", [OK, Hangup(4506)])
        async with open_session([node.url], Token("t"), on_token=tokens.keep) as session:
            await session.account.delete("password")
            ended = await next_of(session, Ended)
    assert isinstance(ended, Ended)
    assert ended.cause == "account_closed"
    assert tokens.kept == [None]


async def test_what_was_not_sent_is_handed_back_when_the_device_is_signed_out() -> None:
    async with alice(room("lobby")) as (node, session), trio.open_nursery() as nursery:
        node.script("send", None)

        async def send(text: str) -> None:
            with pytest.raises(NotConnected):
                await session.send("lobby", text, message_id=text)

        nursery.start_soon(send, "one")
        await node.until("send")
        nursery.start_soon(send, "two")
        await wait_all_tasks_blocked()
        await node.tell(Hangup(4505))
        ended = await next_of(session, Ended)
        assert isinstance(ended, Ended)
        assert ended.unsent == (
            Unsent(wire.Send(id="one", room="lobby", text="one"), uncertain=True),
            Unsent(wire.Send(id="two", room="lobby", text="two"), uncertain=False),
        )


async def test_idle_is_set_again_in_a_new_session_and_a_status_is_the_accounts() -> None:
    async with alice() as (node, session):
        await session.set_idle(idle=True)
        await session.set_status("busy", "tea")
        node.script("hello", UNAUTHORIZED, signed_in())
        await node.tell(LOST)
        await node.until("idle", 2)
        await session.ping()
        assert len(node.frames("status")) == 1, "the last choice of any device holds"


# --- other devices ----------------------------------------------------------------------------


async def test_the_accounts_rooms_are_joined_at_sign_in_a_few_at_a_time() -> None:
    names = [f"r{number}" for number in range(40)]
    async with scripted_node() as node:
        node.script("join", None)
        node.script("hello", signed_in(rooms=list(map(room, names))))
        async with open_session([node.url], Token("t")):
            await node.until("join", 16)
            await wait_all_tasks_blocked()
            assert [command["room"] for command in node.frames("join")] == names[:16]
    async with alice(*map(room, names)) as (_node, session):
        assert sorted(session.rooms) == sorted(names)


async def test_a_room_of_the_account_that_cannot_be_joined_is_told() -> None:
    async with scripted_node() as node:
        node.script("join", refusal("too_many_rooms"))
        node.script("hello", signed_in(rooms=[room("cafe")]))
        async with open_session([node.url], Token("t")) as session:
            refused = await next_of(session, NotRejoined)
            assert isinstance(refused, NotRejoined)
            assert refused.room == "cafe"


async def test_what_another_device_joins_and_leaves_this_one_does_too() -> None:
    async with alice(room("lobby")) as (node, session):
        await node.tell({"type": "joined", "room": "cafe"})
        assert await session.events.receive() == wire.JoinedElsewhere(room="cafe")
        rejoined = await next_of(session, Rejoined)
        assert isinstance(rejoined, Rejoined)
        assert rejoined.joined.room == "cafe"
        await node.tell({"type": "joined", "room": "cafe"}, {"type": "left", "room": "lobby"})
        left = await next_of(session, wire.LeftElsewhere)
        assert left == wire.LeftElsewhere(room="lobby")
        assert session.rooms == ["cafe"]
        assert len(node.frames("join")) == 2
        assert node.frames("leave") == [], "it is left already"


async def test_what_was_left_while_this_device_was_away_is_left() -> None:
    async with alice(room("lobby"), room("cafe")) as (node, session):
        await node.tell(LOST)
        node.script("hello", UNAUTHORIZED, signed_in(rooms=[room("cafe"), room("garden")]))
        left = await next_of(session, wire.LeftElsewhere)
        assert left == wire.LeftElsewhere(room="lobby")
        joins = await node.until("join", 4)
        assert {command["room"] for command in joins[2:]} == {"cafe", "garden"}


async def test_a_resumed_session_that_is_told_no_rooms_keeps_its_own() -> None:
    async with alice(room("lobby")) as (node, session):
        await node.tell(LOST)
        node.script("hello", signed_in(resumed=True, inbox={"epoch": "e", "seq": 0}))
        await node.until("join", 2)
        assert session.rooms == ["lobby"]


async def test_another_nickname_by_another_device_is_the_sessions() -> None:
    async with alice(room("lobby")) as (node, session):
        change = {"was": "alice", "nick": "Alicia"}
        presence = {"type": "presence", "room": "lobby", "after": 1, "version": 2}
        await node.tell({**presence, "changed": [change]})
        assert await next_of(session, NickChanged) == NickChanged("Alicia")
        assert session.nick == "Alicia"


@pytest.mark.parametrize("registers", [False, True])
async def test_an_inbox_is_read_on_from_where_the_session_began(registers: bool) -> None:
    end = {"epoch": "e", "seq": 7, "id": "d7"}
    direct = {
        "seq": 8, "type": "direct", "at": 1, "epoch": "e", "from": "bob", "to": "alice",
        "text": "hi", "id": "d8",
    }  # fmt: skip
    begins: Answer = [signed_in(inbox=end), direct]
    async with scripted_node() as node:
        identity: Identity = Guest("alice") if registers else Token("t")
        node.script("hello", welcome() if registers else begins, signed_in(resumed=True))
        node.script("register", begins)
        async with open_session([node.url], identity) as session:
            if registers:
                await session.account.register(NEW)
            await next_of(session, wire.DirectMessage)
            await node.tell(LOST)
            hellos = await node.until("hello", 2)
    assert hellos[1]["inbox"] == {"epoch": "e", "seq": 8, "id": "d8"}


async def test_direct_messages_that_are_uncertain_are_sent_again_by_the_same_device() -> None:
    async with alice() as (node, session):
        node.script("direct", LOST, {**OK, "seq": 3})
        node.script("hello", UNAUTHORIZED, signed_in())
        assert await session.direct("bob", "psst") == 3
        one, other = node.frames("direct")
        assert one == other
