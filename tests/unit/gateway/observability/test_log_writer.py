"""Log lines on their way into a pipe, a full disk, or nothing at all."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from gateway.observability.log_writer import LogWriter
from tests.pipes import fill, pipe
from tests.waiting import until

KIB = 1024


def everything(reader: int, writer: int) -> bytes:
    """What is in a pipe up to its end."""
    os.close(writer)
    with os.fdopen(reader, "rb", closefd=False) as file:
        return file.read()


def numbered(count: int, size: int = 100) -> list[bytes]:
    return [f"{number} ".encode().ljust(size - 1, b".") + b"\n" for number in range(count)]


def test_lines_come_out_whole_and_in_order() -> None:
    lines = numbered(300)
    with pipe() as (reader, fd):
        writer = LogWriter(fd)
        writer.start()
        for line in lines:
            writer.put(line)
        writer.close(60)
        assert everything(reader, fd) == b"".join(lines)
    assert writer.lost == 0


def test_what_was_put_before_the_start_and_more_than_a_pipe_holds_is_written() -> None:
    lines = numbered(3_000)
    with pipe() as (reader, fd):
        writer = LogWriter(fd)
        for line in lines:
            writer.put(line)
        writer.start()
        read: list[bytes] = []
        reading = threading.Thread(
            target=read.extend, args=(os.fdopen(reader, "rb", closefd=False),)
        )
        reading.start()
        writer.close(60)
        os.close(fd)
        reading.join()
    assert read == lines
    assert writer.lost == 0


def test_a_reader_that_has_died_costs_the_lines_and_nothing_else() -> None:
    with pipe() as (reader, fd):
        os.close(reader)
        writer = LogWriter(fd)
        writer.start()
        for line in numbered(500):
            writer.put(line)
        writer.close(60)
    assert writer.lost == 500


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
async def test_a_full_disk_costs_the_lines_until_there_is_room_again() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with pipe() as (reader, fd), os.fdopen(reader, "rb", closefd=False) as reading:
        writer = LogWriter(full)
        writer.start()
        for line in numbered(3):
            writer.put(line)
        await until(lambda: writer.lost == 3, "the lines to be lost")
        os.dup2(fd, full)
        writer.put(b"again\n")
        assert [reading.readline() for _ in range(2)] == [b"again\n", b"3 lines lost\n"]
        writer.put(b"and again\n")
        writer.close(60)
        assert reading.readline() == b"and again\n"
    os.close(full)
    assert writer.lost == 3


def test_a_reader_that_does_not_read_is_waited_for_by_nobody() -> None:
    lines = numbered(1_000)
    with pipe() as (reader, fd):
        filling = fill(fd)
        writer = LogWriter(fd, most_waiting=64 * KIB)
        writer.start()
        for line in lines:
            writer.put(line)
        kept = 64 * KIB // 100
        assert writer.lost == 1_000 - kept
        writer.close(0.01)  # it waits for the reader no longer than it is told to
        reading = os.fdopen(reader, "rb", closefd=False)
        assert reading.read(filling) == b"x" * filling
        read = [reading.readline() for _ in range(kept + 1)]
        writer.close(60)
        read.remove(b"345 lines lost\n")
        assert read == lines[:kept]
    assert writer.lost == 345


async def test_a_line_cut_off_by_a_full_disk_is_ended_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = bytearray()
    room = 8

    def write(_fd: int, data: bytes) -> int:
        if len(written) == room:
            raise OSError(28, "No space left on device")
        taken = data[: room - len(written)]
        written.extend(taken)
        return len(taken)

    monkeypatch.setattr(os, "write", write)
    writer = LogWriter(2)
    writer.start()
    writer.put(b"first\nsecond\nthird\n")
    writer.put(b"fourth\n")
    await until(lambda: writer.lost == 3, "the lines to be lost")
    room = 1_000
    writer.put(b"fifth\n")
    writer.close(60)
    assert written == b"first\nse\nfifth\n3 lines lost\n"


def test_a_file_that_somebody_made_non_blocking_is_waited_for() -> None:
    lines = numbered(3_000)
    with pipe() as (reader, fd):
        os.set_blocking(fd, False)
        writer = LogWriter(fd)
        for line in lines:
            writer.put(line)
        writer.start()
        reading = os.fdopen(reader, "rb", closefd=False)
        assert [reading.readline() for _ in lines] == lines
        writer.close(60)
    assert writer.lost == 0


def test_what_is_printed_comes_between_the_lines() -> None:
    with pipe() as (reader, fd):
        writer = LogWriter(fd)
        writer.start()
        stream = writer.stream()
        writer.put(b"one\n")
        print("two \udc80", file=stream)
        writer.put(b"three\n")
        print("no newline", end="", file=stream, flush=True)
        writer.close(60)
        assert everything(reader, fd) == b"one\ntwo \\udc80\nthree\nno newline"
