"""What a load client reads out of a stream, however the stream is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backplane.erasures import without_text
from tests.load.generator import frames


def heard_message(seq: int, room: str = "load-0", intended: int = 7) -> bytes:
    return (
        f'{{"seq":{seq},"at":1700000000000,"type":"message","room":"{room}","from":"load1-0",'
        f'"text":"@{intended}@xxxx","id":"m1.{intended}"}}'
    ).encode()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]


@given(st.integers(0, 5), st.lists(st.integers(0, 10_000), max_size=12))
def test_words_are_counted_once_however_the_stream_is_cut(count: int, places: list[int]) -> None:
    data = b"".join(b"\x81\x7e" + heard_message(seq) for seq in range(count))
    counter = frames.WordCounter(frames.MESSAGE)
    assert sum(counter.count(chunk) for chunk in cut(data, places)) == count


@given(st.integers(0, 5), st.lists(st.integers(0, 10_000), max_size=12))
def test_messages_and_answers_are_heard_however_the_stream_is_cut(
    count: int, places: list[int]
) -> None:
    data = b"".join(
        heard_message(seq, intended=seq * 10) + b'{"type":"ok","id":"m%d.%d","seq":1}' % (seq, seq)
        for seq in range(1, count + 1)
    )
    reader = frames.MessageReader()
    messages, answers = [], []
    for chunk in cut(data, places):
        said, answered = reader.read(chunk)
        messages += said
        answers += answered
    assert messages == [(seq, b"load-0", seq * 10) for seq in range(1, count + 1)]
    assert answers == [(b"m", seq) for seq in range(1, count + 1)]


def test_a_tombstone_is_heard_as_the_message_that_it_was() -> None:
    tombstone = without_text(heard_message(7))
    assert frames.MessageReader().read(tombstone) == ([(7, b"load-0", 0)], [])


@given(st.integers(0, 5), st.lists(st.integers(0, 10_000), max_size=12))
def test_refusals_are_read_however_the_stream_is_cut(count: int, places: list[int]) -> None:
    data = b"".join(
        b'\x81\x7e\x00\x99{"type":"error","code":"c%d","message":"no.","id":"m%d.7"}' % (n, n)
        + b'\x81\x40{"type":"error","code":"another","message":"no.","id":"p1.7"}'
        + heard_message(n)
        for n in range(count)
    )
    refusals = frames.RefusalReader()
    codes = [code for chunk in cut(data, places) for code in refusals.read(chunk)]
    assert codes == [f"c{n}" for n in range(count)]


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        (b"...\x88\x06\x0f\xa1slow", "4001"),
        (b"\x88\x02\x03\xe8", "1000"),
        (b"\x88\x06\x0f\xa1slo", ""),
        (b"\x88\x06\x0f\xa1slow...", ""),
        (b"\x88", ""),
        (b"", ""),
    ],
)
def test_a_closing_frame_is_known_by_its_end(heard: bytes, code: str) -> None:
    assert frames.close_code(heard) == code
