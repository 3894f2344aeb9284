"""The icon of the window and the bell."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator

import pytest

from client.desktop.tk.bell import Bell
from client.desktop.tk.icon import WindowIcon, icon


@pytest.fixture
def root(display: str) -> Iterator[tk.Tk]:
    del display
    root = tk.Tk()
    yield root
    root.destroy()


@pytest.mark.parametrize("size", [64, 32])
def test_the_icon_is_a_bubble_with_a_badge_where_something_is_unread(
    root: tk.Tk, size: int
) -> None:
    plain = tk.PhotoImage(master=root, data=icon(size, 0))
    marked = tk.PhotoImage(master=root, data=icon(size, 8))
    assert (plain.width(), plain.height()) == (size, size)
    middle, badge = (size // 2, size * 3 // 4), (size * 7 // 8, size * 5 // 16)
    for image in (plain, marked):
        assert image.get(*middle) == (0x24, 0x56, 0xC9)
        assert image.transparency_get(size - 1, size - 1), "nothing outside of the bubble"
    assert plain.get(*badge) == (0x24, 0x56, 0xC9)
    assert marked.get(*badge) == (0xC4, 0x2B, 0x1C)


def test_every_number_up_to_nine_has_an_icon_of_its_own() -> None:
    assert len({icon(32, unread) for unread in range(11)}) == 11


def test_the_window_shows_what_is_unread(root: tk.Tk, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[bytes, ...]] = []

    def note(_default: bool, *images: tk.PhotoImage) -> None:
        shown.append(tuple(str(image.cget("data")).encode() for image in images))

    monkeypatch.setattr(root, "iconphoto", note)
    window = WindowIcon(root)
    for unread in (0, 3, 3, 12, 5000, 0):
        window.show(unread)
    assert len(shown) == 4, "what looks the same is not drawn again"
    assert shown[0] == shown[3] != shown[1] != shown[2]


def test_the_system_takes_the_icon(root: tk.Tk) -> None:
    WindowIcon(root).show(3)
    root.update()


def test_a_burst_rings_once(root: tk.Tk, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[float] = []
    clock = [0.0]
    monkeypatch.setattr("client.desktop.tk.bell.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(root, "bell", lambda: rung.append(clock[0]))
    bell = Bell(root)
    for clock[0] in (100.0, 100.5, 101.9, 102.1, 103.0):
        bell.ring()
    assert rung == [100.0, 102.1]
