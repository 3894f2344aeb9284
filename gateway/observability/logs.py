"""Structured logs: readable on a terminal, JSON lines elsewhere. Never message text or secrets.

Logging never raises and never waits, whatever is logged and whatever happens to standard error.
"""

from __future__ import annotations

import atexit
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict

from gateway.observability.log_writer import LogWriter

MOST_LINE_BYTES: Final = 16 * 1024
"""A longer line is cut."""

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_STDERR: Final = 2
_VALUE_CHARACTERS: Final = (10_000, 2_000, 200)
"""Characters kept of each value; the next bound is tried while the line is too long."""

_writer: Final = LogWriter(_STDERR)


def start() -> None:
    """Write standard error from a thread of its own until the process ends; call it once."""
    _writer.start()
    sys.stderr = _writer.stream()
    atexit.register(_writer.close)


def lines_lost() -> int:
    """Return how many lines could not be written to standard error."""
    return _writer.lost


def configure(log_format: str, level: str) -> None:
    """Set up logging for this process; ``log_format`` is auto, human or json."""
    set_level(level)
    human = log_format == "human" or (log_format == "auto" and sys.stderr.isatty())
    render = Rendering(human=human, colors=sys.stderr.isatty())
    structlog.configure(
        processors=[_threshold, structlog.contextvars.merge_contextvars, render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS["debug"]),
        logger_factory=lambda *_: Lines(_writer.put),
        cache_logger_on_first_use=True,
    )
    _writer.report_lost_by(
        lambda lines: render(None, "warning", {"event": "log lines lost", "lines": lines})
    )
    # Libraries log for their own developers; what an operator must know is logged here.
    logging.basicConfig(level=logging.CRITICAL)


def set_level(level: str) -> None:
    """Set the least level that is logged, also by loggers that are in use."""
    _threshold.least = _LEVELS[level]


class _Threshold:
    """The first step: drops events below the least level."""

    least = _LEVELS["info"]

    def __call__(self, _logger: object, level: str, event: EventDict) -> EventDict:
        if _LEVELS[level] < self.least:
            raise structlog.DropEvent
        return event


_threshold: Final = _Threshold()


class Lines:
    """The last step: passes rendered lines to ``put``, whatever their level."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = put


class Rendering:
    """Renders an event as one line; the only step that looks at its values."""

    def __init__(self, *, human: bool, colors: bool = False) -> None:
        self._steps: tuple[Callable[..., Any], ...] = (
            (
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper("%H:%M:%S", utc=False),
                structlog.dev.ConsoleRenderer(
                    colors=colors, exception_formatter=structlog.dev.plain_traceback
                ),
            )
            if human
            else (
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper("iso", utc=True),
                structlog.processors.JSONRenderer(),
            )
        )

    def __call__(self, _logger: object, level: str, event: Mapping[str, Any]) -> bytes:
        """Return the line with its newline, at most `MOST_LINE_BYTES`; never raises."""
        try:
            event = _with_traceback(event)
            for most in _VALUE_CHARACTERS:
                line = self._render(level, {k: _plain(v, most) for k, v in event.items()})
                if len(line) <= MOST_LINE_BYTES:
                    return line
        except Exception as error:  # noqa: BLE001 - what is logged must not harm who logs it
            return self._not_rendered(level, event, type(error).__name__)
        return self._not_rendered(level, event, "too long")

    def _render(self, level: str, event: EventDict) -> bytes:
        line: Any = event
        for step in self._steps:
            line = step(None, level, line)
        return str(line).encode("utf-8", "backslashreplace") + b"\n"

    def _not_rendered(self, level: str, event: Mapping[str, Any], reason: str) -> bytes:
        """Return a line for an event that cannot be rendered, with the reason."""
        told = {"event": _plain(event.get("event"), _VALUE_CHARACTERS[-1])}
        return self._render(level, told | {"not_rendered": reason})


_FORMATTED: Final = structlog.processors.ExceptionRenderer()
"""Not dict_tracebacks: that logs local variables, message texts among them."""


def _with_traceback(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event with the traceback in its ``exc_info``, if any, as text."""
    if not event.get("exc_info"):
        return event
    given = event["exc_info"]
    error = given if isinstance(given, BaseException) else sys.exc_info()[1]
    try:
        return _FORMATTED(None, "error", dict(event))
    except Exception:  # noqa: BLE001 - a group too deep, an exception that cannot be printed
        rest = {key: value for key, value in event.items() if key != "exc_info"}
        return rest | {"exception": f"{type(error).__name__}, which cannot be printed"}


def _plain(value: object, most: int) -> object:
    """Return a value as a JSON scalar, with text cut to ``most`` characters."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and -(2**63) < value < 2**63:
        return value
    text = value if isinstance(value, str) else _represent(value)
    if len(text) > most:
        text = f"{text[: most // 2]}[… {len(text) - most} characters cut …]{text[-most // 2 :]}"
    return text.encode("utf-8", "backslashreplace").decode()


def _represent(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - it is somebody else's code
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
