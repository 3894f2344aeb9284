"""The fields to write in: the one place where the length of what is written is judged.

Tk lays out a text as it is inserted, in a time that grows with the square of its length: a megabyte
on one line takes minutes. So every field of the window is one of these, and takes what fits only.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Any, Final

from client.desktop.theme.theme import GAP, Theme
from client.desktop.tk.insertions import judge_insertions
from client.i18n.texts import _
from client.text.fitting import fitting, size_of

MOST_LINE_BYTES: Final = 512
"""The most that a field of one line takes: far more than any name has, in UTF-8."""
MOST_BYTES: Final = 4096
"""The most that a field of several lines takes, in UTF-8."""


class LineField(ttk.Entry):
    """A field of one line; what does not fit is cut off, which a notice below the field says."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        most_bytes: int = MOST_LINE_BYTES,
        **options: Any,  # noqa: ANN401 - Tk's
    ) -> None:
        super().__init__(master, style="Field.TEntry", font=theme.body, **options)
        self.most_bytes = most_bytes
        """The most that it takes, in UTF-8."""
        notice = _CutNotice(self, theme)
        _bound(self, lambda: most_bytes, notice.show)


class TextField(tk.Text):
    """A field of several lines, for as many bytes of UTF-8 as ``most_bytes`` returns.

    ``on_cut`` gets what was inserted and what did not fit, once the former is in the field. By
    default, a notice below the field says so.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        most_bytes: Callable[[], int] = lambda: MOST_BYTES,
        on_cut: Callable[[str, str], object] | None = None,
        **options: Any,  # noqa: ANN401 - Tk's
    ) -> None:
        super().__init__(master, width=1, **options)
        theme.dress_field(self)
        _bound(self, most_bytes, on_cut or _CutNotice(self, theme).show)


def _bound(
    field: LineField | TextField,
    most_bytes: Callable[[], int],
    on_cut: Callable[[str, str], object],
) -> None:
    def judge(content: str, text: str) -> str:
        return fitting(text, most_bytes() - size_of(content))

    judge_insertions(field, judge, on_cut)


class _CutNotice:
    """Says below a field that something was cut, until the next key or until it loses the focus."""

    def __init__(self, field: LineField | TextField, theme: Theme) -> None:
        self._field = field
        self._box = ttk.Frame(
            field.winfo_toplevel(), style="Popup.TFrame", padding=theme.px(GAP // 2)
        )
        self._label = ttk.Label(self._box, style="Warning.TLabel")
        self._label.pack()
        for event in ("<Key>", "<FocusOut>", "<Unmap>"):
            field.bind(event, lambda _: self._box.place_forget(), add="+")

    def show(self, kept: str, lost: str) -> None:
        """Say how much of what was inserted is in the field."""
        text = _("Too long: only {kept:,} of {all:,} characters were taken.")
        text = text.format(kept=len(kept), all=len(kept) + len(lost))
        self._label.configure(text=text, wraplength=max(self._field.winfo_width(), 200))
        self._box.place(in_=self._field, relx=0.0, rely=1.0, bordermode="outside")
        self._box.lift()
