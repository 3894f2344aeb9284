"""Judging what is about to be inserted into a field, before Tk lays it out."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Final

INSERTED: Final = "<<Inserted>>"
"""The event that a judged field gets after each insertion; a paste may come after its last key."""
_JUDGED: Final = """
proc {%(path)s} {args} {
    if {[lindex $args 0] in {insert replace}} {
        return [{%(insert)s} {*}$args]
    }
    uplevel 1 [linsert $args 0 {%(command)s}]
}
"""


def judge_insertions(
    field: tk.Text | ttk.Entry,
    judge: Callable[[str, str], str],
    on_cut: Callable[[str, str], object],
) -> None:
    """Insert into a field only what ``judge`` returns, the beginning of what is to be inserted.

    - ``judge`` gets what the field contains, and what is to be inserted;
    - ``on_cut`` gets what was inserted and what was not, if anything was not.

    Whatever inserts does so by the widget's command, so that is what is watched: keys, the
    clipboard, the selection by the middle button, an input method, the program itself.
    """
    path = str(field)
    command = f"{path}.unjudged"

    def content() -> str:
        range_ = ("1.0", "end - 1 chars") if isinstance(field, tk.Text) else ()
        return str(field.tk.call(command, "get", *range_))

    def insert(kind: str, *arguments: str) -> None:
        if kind == "replace":
            start, end, *arguments_left = arguments
            field.tk.call(command, "delete", start, end)
            arguments = (start, *arguments_left)
        place, text, *tags = arguments
        kept = judge(content(), text)
        field.tk.call(command, "insert", place, kept, *tags)
        field.event_generate(INSERTED, when="tail")
        if len(kept) < len(text):
            on_cut(kept, text[len(kept) :])

    names = {"path": path, "command": command, "insert": field.register(insert)}
    field.tk.call("rename", path, command)
    field.tk.eval(_JUDGED % names)
