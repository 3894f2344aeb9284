"""Attacks by frames: very many of them, very small, very large, or nested."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Final

from gateway.wire import MAX_FRAME_BYTES
from tests.attacks.crowd import Attacker, Crowd, encode
from tests.websocket import PING, PONG, TEXT, encode_frame

_BLOCK_BYTES: Final = 65_536
_CONTINUATION: Final = 0x0


def _block(frame: bytes) -> bytes:
    """Return as many of a frame as are sent at once."""
    return frame * (_BLOCK_BYTES // len(frame))


async def pings(crowd: Crowd) -> None:
    """Send pings as fast as possible, with as much in them as a ping may hold.

    May use up its own budget: control frames count like commands.
    """
    await _flood(crowd, _block(encode_frame(125 * b"x", PING)))


async def pongs(crowd: Crowd) -> None:
    """Send empty pongs as fast as possible, which nobody has asked for.

    May use up its own budget.
    """
    await _flood(crowd, _block(encode_frame(b"", PONG)))


async def empty_fragments(crowd: Crowd) -> None:
    """Send a message in empty fragments without end.

    May use up its own budget.
    """
    first = encode_frame(b"", TEXT, is_last=False)
    await _flood(crowd, _block(encode_frame(b"", _CONTINUATION, is_last=False)), first)


async def byte_fragments(crowd: Crowd) -> None:
    """Send messages of 16 KiB in fragments of one byte.

    May use up its own budget; reading a message takes time in proportion to its size.
    """
    text = encode_frame(b" ", TEXT, is_last=False)
    rest = (MAX_FRAME_BYTES - 2) * encode_frame(b" ", _CONTINUATION, is_last=False)
    await _flood(crowd, text + rest + encode_frame(b"x", _CONTINUATION))


async def commands(crowd: Crowd) -> None:
    """Send commands as fast as possible, far above flood control.

    May use up its own budget: a refused command costs less than one that is carried out.
    """
    await _flood(crowd, _block(encode(type="ping", id="p")))


async def nested_json(crowd: Crowd) -> None:
    """Send frames of 16 KiB full of brackets, in place of a command and inside of one.

    May use up its own budget.
    """
    depth = MAX_FRAME_BYTES // 2 - 40
    arrays = MAX_FRAME_BYTES * b"["
    objects = MAX_FRAME_BYTES // 5 * b'{"a":'
    unknown = b'{"type":"ping","id":"p","x":%s%s}' % (depth * b"[", depth * b"]")
    room = b'{"type":"join","id":"j","room":%s%s}' % (depth * b"[", depth * b"]")
    await _flood(crowd, b"".join(map(encode_frame, (arrays, objects, unknown, room))))


async def oversized_frames(crowd: Crowd) -> None:
    """Send frames, and messages in fragments, that are larger than a frame may be.

    May send 16 KiB of each: then the connection is closed with 1009.
    """
    too_big = encode_frame((MAX_FRAME_BYTES + 1) * b"x")
    endless = b"\x81\xff" + (1 << 40).to_bytes(8, "big") + bytes(4)
    begun = encode_frame(MAX_FRAME_BYTES * b"x", TEXT, is_last=False)
    fragments = begun + encode_frame(b"x", _CONTINUATION)

    async def act(attacker: Attacker) -> None:
        await attacker.come_in()
        frames = (too_big, fragments, endless)[attacker.number % 3]
        filling = chain((frames,), repeat(_BLOCK_BYTES * b"x"))
        await attacker.repeat(lambda _: next(filling), per_second=0)

    await crowd.each(act)


async def _flood(crowd: Crowd, block: bytes, first: bytes = b"") -> None:
    """Have everybody send the same bytes again and again, as fast as the node takes them in."""

    async def act(attacker: Attacker) -> None:
        await attacker.come_in()
        await attacker.send(first)
        await attacker.repeat(lambda _: block, per_second=0)

    await crowd.each(act)
