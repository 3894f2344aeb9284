"""The inbox of an account outlives its sessions, and knows with whom something was said."""

from __future__ import annotations

import pytest

from gateway.auth.session_secrets import person_tag
from gateway.backplane import IdReused, Owner, payloads
from gateway.backplane.account_keys import AccountKeys
from gateway.backplane.conversations import MOST_EXAMINED, KeptConversation
from gateway.backplane.inboxes import InboxKeys, InboxStore
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.redis.link import Link
from gateway.cluster.collector import Collector
from gateway.policy.retention import Retention
from tests.backplane.conftest import Node
from tests.backplane.people import ACCOUNT, LAPTOP, PHONE, tell
from tests.backplane.sayings import seqs, tail, texts, write
from tests.redis_server import RedisServer

KEYS = InboxKeys("test", ACCOUNT)


@pytest.fixture
def inboxes(node: Node) -> InboxStore:
    return node.backplane.inboxes


def store(link: Link, *, messages: int, log_bytes: int) -> InboxStore:
    """The inboxes of the test, with other bounds for accounts."""
    return InboxStore(
        link,
        namespace="test",
        scope="test@0",
        incarnation=Incarnation("n1"),
        retention=Retention(log_bytes=1000, account_messages=messages, account_log_bytes=log_bytes),
    )


# --- how long it is kept ------------------------------------------------------------------------


async def test_it_is_not_forgotten_with_a_session(
    inboxes: InboxStore, redis_server: RedisServer
) -> None:
    await tell(inboxes, "hello")
    before = redis_server.keys()
    await inboxes.forget([PHONE, LAPTOP, "bob"])
    assert redis_server.keys() == before
    await inboxes.delete([ACCOUNT])
    assert redis_server.keys() == []


async def test_it_is_collected_only_if_there_is_no_such_account(
    node: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ACCOUNT[::-1]
    redis_server.ask("HSET", AccountKeys("test", ACCOUNT).meta, "nick", "Ann")
    for account in (ACCOUNT, gone):
        await tell(node.backplane.inboxes, "hello", account=account)
    collector = Collector(node.backplane, [])
    before = redis_server.keys()
    await collector.collect()
    assert redis_server.keys() == before
    monkeypatch.setattr("gateway.cluster.collector.ABANDONED_SECONDS", 0.0)
    for _ in range(2):
        await collector.collect()
    parts = ("meta", "log", "ids", "peers")
    assert set(before) - set(redis_server.keys()) == {
        f"test:{{inbox:{gone}}}:{part}" for part in parts
    }


async def test_it_has_bounds_of_its_own(link: Link) -> None:
    inboxes = store(link, messages=2000, log_bytes=1 << 20)
    for number in range(1, 2501):
        await tell(inboxes, str(number))
    kept = (await inboxes.read(ACCOUNT, after=0, limit=10_000)).messages
    assert 2000 <= len(kept) <= 2100
    assert seqs(kept)[-1] == 2500
    assert await inboxes.count_incoming(ACCOUNT, person_tag("bob"), 2500) == 2500


@pytest.mark.parametrize(("messages", "log_bytes"), [(1000, 20_000), (100, 1 << 20), (100, 20_000)])
async def test_it_keeps_the_newest_that_fit(
    link: Link, redis_server: RedisServer, messages: int, log_bytes: int
) -> None:
    inboxes = store(link, messages=messages, log_bytes=log_bytes)
    delivered: list[int] = []
    for number in range(1, 400):
        await tell(inboxes, "x" * (number * 7919 % 1000), key=str(number))
        kept = (await inboxes.read(ACCOUNT, after=0, limit=1000)).messages
        delivered.append(len(kept[-1]))
        size = sum(map(len, kept))
        assert size == int(redis_server.ask("HGET", KEYS.meta, "bytes"))
        assert size <= log_bytes
        assert len(kept) <= messages + 100
        before = delivered[: len(delivered) - len(kept)]
        assert not before or len(kept) >= messages or size + before[-1] > log_bytes * 7 / 8


async def test_a_message_larger_than_the_log_is_kept_alone(link: Link) -> None:
    inboxes = store(link, messages=100, log_bytes=1000)
    for seq, (size, kept) in enumerate([(10, 1), (5000, 1), (5000, 1), (10, 1), (10, 2)], 1):
        assert await tell(inboxes, "x" * size, key=str(seq)) == seq
        page = await inboxes.read(ACCOUNT, after=0, limit=10)
        assert seqs(page.messages) == list(range(seq - kept + 1, seq + 1))


# --- idempotency ----------------------------------------------------------------------------------


async def test_an_id_in_a_room_belongs_to_the_device_whatever_its_session(node: Node) -> None:
    async def say(sid: str, text: str) -> int:
        said, digest = tail(text, id="1"), payloads.digest_of(text)
        return await node.rooms.publish("lobby", sid, "1", said, term=1, digest=digest)

    assert await say(PHONE, "hello") == 1
    assert await say(f"{PHONE}-later", "hello") == 1
    with pytest.raises(IdReused):
        await say(f"{PHONE}-later", "something else")
    assert await say(LAPTOP, "something else") == 2


async def test_no_session_of_an_account_is_replaced_by_another(inboxes: InboxStore) -> None:
    bob = Owner("bob", "n1", "Bob")
    for key, term in [("1", 5), ("2", 1)]:
        assert await inboxes.address(ACCOUNT, key, bob, term=term, digest="d") == bob


async def test_an_account_as_recipient_is_recorded(inboxes: InboxStore) -> None:
    ann = Owner(ACCOUNT, "", "Ann")
    assert await inboxes.address("bob", "1", ann, term=1, digest="d") == ann
    assert await inboxes.address("bob", "1", None, term=1, digest="d") == ann


# --- conversations --------------------------------------------------------------------------------


async def test_a_conversation_has_its_last_message_and_counts_what_came_in(
    inboxes: InboxStore,
) -> None:
    assert await inboxes.conversations(ACCOUNT) == []
    for text, other, own in [
        ("1", "bob", False), ("2", "bob", True), ("3", "carol", True), ("4", "bob", False),
        ("4", "bob", False), ("5", "carol", True),
    ]:  # fmt: skip
        await tell(inboxes, text, other=other, own=own)
    carol = KeptConversation(person_tag("carol"), "carol", 5, 0)
    bob = KeptConversation(person_tag("bob"), "bob", 4, 2)
    assert await inboxes.conversations(ACCOUNT) == [carol, bob]
    assert await inboxes.conversation(ACCOUNT, bob.tag) == bob
    assert await inboxes.conversation(ACCOUNT, person_tag("dave")) is None


async def test_the_oldest_conversations_are_forgotten_when_there_are_too_many(
    inboxes: InboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.inboxes.MOST_PEERS", 20)
    await tell(inboxes, "first", other="friend")
    for number in range(1, 101):
        await tell(inboxes, str(number), other=f"p{number}")
        if number % 10 == 0:
            await tell(inboxes, f"again {number}", other="friend")
        kept = await inboxes.conversations(ACCOUNT)
        assert len(kept) < 22
        newest = [f"p{n}" for n in range(number, max(0, number - 19), -1)]
        assert [each.nick for each in kept if each.nick != "friend"][:19] == newest[:19]
    assert "friend" in {each.nick for each in await inboxes.conversations(ACCOUNT)}


async def test_a_guest_has_no_list_of_conversations(node: Node, redis_server: RedisServer) -> None:
    await write(node, "hello")
    assert [key.rpartition(":")[2] for key in sorted(redis_server.keys())] == ["ids", "log", "meta"]


async def test_a_lost_log_takes_its_conversations_with_it(
    inboxes: InboxStore, redis_server: RedisServer
) -> None:
    await tell(inboxes, "lost", other="carol")
    redis_server.ask("DEL", KEYS.meta)
    await tell(inboxes, "new")
    assert [each.nick for each in await inboxes.conversations(ACCOUNT)] == ["bob"]


async def test_what_other_programs_wrote_is_no_conversation(
    inboxes: InboxStore, redis_server: RedisServer
) -> None:
    await tell(inboxes, "hello")
    redis_server.ask("HSET", KEYS.peers, "tag", "spoilt")
    assert [each.nick for each in await inboxes.conversations(ACCOUNT)] == ["bob"]
    redis_server.ask("XADD", KEYS.log, "9-0", "spoilt", "spoilt")
    page = await inboxes.history_with(ACCOUNT, person_tag("bob"), 100, 10)
    assert (texts(page.messages), page.more) == (["hello"], False)


async def read_back(inboxes: InboxStore, other: str, limit: int) -> list[str]:
    """Read a whole conversation, page for page."""
    found: list[str] = []
    before: int | None = None
    while True:
        page = await inboxes.history_with(ACCOUNT, person_tag(other), before, limit)
        assert len(page.messages) <= limit
        found = [*texts(page.messages), *found]
        if page.before is None:
            assert not page.more
            return found
        assert page.more
        assert before is None or page.before < before, "it gets on"
        before = page.before


async def test_a_conversation_is_read_back_whole(inboxes: InboxStore) -> None:
    said = [("bob", "carol", "dave")[number % 7 % 3] for number in range(350)]
    for number, other in enumerate(said):
        await tell(inboxes, f'{number}","person":"{person_tag("bob")}","id":"', other=other)
    for other in ("bob", "carol", "dave", "nobody"):
        expected = [n for n, each in enumerate(said) if each == other]
        for limit in (1, 30, 100, 1000):
            found = await read_back(inboxes, other, limit)
            assert [int(text.split('"')[0]) for text in found] == expected


async def test_a_page_may_be_empty_and_say_where_to_go_on(link: Link) -> None:
    inboxes = store(link, messages=10_000, log_bytes=1 << 22)
    await tell(inboxes, "long ago", other="carol")
    for number in range(MOST_EXAMINED + 50):
        await tell(inboxes, str(number))
    page = await inboxes.history_with(ACCOUNT, person_tag("carol"), 10_000, 10)
    assert (page.messages, page.more, page.before) == ([], True, 52)
    page = await inboxes.history_with(ACCOUNT, person_tag("carol"), page.before, 10)
    assert (texts(page.messages), page.more) == (["long ago"], False)
    # Without a place to begin at, the conversation itself says where its last message is.
    assert await read_back(inboxes, "carol", 10) == ["long ago"]
    # Not all messages after the first are read to count: it is as if more were unread.
    assert await inboxes.count_incoming(ACCOUNT, person_tag("bob"), 1) == 0
    assert await inboxes.count_incoming(ACCOUNT, person_tag("bob"), 100) == 99
    assert await inboxes.count_incoming(ACCOUNT, person_tag("carol"), 1) == 1


async def test_what_came_in_up_to_a_message_is_counted(inboxes: InboxStore) -> None:
    said = [("bob", n % 3 == 0) if n % 4 else ("carol", False) for n in range(250)]
    for number, (other, own) in enumerate(said):
        await tell(inboxes, str(number), other=other, own=own)
    for seq in (0, 1, 17, 120, 249, 250, 9999):
        expected = sum(other == "bob" and not own for other, own in said[:seq])
        assert await inboxes.count_incoming(ACCOUNT, person_tag("bob"), seq) == expected
    assert await inboxes.count_incoming(ACCOUNT, person_tag("nobody"), 5) == 0
