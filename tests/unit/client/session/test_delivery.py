"""What is said of a message, or another command, whose fate is not certain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from client.session import NotConfirmed, NotConnected
from client.session.connection import ClientConnection
from client.session.delivery import SEND_SECONDS, Delivery, insist, settle
from gateway import wire
from gateway.wire import CommandError

UNCERTAIN = wire.Error(code="unavailable", message="Not now.", temporary=True, uncertain=True)
CERTAIN = wire.Error(code="unavailable", message="Not now.", temporary=True, uncertain=False)
SPOILT = wire.Error(code="unavailable", message="Broken.", temporary=False, uncertain=False)
OF_AN_OLD_NODE = wire.Error(code="unavailable", message="Not now.", retry_after=1.0)
NOT_IN_ROOM = wire.Error(code="not_in_room", message="Join it.", temporary=False, uncertain=False)
LOST = NotConfirmed("the connection was lost")
Fate = wire.Error | Exception | int


class StandIn:
    """A connection on which each attempt has the next of these fates; the last one for ever."""

    def __init__(self, *fates: Fate) -> None:
        self.fates = list(fates)
        self.asked: list[wire.Command] = []

    async def ask(self, command: wire.Command, *_: Any, **__: Any) -> wire.Sent:
        self.asked.append(command)
        await trio.lowlevel.checkpoint()
        fate = self.fates.pop(0) if len(self.fates) > 1 else self.fates[0]
        if isinstance(fate, wire.Error):
            raise fate.as_exception()
        if isinstance(fate, Exception):
            raise fate
        return wire.Sent(seq=fate)


def connect(delivery: Delivery, *fates: Fate, resumed: bool = True) -> StandIn:
    connection = StandIn(*fates)
    delivery.connected(cast("ClientConnection", connection), resumed=resumed)
    return connection


def say(text: str = "hi", name: str = "1") -> wire.Send:
    return wire.Send(room="lobby", text=text, id=name)


def whisper(name: str = "1") -> wire.SendDirect:
    return wire.SendDirect(to="bob", text="psst", id=name)


@pytest.mark.parametrize(
    ("fates", "uncertain"),
    [
        ([CERTAIN], False),
        ([UNCERTAIN], True),
        ([UNCERTAIN, CERTAIN], True),
        ([OF_AN_OLD_NODE], True),
    ],
)
async def test_what_is_not_acknowledged_in_time_is_not_sent_or_not_confirmed(
    fates: list[Fate], uncertain: bool, autojump_clock: MockClock
) -> None:
    delivery = Delivery()
    connection = connect(delivery, *fates)
    began = autojump_clock.current_time()
    with pytest.raises(NotConnected) as failure:
        await delivery.send(say())
    assert autojump_clock.current_time() - began == pytest.approx(SEND_SECONDS, abs=0.5)
    assert isinstance(failure.value, NotConfirmed) == uncertain
    assert ("not confirmed" if uncertain else "not sent") in str(failure.value)
    assert set(connection.asked) == {say()}, "always the same, with the same id"


async def test_a_refusal_is_uncertain_if_an_earlier_attempt_was(autojump_clock: MockClock) -> None:
    del autojump_clock
    for fates, uncertain in (([NOT_IN_ROOM], False), ([UNCERTAIN, NOT_IN_ROOM], True)):
        delivery = Delivery()
        connect(delivery, *fates)
        with pytest.raises(CommandError) as refusal:
            await delivery.send(say())
        assert (refusal.value.code, refusal.value.uncertain) == ("not_in_room", uncertain)


async def test_what_is_refused_until_somebody_mends_it_is_not_repeated(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    delivery = Delivery()
    connection = connect(delivery, SPOILT)
    with pytest.raises(CommandError) as refusal:
        await delivery.send(say())
    assert not refusal.value.uncertain
    assert len(connection.asked) == 1


async def test_what_was_given_up_uncertain_is_uncertain_when_it_is_sent_again(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    delivery = Delivery()
    connect(delivery, UNCERTAIN, CERTAIN)
    for _ in range(2):
        with pytest.raises(NotConfirmed) as failure:
            await delivery.send(say())
        assert failure.value.repeatable
    connect(delivery, 7)
    assert await delivery.send(say()) == 7
    connect(delivery, CERTAIN)
    with pytest.raises(NotConnected) as late:
        await delivery.send(say())
    assert not isinstance(late.value, NotConfirmed), "it was acknowledged since"


@asynccontextmanager
async def sending(
    delivery: Delivery, command: wire.Send | wire.SendDirect
) -> AsyncIterator[list[Exception]]:
    """Send a command meanwhile; yields how that failed, once it has."""
    failures: list[Exception] = []

    async def send() -> None:
        try:
            await delivery.send(command)
        except (NotConnected, CommandError) as error:
            failures.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        yield failures


@pytest.mark.parametrize(
    ("fate", "uncertain"), [(LOST, True), (NotConnected("never sent"), False), (CERTAIN, False)]
)
async def test_the_end_of_a_session_leaves_uncertain_what_may_have_been_sent(
    fate: Fate, uncertain: bool, autojump_clock: MockClock
) -> None:
    del autojump_clock
    delivery = Delivery()
    async with sending(delivery, say()) as failures:
        connect(delivery, fate)
        await trio.sleep(2)
        delivery.disconnected()
        delivery.end("it is over")
    [failure] = failures
    assert isinstance(failure, NotConnected)
    assert isinstance(failure, NotConfirmed) == uncertain
    if isinstance(failure, NotConfirmed):
        assert not failure.repeatable, "another session would not recognise it"


async def test_a_direct_message_that_may_have_arrived_is_not_sent_by_another_session(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    for fate, uncertain in ((LOST, True), (UNCERTAIN, True), (CERTAIN, False)):
        delivery = Delivery()
        async with sending(delivery, whisper()) as failures:
            connect(delivery, fate)
            await trio.sleep(2)
            delivery.disconnected()
            anew = connect(delivery, 3, resumed=False)
        assert bool(anew.asked) is not uncertain
        assert [type(failure) for failure in failures] == [NotConfirmed] * uncertain


async def test_not_even_if_it_was_given_up_before(autojump_clock: MockClock) -> None:
    del autojump_clock
    delivery = Delivery()
    connect(delivery, UNCERTAIN)
    with pytest.raises(NotConfirmed):
        await delivery.send(whisper())
    connection = connect(delivery, 3, resumed=False)
    with pytest.raises(NotConfirmed) as failure:
        await delivery.send(whisper())
    assert not failure.value.repeatable
    assert connection.asked == []
    # Whoever sends it again, knowing that, means it.
    assert await delivery.send(whisper()) == 3


async def test_one_that_was_heard_is_certain(autojump_clock: MockClock) -> None:
    del autojump_clock
    delivery = Delivery()
    async with sending(delivery, say()) as failures:
        connect(delivery, UNCERTAIN)
        await trio.sleep(2)
        heard = wire.Message(seq=5, at=0, room="lobby", sender="me", text="hi", id="1")
        delivery.heard(heard, "me")
        await wait_all_tasks_blocked()
    assert failures == []


# --- other commands -------------------------------------------------------------------------------


def asking(*fates: Fate) -> tuple[StandIn, Callable[[], Any]]:
    connection = StandIn(*fates)

    async def ask() -> wire.Sent:
        return await connection.ask(wire.Nick(id="1", nick="bob"))

    return connection, ask


async def test_a_change_is_repeated_until_it_is_certain(autojump_clock: MockClock) -> None:
    del autojump_clock
    connection, ask = asking(UNCERTAIN, CERTAIN, UNCERTAIN, 1)
    assert (await settle(ask)).seq == 1
    assert len(connection.asked) == 4


async def test_a_change_that_is_certain_not_to_be_carried_out_is_refused_at_once(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    for fate in (CERTAIN, NOT_IN_ROOM):
        connection, ask = asking(fate)
        with pytest.raises(CommandError) as refusal:
            await settle(ask)
        assert not refusal.value.uncertain
        assert len(connection.asked) == 1


async def test_a_change_whose_repetition_is_refused_stays_uncertain(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    _, ask = asking(UNCERTAIN, NOT_IN_ROOM)
    with pytest.raises(CommandError) as refusal:
        await settle(ask)
    assert refusal.value.uncertain


async def test_a_change_that_never_becomes_certain_is_not_confirmed(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    for fates in ([UNCERTAIN], [UNCERTAIN, NotConnected("gone")], [LOST]):
        _, ask = asking(*fates)
        with pytest.raises(NotConfirmed):
            await settle(ask)
    _, ask = asking(NotConnected("not connected"))
    with pytest.raises(NotConnected) as failure:
        await settle(ask)
    assert not isinstance(failure.value, NotConfirmed)


async def test_what_is_asked_until_it_is_carried_out_ends_with_what_does_not_pass(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    connection, ask = asking(OF_AN_OLD_NODE, UNCERTAIN, CERTAIN, SPOILT)
    refusal = await insist(ask)
    assert refusal is not None
    assert refusal.message == "Broken."
    assert len(connection.asked) == 4
