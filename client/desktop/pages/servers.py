"""The saved servers on the sign-in page: the list, and the form to add or edit one."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from client.addresses import place, typed_urls
from client.desktop.settings.servers import SavedServer, free_name
from client.desktop.theme.styles import accent, offer, quieten, warn
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.widgets.fields import LineField, TextField
from client.desktop.widgets.rows import Row, Rows
from client.i18n.texts import _, ngettext
from client.model import shown_line

_MOST_ROWS = 5


class ServerList(ttk.Frame):
    """Shows the servers; one of them is always chosen."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        on_choose: Callable[[], None],
        on_add: Callable[[], None],
        on_edit: Callable[[], None],
    ) -> None:
        super().__init__(master)
        self._theme = theme
        self._servers: Sequence[SavedServer] = ()
        top = ttk.Frame(self)
        ttk.Label(top, text=_("Server"), style="Strong.TLabel").pack(side="left")
        self.add = ttk.Button(top, text=_("Add"), command=on_add)
        self.edit = ttk.Button(top, text=_("Edit"), command=on_edit)
        for button in (self.edit, self.add):
            quieten(button)
            button.pack(side="right")
        top.pack(fill="x")
        box = ttk.Frame(self, style="Card.TFrame", padding=theme.px(GAP // 2))
        box.pack(fill="x", pady=(theme.px(GAP // 2), theme.px(GAP)))
        self.rows = Rows(
            box,
            theme,
            on_choose=lambda _number: self._describe(),
            on_open=lambda _number: on_choose(),
        )
        self.rows.pack(fill="x")
        self.addresses = ttk.Label(self, style="Quiet.TLabel")
        self.addresses.pack(anchor="w")
        theme.dress(self, self._fit)

    @property
    def chosen(self) -> SavedServer:
        """The chosen server."""
        return self._servers[self.rows.chosen or 0]

    def show(self, servers: Sequence[SavedServer], name: str) -> None:
        """Show these servers, and choose the one of this name, or the first."""
        self._servers = servers
        names = [server.name for server in servers]
        self.rows.show_all([Row(shown_line(known)) for known in names])
        self.rows.choose(names.index(name) if name in names else 0)
        self._fit()
        self._describe()

    def enable(self, *, enabled: bool) -> None:
        """Enable or disable the choice of a server."""
        self.rows.enable(enabled=enabled)
        for button in (self.edit, self.add):
            button.configure(state="normal" if enabled else "disabled")

    def _fit(self) -> None:
        self.rows.set_height(min(len(self._servers), _MOST_ROWS))

    def _describe(self) -> None:
        first, more = self.chosen.urls[0], len(self.chosen.urls) - 1
        text = ngettext("{url} and {n} more", "{url} and {n} more", more) if more else "{url}"
        self.addresses.configure(text=shown_line(text.format(url=first, n=more)))


class ServerForm(ttk.Frame):
    """Asks for the name and the addresses of a server, and shows what is wrong with them."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        on_done: Callable[[Sequence[SavedServer], str], None],
    ) -> None:
        super().__init__(master, style="Side.Card.TFrame", padding=theme.px(2 * MARGIN))
        self._on_done = on_done
        self._servers: tuple[SavedServer, ...] = ()
        self._edited: SavedServer | None = None
        small = theme.px(GAP // 2)
        self._gap = gap = theme.px(GAP)
        self.title = ttk.Label(self, style="Title.TLabel")
        self.title.pack(anchor="w", pady=(0, theme.px(MARGIN)))
        ttk.Label(self, text=_("Addresses"), style="Strong.TLabel").pack(anchor="w")
        hint = _("One a line: the nodes of one cluster. They are tried in turn.")
        self.hint = ttk.Label(self, text=hint, style="Quiet.TLabel")
        self.hint.pack(anchor="w", pady=(small, 0))
        padding = (theme.px(GAP), theme.px(GAP - 2))
        self._box = ttk.Frame(self, style="Field.TFrame", padding=padding)
        self._box.pack(fill="x", pady=(small, gap))
        self.addresses = TextField(self._box, theme, height=4)
        self.addresses.pack(fill="x")
        self.addresses.bind("<FocusIn>", lambda _: self._box.state(["focus"]), add="+")
        self.addresses.bind("<FocusOut>", lambda _: self._box.state(["!focus"]), add="+")
        ttk.Label(self, text=_("Name"), style="Strong.TLabel").pack(anchor="w")
        self.name = LineField(self, theme)
        self.name.pack(fill="x", pady=(small, gap))
        self.problem = ttk.Label(self, style="Error.TLabel")
        buttons = ttk.Frame(self)
        buttons.pack(fill="x", pady=(gap, 0))
        save = ttk.Button(buttons, text=_("Save"), command=self._save)
        accent(save)
        cancel = ttk.Button(buttons, text=_("Cancel"), command=self._cancel)
        offer(cancel)
        self.remove = ttk.Button(buttons, text=_("Remove"), command=self._remove)
        warn(self.remove)
        save.pack(side="left")
        cancel.pack(side="left", padx=(gap, 0))
        for sequence in ("<Return>", "<KP_Enter>"):
            self.name.bind(sequence, lambda _event: self._save())
        self.addresses.bind("<Tab>", lambda event: _go(event.widget.tk_focusNext()))
        self.addresses.bind("<Shift-Tab>", lambda event: _go(event.widget.tk_focusPrev()))
        for widget in (self, self.addresses, self.name, save, cancel, self.remove):
            widget.bind("<Escape>", lambda _event: self._cancel())

    def ask(self, servers: Sequence[SavedServer], edited: SavedServer | None = None) -> None:
        """Show the form for a new server, or for one to edit."""
        self._servers, self._edited = tuple(servers), edited
        self.title.configure(text=_("Edit this server") if edited else _("Add a server"))
        self.addresses.delete("1.0", "end")
        self.name.delete(0, "end")
        self.problem.pack_forget()
        self.remove.pack_forget()
        if edited:
            self.addresses.insert("1.0", "\n".join(edited.urls))
            self.name.insert(0, edited.name)
            if len(servers) > 1:
                self.remove.pack(side="right")
        self.update_idletasks()  # what is not on the screen yet is not given the focus
        self.addresses.focus_set()

    def _save(self) -> None:
        try:
            urls = typed_urls(self.addresses.get("1.0", "end"))
        except ValueError as error:
            self.problem.configure(text=shown_line(str(error)))
            self.problem.pack(after=self._box, anchor="w", pady=(0, self._gap))
            self.addresses.focus_set()
            return
        others = [server for server in self._servers if server is not self._edited]
        wanted = " ".join(self.name.get().split()) or place(urls[0])
        name = free_name(others, wanted)
        if self._edited is None:
            self._on_done((*self._servers, SavedServer(name, urls)), name)
        else:
            new = SavedServer(name, urls, self._edited.rooms)
            self._on_done([new if s is self._edited else s for s in self._servers], name)

    def _remove(self) -> None:
        others = [server for server in self._servers if server is not self._edited]
        self._on_done(others, others[0].name)

    def _cancel(self) -> None:
        self._on_done(self._servers, self._edited.name if self._edited else "")


def _go(to: tk.Misc | None) -> str:
    """Focus a widget, instead of writing a tab into the text."""
    if to is not None:
        to.focus_set()
    return "break"
