"""A list of rows with pictures, marks and counts; it draws only those in sight."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tkinter import ttk
from typing import Final, Literal

from client.desktop.theme.avatars import Spot, draw_avatar, draw_presence
from client.desktop.theme.palette import PresenceState
from client.desktop.theme.theme import GAP, Theme
from client.desktop.widgets.hint import Hint

Ground = Literal["background", "surface"]
_RADIUS: Final = 6
_WHEEL_ROWS: Final = 3


@dataclass(frozen=True)
class Row:
    """One row: a ``title``, a quiet ``note`` behind it, and a ``badge`` at the right end.

    Behind the title of who is ``registered`` is a sign of that; ``hint`` is told to whoever rests
    the mouse on the row.

    In front is a ``symbol``, or the avatar of ``nick`` with the mark of its ``presence``, if that
    is given. A ``heading`` cannot be chosen.
    """

    title: str
    note: str = ""
    symbol: str = ""
    nick: str = ""
    presence: PresenceState | None = None
    badge: str = ""
    urgent: bool = False
    """Whether the badge stands out, because somebody has mentioned the person."""
    strong: bool = False
    faint: bool = False
    muted: bool = False
    heading: bool = False
    registered: bool = False
    hint: str = ""


class Rows(tk.Frame):
    """Shows rows, of which one may be chosen: by click, by keys, or by the program.

    - ``on_choose`` gets the index of the row that the person chooses;
    - ``on_open`` gets the index of one that is double-clicked, or on which Return is pressed;
    - with ``opens_at_once`` a click opens, and the choice is visible only while in focus.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        ground: Ground = "background",
        on_choose: Callable[[int], object] = lambda _: None,
        on_open: Callable[[int], object] = lambda _: None,
        takes_focus: bool = True,
        opens_at_once: bool = False,
    ) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=0)
        self._theme, self._ground, self._opens_at_once = theme, ground, opens_at_once
        self._on_choose, self._on_open = on_choose, on_open
        self.canvas = tk.Canvas(
            self, width=1, height=1, highlightthickness=0, borderwidth=0, takefocus=takes_focus
        )
        side = "Side." if ground == "surface" else ""
        self._scrollbar = ttk.Scrollbar(
            self, style=f"{side}Quiet.TScrollbar", command=self.canvas.yview
        )
        self.canvas.configure(yscrollcommand=self._scrolled)
        self.canvas.pack(side="left", fill="both", expand=True)
        self.count = 0
        self.row: Callable[[int], Row] = _no_row
        self.chosen: int | None = None
        self._pointed: int | None = None
        self._hint = Hint(self.canvas, theme)
        self._is_due = False
        theme.dress(self, self._dress)
        self._bind(takes_focus=takes_focus)

    def show(
        self, count: int, row: Callable[[int], Row], chosen: int | None = None, top: float = -1.0
    ) -> None:
        """Show ``count`` rows; ``row`` returns the row of an index when it comes into sight.

        ``top`` is how many rows are above those in sight; negative to leave that as it is.
        """
        self.count, self.row, self.chosen = count, row, chosen
        self._measure()
        if top >= 0:
            self.canvas.yview_moveto(top / max(count, 1))
        self._draw_soon()

    def show_all(self, rows: Sequence[Row], chosen: int | None = None) -> None:
        """Show these rows."""
        self.show(len(rows), rows.__getitem__, chosen)

    @property
    def top(self) -> float:
        """How many rows are above those in sight."""
        return float(self.canvas.canvasy(0)) / self._theme.row_height

    def set_height(self, rows: int) -> None:
        """Request the height of so many rows."""
        self.canvas.configure(height=max(rows, 1) * self._theme.row_height)

    def enable(self, *, enabled: bool) -> None:
        """Enable or disable the choice of rows."""
        self.canvas.configure(state="normal" if enabled else "disabled")

    def choose(self, number: int) -> None:
        """Choose a row, and scroll to it."""
        self.chosen = number
        self._see(number)
        self._draw_soon()

    def step(self, by: int, *, around: bool = False) -> int | None:
        """Choose the next row or the one before; return its index, or None at the end."""
        number = self.chosen if self.chosen is not None else (-1 if by > 0 else self.count)
        for _ in range(self.count):
            number += by
            if around and self.count:
                number %= self.count
            if not 0 <= number < self.count:
                return None
            if not self.row(number).heading:
                self.choose(number)
                return number
        return None

    @property
    def height(self) -> int:
        """The height of all rows together, in pixels."""
        return self.count * self._theme.row_height

    def place_of(self, number: int) -> tuple[int, int]:
        """Return the place on the canvas, as scrolled, of the middle of a row."""
        middle = (number + 0.5) * self._theme.row_height - float(self.canvas.canvasy(0))
        return self.canvas.winfo_width() // 2, round(middle)

    # --- what the person does -----------------------------------------------------------------

    def _bind(self, *, takes_focus: bool) -> None:
        canvas = self.canvas
        canvas.bind("<Configure>", lambda _: self._resized())
        canvas.bind("<Motion>", lambda event: self._point(self._number_at(event.y)))
        canvas.bind("<Leave>", lambda _: self._point(None))
        canvas.bind("<ButtonPress-1>", lambda event: self._clicked(event.y, takes_focus))
        if not self._opens_at_once:
            canvas.bind("<Double-Button-1>", lambda event: self._opened(self._number_at(event.y)))
        for key, by in (("<Up>", -1), ("<Down>", 1)):
            canvas.bind(key, lambda _, by=by: self._stepped(by))  # type: ignore[misc]
        for key, by in (("<Home>", 1), ("<End>", -1)):
            canvas.bind(key, lambda _, by=by: self._stepped(by, anew=True))  # type: ignore[misc]
        for key in ("<Return>", "<KP_Enter>", "<space>"):
            canvas.bind(key, lambda _: self._opened(self.chosen))
        for key, pages in (("<Prior>", -1), ("<Next>", 1)):
            canvas.bind(key, lambda _, pages=pages: canvas.yview_scroll(pages, "pages"))  # type: ignore[misc]
        canvas.bind("<Button-4>", lambda _: self._wheel(-1))
        canvas.bind("<Button-5>", lambda _: self._wheel(1))
        canvas.bind("<MouseWheel>", lambda event: self._wheel(-1 if event.delta > 0 else 1))
        canvas.bind("<FocusIn>", lambda _: self._got_keys(), add="+")
        canvas.bind("<FocusOut>", lambda _: self._draw_soon(), add="+")

    def _got_keys(self) -> None:
        if self.chosen is None:
            self.step(1)
        self._draw_soon()

    def _clicked(self, y: int, takes_focus: bool) -> None:  # noqa: FBT001 - of a binding
        if takes_focus:
            self.canvas.focus_set()
        number = self._number_at(y)
        if number is not None and self._is_enabled:
            self.choose(number)
            self._on_choose(number)
            if self._opens_at_once:
                self._on_open(number)

    def _stepped(self, by: int, *, anew: bool = False) -> str:
        if anew:
            self.chosen = None  # from where the first step goes to this or that end
        number = self.step(by) if self._is_enabled else None
        if number is not None:
            self._on_choose(number)
        return "break"

    def _opened(self, number: int | None) -> str:
        if number is not None and self._is_enabled:
            self._on_open(number)
        return "break"

    @property
    def _is_enabled(self) -> bool:
        return str(self.canvas.cget("state")) == "normal"

    def _wheel(self, by: int) -> str:
        self.canvas.yview_scroll(by * _WHEEL_ROWS, "units")
        return "break"

    def _number_at(self, y: int) -> int | None:
        number = int(float(self.canvas.canvasy(y)) // self._theme.row_height)
        return number if 0 <= number < self.count and not self.row(number).heading else None

    def _point(self, number: int | None) -> None:
        if number != self._pointed:
            self._pointed = number
            self._hint.offer(self.row(number).hint if number is not None else "")
            self._draw_soon()

    # --- what is seen -------------------------------------------------------------------------

    def _dress(self) -> None:
        ground = getattr(self._theme.palette, self._ground)
        self.configure(background=ground)
        self.canvas.configure(background=ground, yscrollincrement=self._theme.row_height)
        self._measure()
        self._draw_soon()

    def _resized(self) -> None:
        self._measure()
        if self.chosen is not None:
            self._see(self.chosen)
        self._draw_soon()

    def _measure(self) -> None:
        self.canvas.configure(scrollregion=(0, 0, 1, self.height))

    def _see(self, number: int) -> None:
        in_sight = self.canvas.winfo_height() / self._theme.row_height
        top = min(self.top, number)
        top = max(top, number + 1 - in_sight)
        if top != self.top and self.count:
            # By whole rows: the first one in sight is not to be cut.
            self.canvas.yview_moveto(-(-top // 1) / self.count)

    def _scrolled(self, first: float, last: float) -> None:
        self._scrollbar.set(first, last)
        if float(first) <= 0.0 and float(last) >= 1.0:
            self._scrollbar.pack_forget()
        elif not self._scrollbar.winfo_manager():
            self._scrollbar.pack(side="right", fill="y", before=self.canvas)
        self._draw_soon()

    def _draw_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self.after_idle(self._draw)

    def _draw(self) -> None:
        self._is_due = False
        self.canvas.delete("all")
        first = max(int(self.top), 0)
        most = self.canvas.winfo_height() // self._theme.row_height + 2
        for number in range(first, min(first + most, self.count)):
            self._draw_row(number, self.row(number))

    def _draw_row(self, number: int, row: Row) -> None:
        theme, canvas = self._theme, self.canvas
        height, gap = theme.row_height, theme.px(GAP)
        top, width = number * height, canvas.winfo_width()
        middle = top + height // 2
        if row.heading:
            canvas.create_text(
                gap, middle + gap // 4, text=theme.shorten(row.title, theme.small, width - gap),
                font=theme.small, fill=theme.palette.quiet, anchor="w",
            )  # fmt: skip
            return
        ground = self._draw_ground(number, top, width)
        left = self._draw_front(row, gap, middle, ground)
        right = self._draw_end(row, width - gap, middle)
        font = theme.bold if row.strong else theme.body
        colour = theme.palette.quiet if row.faint and not row.strong else theme.palette.text
        sign = theme.small.metrics("linespace") + theme.px(2) if row.registered else 0
        title = theme.shorten(row.title, font, right - left - sign)
        canvas.create_text(left, middle, text=title, font=font, fill=colour, anchor="w")
        left += font.measure(title) + gap
        if row.registered:
            mark = theme.pictures.registered(sign, theme.palette.link)
            canvas.create_image(left - gap + theme.px(3), middle, image=mark, anchor="w")
            left += sign
        if row.note and right - left > 2 * gap:
            note = theme.shorten(row.note, theme.small, right - left)
            canvas.create_text(
                left, middle, text=note, font=theme.small, fill=theme.palette.quiet, anchor="w"
            )

    def _draw_ground(self, number: int, top: int, width: int) -> str:
        """Draw the background of a row, and return its colour."""
        theme = self._theme
        has_keys = number == self.chosen and self.canvas.focus_get() is self.canvas
        if has_keys or (number == self.chosen and not self._opens_at_once):
            colour = theme.palette.selection
        elif number == self._pointed:
            colour = theme.palette.hover
        else:
            return str(getattr(theme.palette, self._ground))
        size = (max(width, 8), theme.row_height - theme.px(2))
        edge = (theme.palette.link, theme.px(2)) if has_keys else ("", 0)
        box = theme.pictures.box(*size, theme.px(_RADIUS), colour, edge)
        self.canvas.create_image(0, top + theme.px(1), image=box, anchor="nw")
        return colour

    def _draw_front(self, row: Row, left: int, middle: int, ground: str) -> int:
        """Draw what is in front of the title, and return where the title begins."""
        theme, canvas = self._theme, self.canvas
        size = theme.row_height - theme.px(6)
        if row.nick:
            spot = Spot(left, middle - size // 2, size)
            draw_avatar(canvas, theme, row.nick, spot)
            if row.presence is not None:
                draw_presence(canvas, theme, row.presence, spot, ground)
        elif row.symbol:
            canvas.create_text(
                left + size // 2, middle, text=row.symbol, font=theme.body,
                fill=theme.palette.quiet,
            )  # fmt: skip
        else:
            return left
        return left + size + theme.px(GAP)

    def _draw_end(self, row: Row, right: int, middle: int) -> int:
        """Draw what is at the right end, and return where that begins."""
        theme, canvas, palette = self._theme, self.canvas, self._theme.palette
        if row.badge:
            height = theme.small.metrics("linespace") + theme.px(2)
            width = max(theme.small_bold.measure(row.badge) + theme.px(10), height)
            colour = palette.accent if row.urgent else palette.quiet
            box = theme.pictures.box(width, height, height // 2, colour)
            canvas.create_image(right - width, middle, image=box, anchor="w")
            canvas.create_text(
                right - width / 2, middle, text=row.badge, font=theme.small_bold,
                fill=palette.on_accent if row.urgent else palette.background,
            )  # fmt: skip
            right -= width + theme.px(GAP // 2)
        if row.muted:
            canvas.create_text(
                right, middle, text="\u2298", font=theme.body, fill=palette.quiet, anchor="e"
            )
            right -= theme.body.measure("\u2298") + theme.px(GAP // 2)
        return right


def _no_row(number: int) -> Row:
    raise IndexError(number)
