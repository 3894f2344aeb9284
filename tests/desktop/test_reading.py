"""Reading further up: what comes meanwhile, and the way back to the newest line."""

from __future__ import annotations

from tests.desktop.fake_node import fake_node
from tests.desktop.stage import Person, Stage, on_stage
from tests.desktop.test_window import message


async def reading_further_up(alice: Person) -> None:
    """Go up by a key, once the end is in sight."""
    await alice.sees_that(lambda: alice.messages.yview()[0] > 0.0, "more than is in sight")
    await alice.sees_that(lambda: alice.messages.yview()[1] == 1.0, "the end")
    await alice.focus()
    alice.press("<Prior>")
    await alice.sees("\u2193 Newest")


@on_stage()
async def test_what_comes_meanwhile_is_counted_and_seen_at_the_end(stage: Stage) -> None:
    bob, alice = await stage.after_talk(50)
    await reading_further_up(alice)
    alice.app.attend(attended=True)
    top = alice.messages.index("@0,0")
    await bob.send("lobby", "alice: look")
    await bob.send("lobby", "at this")
    await alice.sees("\u2193 2 new", "@ 2")
    assert alice.messages.index("@0,0") == top
    alice.press("<Alt-End>")
    await alice.sees_that(lambda: alice.messages.yview()[1] == 1.0, "the end")
    await alice.sees_that(lambda: "\u2193" not in alice.screen, "no way to the end there")
    await alice.sees_that(lambda: "@ 2" not in alice.screen, "that it is read")
    await reading_further_up(alice)
    await alice.click("\u2193 Newest")
    await alice.sees_that(lambda: alice.messages.yview()[1] == 1.0, "the end")


@on_stage()
async def test_who_says_something_sees_it(stage: Stage) -> None:
    _, alice = await stage.after_talk(50)
    await reading_further_up(alice)
    alice.write("hello\n")
    await alice.sees_that(lambda: "hello" in alice.lines, "what she said")
    await alice.sees_that(lambda: alice.messages.yview()[1] == 1.0, "the end")
    assert "\u2193" not in alice.screen


@on_stage(nodes=0)
async def test_only_what_is_in_sight_is_marked_however_much_is_found(stage: Stage) -> None:
    burst = [message(seq, f"line {seq}") for seq in range(1, 1_000)]
    async with fake_node(*burst) as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("line 999")
        alice.write("/search line\n")
        await alice.sees("999 of 999")
        text = alice.messages
        marked = len(text.tag_ranges("found")) // 2
        assert 5 < marked < 100
        assert text.get(*text.tag_ranges("current")) == "line"
        first = text.index("found.first")
        text.yview_scroll(-3, "pages")
        await alice.sees_that(lambda: text.compare("found.first", "<", first), "more marks")
        alice.press("<Escape>")
        await alice.sees_that(lambda: not text.tag_ranges("found"), "no marks")
        assert not text.tag_ranges("current")


@on_stage()
async def test_what_is_found_far_down_in_a_long_message_is_in_sight(stage: Stage) -> None:
    bob = await stage.peer("bob")
    await bob.send("lobby", "\n".join([*map(str, range(60)), "a needle", *map(str, range(60))]))
    alice = stage.open(nick="alice")
    await alice.sees("needle")
    alice.write("/search needle\n")
    await alice.sees("1 of 1")
    text = alice.messages
    await alice.sees_that(lambda: text.bbox("current.first") is not None, "what was found")


@on_stage()
async def test_a_search_goes_on_from_the_same_line_as_older_ones_come(stage: Stage) -> None:
    bob = await stage.peer("bob")
    for number in range(70):
        needle = " needle" if number in (10, 40, 65) else ""
        await bob.send("lobby", f"line {number}{needle}")
    alice = stage.open(nick="alice")
    await alice.sees("line 69")
    alice.write("/search needle\n")
    await alice.sees("2 of 2")
    alice.app.load_older()
    transcript = alice.app.chat.room("lobby").transcript
    await alice.sees_that(lambda: transcript.oldest_seq == 1, "the older lines")
    await alice.focus(alice.app.window.chat.search.entry)
    alice.press("<Up>")
    await alice.sees("2 of 3")


@on_stage(nodes=0)
async def test_who_comes_back_to_where_nothing_is_any_more_is_at_the_end(stage: Stage) -> None:
    async with fake_node(*(message(seq, f"line {seq}") for seq in range(1, 100))) as node:
        alice = stage.open(node.url, nick="alice")
        await alice.sees("line 99")
        lobby = alice.app.chat.room("lobby")
        alice.app.talk_to("bob")
        await alice.sees("only you and bob")
        lobby.view.entry = lobby.transcript.entries[1]
        lobby.transcript.drop_oldest(90)
        assert lobby.view.entry.gone
        alice.app.show(lobby)
        await alice.sees_that(lambda: alice.messages.yview()[0] > 0.0, "more than is in sight")
        await alice.sees_that(lambda: alice.messages.yview()[1] == 1.0, "the end")
