"""Keys that do something everywhere, in a real window."""

from __future__ import annotations

import tkinter as tk
from collections import Counter

import pytest

from client.desktop.control.shortcuts import SHORTCUTS, bind_shortcuts, described


@pytest.mark.usefixtures("display")
def test_each_key_does_its_one_thing_wherever_the_focus_is() -> None:
    root = tk.Tk()
    pressed: Counter[str] = Counter()

    def count(action: str) -> None:
        pressed[action] += 1

    names = {shortcut.action for shortcut in SHORTCUTS}
    bind_shortcuts(root, {name: lambda name=name: count(name) for name in names})  # type: ignore[misc]
    text, entry = tk.Text(root), tk.Entry(root)
    text.insert("end", "one\ntwo")
    for widget in (text, entry):
        widget.pack()
        root.update()
        widget.focus_force()
        root.update()
        for shortcut in SHORTCUTS:
            for sequence in shortcut.sequences:
                before = pressed[shortcut.action]
                widget.event_generate(sequence)
                root.update()
                assert pressed[shortcut.action] == before + 1, shortcut
    assert text.get("1.0", "end - 1 chars") == "one\ntwo", "Ctrl+K cuts no line"
    root.destroy()


def test_the_help_tells_each_action_once_with_all_its_keys() -> None:
    rows = described()
    assert ("Alt+Up, Ctrl+PageUp", "Previous conversation") in rows
    assert len({what for _, what in rows}) == len(rows)
    sequences = [sequence for shortcut in SHORTCUTS for sequence in shortcut.sequences]
    assert len(set(sequences)) == len(sequences), "no key does two things"
