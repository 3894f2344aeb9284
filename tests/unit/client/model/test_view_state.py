"""Where the reader is in a conversation, with a stand-in for what shows it."""

from __future__ import annotations

import pytest

from client.model import Entry, MessageLine, ViewState
from tests.unit.client.model.chatting import NOON


def entry(text: str) -> Entry:
    return Entry(MessageLine(NOON, "bob", text, text))


class Screen:
    """A viewport that shows what it is told to."""

    def __init__(self, shown: tuple[Entry, int] | None = None) -> None:
        self.shown = shown

    def position(self) -> tuple[Entry, int] | None:
        return self.shown

    def show_entry(self, entry: Entry, offset: int) -> None:
        self.shown = (entry, offset)

    def show_end(self) -> None:
        self.shown = None


def test_a_reader_begins_at_the_end() -> None:
    view, screen = ViewState(), Screen((entry("one"), 0))
    view.restore(screen)
    assert view.at_end
    assert screen.shown is None


@pytest.mark.parametrize("offset", [0, 7, -120])
def test_what_was_saved_is_restored_to_the_pixel(offset: int) -> None:
    one, screen = entry("one"), Screen()
    view = ViewState()
    view.save(Screen((one, offset)))
    assert not view.at_end
    view.restore(screen)
    assert screen.shown == (one, offset)


def test_at_the_end_is_at_the_end_however_much_comes() -> None:
    view = ViewState()
    view.save(Screen((entry("one"), -3)))
    view.save(Screen())
    assert view == ViewState()
    screen = Screen((entry("two"), 0))
    view.restore(screen)
    assert screen.shown is None


def test_who_comes_back_to_an_entry_that_is_gone_is_at_the_end() -> None:
    one, screen = entry("one"), Screen()
    view = ViewState(one, -5)
    one.gone = True
    screen.shown = (entry("two"), 0)
    view.restore(screen)
    assert view == ViewState()
    assert screen.shown is None
