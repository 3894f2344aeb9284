"""Erased messages in the window: nothing of the text is left, and the rest stays where it was."""

from __future__ import annotations

from tests.desktop.stage import Person, Stage, on_stage
from tests.nodes import administer

ERASED = "(message erased)"


async def purge(stage: Stage, *what: str) -> None:
    done = await administer("purge", *what, redis=stage.cluster.redis.url)
    assert done.returncode == 0, done


def lines_said(person: Person) -> list[str]:
    return [line for line in person.lines if line.startswith("line ") or ERASED in line]


@on_stage()
async def test_an_erased_message_is_gone_from_the_window(stage: Stage) -> None:
    bob, alice = await stage.after_talk(5)
    await purge(stage, "message", "lobby", "2", "4")
    await alice.sees(ERASED)
    assert lines_said(alice) == ["line 0", ERASED, "line 2", ERASED, "line 4"]
    assert any(line.startswith("bob  ") for line in alice.lines), "who said it is still told"
    await bob.send("lobby", "line 5")
    await alice.sees("line 5")
    alice.app.window.chat.search_for("line 1")
    await alice.sees("Not found")
    await purge(stage, "room", "lobby")
    await alice.sees_that(lambda: lines_said(alice) == [ERASED] * 6, "the room to be empty")


@on_stage()
async def test_whoever_reads_further_up_stays_there(stage: Stage) -> None:
    bob, alice = await stage.after_talk(100)
    view = alice.app.window.chat.messages
    (entry,) = alice.app.chat.room("lobby").transcript.find("line 60")
    view.show(entry)
    alice.root.update()
    await purge(stage, "message", "lobby", "63", "90")
    await alice.sees(ERASED)
    assert view.text.get("@0,0 linestart", "@0,0 lineend") == "line 60"
    await bob.send("lobby", "line 100")
    await alice.sees_that(lambda: "line 100" in alice.lines, "the last line")
    assert view.text.get("@0,0 linestart", "@0,0 lineend") == "line 60"


@on_stage()
async def test_whoever_comes_later_sees_that_something_was_erased(stage: Stage) -> None:
    bob = await stage.peer("bob")
    for number in range(3):
        await bob.send("lobby", f"line {number}")
    await purge(stage, "message", "lobby", "2")
    alice = stage.open(nick="alice")
    await alice.sees("line 2")
    assert lines_said(alice) == ["line 0", ERASED, "line 2"]
