"""A direct message reaches both inboxes once, whatever fails between the two."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import wire
from gateway.backplane import NO_TERM, Unavailable, payloads
from gateway.delivery.relay import Relay
from gateway.observability.metrics import Counts
from gateway.sessions.direct_messages import DirectMessages
from tests.backplane.conftest import Node
from tests.backplane.sayings import texts, write


@pytest.fixture
async def alice(node: Node) -> DirectMessages:
    """Alice, who may write to Bob."""
    await node.nicks.claim("Bob", "bob")
    await node.nicks.claim("Alice", "alice")
    return DirectMessages(
        node.backplane, Relay(node.backplane, Counts(), outbox_bytes=1 << 20), "alice"
    )


HELLO = wire.SendDirect(id="1", to="bob", text="hello")


async def fail_half_way(
    node: Node, alice: DirectMessages, patch: pytest.MonkeyPatch, at: str
) -> None:
    """Say hello to Bob, with Redis away when it comes to this inbox."""
    inboxes = node.backplane.inboxes
    deliver = inboxes.deliver

    async def fail(session: str, *arguments: Any, **more: Any) -> int:
        if session == at:
            raise Unavailable
        return await deliver(session, *arguments, **more)

    with patch.context() as failing:
        failing.setattr(inboxes, "deliver", fail)
        with pytest.raises(Unavailable):
            await alice.send("Alice", HELLO, term=1)


@pytest.mark.parametrize("failing", ["alice", "bob"])
async def test_who_failed_between_the_two_inboxes_tries_again_and_is_heard_once(
    node: Node, alice: DirectMessages, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    await fail_half_way(node, alice, monkeypatch, failing)
    assert [await alice.send("Alice", HELLO, term=1) for _ in range(2)] == [1, 1]
    for session in ("alice", "bob"):
        assert (await node.backplane.inboxes.read(session, after=0, limit=10)).seq == 1
    # What she knows as said is said, whoever has the nickname now.
    await node.nicks.release({"bob": NO_TERM})
    assert await alice.send("Alice", HELLO, term=1) == 1


@pytest.mark.parametrize("failing", ["alice", "bob"])
async def test_another_attempt_goes_to_the_same_person_though_another_has_the_name(
    node: Node, alice: DirectMessages, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    await fail_half_way(node, alice, monkeypatch, failing)
    await node.nicks.claim("Robert", "bob")
    await node.nicks.claim("Bob", "another")
    # By what others write to her the note is not forgotten.
    await write(node, "hi", session="alice")
    assert await alice.send("Alice", HELLO, term=1) == 2
    inboxes = node.backplane.inboxes
    assert texts((await inboxes.read("bob", after=0, limit=10)).messages) == ["hello"]
    assert (await inboxes.read("another", after=0, limit=10)).seq == 0
    assert await alice.send("Alice", wire.SendDirect(id="2", to="bob", text="well?"), term=1) == 3
    assert texts((await inboxes.read("another", after=0, limit=10)).messages) == ["well?"]


@pytest.mark.parametrize("failing", ["alice", "bob"])
@pytest.mark.parametrize("taken", [False, True])
async def test_another_attempt_is_refused_if_whom_it_was_for_has_gone(
    node: Node, alice: DirectMessages, monkeypatch: pytest.MonkeyPatch, failing: str, taken: bool
) -> None:
    await fail_half_way(node, alice, monkeypatch, failing)
    await node.nicks.release({"bob": NO_TERM})
    await node.backplane.inboxes.forget(["bob"])
    if taken:
        await node.nicks.claim("Bob", "another")
    for _ in range(2):
        with pytest.raises(wire.CommandError, match="has gone") as refused:
            await alice.send("Alice", HELLO, term=1)
        assert refused.value.code == "gone"
    for session in ("alice", "bob", "another"):
        assert (await node.backplane.inboxes.read(session, after=0, limit=10)).seq == 0


@pytest.mark.parametrize("session", ["alice", "bob"])
async def test_what_is_acknowledged_is_published_though_the_first_attempt_was_cut_off(
    node: Node, alice: DirectMessages, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    assert await node.subscription.subscribe(node.nodes.channel)
    call = node.link.call

    async def fail(*command: Any) -> Any:
        if command[0] == "PUBLISH" and command[2].startswith(payloads.direct_mark(session)):
            raise Unavailable
        return await call(*command)

    with monkeypatch.context() as patch:
        patch.setattr(node.link, "call", fail)
        with pytest.raises(Unavailable):
            await alice.send("Alice", HELLO, term=1)
    assert (await node.backplane.inboxes.read(session, after=0, limit=10)).seq == 1
    before = await node.hear(1 if session == "alice" else 0)
    assert await alice.send("Alice", HELLO, term=1) == 1
    heard = [payloads.read_marked(payload)[0] for payload in before + await node.hear(1)]
    if session == "bob":
        heard += [payloads.read_marked(payload)[0] for payload in await node.hear(1)]
    assert heard == ["bob", "alice"]
    await node.hear_no_more()
