"""Changes that make bytes and frames wrong, chosen by a seeded generator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

JsonValue = Any
Place = tuple[Any, Any]
"""A container in a frame, and a key or an index in it."""

_MOST_CHANGES: Final = 4
_LONG: Final = "x" * 1_000_000
_DEEP: Final = 50_000
_VALUES: Final[tuple[JsonValue, ...]] = (
    None, True, 0, -1, 1.5, 10**9, -(10**18), 10**18, 2**53 + 1, 2**63, 2**64, 1e308, -1e-300, "",
    "x" * 129, "\u202egnp.exe", "\x00\x1b[2J\x07", "a\nb", "\u2028", "{nick} {0!r}", "😀" * 500,
    "\n" * 4096, "a\n" * 2048, "https://apple.com@evil.com https://\u0430pple.com", [], {}, [[]],
    {"nick": "x"},
)  # fmt: skip
_RARE: Final[tuple[JsonValue, ...]] = (
    _LONG, [1] * 100_000, [{"nick": f"n{number}"} for number in range(25_000)],
)  # fmt: skip
_PIECES: Final = (
    b"\x00", b"\xff", b"\r\n", b"\n\n", b" " * 70, b"9" * 400, b"-1", b"NaN", b"\x1b[2J", b":",
    b"\xe2\x80\xae", b"HTTP/1.1 101", b"\x16\x03\x01", b"Retry-After: -5\r\n", b"1e999", b'"', b"{",
)  # fmt: skip


def mutated_bytes(data: bytes, random: Random) -> bytes:
    """Return some bytes with a few changes."""
    changed = bytearray(data)
    for _ in range(random.randint(1, _MOST_CHANGES)):
        start = random.randint(0, len(changed))
        end = min(len(changed), start + random.choice((1, 2, 8, 64)))
        match random.randrange(6):
            case 0 if start < len(changed):
                changed[start] = random.randrange(256)
            case 1:
                del changed[start:end]
            case 2:
                changed[start:start] = changed[start:end]
            case 3:
                changed[start:start] = random.choice(_PIECES)
            case 4:
                changed[start:end] = random.randbytes(end - start)
            case 5 if random.random() < 0.3:
                del changed[start:]
    return bytes(changed)


def mutated_frame(frame: dict[str, JsonValue], random: Random) -> str:
    """Return a frame as JSON with a value replaced, removed or added; or with changed bytes."""
    if random.random() < 0.2:
        return mutated_bytes(json.dumps(frame).encode(), random).decode(errors="replace")
    changed = json.loads(json.dumps(frame))
    for _ in range(random.randint(1, 2)):
        container, key = random.choice(list(_places(changed)))
        if random.random() < 0.1:
            del container[key]
            if not changed:
                return "{}"
        else:
            value = random.choice(_VALUES if random.random() < 0.995 else _RARE)
            container[key] = deepcopy(value)
    text = json.dumps(changed)
    if random.random() < 0.01:
        depth = random.choice((100, _DEEP))
        text = f'{text[:-1]}, "deep": {"[" * depth}{"]" * depth}}}'
    return text


def _places(value: JsonValue) -> Iterator[Place]:
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])
