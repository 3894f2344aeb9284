"""Running Trio and Tk in one thread: Tk owns the event loop, Trio is its guest."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import outcome
import trio

_STEP: Final = "trio_step"
"""The one Tcl command by which all of Trio runs."""
_EVEN_WITHOUT_WINDOW: Final = -1
"""The main loop goes on while there are more windows than this."""

T = TypeVar("T")


def run(root: tk.Tk, main: Callable[[], Awaitable[T]]) -> T:
    """Run an async function under Tk's main loop until it ends, and return its result.

    - The root is destroyed here and not earlier, so that no task finds its widgets gone.
    - To close the window, make ``main`` end; also when the window is destroyed from outside, as
      ``xkill`` does.
    - No task may enter Tk's event loop: no ``update``, no ``wait_window``, no modal dialog.
    """
    ended: list[outcome.Outcome[T]] = []
    # Trio has at most one callback outstanding, but may ask for it from its I/O thread.
    pending: deque[Callable[[], object]] = deque()

    def step() -> None:
        pending.popleft()()

    # Not `root.register`: such a command is gone with the window, which may go before Trio does.
    root.tk.createcommand(_STEP, step)

    def soon_from_thread(callback: Callable[[], object]) -> None:
        pending.append(callback)
        root.tk.call("after", "idle", _STEP)

    def soon(callback: Callable[[], object]) -> None:
        pending.append(callback)
        # By way of an idle callback: input and drawing get their turn between any two Trio steps.
        root.tk.call("after", "idle", "after", 0, _STEP)

    def done(result: outcome.Outcome[T]) -> None:
        ended.append(result)
        root.quit()

    trio.lowlevel.start_guest_run(
        main,
        run_sync_soon_threadsafe=soon_from_thread,
        run_sync_soon_not_threadsafe=soon,
        done_callback=done,
    )
    root.mainloop(_EVEN_WITHOUT_WINDOW)
    with contextlib.suppress(tk.TclError):  # it may have been destroyed from outside
        root.destroy()
    return ended[0].unwrap()
