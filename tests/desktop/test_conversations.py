"""What a person decides about conversations: what others are told, and what calls for them."""

from __future__ import annotations

import tkinter as tk
from functools import partial

import pytest

from client.desktop.widgets.rows import Rows
from tests.desktop.fake_node import fake_node
from tests.desktop.stage import Person, Stage, on_stage


@on_stage(nodes=0)
async def test_others_are_told_of_typing_unless_one_does_not_want_it(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to")
        alice.field.focus_force()
        menu = alice.app.window.chat.sidebar.me.menu
        menu.invoke("*Show that I am typing")
        assert not stage.settings.preferences.tells_typing
        alice.press("<x>")
        alice.write("hm\n")
        await alice.sees_that(lambda: len(node.heard("send")) == 1, "the message")
        assert not node.heard("typing")
        menu.invoke("*Show that I am typing")
        alice.press("<x>")
        await alice.sees_that(lambda: len(node.heard("typing")) == 1, "that it is told")


@on_stage(nodes=0)
async def test_turning_to_what_one_has_begun_is_no_typing(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to")
        alice.app.chat.room("ops").input.text = "half a thought"
        alice.app.join_room("ops")
        await alice.sees("#ops", "half a thought")
        await alice.focus()
        alice.press("<Alt-Down>")
        await alice.sees_that(lambda: not alice.typed, "another field")
        await alice.focus()
        alice.press("<x>")
        await alice.sees_that(lambda: bool(node.heard("typing")), "that it is told")
        assert [command["room"] for command in node.heard("typing")] == ["lobby"]


@on_stage(nodes=0)
async def test_a_muted_conversation_is_marked(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to")
        alice.field.focus_force()
        alice.app.window.actions["mute"]()
        await alice.sees_that(lambda: alice.conversations == ["ROOMS", "# lobby muted"], "a mark")
        alice.app.window.actions["mute"]()
        await alice.sees_that(lambda: alice.conversations == ["ROOMS", "# lobby"], "no mark")


@on_stage()
async def test_what_is_muted_neither_rings_nor_notifies(stage: Stage) -> None:
    called: list[str] = []

    async def notify(title: str, text: str) -> None:
        called.append(f"{title}: {text}")

    bob = await stage.peer("bob")
    alice = stage.open(nick="alice")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("client.desktop.app.notify", notify)
        patch.setattr(alice.app.window, "ring", lambda: called.append("bell"))
        await alice.sees("2 members")
        alice.app.mute()
        alice.app.note_focus(focused=False)
        await bob.send("lobby", "alice: one")
        await alice.sees("alice: one")
        assert called == []
        alice.app.note_focus(focused=True)
        alice.app.mute()
        await alice.sees("No longer muted.")
        alice.app.note_focus(focused=False)
        await bob.send("lobby", "alice: two")
        await alice.sees_that(lambda: called[1:] == ["bob in #lobby: alice: two"], "a notification")
        assert called[0] == "bell"
        assert "(1)" in alice.root.title()
        alice.app.mute()
        await alice.sees_that(lambda: "(1)" not in alice.root.title(), "nothing that counts")


@on_stage()
async def test_who_has_done_nothing_for_long_is_away_until_they_do_something(stage: Stage) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("client.desktop.control.idleness.IDLE_SECONDS", 0.5)
        alice = stage.open(nick="alice")
        await alice.sees("Connected to")
        await alice.focus()
        alice.press("<x>")  # coming in may have taken longer
        await alice.sees_that(lambda: alice.members == ["\u25d2 alice (you)"], "that she is away")
        patch.undo()
        alice.press("<x>")
        await alice.sees_that(lambda: alice.members == ["\u25cf alice (you)"], "that she is back")


@on_stage()
async def test_a_room_is_called_as_it_was_first_written_and_none_looks_like_it(
    stage: Stage,
) -> None:
    bob = await stage.peer("bob")
    assert (await bob.join("Küche")).room == "Küche"
    alice = stage.open(nick="alice")
    await alice.sees("Connected to")
    await alice.focus()
    alice.write("/join KÜCHE\n")
    await alice.sees_that(lambda: alice.root.title() == "alice in #Küche", "the room's own name")
    assert [c.name for c in alice.app.chat.rooms] == ["Küche", "lobby"]
    alice.write("/join LOBBY\n")
    await alice.sees_that(lambda: alice.root.title() == "alice in #lobby", "the lobby")
    assert len(alice.app.chat.rooms) == 2
    alice.write("/join Küсhe\n")  # noqa: RUF001
    await alice.sees("looks like that of another room, Küche; join that one")
    assert set(stage.settings.preferences.last_server.rooms) == {"Küche", "lobby"}


@on_stage()
async def test_a_click_on_somebody_opens_the_conversation_with_them(stage: Stage) -> None:
    _, alice = await stage.two()
    await alice.sees("bob")
    await alice.focus()
    members = alice.app.window.chat.members.rows
    drawn = len(members.canvas.find_all())
    _click_row(members, 0)
    await alice.sees_that(lambda: len(members.canvas.find_all()) == drawn + 1, "oneself, chosen")
    alice.press("<Escape>")
    await alice.sees_that(lambda: len(members.canvas.find_all()) == drawn, "nobody chosen")
    _click_row(members, 1)
    await alice.sees_that(lambda: alice.root.title() == "alice and bob", "the conversation")
    assert alice.conversations == ["ROOMS", "# lobby", "PEOPLE", "bob"]
    await alice.sees_that(lambda: has_keys(alice, alice.field), "that what is typed goes to bob")


def _click_row(rows: Rows, number: int) -> None:
    x, y = rows.place_of(number)
    for event in ("<ButtonPress-1>", "<ButtonRelease-1>"):
        rows.canvas.event_generate(event, x=x, y=y)


def has_keys(person: Person, widget: tk.Misc) -> bool:
    """Whether keys go to a widget, those that do something everywhere too."""
    return person.root.focus_get() is widget and "ChatShortcuts" in widget.bindtags()


@on_stage()
async def test_the_lists_are_gone_through_by_keys(stage: Stage) -> None:
    await stage.peer("bob")
    await stage.peer("Carol")
    alice = stage.open(nick="alice")
    await alice.sees("3 members")
    await alice.focus()
    page = alice.app.window.chat
    for pane in (page.sidebar.rows.canvas, page.messages.text, page.members.rows.canvas):
        alice.press("<F6>")
        await alice.sees_that(partial(has_keys, alice, pane), "the next list")
    alice.press("<End>", "<Up>", "<Return>")
    await alice.sees_that(lambda: alice.root.title() == "alice and bob", "the conversation")
    await alice.sees_that(partial(has_keys, alice, alice.field), "the field")
    alice.press("<F6>")
    await alice.sees_that(partial(has_keys, alice, page.sidebar.rows.canvas), "the conversations")
    alice.press("<Up>")
    await alice.sees_that(lambda: alice.root.title() == "alice in #lobby", "the room")
    page.messages.text.focus_force()
    alice.press("<h>", "<i>")
    await alice.sees_that(lambda: alice.typed == "hi", "what was typed over the messages")


@on_stage(nodes=0)
async def test_what_was_refused_is_tried_again_or_discarded_by_keys(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to")
        await alice.focus()
        alice.write("hm\n")
        await alice.is_refused(1, node)
        alice.press("<Control-r>")
        await alice.is_refused(2, node)
        alice.press("<Control-d>")
        await alice.sees_that(lambda: "hm" not in alice.screen, "nothing left of it")


@on_stage()
async def test_where_one_reads_in_a_conversation_is_remembered(stage: Stage) -> None:
    bob, alice = await stage.after_talk(50)
    await alice.focus()
    alice.write("/join ops\n")
    await alice.sees("#ops")
    alice.press("<Alt-Down>")
    await alice.sees("#lobby")
    reading = alice.app.chat.room("lobby").view
    await alice.sees_that(lambda: 0.0 < alice.messages.yview()[0] < 1.0, "the end of it")
    alice.press("<Prior>")
    await alice.sees_that(lambda: not reading.at_end, "an earlier part")
    top = alice.messages.get("@0,0 linestart", "@0,0 lineend")
    alice.press("<Alt-Down>")
    await alice.sees("#ops")
    await bob.send("lobby", "meanwhile")
    alice.press("<Alt-Down>")
    await alice.sees("#lobby", "meanwhile")
    await alice.sees_that(
        # The message at the top has a name above it, which is shown as well.
        lambda: top in alice.messages.get("@0,0 linestart", "@0,0 + 1 lines lineend"),
        "the same place",
    )


@on_stage()
async def test_a_mention_has_room_above_and_below_its_band(stage: Stage) -> None:
    bob = await stage.peer("bob")
    said = ["one", "alice: two", "alice: three", "four", "alice: five"]
    for number in range(220):
        await bob.send("lobby", f"{number % 2 * 'alice: '}{number}")
    for text in said[:2]:
        await bob.send("lobby", text)
    alice = stage.open(nick="alice")
    await alice.sees("alice: two")
    for text in said[2:]:
        await bob.send("lobby", text)
    await alice.sees("alice: five")

    def spacing(line: str, side: str) -> int:
        text, row = alice.messages, alice.lines.index(line) + 1
        tags = text.tag_names(f"{row}.0")
        given = [text.tag_cget(tag, side) for tag in text.tag_names() if tag in tags]
        return int([str(space) for space in given if str(space)][-1])

    apart = [(spacing(line, "spacing1"), spacing(line, "spacing3")) for line in said]
    assert apart == [(12, 8), (2, 6), (2, 6), (12, 8), (2, 6)]
    await alice.sees_that(lambda: alice.messages.yview()[1] == 1.0, "the end of the text")
    alice.messages.yview_moveto(0.0)
    await alice.sees_that(lambda: "100" in alice.lines, "older lines")
    older = [line for line in alice.lines if line.removeprefix("alice: ").isdigit()]
    assert len(older) > 100
    for line in older[1:]:
        is_mention = line.startswith("alice: ")
        assert spacing(line, "spacing3") == (6 if is_mention else 8), line
        assert spacing(line, "spacing1") == (2 if is_mention else 12), line


@on_stage()
async def test_a_room_that_cannot_be_entered_refuses_what_is_said_and_is_not_remembered(
    stage: Stage,
) -> None:
    alice = await stage.one()
    await alice.focus()
    alice.write(f"/join {'x' * 200}\n")
    await alice.sees("This room cannot be entered:")
    alice.write("hello?\n")
    await alice.sees("hello?", "Not sent:", "Try again")
    alice.write("/join ops\n")
    await alice.sees("#ops", "1 member")
    await alice.sees_that(
        lambda: stage.settings.preferences.last_server.rooms == ("lobby", "ops"), "what to remember"
    )


@on_stage(nodes=0)
async def test_who_comes_in_again_is_shown_as_before(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to")
        alice.app.set_status("busy")
        await alice.sees_that(lambda: len(node.heard("status")) == 1, "the status")
        node.close(4501, "your nickname now belongs to somebody else")
        await alice.sees("Come in again")
        alice.app.sign_in_again()
        await alice.sees_that(lambda: len(node.heard("status")) == 2, "the status again")
        assert node.heard("status")[1]["state"] == "busy"
