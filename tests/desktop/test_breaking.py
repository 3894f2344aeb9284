"""What goes wrong, and what is odd: the window stays usable and says what happened."""

from __future__ import annotations

import pytest
import trio

from client.desktop.settings.servers import SavedServer
from client.desktop.widgets.rows import Rows
from tests.desktop.ears import hear
from tests.desktop.fake_node import Frame, fake_node
from tests.desktop.stage import Stage, on_stage


@on_stage(nodes=2)
async def test_a_closed_lid_is_noticed_at_once_and_another_node_is_gone_to(stage: Stage) -> None:
    lid = trio.Event()
    names = [str((await node.logged("listening"))["node"]) for node in stage.cluster.nodes]
    with pytest.MonkeyPatch.context() as patch:

        async def until_jump() -> None:
            await lid.wait()
            patch.setattr("client.desktop.app.until_jump", trio.sleep_forever)

        patch.setattr("client.desktop.app.until_jump", until_jump)
        patch.setattr(
            "client.session.connection.PING_SECONDS", 600.0
        )  # it would notice that by itself
        alice = stage.open(*stage.cluster.urls, nick="alice")
        await alice.sees("Connected to", "1 member")
        here = 0 if f"Connected to {names[0]}" in alice.screen else 1
        bob = await stage.peer("bob", node=1 - here)
        await alice.sees("bob joined")
        # As after a sleep: the connection is there, and nobody is at its other end.
        stage.cluster.nodes[here].pause()
        lid.set()
        await alice.sees("Not connected:", f"Connected again, to {names[1 - here]}")
        await bob.send("lobby", "welcome back")
        await alice.sees("welcome back")
        alice.write("thanks\n")
        assert (await hear(bob, "thanks")).sender == "alice"
        stage.cluster.nodes[here].resume()


@on_stage()
async def test_the_rooms_of_the_last_visit_are_open_again(stage: Stage) -> None:
    await stage.peer("bob", room="tea")
    await stage.peer("Carol", room="ops")
    here = SavedServer("Here", tuple(stage.cluster.urls), rooms=("tea", "ops"))
    stage.settings.change(servers=(here,), server="Here")
    alice = stage.open(nick="alice")
    await alice.sees("#ops", "2 members", "Carol")
    assert alice.conversations == ["ROOMS", "# ops", "# tea"]
    await alice.focus()
    alice.press("<Alt-Down>")
    await alice.sees("#tea", "2 members", "bob")
    alice.write("/join lobby\n")
    await alice.sees("#lobby", "1 member")
    alice.write("/leave tea\n")
    await alice.sees_that(
        lambda: stage.settings.preferences.last_server.rooms == ("ops", "lobby"),
        "it to be remembered",
    )


@on_stage()
async def test_one_word_as_long_as_can_be_is_wrapped(stage: Stage) -> None:
    bob, alice = await stage.two()
    word = "\u00e4" * 2048
    await bob.send("lobby", word)
    await alice.sees(word)
    alice.write("x" * 4096 + "\n")
    await hear(bob, "x" * 4096)
    await alice.sees_that(lambda: "x" * 4096 in alice.lines, "her own")
    text = alice.messages
    await alice.sees_that(lambda: text.yview()[1] == 1.0, "the end of it")
    assert text.xview() == (0.0, 1.0), "nothing is beyond the right edge"
    rows = text.count("1.0", "end", "displaylines")
    assert rows is not None
    assert rows[0] > 40
    alice.write("and on it goes\n")
    await alice.sees_that(lambda: "and on it goes" in alice.lines, "the next message")


CROWD = ["alice", *(f"person{number:04}" for number in range(6999))]


@on_stage(nodes=0)
async def test_a_room_of_seven_thousand_draws_no_more_than_is_in_sight(stage: Stage) -> None:
    async with fake_node(members=CROWD) as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("7,000 members", "person0000")
        members: Rows = alice.app.window.chat.members.rows
        await alice.sees_that(lambda: members.top == 0.0, "the first of them")
        in_sight = members.canvas.winfo_height() / members.height * members.count
        members.canvas.focus_force()
        members.canvas.event_generate("<End>")
        await alice.sees_that(lambda: members.chosen == 6999, "the last of them")
        await alice.sees_that(lambda: members.top > 6900, "the end of the list")
        assert len(members.canvas.find_all()) < 10 * (in_sight + 2)
        top = members.row(int(members.top)).title
        for number in range(10):
            await node.tell(
                {
                    "type": "presence", "room": "lobby", "after": 1 + number,
                    "version": 2 + number, "joined": [{"nick": f"early{number}"}],
                    "left": [], "changed": [],
                }
            )  # fmt: skip
        await alice.sees("7,010 members")
        await alice.sees_that(
            lambda: members.row(round(members.top)).title == top, "the reader where they were"
        )
        assert members.chosen is not None
        assert members.row(members.chosen).title == "person6998"
        alice.write("/msg person0001\n")
        await alice.sees("Online")
        alice.app.window.actions["previous"]()
        await alice.sees_that(lambda: members.top == 0.0 and members.chosen is None, "its top")


@on_stage(nodes=0)
async def test_frames_that_the_client_does_not_know_are_ignored(stage: Stage) -> None:
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Connected to", "1 member")
        hello = {"room": "lobby", "from": "bob", "at": 1_800_000_000_000}
        frames: tuple[Frame, ...] = (
            {"type": "hologram", "room": "lobby", "depth": 3},
            {"type": "message", "seq": "seven"},
            {"no": "type"},
            {"seq": 1, "type": "message", "text": "still here", "id": "1", "mood": "!", **hello},
        )
        for frame in frames:
            await node.tell(frame)
        await alice.sees("bob", "still here")
