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
    alice.app.note_focus(focused=True)
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
    await alice.sees("Show 101 more rows")
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


def top_of(person: Person) -> tuple[str, int]:
    """The first line in sight, and how many pixels of it are above that."""
    box = person.messages.dlineinfo("@0,0")
    assert box is not None
    return person.messages.get("@0,0 linestart", "@0,0 lineend"), box[1]


@on_stage()
async def test_the_reader_stays_to_the_pixel_as_lines_come_and_rooms_change(stage: Stage) -> None:
    bob, alice = await stage.after_talk(120)
    await reading_further_up(alice)
    alice.messages.yview_scroll(-7, "pixels")
    before = top_of(alice)
    assert before[1] != 0
    await bob.send("lobby", "alice: look")
    await alice.sees("\u2193 1 new")
    assert top_of(alice) == before
    alice.app.load_older()
    transcript = alice.app.chat.room("lobby").transcript
    await alice.sees_that(lambda: transcript.oldest_seq == 1, "older lines above")
    await alice.sees_that(lambda: alice.app.is_drawn, "all of them")
    assert top_of(alice) == before
    alice.app.talk_to("bob")
    await alice.sees("only you and bob")
    alice.app.show(alice.app.chat.room("lobby"))
    await alice.sees_that(lambda: top_of(alice) == before, "the same place")


@on_stage()
async def test_the_line_at_the_top_stays_in_another_size_and_look(stage: Stage) -> None:
    _, alice = await stage.after_talk(120)
    await reading_further_up(alice)
    alice.messages.yview_moveto(0.5)
    alice.messages.yview("@0,0")  # a whole line
    line, _ = top_of(alice)
    view = alice.app.chat.room("lobby").view
    usual = stage.theme.body.metrics("linespace")
    for action in ("larger", "larger", "smaller", "theme"):
        alice.app.appearance.actions[action]()
    await alice.sees_that(lambda: stage.theme.mode == "dark", "the other look")
    alice.root.geometry("800x700")
    await alice.sees_that(lambda: alice.root.winfo_height() == 700, "the other size")
    await alice.sees_that(lambda: alice.app.is_drawn, "all of it")
    assert stage.theme.body.metrics("linespace") > usual
    assert top_of(alice)[0] == line
    assert not view.at_end
    alice.press("<Alt-End>")
    assert view.at_end


@on_stage()
async def test_a_message_higher_than_the_window_is_read_from_its_end_upwards(stage: Stage) -> None:
    bob = await stage.peer("bob")
    await bob.send("lobby", " ".join(f"row {number}" for number in range(400)))
    alice = stage.open(nick="alice")
    await alice.sees_that(
        lambda: any("row 399" in line for line in alice.lines) and alice.app.is_drawn, "the rows"
    )
    await alice.sees_that(lambda: alice.messages.yview()[1] == 1.0, "the end")
    view = alice.app.chat.room("lobby").view
    for _ in range(3):
        alice.messages.yview_scroll(-30, "pixels")  # less than a line of large text
        assert not view.at_end
    top = alice.messages.index("@0,0")
    await bob.send("lobby", "one more")
    await alice.sees("\u2193")
    await alice.sees_that(lambda: "one more" in alice.lines, "the next message")
    assert alice.messages.index("@0,0") == top
