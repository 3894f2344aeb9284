"""Editing keys that Tk's fields lack."""

from __future__ import annotations

import tkinter as tk
from contextlib import suppress
from functools import partial
from tkinter import ttk
from typing import Final

_WORDS: Final = {
    "<Control-BackSpace>": "<<SelectPrevWord>>",
    "<Control-Delete>": "<<SelectNextWord>>",
}


def mend_editing(root: tk.Tk) -> None:
    """Make Ctrl with Backspace or Delete delete a word, and pasting replace the selection."""
    for kind in ("Text", "TEntry"):
        for key, select in _WORDS.items():
            root.bind_class(kind, key, partial(_delete_word, select))
    root.bind_class("Text", "<<Paste>>", _paste)


def _delete_word(select: str, event: tk.Event[tk.Misc]) -> None:
    field = event.widget
    selected = field.tag_ranges("sel") if isinstance(field, tk.Text) else _is_selected(field)
    if not selected:
        field.event_generate(select)
    field.event_generate("<<Clear>>")


def _is_selected(field: tk.Misc) -> bool:
    return isinstance(field, ttk.Entry) and field.selection_present()


def _paste(event: tk.Event[tk.Misc]) -> None:
    """Replace the selection by the clipboard, as one step to undo."""
    text = event.widget
    if not isinstance(text, tk.Text):
        return
    with suppress(tk.TclError):  # there may be nothing to paste
        # Once only: a megabyte takes 30 ms. Not `clipboard_get`, which breaks letters every 4000
        # bytes.
        pasted = text.tk.call("::tk::GetSelection", str(text), "CLIPBOARD")
        text.configure(autoseparators=False)
        text.edit_separator()
        text.event_generate("<<Clear>>")
        text.insert("insert", pasted)
        text.edit_separator()
    text.configure(autoseparators=True)
