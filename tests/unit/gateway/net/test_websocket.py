"""The frames of a client, against wsproto, which reads and writes them by the same RFC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from gateway.net.websocket import (
    CloseReceived,
    FrameReader,
    Inbound,
    ProtocolViolation,
    ReplyDue,
    close_frame,
    text_frame,
)
from gateway.wire.close_codes import TOO_BIG, Close

LIMIT = 200
MOST_OF_A_HEAD = 14


def frame(first: int, payload: bytes, *, masked: bool = True, length: bytes | None = None) -> bytes:
    """Put a frame together by hand, right or wrong; the mask is 1, 2, 3, 4."""
    size = len(payload)
    if length is None:
        length = bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    if not masked:
        return bytes((first,)) + length + payload
    head = bytes((first, length[0] | 0x80)) + length[1:] + b"\x01\x02\x03\x04"
    return head + bytes(byte ^ (1, 2, 3, 4)[i % 4] for i, byte in enumerate(payload))


def read(reader: FrameReader, chunks: list[bytes]) -> Iterator[Inbound]:
    for chunk in chunks:
        yield from reader.receive(chunk)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]


messages = st.one_of(st.text(max_size=40), st.binary(max_size=150))


@given(
    st.lists(st.tuples(messages, st.integers(1, 5), st.binary(max_size=20)), max_size=6),
    st.lists(st.integers(0, 10_000), max_size=8),
)
def test_what_wsproto_writes_is_read_however_it_is_cut(
    said: list[tuple[str | bytes, int, bytes]], places: list[int]
) -> None:
    """In fragments, with pings between them, and in pieces of any size."""
    client = FrameProtocol(client=True, extensions=[])
    data = b""
    expected: list[Inbound] = []
    frames = 0
    for message, fragments, ping in said:
        step = max(1, -(-len(message) // fragments))
        parts = [message[i : i + step] for i in range(0, len(message), step)] or [message]
        for number, part in enumerate(parts, 1):
            data += client.send_data(part, fin=number == len(parts))
            if number < len(parts):
                data += client.ping(ping)
                expected.append(ReplyDue(bytes((0x8A, len(ping))) + ping))
        expected.append(message)
        frames += 2 * len(parts) - 1
    reader = FrameReader(LIMIT)
    assert list(read(reader, cut(data, places))) == expected
    assert reader.frames == frames


def read_by_wsproto(data: bytes) -> tuple[list[Inbound | int], bool]:
    """Give messages and close codes, and whether wsproto refused to read on."""
    theirs = FrameProtocol(client=False, extensions=[])
    heard: list[Inbound | int] = []
    message: Any = None
    theirs.receive_bytes(data)
    try:
        for each in theirs.received_frames():
            if each.opcode is Opcode.CLOSE:
                return [*heard, int(each.payload[0])], False
            if each.opcode in {Opcode.TEXT, Opcode.BINARY}:
                message = each.payload if message is None else message + each.payload
                if each.message_finished:
                    heard.append(message)
                    message = None
    except ParseFailed:
        return heard, True
    return heard, False


def wsproto_refuses_what_comes_next(data: bytes) -> bool:
    """Tell whether wsproto refuses a frame begun, once it has its whole head and some payload."""
    theirs = FrameProtocol(client=False, extensions=[])
    theirs.receive_bytes(data)
    list(theirs.received_frames())
    for _ in range(MOST_OF_A_HEAD + 1):
        theirs.receive_bytes(b"\0")
        try:
            if list(theirs.received_frames()):
                return False
        except ParseFailed:
            return True
    return False


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4))
@example(b"\x00\x81" + bytes(4), [])
def test_any_bytes_are_read_as_wsproto_reads_them(data: bytes, places: list[int]) -> None:
    expected, refused = read_by_wsproto(data)
    heard: list[Inbound | int] = []
    try:
        for one in read(FrameReader(10_000), cut(data, places)):
            if isinstance(one, CloseReceived):
                heard.append(one.code)
                break
            if not isinstance(one, ReplyDue):
                heard.append(one)
    except ProtocolViolation as error:
        # What is too big wsproto would wait for; and it does not judge by half a head.
        assert refused or error.closing == TOO_BIG or wsproto_refuses_what_comes_next(data)
    assert heard == expected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(0x81, b"hi", masked=False) + bytes(4), 1002),
        (frame(0xC1, b"hi"), 1002),
        (frame(0x83, b"hi"), 1002),
        (frame(0x8B, b"hi"), 1002),
        (frame(0x80, b"hi"), 1002),
        (frame(0x01, b"a") + frame(0x81, b"b"), 1002),
        (frame(0x09, b"hi"), 1002),
        (frame(0x89, bytes(126)), 1002),
        (frame(0x81, b"hi", length=b"\x7e\x00\x02"), 1002),
        (frame(0x81, b"hi", length=b"\x7f" + (2).to_bytes(8, "big")), 1002),
        (frame(0x81, b"", length=b"\x7f" + (1 << 63).to_bytes(8, "big")), 1002),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, (999).to_bytes(2, "big")), 1002),
        (frame(0x88, (1005).to_bytes(2, "big")), 1002),
        (frame(0x88, (1004).to_bytes(2, "big")), 1002),
        (frame(0x88, (1006).to_bytes(2, "big")), 1002),
        (frame(0x88, (1015).to_bytes(2, "big")), 1002),
        (frame(0x88, (2999).to_bytes(2, "big")), 1002),
        (frame(0x88, (5000).to_bytes(2, "big")), 1002),
        (frame(0x88, (1000).to_bytes(2, "big") + b"\xff"), 1007),
        (frame(0x81, b"\xc3\x28"), 1007),
        (frame(0x01, b"\xe2\x82") + frame(0x80, b""), 1007),
        (frame(0x81, b"x" * (LIMIT + 1)), 1009),
        (frame(0x01, b"x" * LIMIT) + frame(0x80, b"x"), 1009),
        (frame(0x81, b"", length=b"\x7f" + (1 << 40).to_bytes(8, "big")), 1009),
    ],
)
def test_what_breaks_the_protocol_says_how(data: bytes, code: int) -> None:
    before = frame(0x81, b"before")
    reader = FrameReader(LIMIT)
    heard: list[Inbound] = []
    with pytest.raises(ProtocolViolation) as caught:
        heard.extend(reader.receive(before + data))
    assert heard == ["before"]
    assert caught.value.closing.code == code


@pytest.mark.parametrize(
    "begun",
    [
        b"\xc1",  # a reserved bit
        b"\x83",  # an opcode that means nothing
        b"\x8b",
        b"\x80",  # goes on with a message that never began
        b"\x09",  # a ping in fragments
        b"\x81\x00",  # not masked
        b"\x81\x05",
        b"\x89\xfe",  # a ping of more than 125 bytes
        b"\x81\xfe\x00\x7d",  # a length that would fit into one byte
        b"\x81\xff" + (125).to_bytes(8, "big"),
        b"\x81\xfe" + (LIMIT + 1).to_bytes(2, "big"),
        frame(0x01, b"a") + b"\x81",  # a message within another
    ],
    ids=bytes.hex,
)
def test_the_first_wrong_byte_of_a_head_is_refused_without_waiting_for_more(begun: bytes) -> None:
    reader = FrameReader(LIMIT)
    assert list(read(reader, [bytes((byte,)) for byte in begun[:-1]])) == []
    with pytest.raises(ProtocolViolation):
        list(reader.receive(begun[-1:]))


def is_a_beginning_of_utf8(data: bytes) -> bool:
    """Whether something can follow that makes it UTF-8, found by trying what may."""
    ends = [b"", *(lead + b"\x80" * more for lead in (b"", b"\x90", b"\xa0") for more in range(4))]
    return any(is_utf8(data + end) for end in ends)


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(
    st.one_of(st.text(max_size=20).map(str.encode), st.binary(max_size=20)),
    st.binary(max_size=6),
    st.booleans(),
)
@example("κόσμε".encode(), b"\xf4\x90\x80\x80", False)
@example(b"", b"\xed\xa0", True)
@example(b"", b"\xe0\x80", True)
@example(b"", b"\xf0\x80", False)
@example(b"", b"\xc0", False)
def test_text_is_refused_with_the_first_byte_that_makes_it_no_utf8(
    good: bytes, bad: bytes, in_fragments: bool
) -> None:
    """Whether it comes byte by byte in one frame, or with a frame for each byte."""
    text = good + bad
    reader = FrameReader(LIMIT)
    pieces = [frame(0x00, bytes((byte,))) for byte in text]
    begun = frame(0x01, b"")
    if not in_fragments:
        whole = frame(0x81, text + bytes(8))  # of which the last bytes do not come
        begun, *pieces = [whole[:6], *(whole[6 + i : 7 + i] for i in range(len(text)))]
    assert list(reader.receive(begun)) == []
    for end, piece in enumerate(pieces, 1):
        try:
            assert list(reader.receive(piece)) == []
        except ProtocolViolation as violation:
            assert violation.closing.code == 1007
            assert not is_a_beginning_of_utf8(text[:end])
            return
        assert is_a_beginning_of_utf8(text[:end])


class Counted(bytes):
    """Bytes that count how many of them are copied when they are cut or joined."""

    copied = 0

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if isinstance(part, int):
            return part
        Counted.copied += len(part)
        return Counted(part)

    def __radd__(self, before: bytes) -> Counted:
        Counted.copied += len(before) + len(self)
        return Counted(bytes(before) + bytes(self))


@pytest.mark.parametrize("opcode", [0x81, 0x82])
@pytest.mark.parametrize("step", [1, 7, 64])
def test_a_long_message_is_copied_in_proportion_to_its_size(opcode: int, step: int) -> None:
    size = 50_000
    data = frame(opcode, b"x" * size)
    reader = FrameReader(size)
    Counted.copied = 0
    chunks = [Counted(data[at : at + step]) for at in range(0, len(data), step)]
    [message] = read(reader, list[bytes](chunks))
    assert len(message) == size
    assert Counted.copied < 4 * len(data)


def test_a_message_of_the_limit_is_read_and_the_euro_sign_may_be_cut_in_two() -> None:
    text = "€" * 60 + "x" * 20
    data = text.encode()
    assert len(data) == LIMIT
    fragments = frame(0x01, data[:50]) + frame(0x00, b"") + frame(0x80, data[50:])
    assert list(FrameReader(LIMIT).receive(fragments + frame(0x82, b"\xff"))) == [text, b"\xff"]


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 3000, 4999])
def test_a_goodbye_is_answered_with_its_code(code: int) -> None:
    payload = code.to_bytes(2, "big")
    [goodbye] = FrameReader(LIMIT).receive(frame(0x88, payload + "bye €".encode()))
    assert goodbye == CloseReceived(code, b"\x88\x02" + payload)


def test_a_goodbye_without_a_code_is_answered_without_one() -> None:
    assert list(FrameReader(LIMIT).receive(frame(0x88, b""))) == [CloseReceived(1005, b"\x88\x00")]


def test_pongs_mean_nothing() -> None:
    assert list(FrameReader(LIMIT).receive(frame(0x8A, b"late"))) == []


@given(st.text(max_size=70_000))
def test_what_we_write_wsproto_reads(text: str) -> None:
    theirs = FrameProtocol(client=True, extensions=[])
    theirs.receive_bytes(text_frame(text.encode()) + close_frame(Close(4000, text[:200])))
    *heard, close = theirs.received_frames()
    assert "".join(str(each.payload) for each in heard) == text
    payload: Any = close.payload
    assert payload[0] == 4000
    assert text.startswith(payload[1])
