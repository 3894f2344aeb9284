"""What each signal does to a node. What is in none of these lists has the system's own effect."""

from __future__ import annotations

import signal
from typing import Final


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


def ignore(*signals: int) -> None:
    """Let these signals do nothing until somebody receives them."""
    for number in signals:
        signal.signal(number, signal.SIG_IGN)


def hang_up_ends() -> tuple[int, ...]:
    """Return the signal of a terminal that is closed, unless it was to be ignored, as by nohup."""
    return tuple(n for n in HANG_UP if signal.getsignal(n) is not signal.SIG_IGN)


def name_of(number: int) -> str:
    """Return what a signal is called."""
    try:
        return signal.Signals(number).name
    except ValueError:  # those between have no names
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
