"""Where the person types: several lines, completion, what can be completed, and who else types."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk
from typing import Final

from client.desktop.theme import GAP, Theme, accent
from client.emoji import complete_emoji, typed_emoji, with_emoji
from client.model import Chat, Completer, Conversation, Offline, Over
from client.model.commands import begun
from client.texts import _

_MOST_ROWS: Final = 6
_SHIFT: Final = 0x1
_MOST_OFFERED: Final = 5


class Composer(ttk.Frame):
    """Keeps what is typed with each conversation; ``say`` gives why a text cannot be said."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        say: Callable[[str], str | None],
        note_typing: Callable[[], None],
        scroll: Callable[[int], None],
    ) -> None:
        super().__init__(master)
        self._say, self._note_typing, self._scroll_messages = say, note_typing, scroll
        self.columnconfigure(0, weight=1)
        self.offers = ttk.Label(self, style="Quiet.TLabel")
        self.hint = ttk.Label(self)
        self.text = tk.Text(self, height=1, width=1, wrap="word", undo=True)
        theme.dress_input(self.text)
        self.text.grid(row=2, column=0, sticky="nsew")
        self.send_button = ttk.Button(self, text=_("Send"), command=self._submit)
        accent(self.send_button)
        self.send_button.grid(row=2, column=1, sticky="s", padx=(theme.px(GAP), 0))
        self.typing = ttk.Label(self, style="Quiet.TLabel")
        self.typing.grid(row=3, column=0, columnspan=2, sticky="w", pady=(theme.px(GAP // 2), 0))
        for sequence in ("<Return>", "<KP_Enter>"):
            self.text.bind(sequence, self._entered)
        self.text.bind("<Tab>", lambda _: self._complete(backwards=False))
        self.text.bind("<Shift-Tab>", lambda _: self._complete(backwards=True))
        self.text.bind("<ISO_Left_Tab>", lambda _: self._complete(backwards=True))
        self.text.bind("<Prior>", partial(self._scroll, -1))
        self.text.bind("<Next>", partial(self._scroll, 1))
        self.text.bind("<<Modified>>", self._modified)
        self.text.bind("<Configure>", lambda _: self._fit())
        self._completer = Completer()
        self._chat: Chat | None = None
        self._conversation: Conversation | None = None
        self._problem: str | None = None
        self._problem_with = ""

    @property
    def typed(self) -> str:
        """What is typed."""
        return self.text.get("1.0", "end - 1 chars")

    def draw(self, chat: Chat, conversation: Conversation, now: int) -> None:
        """Bring it up to date."""
        self._chat = chat
        if conversation is not self._conversation:
            self.keep()
            self._conversation, self._problem = conversation, None
            self._fill(conversation.typed.text, conversation.typed.cursor)
        self.typing.configure(text=conversation.typists.text(now))
        self._draw_hint()

    def keep(self) -> None:
        """Note what is typed in its conversation."""
        if self._conversation is not None:
            self._conversation.typed.text = self.typed
            self._conversation.typed.cursor = self._cursor()

    def _scroll(self, pages: int, _event: object) -> str:
        self._scroll_messages(pages)
        return "break"

    def _entered(self, event: tk.Event[tk.Text]) -> str | None:
        if int(event.state) & _SHIFT:
            return None  # a new line, as Text does it
        self._submit()
        return "break"

    def _submit(self) -> None:
        typed = self.typed
        if not typed.strip():
            return
        self._fill("", 0)  # first, for what is said may turn to another conversation
        self._problem, self._problem_with = self._say(with_emoji(typed)), typed
        if self._problem is not None:
            self._fill(typed, len(typed))
        self._draw_hint()

    def _complete(self, *, backwards: bool) -> str:
        before = self.text.get("1.0", "insert")
        if (name := typed_emoji(before)) is not None and (found := complete_emoji(name, 1)):
            self.text.delete(f"insert - {len(name) + 1} chars", "insert")
            self.text.insert("insert", found[0][1])
        elif self._conversation is not None and self._chat is not None:
            nicks = self._conversation.likely_nicks(self._chat.nick)
            text, cursor = self._completer.complete(
                self.typed, self._cursor(), nicks, backwards=backwards
            )
            self._fill(text, cursor)
        return "break"

    def _cursor(self) -> int:
        return len(self.text.get("1.0", "insert"))

    def _fill(self, text: str, cursor: int) -> None:
        if text != self.typed:
            self.text.delete("1.0", "end")
            self.text.insert("1.0", text)
        self.text.mark_set("insert", f"1.0 + {cursor} chars")

    def _modified(self, _event: object) -> None:
        if not self.text.edit_modified():
            return
        self.text.edit_modified(False)  # noqa: FBT003 - Tk's own way
        typed = self.typed
        if self._problem is not None and typed != self._problem_with:
            self._problem = None
            self._draw_hint()
        if typed.strip() and not typed.startswith("/"):
            self._note_typing()
        self._draw_offers(typed)
        self._fit()

    def _draw_offers(self, typed: str) -> None:
        lines = [
            f"/{c.name} {_(c.arguments) if c.arguments else ''}".rstrip()
            + f"  \u2013  {_(c.description)}"
            for c in begun(typed)
        ]
        if (name := typed_emoji(self.text.get("1.0", "insert"))) is not None:
            found = complete_emoji(name, _MOST_OFFERED)
            lines = ["   ".join(f"{emoji} :{short}:" for short, emoji in found)] if found else []
        if lines:
            self.offers.configure(text="\n".join(lines))
            self.offers.grid(row=0, column=0, columnspan=2, sticky="w", pady=(0, GAP // 2))
        else:
            self.offers.grid_remove()

    def _fit(self) -> None:
        """Be as high as what is typed, up to a bound."""
        rows = int(self.text.tk.call(str(self.text), "count", "-displaylines", "1.0", "end"))
        height = max(1, min(_MOST_ROWS, rows))
        if int(str(self.text.cget("height"))) != height:
            self.text.configure(height=height)
            self.text.see("insert")

    def _draw_hint(self) -> None:
        connection = self._chat.connection if self._chat is not None else None
        if self._problem is not None:
            self.hint.configure(text=self._problem, style="Error.TLabel")
        elif isinstance(connection, Offline):
            text = _("Not connected. What you send now waits until you are again.")
            self.hint.configure(text=text, style="Warning.TLabel")
        elif isinstance(connection, Over):
            text = _("Signed out. What you send now waits until you come in again.")
            self.hint.configure(text=text, style="Warning.TLabel")
        else:
            self.hint.grid_remove()
            return
        self.hint.configure(wraplength=max(self.winfo_width(), 200))
        self.hint.grid(row=1, column=0, columnspan=2, sticky="w", pady=(0, GAP // 2))
