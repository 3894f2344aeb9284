"""Pieces of text with a tag, and how Tk counts characters."""

from __future__ import annotations

import tkinter as tk


def tagged_text(text: tk.Text, tag: str, place: str) -> str:
    """Return the whole piece of text with a tag that a place is in; empty if there is none."""
    found = text.tag_prevrange(tag, f"{place} + 1 chars")
    return text.get(*found) if found else ""


def count_chars(widget: tk.Misc, text: str) -> int:
    """Return how many ``chars`` a text has in Tk's indices; before Tcl 9 an emoji counts twice."""
    return int(widget.tk.call("string", "length", text))
