"""Messages as logs have them, for the tests of what follows a log."""

from __future__ import annotations


def message(seq: int, name: str = "") -> bytes:
    return b'{"seq":%d,"at":%d,"type":"message","text":"x","id":"%s"}' % (
        seq, seq, name.encode() or b"m",
    )  # fmt: skip
