"""The quick switcher and the help, in a real window and by real keys."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator
from tkinter import ttk

import pytest

from client.desktop.help_page import HelpPage
from client.desktop.shortcuts import described
from client.desktop.switcher import Choice, Switcher
from client.desktop.theme import Theme, open_root

CHOICES = [
    Choice("#lobby", "#lobby"),
    Choice("#dev", "#development", "3 unread"),
    Choice("@dave", "dave"),
    *(Choice(f"#room{n}", f"#room{n}") for n in range(500)),
]


class Desk:
    """A window with a field that has the focus."""

    def __init__(self, root: tk.Tk, theme: Theme) -> None:
        self.root, self.theme = root, theme
        self.field = ttk.Entry(root)
        self.field.pack(side="bottom")
        root.update()
        self.field.focus_force()
        root.update()

    def press(self, *keys: str) -> None:
        for key in keys:
            focus = self.root.focus_get()
            assert focus is not None
            if len(key) == 1:
                focus.event_generate(f"<KeyPress-{key}>")
                focus.event_generate(f"<KeyRelease-{key}>")
            else:
                focus.event_generate(key)
            self.root.update()

    def click(self, widget: tk.Misc, x: int, y: int) -> None:
        for event in ("<Enter>", "<ButtonPress-1>", "<ButtonRelease-1>"):
            widget.event_generate(event, x=x, y=y)
        self.root.update()


@pytest.fixture
def desk(display: str) -> Iterator[Desk]:
    del display
    root, theme = open_root("Chat")
    yield Desk(root, theme)
    root.destroy()


@pytest.fixture
def chosen() -> list[str]:
    return []


@pytest.fixture
def switcher(desk: Desk, chosen: list[str]) -> Switcher:
    switcher = Switcher(desk.root, desk.theme, on_choose=chosen.append)
    switcher.ask(CHOICES)
    desk.root.update()
    return switcher


def rows(switcher: Switcher) -> list[str]:
    return [str(row).strip() for row in switcher.list.get(0, "end")]


def test_a_few_letters_and_return_choose(desk: Desk, switcher: Switcher, chosen: list[str]) -> None:
    assert rows(switcher)[:3] == ["#lobby", "#development   3 unread", "dave"]
    desk.press("d", "e", "v")
    assert rows(switcher)[:1] == ["#development   3 unread"]
    desk.press("<Return>")
    assert chosen == ["#dev"]
    assert not switcher.winfo_viewable()
    assert desk.root.focus_get() is desk.field, "the focus is where it was"


def test_arrows_move_through_the_list_and_around(
    desk: Desk, switcher: Switcher, chosen: list[str]
) -> None:
    desk.press("<Down>", "<Down>", "<Return>")
    assert chosen == ["@dave"]
    switcher.ask(CHOICES[:3])
    desk.root.update()
    desk.press("<Up>", "<Return>")
    assert chosen == ["@dave", "@dave"], "up from the first is the last"


def test_what_fits_nothing_says_so_and_chooses_nothing(
    desk: Desk, switcher: Switcher, chosen: list[str]
) -> None:
    desk.press("q", "q", "<Down>", "<Return>")
    assert "Nothing here is called like that" in str(switcher.hint.cget("text"))
    assert switcher.winfo_viewable()
    desk.press("<BackSpace>")
    switcher.entry.event_generate("<KeyRelease-BackSpace>")
    desk.press("<Escape>")
    assert not switcher.winfo_viewable()
    assert chosen == []


def test_a_click_chooses_and_one_beside_it_closes(
    desk: Desk, switcher: Switcher, chosen: list[str]
) -> None:
    x, y, _width, height = switcher.list.bbox(1)  # type: ignore[misc]
    desk.click(switcher.list, x + 5, y + height // 2)
    assert chosen == ["#dev"]
    switcher.ask(CHOICES)
    desk.root.update()
    desk.click(switcher.entry, 5, 5)
    assert switcher.winfo_viewable(), "a click in it is none beside it"
    desk.click(desk.field, 5, 5)
    assert not switcher.winfo_viewable()
    assert chosen == ["#dev"]


def test_the_help_has_every_key_and_closes_by_escape(desk: Desk) -> None:
    page = HelpPage(desk.root, desk.theme, [("Keys", described())])
    assert not page.winfo_viewable()
    page.open()
    desk.root.update()
    shown = page.text.get("1.0", "end").split("\n")
    for keys, what in described():
        assert f"{keys}\t{what}" in shown
    desk.press("<Escape>")
    assert not page.winfo_viewable()
    assert desk.root.focus_get() is desk.field


def test_the_help_scrolls_where_there_is_little_room(desk: Desk) -> None:
    page = HelpPage(desk.root, desk.theme, [("Keys", described()), ("More", described())])
    desk.theme.resize(30)
    desk.root.geometry("800x600")
    page.open()
    desk.root.update()
    assert page.text.yview()[1] < 1
    desk.press("<Down>", "<Down>")
    assert page.text.yview()[0] > 0
    assert page.winfo_x() >= 0
    assert page.winfo_rootx() + page.winfo_width() <= desk.root.winfo_rootx() + 800
