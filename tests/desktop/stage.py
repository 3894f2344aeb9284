"""The desktop in this process: a real window over a real cluster, and somebody at it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tkinter import ttk
from types import TracebackType
from typing import TypeVar

import trio

from client.desktop.app import App
from client.desktop.settings.preferences import Preferences, PreferencesFile
from client.desktop.settings.servers import SavedServer
from client.desktop.theme.theme import Theme, open_root
from client.desktop.tk import host
from client.desktop.widgets.rows import Rows
from client.session import ClientSession, open_session
from gateway import wire
from tests import PATIENCE
from tests.desktop.fake_node import FakeNode
from tests.desktop.screen import XWindow
from tests.nodes import Cluster, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until

_MARKS = {"online": "\u25cf", "away": "\u25d2", "busy": "\u25a0", "gone": "\u25cb", None: ""}

Place = tuple[int, int, int, int]
"""Left, top, width and height on the screen."""
WidgetT = TypeVar("WidgetT", bound=tk.Misc)


class Person:
    """Somebody at the window: judges by what is in sight, and acts by events of keys and mouse."""

    def __init__(self, root: tk.Tk, app: App) -> None:
        self.root = root
        self.app = app

    # --- what is seen -------------------------------------------------------------------------

    @property
    def screen(self) -> str:
        """All text in sight."""
        return "\n".join(self.texts)

    @property
    def texts(self) -> list[str]:
        """The text of everything in sight."""
        return [text for _, text in self._texts(self.root)]

    async def sees(self, *texts: str, seconds: float = PATIENCE) -> None:
        """Wait until all of these texts are in sight together."""
        await self.sees_that(lambda: all(t in self.screen for t in texts), repr(texts), seconds)

    async def sees_that(
        self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE
    ) -> None:
        """Wait until something is so."""
        try:
            await until(lambda: self._is_so(condition), what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is:\n{self.screen}") from None

    def _is_so(self, condition: Callable[[], bool]) -> bool:
        self.root.update_idletasks()  # a page is not judged by the half of it
        return condition()

    async def is_refused(self, times: int, node: FakeNode) -> None:
        """Wait until what was sent was refused so often; the screen may show it from before."""
        drafts = self.app.chat.room(wire.LOBBY).drafts
        await self.sees_that(
            lambda: (
                len(node.heard("send")) == times and all(draft.refusal for draft in drafts.values())
            ),
            f"refusal {times}",
        )
        await self.sees("Not sent: You may not.")

    async def turned_from(self, widget: tk.Misc) -> None:
        """Wait until something else has the focus: what was opened, once it is on the screen."""
        there = {None, widget, self.root}
        await self.sees_that(lambda: self.root.focus_get() not in there, "the focus elsewhere")

    @property
    def members(self) -> list[str]:
        """Who is listed as in the room, each behind the mark of their status."""
        rows = self.app.window.chat.members.rows
        shown = map(rows.row, range(rows.count))
        return [f"{_MARKS[row.presence]} {row.title} {row.note}".rstrip() for row in shown]

    @property
    def conversations(self) -> list[str]:
        """What is listed at the left: titles, each with what is unread."""
        rows = self.app.window.chat.sidebar.rows
        shown = map(rows.row, range(rows.count))
        return [
            " ".join(filter(None, (row.symbol, row.title, "muted" * row.muted, row.badge)))
            for row in shown
        ]

    @property
    def messages(self) -> tk.Text:
        """The conversation."""
        return self.app.window.chat.messages.text

    @property
    def lines(self) -> list[str]:
        """The rows of the conversation; a name is followed by a time."""
        return self.messages.get("1.0", "end").rstrip("\n").split("\n")

    @property
    def field(self) -> ttk.Entry | tk.Text:
        """Where something can be typed."""
        if self.app.window.chat.winfo_viewable():
            return self.app.window.chat.composer.text
        return self.only(ttk.Entry)

    @property
    def typed(self) -> str:
        """What is in the field."""
        field = self.field
        return field.get() if isinstance(field, ttk.Entry) else field.get("1.0", "end - 1 chars")

    @property
    def cut_off(self) -> list[str]:
        """Whatever in sight has less room than it asks for, or is not all within the window."""
        root = self.root
        root.update_idletasks()  # what has changed asks for its room only then
        within = (root.winfo_rootx(), root.winfo_rooty(), root.winfo_width(), root.winfo_height())
        return [
            f"{widget} {text!r}: {_place(widget)}, {_needed(widget)} needed"
            for widget, text in self._texts(root)
            if not _is_within(_place(widget), within) or not _fits(_needed(widget), _place(widget))
        ]

    def buttons(self, label: str) -> list[ttk.Button]:
        """The buttons with this label that can be pressed."""
        return [
            widget
            for widget, text in self._texts(self.root)
            if isinstance(widget, ttk.Button) and text == label
            if not widget.instate(["disabled"])
        ]

    # --- what is done -------------------------------------------------------------------------

    async def focus(self, widget: tk.Misc | None = None) -> None:
        """Give the focus to a widget, or the field, and wait until it knows that it has it."""
        widget, got = widget or self.field, trio.Event()
        widget.bind("<FocusIn>", lambda _: got.set(), add="+")
        self.root.focus_force()
        widget.focus_set()
        with trio.fail_after(PATIENCE):
            await got.wait()

    def write(self, text: str) -> None:
        """Type into the field; ends with the Return key if the text does with a newline."""
        self.field.focus_force()
        self.field.insert("insert", text.removesuffix("\n"))
        self.root.update_idletasks()
        if text.endswith("\n"):
            self.field.event_generate("<Return>")

    def press(self, *keys: str) -> None:
        """Press keys such as ``<Control-k>``, wherever the focus is."""
        for key in keys:
            widget = self.root.focus_get()
            if widget is None:  # the window does not know yet that it has it, and hears no keys
                widget = self.root.focus_lastfor() or self.field
                widget.focus_force()
            widget.event_generate(key)

    async def click(self, label: str) -> None:
        """Click the button with this label, once it is in sight and can be pressed."""
        await self.sees_that(lambda: bool(self.buttons(label)), f"the button {label!r}")
        for event in ("<Enter>", "<ButtonPress-1>", "<ButtonRelease-1>"):
            self.buttons(label)[0].event_generate(event)

    def click_link(self, label: str) -> None:
        """Click a link in the conversation."""
        place = self.messages.bbox(self.messages.search(label, "1.0"))
        assert place is not None, f"the link {label!r} is out of sight"
        for event in ("<Enter>", "<Motion>", "<ButtonPress-1>", "<ButtonRelease-1>"):
            self.messages.event_generate(event, x=place[0] + 3, y=place[1] + 3)

    # ------------------------------------------------------------------------------------------

    def _texts(self, parent: tk.Misc) -> Iterator[tuple[tk.Misc, str]]:
        for widget in parent.winfo_children():
            if not widget.winfo_viewable():
                continue
            if isinstance(widget, tk.Text):
                yield widget, widget.get("1.0", "end")
            elif isinstance(widget, Rows):
                rows = map(widget.row, range(widget.count))
                yield widget, "\n".join(f"{row.title} {row.note} {row.badge}" for row in rows)
            elif isinstance(widget, tk.Entry):
                yield widget, widget.get()
            elif isinstance(widget, (ttk.Label, ttk.Button, ttk.Menubutton)):
                yield widget, str(widget.cget("text"))
            yield from self._texts(widget)

    def only(self, kind: type[WidgetT]) -> WidgetT:
        """Give the one widget of a kind that is in sight."""
        found = [widget for widget, _ in self._texts(self.root) if isinstance(widget, kind)]
        assert len(found) == 1, f"{len(found)} {kind.__name__} in sight"
        return found[0]


def _place(widget: tk.Misc) -> Place:
    return (
        widget.winfo_rootx(), widget.winfo_rooty(), widget.winfo_width(), widget.winfo_height(),
    )  # fmt: skip


def _needed(widget: tk.Misc) -> tuple[int, int]:
    """Give the width and height that a widget asks for."""
    return widget.winfo_reqwidth(), widget.winfo_reqheight()


def _fits(needed: tuple[int, int], place: Place) -> bool:
    return needed[0] <= place[2] and needed[1] <= place[3]


def _is_within(place: Place, around: Place) -> bool:
    return (
        around[0] <= place[0]
        and around[1] <= place[1]
        and place[0] + place[2] <= around[0] + around[2]
        and place[1] + place[3] <= around[1] + around[3]
    )


class Stage:
    """A cluster and a window; made by `on_stage`."""

    def __init__(
        self,
        root: tk.Tk,
        theme: Theme,
        cluster: Cluster,
        nursery: trio.Nursery,
        settings: PreferencesFile,
    ) -> None:
        self.cluster = cluster
        self.settings = settings
        self.theme = theme
        self._root, self._nursery = root, nursery

    def open(self, *urls: str, nick: str | None = None, room: str | None = None) -> Person:
        """Start the client; without URLs, with the saved servers, or else on the first node."""
        if not urls and self.settings.preferences.servers == Preferences().servers:
            urls = tuple(self.cluster.urls[:1])
        if urls:
            self.settings.change(servers=(SavedServer("Here", urls),), server="Here")
        app = App(self._root, self.theme, self.settings, room=room, nick=nick)
        self._nursery.start_soon(app.run)
        return Person(self._root, app)

    async def peer(self, nick: str, node: int = 0, room: str = wire.LOBBY) -> ClientSession:
        """Have somebody without a window come into a room, by one of the nodes."""

        async def stay(task_status: trio.TaskStatus[ClientSession]) -> None:
            async with open_session([self.cluster.urls[node]], nick=nick) as session:
                await session.join(room)
                task_status.started(session)
                await trio.sleep_forever()

        session: ClientSession = await self._nursery.start(stay)
        return session

    async def one(self) -> Person:
        """Have Alice come in."""
        alice = self.open(nick="alice")
        await alice.sees("1 member")
        return alice

    async def two(self) -> tuple[ClientSession, Person]:
        """Have Bob in the lobby, without a window, and Alice come in."""
        bob = await self.peer("bob")
        alice = self.open(nick="alice")
        await alice.sees("2 members")
        return bob, alice

    async def after_talk(self, lines: int) -> tuple[ClientSession, Person]:
        """Have Bob say ``line 0`` and so on, and Alice come in after that and see the last."""
        bob = await self.peer("bob")
        for number in range(lines):
            await bob.send("lobby", f"line {number}")
        alice = self.open(nick="alice")
        await alice.sees(f"line {lines - 1}")
        return bob, alice

    async def at_the_keys(self) -> tuple[Person, XWindow]:
        """Have Alice come in; gives, beside her, what real keys and clicks are sent to."""
        alice = await self.one()
        await alice.focus()
        return alice, await XWindow.find("alice in #lobby")


StageTest = Callable[[Stage], Awaitable[None]]


def on_stage(
    nodes: int = 1, *, dpi: float = 96, **options: object
) -> Callable[[StageTest], Callable[..., None]]:
    """Run an async test in Trio as Tk's guest, with these nodes and an empty window."""

    def decorate(test: StageTest) -> Callable[..., None]:
        def run(tmp_path: Path, display: str) -> None:  # noqa: ARG001 - DISPLAY is set by it
            settings = PreferencesFile(tmp_path / "preferences.json")
            settings.change(look="light")

            async def play(root: tk.Tk, theme: Theme) -> None:
                async with (
                    RedisServer(tmp_path) as redis,
                    open_cluster(redis, nodes, **options) as cluster,
                    trio.open_nursery() as nursery,
                ):
                    with trio.fail_after(3 * PATIENCE):
                        await test(Stage(root, theme, cluster, nursery, settings))
                    for node in cluster.nodes:  # or everybody would say goodbye at length
                        await node.kill()
                    nursery.cancel_scope.cancel()

            _run(play, dpi)

        run.__name__ = test.__name__
        return run

    return decorate


def _run(play: Callable[[tk.Tk, Theme], Awaitable[None]], dpi: float) -> None:
    root, theme = open_root("Chat", dpi=dpi)
    failures: list[BaseException] = []

    def report(
        _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
    ) -> None:
        failures.append(error)

    root.report_callback_exception = report

    async def main() -> None:
        try:
            await play(root, theme)
        except* AssertionError as group:
            # One failed assertion is told as it is, not as a tree of groups.
            failures.insert(0, _first(group))

    host.run(root, main)
    if failures:
        raise failures[0]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
