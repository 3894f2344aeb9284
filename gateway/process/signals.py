"""What each signal does to a node. Signals not listed here keep the system's default action."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import trio


def _available(*names: str) -> tuple[int, ...]:
    """Return those of these signals that this system has."""
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


def _real_time_signals() -> tuple[int, ...]:
    if not hasattr(signal, "SIGRTMIN"):
        return ()
    return tuple(range(signal.SIGRTMIN, signal.SIGRTMAX + 1))


ENDING: Final = _available("SIGTERM", "SIGINT", "SIGQUIT", "SIGBREAK")
"""The node drains and ends; a second one ends it at once."""

HANG_UP: Final = _available("SIGHUP")
"""The node reads its settings and its certificate again."""

HARMLESS: Final = dict.fromkeys(
    (
        *_available(
            "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSTKFLT",
            "SIGXCPU", "SIGEMT",
        ),
        *_real_time_signals(),
    ),
    "none",
)  # fmt: skip
"""Only logged, with this effect. By default the system would end the process."""

IGNORED: Final = _available("SIGTTOU")
"""Not even logged: sent when a process in the background writes to its terminal."""


def ignore() -> None:
    """Ignore the signals in `IGNORED`, also in programs that this process starts."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def receive(*numbers: int) -> Iterator[AsyncIterator[int]]:
    """Receive these signals; after the block they do nothing until the process ends."""
    early: list[int] = []
    for number in numbers:
        signal.signal(number, lambda number, _: early.append(number))
    with trio.open_signal_receiver(*numbers) as received:
        for number in early:
            signal.raise_signal(number)
        yield received


def hang_up_ends() -> tuple[int, ...]:
    """Return SIGHUP, sent when a terminal is closed, unless it is ignored, as under nohup."""
    return tuple(n for n in HANG_UP if signal.getsignal(n) is not signal.SIG_IGN)


def name_of(number: int) -> str:
    """Return the name of a signal."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal without a name of its own
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
