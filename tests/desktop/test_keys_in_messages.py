"""What real keys do in the messages: links are gone through, opened and copied."""

from __future__ import annotations

import tkinter as tk

import pytest

from tests.desktop.screen import XWindow
from tests.desktop.stage import Person, Stage, on_stage
from tests.desktop.test_clicks import menu_of


async def reading(stage: Stage) -> tuple[Person, XWindow]:
    """Somebody whose keys go to the messages, in which there are links."""
    bob = await stage.peer("bob")
    for text in ("first https://example.org/1", "then https://example.org/2 and more"):
        await bob.send("lobby", text)
    alice = stage.open(nick="alice")
    await alice.sees("2 members", "and more")
    await alice.focus()
    window = await XWindow.find("alice in #lobby")
    await window.press("F6", "F6")
    await alice.sees_that(lambda: alice.root.focus_get() is alice.messages, "keys to go there")
    return alice, window


def selected(person: Person) -> str:
    chosen = person.messages.tag_ranges("sel")
    return person.messages.get(*chosen) if chosen else ""


@on_stage()
async def test_links_are_gone_through_and_opened(stage: Stage) -> None:
    opened: list[str] = []

    async def open_link(link: str) -> None:
        opened.append(link)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("client.desktop.app.open_link", open_link)
        alice, window = await reading(stage)
        await window.press("Return")
        await window.press("Left")
        await alice.sees_that(lambda: selected(alice) == "https://example.org/2", "the last link")
        await window.press("Left", "Left")
        await alice.sees_that(lambda: selected(alice) == "https://example.org/1", "the first link")
        await window.press("Return")
        await alice.sees_that(lambda: opened == ["https://example.org/1"], "it to be opened")
        await window.press("Right")
        await alice.sees_that(lambda: selected(alice) == "https://example.org/2", "the last link")


@on_stage()
async def test_a_link_is_copied_by_keys_and_by_the_menu(stage: Stage) -> None:
    alice, window = await reading(stage)
    await window.press("Left", "ctrl+c")
    await alice.sees_that(lambda: copied(alice) == "https://example.org/2", "it to be copied")
    alice.root.clipboard_clear()
    menu = menu_of(alice.messages)
    await window.press("shift+F10")
    await alice.sees_that(lambda: bool(menu.winfo_viewable()), "the menu")
    assert menu.entrycget(0, "label") == "Copy link"
    await window.press("Return")
    await alice.sees_that(lambda: copied(alice) == "https://example.org/2", "it to be copied")
    await window.press("Escape", "Menu")
    menu = menu_of(alice.app.window.chat.composer.text)
    await alice.sees_that(lambda: bool(menu.winfo_viewable()), "the menu of the field")
    await window.press("Return")
    await alice.sees_that(lambda: alice.typed == "https://example.org/2", "it to be pasted")


def copied(person: Person) -> str:
    try:
        return person.root.clipboard_get()
    except tk.TclError:  # nothing is
        return ""


@on_stage()
async def test_where_the_keys_go_is_seen_unless_a_click_took_them_there(stage: Stage) -> None:
    alice, window = await reading(stage)
    ring = alice.app.window.chat.messages.focus_ring
    await alice.sees_that(lambda: ring.is_shown, "the ring")
    await window.press("Escape")
    await alice.sees_that(lambda: not ring.is_shown, "no ring")
    text, root = alice.messages, alice.root
    x, y = text.winfo_rootx() - root.winfo_rootx(), text.winfo_rooty() - root.winfo_rooty()
    await window.click(x + 200, y + 200)
    await alice.sees_that(lambda: root.focus_get() is text, "keys to go there")
    assert not ring.is_shown
