"""What a person sees and does in the window."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from client.model import MOST_ROWS
from client.session import ClientSession
from client.session.route import Route
from gateway import wire
from tests import PATIENCE
from tests.desktop.ears import hear, until_gone
from tests.desktop.fake_node import fake_node
from tests.desktop.stage import Person, Stage, on_stage


@on_stage(nodes=2)
async def test_coming_in_and_talking_to_somebody_on_another_node(stage: Stage) -> None:
    bob = await stage.peer("bob", node=1)
    await bob.send("lobby", "is anybody here?")
    alice = stage.open()
    await alice.sees("Choose a nickname", stage.cluster.urls[0])
    alice.write("alice\n")
    await alice.sees("#lobby", "alice", "Connected to", "is anybody here?")
    await alice.sees("2 members")
    assert alice.members == ["\u25cf alice (you)", "\u25cf bob"]
    alice.write("Hello, Bob!\n")
    assert (await hear(bob, "Hello, Bob!")).sender == "alice"
    await alice.sees_that(
        lambda: alice.lines[2::2] == ["is anybody here?", "Hello, Bob!"], "both messages"
    )
    assert alice.typed == ""


@on_stage(nodes=2)
async def test_the_members_follow_who_comes_and_goes(stage: Stage) -> None:
    alice = await stage.one()
    zoe = await stage.peer("Zoe", node=1)
    await alice.sees("Zoe joined", "2 members")
    await stage.peer("bob")
    await alice.sees("Zoe, bob joined", "3 members")
    assert alice.members == ["\u25cf alice (you)", "\u25cf bob", "\u25cf Zoe"]
    await zoe.leave("lobby")
    await alice.sees("bob joined", "2 members")
    assert alice.members == ["\u25cf alice (you)", "\u25cf bob"]


@on_stage()
async def test_a_taken_nickname_is_told_and_one_click_takes_another(stage: Stage) -> None:
    await stage.peer("alice")
    person = stage.open()
    await person.sees("Choose a nickname")
    person.write("alice\n")
    await person.sees("The nickname alice is taken", "Use alice_")
    await person.click("Use alice_")
    await person.sees("alice_", "Connected to")


@on_stage()
async def test_a_bad_nickname_is_told_and_another_one_does(stage: Stage) -> None:
    person = stage.open()
    await person.sees("Choose a nickname")
    person.write("no spaces\n")
    await person.sees("A nickname has 2 to 32 characters")
    assert person.typed == "no spaces"
    person.field.delete(0, "end")
    person.write("fine\n")
    await person.sees("fine", "Connected to")


@on_stage()
async def test_a_server_that_cannot_be_reached_is_told_and_can_be_tried_again(stage: Stage) -> None:
    node = stage.cluster.nodes[0]
    await node.stop()
    person = stage.open(nick="alice")
    await person.sees(
        f"The server cannot be reached. {node.url}: nothing listens on port {node.port}"
    )
    await (await stage.cluster.add_node(port=node.port)).ready()
    await person.click("Come in")
    await person.sees("Connected to")


@on_stage()
async def test_a_server_that_does_not_answer_need_not_be_waited_for(stage: Stage) -> None:
    stage.cluster.nodes[0].pause()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("client.session.opening.CONNECT_SECONDS", 600.0)
        person = stage.open(nick="alice")
        await person.sees("Coming in as alice", "Cancel")
        await person.click("Cancel")
        await person.sees_that(lambda: "Coming in" not in person.screen, "the end of it")
    stage.cluster.nodes[0].resume()
    await person.click("Come in")
    await person.sees("Connected to")


@on_stage()
async def test_text_is_shown_as_it_is_and_nothing_in_it_happens(stage: Stage) -> None:
    alice = await stage.one()
    bob = await stage.peer("bob")
    tricky = '[exit] $x { "; destroy . \\n'
    for text in (tricky, "esc \x1b[31m bell \a", "turn \u202eround", "two\nlines"):
        await bob.send("lobby", text)
    await alice.sees(tricky, "esc \u241b[31m bell \u2407", "turn \ufffdround", "two\nlines")
    alice.write(tricky + "\n")
    await alice.sees_that(lambda: tricky in alice.lines, "the message")


@on_stage(nodes=2)
async def test_a_killed_node_is_told_and_what_was_missed_appears(stage: Stage) -> None:
    names = [str((await node.logged("listening"))["node"]) for node in stage.cluster.nodes]
    alice = stage.open(*stage.cluster.urls, nick="alice")
    await alice.sees("Connected to")
    here = 0 if f"Connected to {names[0]}" in alice.screen else 1
    bob = await stage.peer("bob", node=1 - here)
    await alice.sees("bob joined")
    await stage.cluster.nodes[here].kill()
    await alice.sees("Not connected: the connection broke")
    await bob.send("lobby", "while you were away")
    alice.write("typed while away\n")
    await alice.sees("typed while away")
    await alice.sees(f"Connected again, to {names[1 - here]}", "while you were away")
    assert (await hear(bob, "typed while away")).sender == "alice"
    await alice.sees_that(lambda: "typed while away" in alice.lines, "the message")
    assert sum("typed while away" in line for line in alice.lines) == 1


@on_stage()
async def test_a_click_retries_now_and_sends_what_was_typed(stage: Stage) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Route, "delay", lambda *_, **__: 600.0)
        alice = await stage.one()
        node = stage.cluster.nodes[0]
        await node.stop()
        await alice.sees("Reconnecting in", "Now")
        alice.write("kept\n")
        await alice.sees("kept", "What you send now waits")
        alice.write("/nick eve\n")
        await alice.sees("That was not possible: not connected")
        alice.write("/join later\n")
        await alice.sees("Message #later")
        assert "0 members" not in alice.screen, "nobody knows"
        await (await stage.cluster.add_node(port=node.port)).ready()
        await alice.click("Now")
        await alice.sees("Connected to", "1 member")
        alice.press("<Control-Next>")
        await alice.sees_that(lambda: "kept" in alice.lines, "the message")


@on_stage()
async def test_the_reader_is_left_where_they_are(stage: Stage) -> None:
    bob, alice = await stage.two()
    await _say_many(bob, "early", 200)
    await alice.sees_that(lambda: alice.lines.count("early") == 200, "all of it")
    await alice.sees_that(lambda: _is_scrolled_to_the_end(alice), "the end of the text")
    alice.messages.yview_moveto(0.2)
    await alice.sees_that(lambda: alice.messages.yview()[0] < 0.5, "older messages")
    top = alice.messages.index("@0,0")
    await _say_many(bob, "late", 50)
    await alice.sees_that(lambda: alice.lines.count("late") == 50, "all of it")
    assert alice.messages.index("@0,0") == top


def _is_scrolled_to_the_end(person: Person) -> bool:
    top, bottom = person.messages.yview()
    return 0.0 < top < bottom == 1.0


async def _say_many(session: ClientSession, text: str, times: int) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(times):
            nursery.start_soon(session.send, "lobby", text)


@on_stage(nodes=0)
async def test_no_more_rows_are_kept_than_there_should_be(stage: Stage) -> None:
    burst = [message(seq, "two\nlines") for seq in range(1, MOST_ROWS)]
    async with fake_node(*burst, message(MOST_ROWS, "last")) as node:
        alice = stage.open(node.url, nick="alice")
        # To read all of them again and again would take longer than to draw them.
        is_there = partial(last_line_is, alice, "last")
        await alice.sees_that(is_there, "the last line", seconds=2 * PATIENCE)
        rows = int(alice.messages.index("end").split(".")[0])
        assert MOST_ROWS - 10 <= rows <= MOST_ROWS + 10


def last_line_is(person: Person, text: str) -> bool:
    return person.messages.get("end - 2 lines linestart", "end").strip() == text


@on_stage(nodes=0)
async def test_the_end_of_the_session_is_told_and_one_can_come_in_again(stage: Stage) -> None:
    async with fake_node(message(1, "hello")) as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("hello")
        node.close(4501, "your nickname now belongs to somebody else")
        await alice.sees("Signed out: your nickname now belongs to somebody else", "Come in again")
        await alice.click("Come in again")
        await alice.sees("Connected to", "hello")
        assert "Some messages may be missing" not in alice.screen, "none are"


@on_stage(grace_seconds=600)
async def test_a_window_destroyed_from_outside_ends_the_program(stage: Stage) -> None:
    bob, alice = await stage.two()
    await alice.sees_that(lambda: alice.app.is_drawn, "all to be drawn")
    alice.app.redraw()  # comes when there is nothing to draw on any more
    alice.root.destroy()
    await until_gone(bob, "alice")


@on_stage(nodes=0)
async def test_a_refused_message_says_why_and_is_tried_again_or_discarded(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to")
        alice.write("hm\n")
        await alice.sees("hm", "Not sent: You may not.", "Try again", "Discard")
        alice.click_link("Try again")
        await alice.is_refused(2, node)
        first, second = node.heard("send")
        assert first == second, "with the same id, so that it is not said twice"
        alice.click_link("Discard")
        await alice.sees_that(lambda: "hm" not in alice.screen, "nothing left of it")


@on_stage(nodes=2)
async def test_two_people_talk_to_each_other_alone(stage: Stage) -> None:
    bob = await stage.peer("bob", node=1)
    alice = stage.open(nick="alice")
    await alice.sees("2 members")
    alice.write("/msg bob psst\n")
    assert alice.typed == ""
    assert (await hear_direct(bob)).text == "psst"
    await alice.sees_that(lambda: "psst" in alice.lines, "what she said")
    alice.press("<Alt-Up>")
    await alice.sees("#lobby")
    assert alice.typed == "", "what was done is not typed there any more"
    await bob.direct("alice", "what?")
    await alice.sees_that(lambda: any("@ 1" in row for row in alice.conversations), "a mark")
    alice.press("<Alt-Down>")
    await alice.sees("what?", "New messages")
    await alice.sees_that(
        lambda: not any("@ 1" in row for row in alice.conversations), "no mark any more"
    )
    await bob.typing(to="alice")
    await alice.sees("bob is typing")


async def hear_direct(peer: ClientSession) -> wire.DirectMessage:
    with trio.fail_after(PATIENCE):
        async for event in peer.events:
            if isinstance(event, wire.DirectMessage):
                return event
    raise AssertionError("the session ended")


@on_stage()
async def test_a_room_is_joined_and_left_and_what_is_typed_stays_where_it_was(stage: Stage) -> None:
    await stage.peer("bob", room="ops")
    alice = await stage.one()
    alice.write("half a thought")
    await alice.click("Join \u2026")
    await alice.sees("Join a room", "ops")
    chooser = alice.app.window.chat.chooser
    chooser.entry.insert(0, "ops")
    chooser.entry.event_generate("<KeyRelease>", keysym="s")
    chooser.entry.focus_force()
    chooser.entry.event_generate("<Return>")
    await alice.sees("2 members")
    assert alice.typed == ""
    alice.press("<Alt-Down>")
    await alice.sees_that(lambda: alice.typed == "half a thought", "the draft")
    alice.press("<Alt-Up>")
    assert alice.typed == ""
    alice.write("/leave\n")
    await alice.sees_that(lambda: alice.conversations == ["ROOMS", "# lobby"], "one room only")


@on_stage()
async def test_older_lines_come_as_one_scrolls_up_and_the_reader_stays(stage: Stage) -> None:
    _, alice = await stage.after_talk(120)
    assert "line 60" not in alice.lines
    await alice.sees_that(lambda: _is_scrolled_to_the_end(alice), "the end of the text")
    alice.messages.yview_moveto(0.0)
    await alice.sees_that(lambda: "line 0" in alice.lines, "the first line")
    top = alice.messages.get("@0,0 linestart", "@0,0 lineend")
    assert top != "line 0"
    assert [line for line in alice.lines if line.startswith("line ")] == [
        f"line {number}" for number in range(120)
    ]


@on_stage()
async def test_who_scrolls_up_while_the_text_is_laid_out_anew_stays_there(stage: Stage) -> None:
    _, alice = await stage.after_talk(50)
    await alice.focus()
    laid_out = trio.Event()
    alice.messages.bind("<<WidgetViewSync>>", lambda _: laid_out.set(), add="+")
    alice.press("<Control-plus>")
    alice.messages.event_generate("<Configure>")
    alice.messages.yview_moveto(0.0)
    with trio.fail_after(PATIENCE):
        await laid_out.wait()
    alice.root.update()
    assert alice.messages.yview()[0] == 0.0


@on_stage()
async def test_tab_completes_and_search_finds(stage: Stage) -> None:
    bob = await stage.peer("bob")
    await bob.send("lobby", "the needle \U0001f604 needle")
    alice = stage.open(nick="alice")
    await alice.sees("2 members", "needle")
    alice.write("bo")
    alice.press("<Tab>")
    assert alice.typed == "bob: "
    alice.field.delete("1.0", "end")
    alice.write("/fly\n")
    await alice.sees("There is no command /fly")
    field = alice.field
    field.delete("1.0", "end")
    alice.write("/search needle\n")
    await alice.sees("1 of 1")
    await alice.turned_from(field)
    marked = list(map(str, alice.messages.tag_ranges("current")))
    pairs = zip(marked[::2], marked[1::2], strict=True)
    assert [alice.messages.get(*pair) for pair in pairs] == ["needle", "needle"]
    await bob.send("lobby", "another needle")
    await alice.sees("another")
    for key, place in (("<Down>", 2), ("<Up>", 1), ("<Return>", 2), ("<Shift-Return>", 1)):
        alice.press(key)
        await alice.sees(f"{place} of 2")
    alice.press("<Escape>")
    await alice.sees_that(lambda: "1 of 2" not in alice.screen, "the end of the search")


@on_stage()
async def test_the_end_stays_in_sight_when_the_text_is_larger(stage: Stage) -> None:
    bob = await stage.peer("bob")
    for number in range(45):
        await bob.send("lobby", f"{number}: " + "some words " * 12)
    alice = stage.open(nick="alice")
    await alice.sees("44: ")
    usual = alice.messages.dlineinfo("end - 2 chars linestart")
    assert usual is not None
    for _ in range(8):
        alice.app.appearance.actions["larger"]()
    await alice.sees_that(lambda: _is_larger(alice, usual[3]), "the last line, larger")
    await bob.send("lobby", "one more")
    await alice.sees_that(lambda: alice.messages.yview()[1] == 1.0, "the end")


def _is_larger(person: Person, height: int) -> bool:
    line = person.messages.dlineinfo("end - 2 chars linestart")
    return line is not None and line[3] > height


@on_stage()
async def test_ones_status_is_shown_to_others(stage: Stage) -> None:
    bob, alice = await stage.two()
    alice.write("/away at lunch\n")
    await alice.sees("alice (you) at lunch")
    await bob.set_status("busy")
    await alice.sees_that(lambda: "\u25a0 bob" in alice.members, "that bob is busy")


def message(seq: int, text: str) -> dict[str, object]:
    """A message frame."""
    return {
        "seq": seq, "at": 1_800_000_000_000 + seq, "type": "message", "room": "lobby",
        "from": "bob", "text": text, "id": f"id{seq}",
    }  # fmt: skip
