"""What the mouse does in the messages."""

from __future__ import annotations

import tkinter as tk
from datetime import UTC, datetime

from tests.desktop.stage import Person, Stage, on_stage


def place_of(person: Person, text: str) -> tuple[int, int]:
    """Where some text is in sight."""
    place = person.messages.bbox(person.messages.search(text, "1.0"))
    assert place is not None, f"{text!r} is out of sight"
    return place[0] + 3, place[1] + 3


@on_stage()
async def test_a_double_click_on_a_name_or_a_face_opens_the_conversation(stage: Stage) -> None:
    bob, alice = await stage.two()
    await bob.send("lobby", "here I am")
    await alice.sees("here I am")
    x, y = place_of(alice, "bob")
    for event in ("<Enter>", "<Motion>", *("<ButtonPress-1>", "<ButtonRelease-1>") * 2):
        alice.messages.event_generate(event, x=x, y=y)
    await alice.sees_that(lambda: alice.root.title() == "alice and bob", "the conversation")
    await alice.focus()
    alice.press("<Alt-Up>")
    await alice.sees("here I am")
    gutter = alice.app.window.chat.messages.gutter
    await alice.sees_that(lambda: bool(gutter.find_all()), "a face")
    for event in ("<ButtonPress-1>", "<ButtonRelease-1>") * 2:
        gutter.event_generate(event, x=20, y=y)
    await alice.sees_that(lambda: alice.root.title() == "alice and bob", "the conversation")


@on_stage()
async def test_a_link_and_what_is_selected_is_copied_by_the_menu(stage: Stage) -> None:
    bob, alice = await stage.two()
    await bob.send("lobby", "see https://example.org/a_(b), and read it")
    await alice.sees("read it")
    assert clicked_menu(alice, "read it") == []
    assert clicked_menu(alice, "example") == ["Copy link"]
    menu_of(alice.messages).invoke("Copy link")
    assert alice.root.clipboard_get() == "https://example.org/a_(b)"
    where = alice.messages.search("read", "1.0")
    alice.messages.tag_add("sel", where, f"{where} + 4 chars")
    assert clicked_menu(alice, "read it") == ["Copy"]
    await alice.focus(alice.messages)
    menu_of(alice.messages).invoke("Copy")
    assert alice.root.clipboard_get() == "read"
    alice.press("<Control-v>")
    await alice.sees_that(lambda: alice.typed == "read", "it where one types")
    alice.press("<Control-v>")
    await alice.sees_that(lambda: alice.typed == "readread", "it once more")


def menu_of(text: tk.Text) -> tk.Menu:
    """The menu that the other button opens."""
    (menu,) = (child for child in text.winfo_children() if isinstance(child, tk.Menu))
    return menu


def clicked_menu(person: Person, text: str) -> list[str]:
    """Click some text with the other button; gives what is offered."""
    x, y = place_of(person, text)
    person.messages.event_generate("<Button-3>", x=x, y=y)
    menu = menu_of(person.messages)
    person.root.tk.call("tk::MenuUnpost", str(menu))  # as Escape does; it has the mouse till then
    last = menu.index("end")
    return [menu.entrycget(n, "label") for n in range(last + 1)] if last is not None else []


@on_stage()
async def test_a_link_is_underlined_while_it_is_pointed_at(stage: Stage) -> None:
    bob, alice = await stage.two()
    await bob.send("lobby", "see https://h/a_b and https://h/c_d")
    await alice.sees("https://h/c_d")
    text = alice.messages
    assert not text.tag_ranges("pointed"), "its underscores are to be seen"
    x, y = place_of(alice, "https://h/c_d")
    text.event_generate("<Motion>", x=x, y=y)
    assert text.get(*text.tag_ranges("pointed")) == "https://h/c_d"
    x, y = place_of(alice, "see")
    text.event_generate("<Motion>", x=x, y=y)
    assert not text.tag_ranges("pointed")


@on_stage()
async def test_the_time_of_a_line_without_a_head_is_told_when_it_is_pointed_at(
    stage: Stage,
) -> None:
    bob, alice = await stage.two()
    await bob.send("lobby", "one")
    await bob.send("lobby", "two")
    await alice.sees("two")
    gutter = alice.app.window.chat.messages.gutter
    assert not gutter.find_withtag("time")
    x, y = place_of(alice, "two")
    alice.messages.event_generate("<Motion>", x=x, y=y)
    told = str(gutter.itemcget("time", "text"))  # type: ignore[no-untyped-call]
    now = minutes(f"{datetime.now(tz=UTC).astimezone():%H:%M}")
    assert (now - minutes(told)) % (24 * 60) <= 1
    x, y = place_of(alice, "one")
    alice.messages.event_generate("<Motion>", x=x, y=y)
    assert not gutter.find_withtag("time"), "it is above that one"


def minutes(clock: str) -> int:
    hours, _, rest = clock.partition(":")
    return 60 * int(hours) + int(rest)
