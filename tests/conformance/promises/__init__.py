"""The promises, by topic; importing this package collects them in `PROMISES`.

To add one: a function here with the sentence that it tries.
"""

from tests.conformance.promise import PROMISES
from tests.conformance.promises import (
    answers,
    closing,
    directs,
    limits,
    logs,
    members,
    messages,
    rooms,
    sessions,
)

__all__ = [
    "PROMISES", "answers", "closing", "directs", "limits", "logs", "members", "messages", "rooms",
    "sessions",
]  # fmt: skip
