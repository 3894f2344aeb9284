"""A list of rows in a real window: what is in sight of it, and what keys and clicks choose."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator

import pytest

from client.desktop.theme.theme import Theme, open_root
from client.desktop.widgets.rows import Row, Rows


@pytest.fixture
def window(display: str) -> Iterator[tuple[tk.Tk, Theme]]:
    del display
    root, theme = open_root("Chat")
    root.geometry("400x300")
    yield root, theme
    root.destroy()


class Chosen:
    """A list that fills a window, and what was done in it."""

    def __init__(self, root: tk.Tk, theme: Theme) -> None:
        self.chosen: list[int] = []
        self.opened: list[int] = []
        self.rows = Rows(root, theme, on_choose=self.chosen.append, on_open=self.opened.append)
        self.rows.pack(fill="both", expand=True)
        root.update()
        self.rows.canvas.focus_force()
        root.update()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.rows.canvas.event_generate(key)
        self.rows.update()

    @property
    def seen(self) -> list[str]:
        """The texts that are drawn, from top to bottom."""
        canvas = self.rows.canvas
        texts = [item for item in canvas.find_all() if str(canvas.type(item)) == "text"]
        return [canvas.itemcget(item, "text") for item in texts]  # type: ignore[no-untyped-call]


def test_headings_are_passed_over(window: tuple[tk.Tk, Theme]) -> None:
    there = Chosen(*window)
    there.rows.show_all(
        [Row("ROOMS", heading=True), Row("a"), Row("PEOPLE", heading=True), Row("b")]
    )
    there.press("<Down>", "<Down>", "<Down>")
    assert there.chosen == [1, 3]
    there.press("<Up>", "<Up>", "<End>", "<Home>", "<Return>")
    assert there.chosen == [1, 3, 1, 3, 1]
    assert there.opened == [1]
    x, y = there.rows.place_of(2)
    there.rows.canvas.event_generate("<ButtonPress-1>", x=x, y=y)
    assert there.rows.chosen == 1, "a heading cannot be clicked"


def test_only_what_is_in_sight_is_asked_for_and_drawn(window: tuple[tk.Tk, Theme]) -> None:
    there = Chosen(*window)
    asked: set[int] = set()

    def row(number: int) -> Row:
        asked.add(number)
        return Row(f"row {number}")

    there.rows.show(100_000, row)
    there.rows.update()
    assert max(asked) < 20
    assert there.seen[:3] == ["row 0", "row 1", "row 2"]
    there.press("<End>")
    assert there.seen[-1] == "row 99999"
    assert len(asked) < 60
    there.rows.show(100_000, row, top=500)
    there.rows.update()
    assert there.seen[0] == "row 500"


def test_what_is_too_long_ends_in_dots(window: tuple[tk.Tk, Theme]) -> None:
    there = Chosen(*window)
    there.rows.show_all(
        [Row("short", note="a note"), Row("long " * 100, badge="99+"), Row("i" * 9)]
    )
    there.rows.update()
    assert "short" in there.seen
    assert "a note" in there.seen
    (shortened,) = (text for text in there.seen if text.startswith("long"))
    assert shortened.endswith("\u2026")
    canvas = there.rows.canvas
    for item in canvas.find_all():
        left, _top, right, _bottom = canvas.bbox(item)
        assert left >= 0
        assert right <= canvas.winfo_width()


def test_while_it_is_disabled_nothing_is_chosen(window: tuple[tk.Tk, Theme]) -> None:
    there = Chosen(*window)
    there.rows.show_all([Row("a"), Row("b")])
    there.rows.choose(0)
    there.rows.enable(enabled=False)
    x, y = there.rows.place_of(1)
    there.rows.canvas.event_generate("<ButtonPress-1>", x=x, y=y)
    there.press("<Down>", "<Return>")
    assert (there.chosen, there.opened, there.rows.chosen) == ([], [], 0)
