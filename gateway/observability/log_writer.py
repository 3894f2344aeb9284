"""Writes log lines to standard error from a thread, so that logging neither waits nor fails."""

from __future__ import annotations

import io
import os
import select
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MOST_WAITING_BYTES: Final = 8 << 20
"""Bytes of lines that may wait to be written; lines beyond that are lost."""
FLUSH_SECONDS: Final = 2.0
"""Seconds for which the end of the process waits until all lines are written."""
REST_SECONDS: Final = 0.02
"""Seconds between writes, in which lines gather: waking the thread costs more than a line."""

_ATOMIC_BYTES: Final = getattr(select, "PIPE_BUF", 512)
"""The most that a pipe takes as one piece, even if other processes write to it, too."""
_NEWLINE: Final = b"\n"
_END: Final = b""


class LogWriter:
    """Writes lines to a file descriptor, in order, from a thread of its own.

    - `put` neither waits nor raises, whatever happens to the file.
    - A line is lost if more than ``most_waiting`` bytes wait, or the write fails. Once lines can be
      written again, one says how many were lost.
    - Lines are written whole; one that was cut off by a full disk is ended before the next.
    """

    def __init__(self, fd: int, *, most_waiting: int = MOST_WAITING_BYTES) -> None:
        self._fd = fd
        self._most_waiting = most_waiting
        # Not a lock of our own: a destructor may log in the middle of a `put`.
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._offered = self._done = 0
        self._dropped = self._failed = self._told = 0
        self._torn = False
        self._tell_lost: Callable[[int], bytes] = _tell_lost
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)

    @property
    def lost(self) -> int:
        """The number of lines lost so far."""
        return self._dropped + self._failed

    def start(self) -> None:
        """Begin to write what is put."""
        self._thread.start()

    def report_lost_by(self, tell_lost: Callable[[int], bytes]) -> None:
        """Set the function that makes the line about lost lines; called in the writer's thread."""
        self._tell_lost = tell_lost

    def put(self, lines: bytes) -> None:
        """Queue lines, each with its newline; may be called from any thread."""
        if not lines:
            return
        if self._offered - self._done + len(lines) > self._most_waiting:
            self._dropped += 1
            return
        self._offered += len(lines)
        self._lines.put(lines)

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """Write what waits, for at most ``seconds``; nothing is written after that."""
        self._lines.put(_END)
        self._thread.join(seconds)

    def stream(self) -> TextIO:
        """Return a text file whose writes are `put`."""
        buffer = io.BufferedWriter(_Raw(self, self._fd))
        return io.TextIOWrapper(buffer, "utf-8", "backslashreplace", line_buffering=True)

    def _run(self) -> None:
        line: bytes | None = self._lines.get()
        while line != _END:
            batch = line or self._lines.get()
            line = self._next()
            while line and len(batch) + len(line) <= _ATOMIC_BYTES:
                batch += line
                line = self._next()
            self._write(batch)
            self._done += len(batch)
            if line is None:
                time.sleep(REST_SECONDS)
                line = self._lines.get()

    def _next(self) -> bytes | None:
        """Return the next line; None if there is none."""
        try:
            return self._lines.get_nowait()
        except Empty:
            return None

    def _write(self, batch: bytes) -> None:
        failed = self._write_all(batch)
        self._failed += failed
        lost = self.lost
        if not failed and lost > self._told:
            note = self._tell_lost(lost - self._told)
            if not self._write_all(note):
                self._told = lost

    def _write_all(self, data: bytes) -> int:
        """Write whole lines; return how many could not be written."""
        written = 0
        try:
            if self._torn:
                self._write_some(_NEWLINE)
                self._torn = False
            while written < len(data):
                written += self._write_some(data[written:])
        except OSError:
            self._torn |= data[:written][-1:] not in {b"", _NEWLINE}
            return data.count(_NEWLINE, written)
        return 0

    def _write_some(self, data: bytes) -> int:
        while True:
            try:
                return os.write(self._fd, data)
            except BlockingIOError:  # another process has made a shared file non-blocking
                select.select((), (self._fd,), ())


def _tell_lost(lines: int) -> bytes:
    return f"{lines} lines lost\n".encode()


class _Raw(io.RawIOBase):
    """A file whose writes are put into a `LogWriter`."""

    def __init__(self, writer: LogWriter, fd: int) -> None:
        self._writer = writer
        self._fd = fd

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        self._writer.put(bytes(data))
        return len(bytes(data))

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)
