"""A message for one person does not go to the next one of that nickname without a question."""

from __future__ import annotations

import trio

from client.session import ClientSession, open_session
from gateway import wire
from tests import PATIENCE
from tests.desktop.stage import Stage, on_stage


async def hear_direct(peer: ClientSession) -> wire.DirectMessage:
    with trio.fail_after(PATIENCE):
        async for event in peer.events:
            if isinstance(event, wire.DirectMessage):
                return event
    raise AssertionError("the session ended")


@on_stage()
async def test_one_is_asked_before_somebody_else_gets_it(stage: Stage) -> None:
    [url] = stage.cluster.urls
    alice = await stage.one()
    await alice.focus()
    async with open_session([url], nick="bob") as bob:
        alice.write("/msg bob a secret\n")
        assert (await hear_direct(bob)).text == "a secret"
        await alice.sees_that(lambda: "a secret" in alice.lines, "what she said")
    async with open_session([url], nick="bob") as other:
        await other.direct("alice", "and then?")
        await alice.sees("and then?", "bob is now somebody else than before.")
        alice.write("the rest of it\n")
        question = (
            "bob is now somebody else than the one you wrote to before. Send it to them anyway?"
        )
        await alice.sees(question, "Discard")
        alice.click_link("Discard")
        await alice.sees_that(lambda: question not in alice.screen, "nothing left of it")
        alice.write("who are you?\n")
        await alice.sees(question)
        alice.click_link("Send anyway")
        assert (await hear_direct(other)).text == "and then?", "to herself, as the sender"
        assert (await hear_direct(other)).text == "who are you?", "and nothing before"
        await alice.sees_that(lambda: question not in alice.screen, "the answer is given")
