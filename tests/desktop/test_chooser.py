"""The field over the conversation: where one goes by name, or joins a room."""

from __future__ import annotations

from collections.abc import Sequence

from client.desktop.pages.chooser import Chooser
from gateway import wire
from tests.desktop.stage import Person, Stage, on_stage


def offered(person: Person) -> list[str]:
    """What there is to choose."""
    rows = person.app.window.chat.chooser.rows
    return [f"{rows.row(n).title} ({rows.row(n).note})" for n in range(rows.count)]


def type_on(chooser: Chooser, text: str) -> None:
    chooser.entry.update_idletasks()
    chooser.entry.focus_force()
    chooser.entry.insert("end", text)
    chooser.entry.event_generate("<KeyRelease>", keysym="s")


@on_stage()
async def test_rooms_that_are_told_late_are_offered_where_they_were_asked_for_and_once(
    stage: Stage,
) -> None:
    alice = await stage.one()
    window, chooser = alice.app.window, alice.app.window.chat.chooser
    rooms: Sequence[wire.RoomInfo] = [wire.RoomInfo(room="ops", members=4)]
    offer = window.ask_for_room()
    type_on(chooser, "ops")
    assert offered(alice) == ["ops (join or make it)"]
    offer(rooms)
    assert offered(alice) == ["ops (4 people)"]
    type_on(chooser, "-2")
    assert offered(alice) == ["ops-2 (join or make it)"]
    chooser.close()
    offer(rooms)
    assert not chooser.is_open, "it was closed before the answer came"
    offer = window.ask_for_room()
    window.actions["switch"]()
    offer(rooms)
    assert [title.split(" ")[0] for title in offered(alice)] == ["lobby"]


@on_stage()
async def test_a_room_is_found_and_made_however_its_name_is_typed(stage: Stage) -> None:
    alice = await stage.one()
    chooser = alice.app.window.chat.chooser
    for typed, row in (
        ("#team room", "team-room (4 people)"),
        ("#ops", "ops (1 person)"),
        ("# new  room", "new-room (join or make it)"),
    ):
        offer = alice.app.window.ask_for_room()
        offer([wire.RoomInfo(room="team-room", members=4), wire.RoomInfo(room="ops", members=1)])
        type_on(chooser, typed)
        assert offered(alice) == [row]


@on_stage()
async def test_the_rooms_one_is_in_are_marked_and_one_goes_back_by_two_keys(stage: Stage) -> None:
    await stage.peer("bob", room="ops")
    alice = stage.open(nick="alice")
    await alice.sees("1 member", "Nobody has said anything here yet.")
    alice.app.join_room("dev")
    await alice.sees("#dev", "1 member")
    alice.app.ask_for_room()
    await alice.sees_that(
        lambda: (
            sorted(offered(alice))
            == [
                "dev (1 person, you are in it)",
                "lobby (1 person, you are in it)",
                "ops (1 person)",
            ]
        ),
        "the rooms there are",
    )
    alice.press("<Escape>")
    await alice.focus()
    alice.press("<Control-k>")
    chooser = alice.app.window.chat.chooser
    await alice.focus(chooser.entry)
    alice.press("<Return>")
    await alice.sees_that(lambda: alice.app.chat.current is alice.app.chat.room("lobby"), "lobby")
    alice.app.talk_to("bob")
    await alice.sees("What is said here, only you and bob can read.")
    alice.write("hello\n")
    await alice.sees_that(lambda: "only you and" not in alice.screen, "room for it")


@on_stage()
async def test_the_key_for_the_look_changes_it_at_once(stage: Stage) -> None:
    alice = await stage.one()
    await alice.focus()
    stage.settings.change(look="system")
    for mode in ("dark", "light"):
        alice.press("<Control-t>")
        await alice.sees_that(lambda mode=mode: stage.theme.mode == mode, mode)  # type: ignore[misc]
