"""The column beside the messages: avatars, times, and the bands of mentions."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator
from typing import Final

from client.desktop.theme.avatars import Spot, draw_avatar
from client.desktop.theme.theme import GAP, MARGIN, Theme

_BAND: Final = 3


class Gutter(tk.Canvas):
    """Draws beside the names and mentions that are in sight in a text.

    So the text itself contains nothing but text. ``on_open`` gets the name of an avatar that was
    double-clicked.
    """

    def __init__(
        self, master: tk.Misc, theme: Theme, text: tk.Text, on_open: Callable[[str], None]
    ) -> None:
        super().__init__(master, width=1, height=1, highlightthickness=0, borderwidth=0)
        self._theme, self._text = theme, text
        self._is_due = False
        self._faces: list[tuple[int, int, str]] = []
        self.bind("<Double-Button-1>", lambda event: self._opened(event.y, on_open))
        for event, by in (("<Button-4>", -1), ("<Button-5>", 1)):
            self.bind(event, lambda _, by=by: text.yview_scroll(by * 50, "pixels"))  # type: ignore[misc]
        self.bind(
            "<MouseWheel>", lambda event: text.event_generate("<MouseWheel>", delta=event.delta)
        )
        theme.dress(self, self._dress)

    def show_time(self, place: str | None, time: str = "") -> None:
        """Show the time of the line at a place, or no time."""
        self.delete("time")
        box = self._text.dlineinfo(place) if place is not None else None
        if box is not None:
            theme = self._theme
            right = theme.px(MARGIN) + theme.avatar_size
            bottom = box[1] + box[4] + theme.small.metrics("descent")
            colour = theme.palette.quiet
            self.create_text(
                right, bottom, text=time, tags="time", font=theme.small, fill=colour, anchor="se"
            )

    def draw_soon(self) -> None:
        """Draw again once the text is up to date."""
        if not self._is_due:
            self._is_due = True
            self.after_idle(self._draw)

    def _dress(self) -> None:
        width = self._theme.avatar_size + self._theme.px(MARGIN + GAP // 2)
        self.configure(width=width, background=self._theme.palette.background)
        self.draw_soon()

    def _draw(self) -> None:
        self._is_due = False
        self.delete("all")
        self._faces.clear()
        for first, last in self._in_sight("mention"):
            self._draw_band(first, last)
        for tag, size in (
            ("name", self._theme.avatar_size),
            ("actor", self._theme.row_height - self._theme.px(GAP)),
        ):
            for first, last in self._in_sight(tag):
                self._draw_face(first, last, size)

    def _draw_face(self, first: str, last: str, size: int) -> None:
        theme, box = self._theme, self._text.dlineinfo(first)
        if box is None:
            return
        nick = self._text.get(first, last)
        top = box[1] + box[4] - theme.bold.metrics("ascent")
        if size < theme.avatar_size:  # beside one line, and not two
            top -= (size - theme.bold.metrics("linespace")) // 2
        left = theme.px(MARGIN) + theme.avatar_size - size
        draw_avatar(self, theme, nick, Spot(left, top, size))
        self._faces.append((top, top + size, nick))

    def _in_sight(self, tag: str) -> Iterator[tuple[str, str]]:
        """Yield the start and end of each piece of text with a tag that is in sight."""
        text = self._text
        place, end = text.index("@0,0 linestart"), text.index(f"@0,{text.winfo_height()} lineend")
        before = text.tag_prevrange(tag, f"{place} + 1 chars")
        if before and text.compare(before[1], ">", place):
            yield before
            place = before[1]
        while found := text.tag_nextrange(tag, place, end):
            yield found
            place = found[1]

    def _draw_band(self, first: str, last: str) -> None:
        text, theme, height = self._text, self._theme, self.winfo_height()
        top, bottom = text.dlineinfo(first), text.dlineinfo(f"{last} - 1 chars")
        above = top[1] if top else 0
        below = bottom[1] + bottom[3] if bottom else height
        palette, width = theme.palette, self.winfo_width()
        self.create_rectangle(0, above, width, below, fill=palette.mention, width=0)
        self.create_rectangle(0, above, theme.px(_BAND), below, fill=palette.mention_edge, width=0)

    def _opened(self, y: int, on_open: Callable[[str], None]) -> None:
        for top, bottom, nick in self._faces:
            if top <= y < bottom:
                on_open(nick)
