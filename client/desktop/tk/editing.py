"""Editing keys that Tk's fields lack."""

from __future__ import annotations

import tkinter as tk
from functools import partial
from tkinter import ttk
from typing import Final

_WORDS: Final = {
    "<Control-BackSpace>": "<<SelectPrevWord>>",
    "<Control-Delete>": "<<SelectNextWord>>",
}
_PASTE: Final = """
if {![catch {::tk::GetSelection %W CLIPBOARD} pasted]} {
    %W configure -autoseparators 0
    %W edit separator
    event generate %W <<Clear>>
    %W insert insert $pasted
    %W edit separator
    %W configure -autoseparators 1
}
unset pasted
"""
"""Replaces the selection by the clipboard, in one step to undo.

In Tcl, because a text of megabytes takes its time from there to Python and back.
"""


def mend_editing(root: tk.Tk) -> None:
    """Make Ctrl with Backspace or Delete delete a word, and pasting replace the selection."""
    for kind in ("Text", "TEntry"):
        for key, select in _WORDS.items():
            root.bind_class(kind, key, partial(_delete_word, select))
    root.tk.call("bind", "Text", "<<Paste>>", _PASTE)


def _delete_word(select: str, event: tk.Event[tk.Misc]) -> None:
    field = event.widget
    selected = field.tag_ranges("sel") if isinstance(field, tk.Text) else _is_selected(field)
    if not selected:
        field.event_generate(select)
    field.event_generate("<<Clear>>")


def _is_selected(field: tk.Misc) -> bool:
    return isinstance(field, ttk.Entry) and field.selection_present()
