"""Structured logs: for eyes on a terminal, JSON lines elsewhere. Never message text or secrets."""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(log_format: str, level: str) -> None:
    """Set up logging for this process; ``log_format`` is auto, human or json."""
    human = log_format == "human" or (log_format == "auto" and sys.stderr.isatty())
    renderers: list[structlog.typing.Processor] = (
        [
            structlog.processors.TimeStamper("%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
        if human
        else [
            structlog.processors.TimeStamper("iso", utc=True),
            # Not dict_tracebacks: that logs local variables, message texts among them.
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log for their own developers; what an operator must know is logged here.
    logging.basicConfig(level=logging.CRITICAL)
