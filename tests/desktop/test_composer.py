"""Where one types: what is offered there, and what was said earlier."""

from __future__ import annotations

from client.desktop.conversation.completion_list import CompletionList
from tests.desktop.ears import hear
from tests.desktop.stage import Person, Stage, on_stage


def offered(person: Person) -> list[str]:
    """What is offered, the chosen one marked."""
    shown: CompletionList = person.app.window.chat.composer.completions
    if not shown.rows.canvas.winfo_viewable():
        return []
    rows = shown.rows
    marks = (">" if number == rows.chosen else "" for number in range(rows.count))
    return [f"{mark}{rows.row(number).title}" for number, mark in enumerate(marks)]


async def offers(person: Person, *titles: str) -> None:
    """Wait until just these are offered."""
    await person.sees_that(lambda: offered(person) == list(titles), f"{titles} to be offered")


@on_stage()
async def test_a_command_is_chosen_by_keys_and_taken(stage: Stage) -> None:
    alice = await stage.one()
    alice.write("/n")
    await offers(alice, ">/nick NICKNAME")
    alice.press("<Tab>")
    assert alice.typed == "/nick "
    await offers(alice)
    alice.write("Alicia\n")
    await alice.sees("Alicia (you)")
    alice.write("/b")
    await offers(alice, ">/busy [TEXT]", "/back")
    alice.press("<Down>")
    await offers(alice, "/busy [TEXT]", ">/back")
    alice.press("<Down>", "<Up>", "<Return>")
    assert alice.typed == "/back "
    alice.press("<Return>")
    assert alice.typed == ""


@on_stage()
async def test_an_emoji_is_taken_by_a_click_and_unwanted_offers_go_away(stage: Stage) -> None:
    bob, alice = await stage.two()
    alice.write("well :tada")
    await offers(alice, ">:tada:")
    rows = alice.app.window.chat.composer.completions.rows
    x, y = rows.place_of(0)
    rows.canvas.event_generate("<ButtonPress-1>", x=x, y=y)
    assert alice.typed == "well \U0001f389"
    await offers(alice)
    alice.write(" :smil")
    await alice.sees_that(lambda: ">:smile:" in offered(alice), "more to be offered")
    alice.press("<Escape>")
    await offers(alice)
    alice.press("<Return>")
    assert (await hear(bob, "well \U0001f389 :smil")).sender == "alice"


@on_stage()
async def test_a_person_is_offered_after_an_at_sign(stage: Stage) -> None:
    await stage.peer("bob")
    await stage.peer("Bert")
    alice = stage.open(nick="alice")
    await alice.sees("3 members")
    alice.write("hello @b")
    await offers(alice, ">Bert", "bob")
    alice.press("<Up>", "<Tab>")
    assert alice.typed == "hello bob "


@on_stage()
async def test_what_was_said_earlier_comes_back_by_up(stage: Stage) -> None:
    bob, alice = await stage.two()
    for text in ("one", "two", "three\nlines"):
        alice.write(f"{text}\n")
        await hear(bob, text)
    alice.press("<Up>")
    assert alice.typed == "three\nlines"
    alice.press("<Up>")
    assert alice.typed == "three\nlines", "the cursor goes to the first line first"
    alice.press("<Up>", "<Up>", "<Up>")
    assert alice.typed == "one"
    alice.press("<Down>")
    assert alice.typed == "two"
    alice.write(" and more")
    alice.press("<Up>")
    assert alice.typed == "two and more", "what is being typed is not lost"
    alice.press("<Return>")
    assert (await hear(bob, "two and more")).sender == "alice"


@on_stage()
async def test_what_is_undone_is_what_was_typed_here_and_not_said(stage: Stage) -> None:
    alice = await stage.one()
    alice.write("for the lobby only")
    alice.app.join_room("ops")
    await alice.sees("#ops")
    alice.press("<Control-z>")
    assert alice.typed == ""
    alice.write("said\n")
    await alice.sees_that(lambda: "said" in alice.lines, "the message")
    alice.press("<Control-z>")
    assert alice.typed == ""
    alice.write("not said")
    alice.press("<Control-z>")
    assert alice.typed == ""
    alice.press("<Alt-Down>")
    assert alice.typed == "for the lobby only"


@on_stage()
async def test_a_word_is_deleted_at_once_and_what_is_pasted_replaces(stage: Stage) -> None:
    alice = await stage.one()
    await alice.focus()
    alice.write("one two three")
    alice.press("<Control-BackSpace>")
    assert alice.typed == "one two "
    alice.field.mark_set("insert", "1.0")  # type: ignore[union-attr]
    alice.press("<Control-Delete>")
    assert alice.typed == " two "
    alice.root.clipboard_clear()
    alice.root.clipboard_append("four")
    alice.press("<Control-slash>", "<Control-v>")
    assert alice.typed == "four"
    alice.press("<Control-slash>", "<Control-BackSpace>")
    assert alice.typed == ""
    search = alice.app.window.chat.search
    search.open(alice.app.chat.room("lobby"), "some words")
    await alice.focus(search.entry)
    search.entry.selection_clear()
    search.entry.icursor("end")
    alice.press("<Control-BackSpace>")
    assert search.entry.get() == "some "


@on_stage()
async def test_who_types_once_the_title_tells_of_the_room_types_into_the_field(
    stage: Stage,
) -> None:
    alice = stage.open()
    window = alice.app.window
    focus_at: dict[str, object] = {}
    entitle = window.root.title

    def entitle_and_look(title: str) -> None:
        focus_at.setdefault(title, window.root.focus_get())
        entitle(title)

    window.root.title = entitle_and_look  # type: ignore[assignment]
    await alice.sees("Choose a nickname")
    await alice.focus()
    alice.write("alice\n")
    await alice.sees("#lobby", "Connected to")
    first = next(title for title in focus_at if title.startswith("alice in"))
    assert focus_at[first] is window.chat.composer.text
