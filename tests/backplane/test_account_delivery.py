"""Direct messages reach an account on every device, on every node, and while it is away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
import trio.testing

from gateway import wire
from gateway.auth.session_secrets import person_tag
from gateway.backplane import Unavailable
from gateway.backplane.account_keys import AccountKeys
from tests import PATIENCE
from tests.backplane.account_nodes import FRIEND, OTHER, Start, starting
from tests.backplane.people import ACCOUNT, LAPTOP, PHONE, tell
from tests.redis_server import RedisServer


@pytest.fixture
async def start(redis_server: RedisServer) -> AsyncIterator[Start]:
    async with starting(redis_server) as start:
        yield start


async def test_both_devices_of_both_people_see_what_is_said(start: Start) -> None:
    one, two = await start("n1"), await start("n2")
    phone, laptop = await one.sign_in(PHONE), await two.sign_in(LAPTOP)
    same_node = await one.sign_in(f"{ACCOUNT}.dddddddddddd.x")
    friend = await two.sign_in(FRIEND)
    assert await phone.say("Fay", "hello") == 1
    assert await friend.say("Ann", "hi", nick="Fay") == 2
    for client in (phone, laptop, same_node, friend):
        await client.hear("hello", "hi")
    persons = [(frame["person"], frame.get("own", False)) for frame in laptop.frames]
    assert persons == [(person_tag(OTHER), True), (person_tag(OTHER), False)]
    persons = [(frame["person"], frame.get("own", False)) for frame in friend.frames]
    assert persons == [(person_tag(ACCOUNT), False), (person_tag(ACCOUNT), True)]


async def test_an_account_that_is_away_is_written_to(start: Start) -> None:
    server = await start("n1")
    bob = await server.guest("Bob")
    assert await bob.say("Ann", "are you there?", nick="Bob") == 1
    await bob.hear("are you there?")
    phone = await server.sign_in(PHONE)
    [with_bob] = await server.backplane.inboxes.conversations(ACCOUNT)
    assert (with_bob.nick, with_bob.incoming) == ("Bob", 1)
    await phone.say("Bob", "yes")
    await bob.hear("are you there?", "yes")
    await phone.hear("yes")  # nothing from before is replayed
    assert "own" not in bob.frames[0], "guests' messages are what they were"


async def test_one_writes_to_oneself_from_another_device(start: Start) -> None:
    server = await start("n1")
    phone, laptop = await server.sign_in(PHONE), await server.sign_in(LAPTOP)
    assert await phone.say("Ann", "milk") == 1
    await phone.hear("milk")
    await laptop.hear("milk")
    [own] = await server.backplane.inboxes.conversations(ACCOUNT)
    assert (own.tag, own.last_seq, own.incoming) == (person_tag(ACCOUNT), 1, 0)


async def test_what_is_sent_again_after_the_session_was_lost_is_delivered_once(
    start: Start,
) -> None:
    server = await start("n1")
    phone = await server.sign_in(PHONE)
    assert await phone.say("Fay", "once", id="1") == 1
    server.relay.inboxes.close(phone.inbox)
    again = await server.sign_in(f"{PHONE}-again")
    assert await again.say("Fay", "once", id="1") == 1
    laptop = await server.sign_in(LAPTOP)
    assert await laptop.say("Fay", "an id of another device", id="1") == 2
    page = await server.backplane.inboxes.read(OTHER, after=0, limit=10)
    assert page.seq == 2


async def test_who_is_gone_is_told_only_once_the_account_is_deleted(
    start: Start, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start("n1")
    phone = await server.sign_in(PHONE)
    inboxes = server.backplane.inboxes

    async def fail(*_: Any, **__: Any) -> int:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(inboxes, "deliver", fail)
        for key in ("1", "2"):
            with pytest.raises(Unavailable):
                await phone.say("Fay", "hello", id=key)
    redis_server.ask("HDEL", "test:{nicks}:accounts", "fay")  # she has another nickname now
    assert await phone.say("Fay", "hello", id="1") == 1
    redis_server.ask("DEL", AccountKeys("test", OTHER).meta)
    with pytest.raises(wire.CommandError, match="has gone"):
        await phone.say("Fay", "hello", id="2")


async def test_typing_is_noted_on_every_device(start: Start) -> None:
    one, two = await start("n1"), await start("n2")
    phone, laptop = await one.sign_in(PHONE), await two.sign_in(LAPTOP)
    bob = await one.guest("Bob")
    await bob.note_typing("Ann", "Bob")
    for client in (phone, laptop):
        await client.hear_frames(1)
        assert client.frames == [{"type": "typing", "nick": "Bob"}]
    await phone.note_typing("Ann", "Ann")
    await phone.note_typing("Bob", "Ann")
    await bob.hear_frames(1)
    assert bob.frames == [{"type": "typing", "nick": "Ann"}]


async def test_events_of_an_account_reach_the_nodes_that_have_it(start: Start) -> None:
    here, elsewhere = await start("n1"), await start("n2")
    phone = await here.sign_in(PHONE)
    await elsewhere.sign_in(FRIEND)
    channel = here.backplane.inboxes.channel(ACCOUNT).decode()
    for payload in (b"nonsense", b"@", b"!spoilt", b'!{"type":"read"}'):
        await elsewhere.backplane.publish(channel, payload)
    await elsewhere.backplane.inboxes.deliver(
        OTHER, here.backplane.inboxes.channel(OTHER), "k", mark=b"!", tail=b"}", digest="d"
    )
    with trio.fail_after(PATIENCE):
        while len(here.events) < 2:
            here.wait_event = trio.Event()
            await here.wait_event.wait()
    assert here.events == [(ACCOUNT, b"spoilt"), (ACCOUNT, b'{"type":"read"}')]
    assert all(account == OTHER for account, _ in elsewhere.events)
    assert phone.frames == []


async def test_the_channel_is_held_from_the_first_session_to_the_last(
    start: Start, redis_server: RedisServer
) -> None:
    server = await start("n1")
    channel = server.backplane.inboxes.channel(ACCOUNT)

    async def listeners() -> int:
        assert await server.backplane.subscribe(b"test@0:mark")  # after what was asked before
        [_, count] = redis_server.ask("PUBSUB", "NUMSUB", channel)
        return int(count)

    phone, laptop = await server.sign_in(PHONE), await server.sign_in(LAPTOP)
    assert (await listeners(), len(server.relay.accounts)) == (1, 1)
    server.relay.inboxes.close(phone.inbox)
    server.relay.inboxes.close(phone.inbox)  # which does nothing more
    await laptop.say("Ann", "note")
    await laptop.hear("note")
    assert phone.frames == []
    resumed = await server.resume(LAPTOP, None)  # while the former connection is still open
    server.relay.inboxes.close(laptop.inbox)
    assert (await listeners(), len(server.relay.accounts)) == (1, 1)
    await resumed.hear("note")
    server.relay.inboxes.close(resumed.inbox)
    assert (await listeners(), len(server.relay.accounts)) == (0, 0)
    again = await server.sign_in(PHONE)
    assert await listeners() == 1
    await again.say("Ann", "once more")
    await again.hear("once more")


async def test_a_channel_that_was_released_while_it_was_subscribed_is_left(
    start: Start, redis_server: RedisServer
) -> None:
    server = await start("n1")
    accounts = server.relay.accounts
    async with trio.open_nursery() as nursery:
        accounts.hold(ACCOUNT)
        nursery.start_soon(accounts.subscribe, ACCOUNT)
        await trio.testing.wait_all_tasks_blocked()
        accounts.release(ACCOUNT)
    assert await server.backplane.subscribe(b"test@0:mark")
    assert redis_server.ask("PUBSUB", "NUMSUB", server.backplane.inboxes.channel(ACCOUNT))[1] == 0
    await accounts.subscribe(ACCOUNT)
    assert len(accounts) == 0


async def test_who_is_not_subscribed_does_not_begin(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start("n1")

    async def refuse(_: bytes) -> bool:
        return False

    inbox, client = server.open(PHONE)
    with monkeypatch.context() as patch:
        patch.setattr(server.backplane, "subscribe", refuse)
        with pytest.raises(Unavailable):
            await server.relay.inboxes.newest(inbox)
    server.relay.inboxes.begin(inbox, await server.relay.inboxes.newest(inbox))
    await client.say("Ann", "now")
    await client.hear("now")


async def test_nothing_falls_between_the_end_of_the_log_and_what_is_heard(start: Start) -> None:
    server, other = await start("n1"), await start("n2")
    await tell(other.backplane.inboxes, "before")
    inbox, client = server.open(PHONE)
    missed = await server.relay.inboxes.newest(inbox)
    await tell(other.backplane.inboxes, "between")
    await other.backplane.publish("test@0:{account:" + ACCOUNT + "}", b"!mark")
    with trio.fail_after(PATIENCE):
        await server.wait_event.wait()  # it has been heard
    server.relay.inboxes.begin(inbox, missed)
    await tell(other.backplane.inboxes, "after")
    await client.hear("between", "after")


async def test_who_resumes_goes_on_where_they_were(start: Start) -> None:
    server = await start("n1")
    await tell(server.backplane.inboxes, "before")
    inbox, _ = server.open(PHONE)
    missed = await server.relay.inboxes.newest(inbox)
    server.relay.inboxes.close(inbox)
    assert (missed.position.seq, missed.position.id) == (1, "before")
    for text in ("2", "3"):
        await tell(server.backplane.inboxes, text)
    client = await server.resume(PHONE, missed.position)
    await tell(server.backplane.inboxes, "4")
    await client.hear("2", "3", "4")


async def test_who_cannot_go_on_gets_the_newest(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.delivery.inbox.INBOX_SIZE", 10)
    server = await start("n1")
    for number in range(1, 51):
        await tell(server.backplane.inboxes, str(number))
    since = wire.Position(epoch="another", seq=7)
    missed = await server.relay.inboxes.missed(PHONE, since, term=1)
    assert missed.recovered is False
    assert [json.loads(m)["text"] for m in missed.messages] == [str(n) for n in range(41, 51)]


async def test_what_was_missed_while_the_subscription_was_lost_is_delivered(
    start: Start, redis_server: RedisServer
) -> None:
    server, other = await start("n1"), await start("n2")
    clients = [await server.sign_in(sid) for sid in (PHONE, LAPTOP)]
    server.restored = trio.Event()
    redis_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
    await tell(other.backplane.inboxes, "meanwhile")
    with trio.fail_after(PATIENCE):
        await server.restored.wait()
    for client in clients:
        await client.hear("meanwhile")
    await tell(other.backplane.inboxes, "afterwards")
    for client in clients:
        await client.hear("meanwhile", "afterwards")
