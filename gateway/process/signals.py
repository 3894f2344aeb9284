"""What each signal does to a node. What is in none of these lists has the system's own effect."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import trio


def _there_are(*names: str) -> tuple[int, ...]:
    """Return those of these signals that this system has."""
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


def _real_time() -> tuple[int, ...]:
    if not hasattr(signal, "SIGRTMIN"):
        return ()
    return tuple(range(signal.SIGRTMIN, signal.SIGRTMAX + 1))


ENDING: Final = _there_are("SIGTERM", "SIGINT", "SIGQUIT", "SIGBREAK")
"""The node drains and ends; a second one ends it at once."""

HANG_UP: Final = _there_are("SIGHUP")

HARMLESS: Final = dict.fromkeys(HANG_UP, "none: there is nothing to reload") | dict.fromkeys(
    (
        *_there_are(
            "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSTKFLT",
            "SIGXCPU", "SIGEMT",
        ),
        *_real_time(),
    ),
    "none",
)  # fmt: skip
"""Logged with this effect, and no other. By itself the system would end the process at once."""

IGNORED: Final = _there_are("SIGTTOU")
"""Not even logged: it is sent for what a node in the background logs to its terminal."""


def ignore() -> None:
    """Ignore what is `IGNORED`, and in the programs that this process starts."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def receive(*numbers: int) -> Iterator[AsyncIterator[int]]:
    """Receive these signals; one that comes after that, until the process ends, does nothing."""
    early: list[int] = []
    for number in numbers:
        signal.signal(number, lambda number, _: early.append(number))
    with trio.open_signal_receiver(*numbers) as received:
        for number in early:
            signal.raise_signal(number)
        yield received


def hang_up_ends() -> tuple[int, ...]:
    """Return the signal of a terminal that is closed, unless it was to be ignored, as by nohup."""
    return tuple(n for n in HANG_UP if signal.getsignal(n) is not signal.SIG_IGN)


def name_of(number: int) -> str:
    """Return what a signal is called."""
    try:
        return signal.Signals(number).name
    except ValueError:  # those between have no names
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
