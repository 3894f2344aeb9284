"""A frame whose content may be higher than itself."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from client.desktop.theme.theme import MARGIN, Theme
from client.desktop.tk.focus_scroll import scroll_with_focus


class Scrolled(ttk.Frame):
    """Shows ``content``, by the wheel and with the focus, as far as there is room for it."""

    def __init__(self, master: tk.Misc, theme: Theme) -> None:
        super().__init__(master)
        self._top = 0
        self.content = ttk.Frame(self)
        self.content.place(x=0, y=0, relwidth=1.0)
        for widget in (self, self.content):
            widget.bind("<Configure>", lambda _event: self._fit())
        scroll_with_focus(self, self.scroll, room=theme.px(4 * MARGIN))

    def scroll(self, by: int) -> None:
        """Move the content up by so many pixels, if there is more of it below."""
        most = max(0, self.content.winfo_reqheight() - self.winfo_height())
        self._top = min(max(self._top + by, 0), most)
        self.content.place_configure(y=-self._top)

    def _fit(self) -> None:
        self.scroll(0)
