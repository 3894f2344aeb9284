"""The widget that shows a conversation: its lines, and below them what is not sent yet."""

from __future__ import annotations

import itertools
import tkinter as tk
from collections.abc import Iterable, Sequence
from tkinter import ttk
from typing import Any, Final

from client.desktop.conversation.gutter import Gutter
from client.desktop.conversation.line_spans import (
    Span,
    clock,
    draft_spans,
    entry_spans,
    head_spans,
    unread_text,
)
from client.desktop.conversation.message_clicks import MessageActions, bind_clicks, offer_clipboard
from client.desktop.conversation.message_keys import bind_keys
from client.desktop.conversation.rendered_lines import Drawn, DrawnLines, FoundMarks
from client.desktop.theme.styles import offer
from client.desktop.theme.theme import MARGIN, Theme
from client.desktop.tk.focus_ring import FocusRing
from client.desktop.tk.scrollbar import QuietScrollbar
from client.i18n.texts import _, ngettext
from client.model import MOST_LINES, Conversation, Draft, Entry, Line, Said

_PAGE: Final = 200
"""How many lines are drawn at first, and each time that one scrolls up to the first of them."""
_NEAR_TOP: Final = 0.02


class MessageView(ttk.Frame):
    """Draws the newest lines of a `Conversation`, and older ones as one scrolls up.

    Text from the net goes to Tk as the arguments of ``insert`` only, which Tk never evaluates.
    """

    def __init__(self, master: tk.Misc, theme: Theme, actions: MessageActions) -> None:
        super().__init__(master)
        self._theme, self._actions = theme, actions
        self.text = tk.Text(self, state="disabled", cursor="arrow", width=1, height=1)
        theme.dress_messages(self.text)
        self._scrollbar = QuietScrollbar(self, self.text)
        self.text.configure(yscrollcommand=self._scrolled)
        self.gutter = Gutter(self, theme, self.text, actions.talk_to)
        self._scrollbar.pack(side="right", fill="y")
        self.gutter.pack(side="left", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self.newest = ttk.Button(self, command=self.go_to_end, takefocus=False)
        offer(self.newest)
        self.empty = ttk.Label(self, style="Quiet.TLabel", justify="center")
        self.text.bind("<Button-1>", lambda _: self.text.focus_set())
        self.text.bind("<Configure>", self._resized)
        self.text.bind("<Motion>", self._pointed)
        self.text.bind("<Leave>", lambda _: self.gutter.tell_time(None))
        bind_clicks(self.text, actions)
        bind_keys(self.text, actions)
        self.focus_ring = FocusRing(self, theme, self.text)
        offer_clipboard(self.text, theme)

        self._shape: tuple[int, int, int] | None = None
        self._settling = False
        self.text.bind("<<WidgetViewSync>>", self._settled)
        self._conversation: Conversation | None = None
        self._drawn = DrawnLines()
        self._found = FoundMarks(self.text, self._drawn)
        self._changes = -1
        self._erasures = 0
        self._drafts: Sequence[Draft] = ()
        self._draft_rows = 0
        self._unread_from: Entry | None = None
        self._pointed_at = ""
        theme.dress(self, self._stay_at_end)

    def draw(self, conversation: Conversation, me: str) -> None:
        """Bring the widget up to date, all at once; ``me`` is who speaks in the drafts."""
        drafts = tuple(conversation.drafts.values())
        if (
            conversation is not self._conversation
            or conversation.transcript.changes != self._changes
            or drafts != self._drafts
            or conversation.unread_from is not self._unread_from
        ):
            self._redraw(conversation, drafts, me)
        self._offer_end()
        self._older_if_at_top()
        self._fill_empty(conversation)

    def show(self, entry: Entry) -> None:
        """Bring a line into sight, at the top."""
        row = self._drawn_row_of(entry)
        if row is not None and self._conversation is not None:
            self._conversation.typed.top = entry
            self.text.yview(f"{row}.0")

    def go_to_end(self) -> None:
        """Bring the newest line into sight."""
        self.text.see("end")
        self._note_place(1.0)

    def mark(self, entries: Sequence[Entry], words: str, current: Entry | None) -> None:
        """Mark what was searched for, and bring where it is in the ``current`` line into sight."""
        if current is not None:
            row = self._drawn_row_of(current)
            self.text.see(f"{row}.0" if row is not None else "1.0")
        self._found.mark(entries, words, current)
        if current is not None:
            if marked := self.text.tag_ranges("current"):
                self.text.see(marked[0])  # far down in the line, maybe
            self._note_place(self.text.yview()[1])

    def scroll(self, pages: int) -> None:
        """Scroll by some pages, whatever has the focus."""
        self.text.yview_scroll(pages, "pages")

    # --- drawing ------------------------------------------------------------------------------

    def _redraw(self, conversation: Conversation, drafts: Sequence[Draft], me: str) -> None:
        erasures = conversation.transcript.erasures
        fresh = conversation is not self._conversation or erasures != self._erasures
        self._erasures, top = erasures, conversation.typed.top
        if fresh and top is not None and top.gone:
            top = None
        self.text.configure(state="normal")
        if fresh:
            self._clear(conversation)
        place = self._note_reader()
        self._update(conversation, drafts, me)
        if top is None:
            self.text.see("end")
        elif not fresh:
            self._return_reader(place)
        self.text.configure(state="disabled")
        conversation.typed.top = top
        self.gutter.draw_soon()
        if fresh and top is not None:
            self.show(top)

    def _fill_empty(self, conversation: Conversation) -> None:
        """Say what there is to say about a conversation in which there is nothing yet."""
        if not conversation.entered or conversation.transcript.entries or conversation.drafts:
            self.empty.place_forget()
            return
        text = _("Nobody has said anything here yet.")
        if conversation.place.direct:
            text = _("What is said here, only you and {nick} can read.")
            text = text.format(nick=conversation.place.title)
        width = self.text.winfo_width() - 2 * self._theme.px(MARGIN)
        self.empty.configure(text=text, wraplength=max(width, 1))
        self.empty.place(in_=self.text, relx=0.5, rely=0.5, anchor="center")

    def _clear(self, conversation: Conversation) -> None:
        self.text.delete("1.0", "end")
        self._drawn.clear()
        self._conversation, self._draft_rows, self._unread_from = conversation, 0, None

    def _update(self, conversation: Conversation, drafts: Sequence[Draft], me: str) -> None:
        """Draw what is new above the drafts, and the drafts again below it."""
        if self._draft_rows:
            self.text.delete(f"end - 1 chars - {self._draft_rows} lines", "end - 1 chars")
        self._drop_gone()
        entries = conversation.transcript.entries
        last = self._drawn[-1].entry if self._drawn else None
        fresh = list(
            itertools.takewhile(lambda entry: entry is not last, reversed(entries))
            if last is not None
            else itertools.islice(reversed(entries), _PAGE)
        )
        fresh.reverse()
        before = list(itertools.islice(reversed(self._drawn), 1))
        row = self._last_row - sum(drawn.rows for drawn in before)
        drawn = self._insert("end", fresh)
        self._drawn += drawn
        self._set_apart([*before, *drawn], row)
        self._draw_unread_mark(conversation.unread_from)
        own = [draft_spans(draft) for draft in drafts]
        if own and (not entries or not _is_by(entries[-1].line, me)):
            own[0] = (*head_spans(me), *own[0])
        self._draft_rows = sum(self._insert_spans("end", own))
        self._drafts, self._changes = drafts, conversation.transcript.changes

    def _drawn_row_of(self, entry: Entry) -> int | None:
        """Give the row of a line, which is drawn if it was not; None if it is gone."""
        if entry.gone:
            return None
        if self._drawn.find(entry) is None:
            self._draw_older(MOST_LINES * 2)
        return self._drawn.row_of(entry)

    def _draw_older(self, most: int) -> None:
        """Draw more lines above the first one, and leave the reader where they are."""
        self.text.configure(state="normal")
        place = self._note_reader()
        self._insert_older(most)
        self._return_reader(place)
        self.text.configure(state="disabled")

    def _insert_older(self, most: int) -> None:
        if self._conversation is None or not self._drawn:
            return
        first = self._drawn[0].entry
        entries = self._conversation.transcript.entries
        older = list(itertools.takewhile(lambda entry: entry is not first, entries))[-most:]
        drawn = self._insert("1.0", older)
        self._set_apart([*drawn, self._drawn[0]], 1)
        self._drawn.extendleft(reversed(drawn))

    def _note_reader(self) -> int:
        """Mark the first line in sight that stays, and give how far it is from the top."""
        top = int(self.text.index("@0,0").split(".")[0])
        row = 1
        for drawn in self._drawn:
            if row + drawn.rows > top and not drawn.entry.gone:
                break
            row += drawn.rows
        self.text.mark_set("reader", f"{max(row, top)}.0")
        box = self.text.dlineinfo("reader")
        return box[1] if box is not None else 0

    def _return_reader(self, place: int) -> None:
        """Scroll so that the marked line is as far from the top as it was."""
        self.text.yview("reader")
        box = self.text.dlineinfo("reader")
        if box is not None and box[1] != place:
            self.text.yview_scroll(box[1] - place, "pixels")

    def _insert(self, where: str, entries: Sequence[Entry]) -> list[Drawn]:
        return list(map(Drawn, entries, self._insert_spans(where, map(entry_spans, entries))))

    @property
    def _last_row(self) -> int:
        """The row where the next line will be."""
        return int(self.text.index("end - 1 chars").split(".")[0])

    def _set_apart(self, drawn: Sequence[Drawn], row: int) -> None:
        """Have room above and below the bands of mentions, in what is drawn from a row on."""
        for one, other in itertools.pairwise(drawn):
            row += one.rows
            if one.in_band and not other.in_band:
                self.text.tag_add("below-band", f"{row}.0", f"{row}.0 lineend")
            elif other.in_band and not one.in_band:
                self.text.tag_add("above-band", f"{row - 1}.0", f"{row}.0")

    def _insert_spans(self, where: str, lines: Iterable[Sequence[Span]]) -> list[int]:
        """Insert lines in one go; gives how many rows each takes up, not counting wrapping."""
        rows = []
        arguments: list[Any] = []
        for spans in lines:
            rows.append(1 + sum(text.count("\n") for text, _ in spans))
            for text, tags in spans:
                arguments += (text, tags)
            arguments += ("\n", spans[-1][1][:1])
        if arguments:
            self.text.insert(where, *arguments)
        return rows

    def _drop_gone(self) -> None:
        rows = 0
        while self._drawn and self._drawn[-1].entry.gone:
            rows += self._drawn.pop().rows
        if rows:
            self.text.delete(f"end - 1 chars - {rows} lines", "end - 1 chars")
        rows = 0
        while self._drawn and self._drawn[0].entry.gone:
            rows += self._drawn.popleft().rows
        if rows:
            self.text.delete("1.0", f"{rows + 1}.0")

    def _draw_unread_mark(self, entry: Entry | None) -> None:
        """Draw the line above what is unread, and only there."""
        if entry is self._unread_from:
            return
        if (old := self._drawn.find(self._unread_from)) is not None and old.rows:
            place = self.text.tag_ranges("unread")
            if place:
                start = self.text.index(f"{place[0]} linestart")
                self.text.delete(start, f"{start} + 1 lines")
                old.rows -= 1
        self._unread_from = entry
        row = self._drawn.row_of(entry)
        drawn = self._drawn.find(entry)
        if row is not None and drawn is not None:
            self.text.insert(f"{row}.0", f"{unread_text()}\n", ("unread",))
            drawn.rows += 1

    # --- scrolling and links ------------------------------------------------------------------

    def _scrolled(self, first: float, last: float) -> None:
        self._scrollbar.set(first, last)
        self.gutter.draw_soon()
        self._found.draw_soon()
        self._heed_reader(float(last))
        if float(first) <= _NEAR_TOP and not self._at_end:
            self.after_idle(self._older_if_at_top)

    def _heed_reader(self, last: float) -> None:
        """Note where the reader is, if they have scrolled there."""
        # Another size of window or text also moves the end out of sight, but not by their will;
        # nor does it bring what is above into sight.
        if self._shape != self._shape_now():
            return
        if self._settling and self.text.compare("@0,0", ">=", "settling"):
            return
        self._settling = False
        self._note_place(last)

    def _entry_at(self, index: str) -> Entry | None:
        return self._drawn.entry_at(int(index.split(".", maxsplit=1)[0]))

    @property
    def _at_end(self) -> bool:
        return self._conversation is None or self._conversation.typed.top is None

    def _note_place(self, last: float) -> None:
        """Note where the reader is, who has so much of the text in sight or above."""
        conversation = self._conversation
        if conversation is None:
            return
        top = None
        if last < 1.0 and self._drawn:
            top = self._entry_at(self.text.index("@0,0")) or self._drawn[-1].entry
        conversation.typed.top = top
        self._offer_end()
        if top is None and conversation.unread:
            self._actions.note_end()

    def _offer_end(self) -> None:
        """Offer to go to the newest line, and tell how many have come, while it is out of sight."""
        if self._at_end or self._conversation is None:
            self.newest.place_forget()
            return
        unread = self._conversation.unread
        text = ngettext("\u2193 {count:,} new", "\u2193 {count:,} new", unread)
        self.newest.configure(text=text.format(count=unread) if unread else _("\u2193 Newest"))
        if not self.newest.winfo_manager():
            edge = -self._theme.px(MARGIN)
            self.newest.place(in_=self.text, relx=1.0, rely=1.0, x=edge, y=edge, anchor="se")

    def _older_if_at_top(self) -> None:
        """Draw older lines, or ask for them, if the reader has come to the first one."""
        conversation = self._conversation
        if conversation is None or not self._drawn or self._at_end:
            return
        if self.text.yview()[0] > _NEAR_TOP:
            return
        if self._drawn[0].entry is not conversation.transcript.entries[0]:
            self._draw_older(_PAGE)
        elif conversation.may_load_older:
            self._actions.load_older()

    def _stay_at_end(self) -> None:
        """Keep the end in sight when the text has another size."""
        self.after_idle(self._resized)

    def _settled(self, _event: object) -> None:
        if self._settling and not self._is_measured_later():
            self._settling = False
            self.text.see("end")

    def _is_measured_later(self) -> bool:
        """Tell whether Tk does not know yet how high all lines are."""
        return self.text.tk.getboolean(self.text.tk.call(str(self.text), "pendingsync"))

    def _shape_now(self) -> tuple[int, int, int]:
        return (self.text.winfo_width(), self.text.winfo_height(), self._theme.size)

    def _resized(self, _event: object = None) -> None:
        if self._at_end:
            self.text.see("end")
            self._settling = self._is_measured_later()
            self.text.mark_set("settling", "@0,0")
        self._shape = self._shape_now()
        if self._conversation is not None:
            self._fill_empty(self._conversation)

    def _pointed(self, event: tk.Event[tk.Text]) -> None:
        """Tell when a message was said that has no head of its own."""
        place = self.text.index(f"@{event.x},{event.y} linestart")
        if place == self._pointed_at:
            return
        self._pointed_at, entry = place, self._entry_at(place)
        is_told = entry is not None and entry.continued
        self.gutter.tell_time(place if is_told else None, clock(entry.line.at) if entry else "")


def _is_by(line: Line, nick: str) -> bool:
    return isinstance(line, Said) and line.sender == nick and not line.action
