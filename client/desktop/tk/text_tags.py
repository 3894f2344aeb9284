"""Pieces of text with a tag."""

from __future__ import annotations

import tkinter as tk


def tagged_text(text: tk.Text, tag: str, place: str) -> str:
    """Return the whole piece of text with a tag that a place is in; empty if there is none."""
    found = text.tag_prevrange(tag, f"{place} + 1 chars")
    return text.get(*found) if found else ""
