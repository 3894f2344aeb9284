"""Counting what a function about texts does, to hold that it is linear."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import client.text.fitting
import gateway.wire.mentions

_MODULES: Final = (client.text.fitting, gateway.wire.mentions)
_FOLDERS: Final = tuple(str(Path(str(module.__file__)).parent) for module in _MODULES)


def steps(act: Callable[[], object]) -> int:
    """Count the lines of `client.text` and `gateway.wire` that are run."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(_FOLDERS):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


def is_linear(act: Callable[[str], object], piece: str, times: int = 400) -> bool:
    """Return whether a text twice as long takes about twice as much, and not four times."""
    act(piece)  # what is remembered, such as the scripts of letters, is so from here on
    once, twice = (steps(lambda n=n: act(piece * n)) for n in (times, 2 * times))  # type: ignore[misc]
    return twice < 2.5 * once + 100
