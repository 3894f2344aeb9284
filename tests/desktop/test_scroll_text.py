"""A text that tells scrolling by its reader from everything else that moves it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator

import pytest

from client.desktop.tk.scroll_text import ScrollText


class Reading:
    """A text of a hundred rows in a window, and how often its reader has scrolled it."""

    def __init__(self, root: tk.Tk) -> None:
        self.root = root
        self.times = 0
        self.text = ScrollText(root, self.count)
        self.text.configure(height=10, width=20)
        self.text.pack(fill="both", expand=True)
        self.text.insert("end", "".join(f"row {number}\n" for number in range(1, 101)))
        root.update()
        self.text.focus_force()
        root.update()

    def count(self) -> None:
        self.times += 1

    @property
    def first_row(self) -> int:
        return int(self.text.index("@0,0").split(".")[0])


@pytest.fixture
def reading(display: str) -> Iterator[Reading]:
    del display
    root = tk.Tk()
    yield Reading(root)
    root.destroy()


SCROLLS: dict[str, Callable[[tk.Text], object]] = {
    "a key": lambda text: text.event_generate("<Next>"),
    "the wheel": lambda text: text.event_generate("<Button-5>"),
    "a scrollbar": lambda text: text.yview("moveto", "0.5"),
    "a search": lambda text: text.see("90.0"),
}


@pytest.mark.parametrize("scroll", SCROLLS.values(), ids=SCROLLS)
def test_it_is_told_whatever_the_reader_scrolls_with(
    reading: Reading, scroll: Callable[[tk.Text], object]
) -> None:
    scroll(reading.text)
    reading.root.update()
    assert reading.times > 0
    assert reading.first_row > 1


def test_the_program_new_text_and_another_size_are_not(reading: Reading) -> None:
    text = reading.text
    text.show_end()
    assert text.yview()[1] == 1.0
    text.insert("end", "more\n" * 50)
    reading.root.update()
    assert not text.end_is_in_sight
    reading.root.geometry("300x400")
    reading.root.update()
    text.configure(font=("TkFixedFont", 30))
    reading.root.update()
    assert text.yview()[0] > 0.0, "to ask where it is does not scroll it"
    assert reading.times == 0


@pytest.mark.parametrize("top", [0, 5, -7, -100])
def test_a_row_is_shown_at_a_place_to_the_pixel(reading: Reading, top: int) -> None:
    text = reading.text
    text.show_row_at(50, top)
    assert text.top_of(50) == top
    assert text.top_of(1) < text.top_of(49) < text.top_of(50) < text.top_of(99)
    text.show_row_at(1, 30)
    assert text.top_of(1) < 30, "there is nothing above the first row"
