"""What somebody who means ill can do to the window, by messages or as the server."""

from __future__ import annotations

import time

import pytest
import trio

from client.model import FOLDED_ROWS
from tests.desktop.fake_node import Frame, fake_node
from tests.desktop.stage import Person, Stage, on_stage
from tests.desktop.test_clicks import place_of


def message(seq: int, text: str, **changes: object) -> Frame:
    at = 1_800_000_000_000
    frame: Frame = {"seq": seq, "type": "message", "at": at, "room": "lobby", "from": "bob"}
    return {**frame, "text": text, "id": str(seq), **changes}


@on_stage(nodes=0)
async def test_a_message_of_very_many_rows_is_folded_and_unfolded_where_it_is(
    stage: Stage,
) -> None:
    wall = "\n".join(["brick", "\u2588"][number % 2] for number in range(2048))
    async with fake_node(message(1, wall), message(2, "after it")) as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("after it", "Show 2,028 more rows")
        assert len(alice.lines) < FOLDED_ROWS + 10
        before = place_of(alice, "brick")
        alice.click_link("Show 2,028")
        await alice.sees_that(lambda: len(alice.lines) > 2048, "all of it")
        assert place_of(alice, "brick") == before, "its beginning is where it was"
        assert "Show" not in alice.screen.split("after it")[0]


@on_stage(nodes=0)
async def test_keys_unfold_it_too_and_a_search_does(stage: Stage) -> None:
    wall = "\n".join(f"row {number}" for number in range(100))
    async with fake_node(message(1, wall), message(2, wall + " needle")) as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("Show 80 more rows")
        await alice.focus(alice.messages)
        alice.press("<Left>", "<Return>")
        await alice.sees_that(lambda: "row 99 needle" in alice.lines, "the last one")
        alice.app.window.chat.messages.go_to_end()
        alice.app.window.chat.search_for("row 98")
        await alice.sees("2 of 2")
        alice.app.window.chat.search.step(-1)
        await alice.sees_that(lambda: alice.lines.count("row 98") == 2, "the other one too")


@on_stage()
async def test_a_link_that_deceives_is_opened_only_after_its_host_was_named(stage: Stage) -> None:
    opened: list[str] = []

    async def open_link(link: str) -> bool:
        await trio.lowlevel.checkpoint()
        opened.append(link)
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("client.desktop.app.open_link", open_link)
        bob, alice = await stage.two()
        await bob.send("lobby", "https://apple.com@evil.com/login or https://\u0430pple.com")
        await bob.send("lobby", "https://apple.com/a@b")
        await alice.sees("a@b")
        alice.click_link("https://apple.com@")
        await alice.sees("This link really leads to evil.com.", "Do not open", "Open anyway")
        await alice.sees_that(lambda: not alice.cut_off, "all of it")
        await alice.click("Do not open")
        await alice.sees_that(lambda: "really leads" not in alice.screen, "it to go")
        alice.click_link("https://\u0430pple.com")
        await alice.sees("This link really leads to xn--pple-43d.com.")
        await alice.click("Open anyway")
        await alice.sees_that(lambda: opened == ["https://\u0430pple.com"], "the browser")
        assert "really leads" not in alice.screen
        alice.click_link("https://apple.com/a@b")
        await alice.sees_that(lambda: opened[1:] == ["https://apple.com/a@b"], "no question")


@on_stage()
async def test_the_question_is_answered_by_keys_and_belongs_to_its_conversation(
    stage: Stage,
) -> None:
    bob, alice = await stage.two()
    await bob.send("lobby", "https://apple.com@evil.com")
    await alice.sees("evil.com")
    for leave in ("<Escape>", "<Return>"):
        await alice.focus(alice.messages)
        alice.press("<Left>", "<Return>")
        await alice.sees("This link really leads to evil.com.")
        await alice.turned_from(alice.messages)
        alice.press(leave)
        await alice.sees_that(lambda: "really leads" not in alice.screen, "it to go")
    alice.click_link("https://apple")
    await alice.sees("really leads")
    alice.app.talk_to("bob")
    await alice.sees_that(lambda: "really leads" not in alice.screen, "it to go")


@on_stage(nodes=0)
async def test_wrong_values_do_not_end_or_freeze_the_window(stage: Stage) -> None:
    crowd = [{"nick": f"n{number}"} for number in range(20_000)]
    async with fake_node() as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("1 member")
        for frame in (
            message(1, "from the far future", at=10**18),
            message(2, "from before time", at=-(10**18)),
            message(2**63, "nowhere"),
            {"type": "presence", "room": "lobby", "version": 2, "after": 1, "joined": crowd},
            {"type": "notice", "code": "c", "message": "\u202etold\x1b" + "x" * 1_000_000},
            {"type": "error", "code": "c", "message": "m", "retry_after": -5},
            *(
                {"type": "direct", "seq": n, "at": 1, "from": f"s{n}", "to": "alice",
                 "text": "psst", "id": str(n)}
                for n in range(1, 500)
            ),
            message(3, "still here"),
        ):  # fmt: skip
            await node.tell(frame)
        await alice.sees("still here", "20,000 members")
        await alice.sees("\ufffdtold\u241b", "Too many people write to you")
        assert len(alice.conversations) < 110
        assert "nowhere" not in alice.screen
        await is_quick(alice)


async def is_quick(person: Person) -> None:
    """See that what is typed is there at once, however full the window is."""
    began = time.process_time()
    person.write("quick")
    await person.sees_that(lambda: person.typed == "quick", "what was typed")
    assert time.process_time() - began < 5.0
