"""The members of a room as Redis has them and publishes their changes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

_MOST_DIGITS: Final = 16
_MEMBER: Final = re.compile("(\\S+) ([0-9]{1,16}) (.*)", re.DOTALL)


class ListedMember(NamedTuple):
    """A session in a room: its node, its term there, and its member line."""

    session: str
    node: str
    term: int
    line: str


class Change(msgspec.Struct, frozen=True):
    """A published change of the members: member lines by session, and sessions that left."""

    version: int
    here: dict[str, str] = {}
    gone: list[str] = []


_change_decoder = msgspec.json.Decoder(Change)


def read_change(payload: bytes) -> Change:
    """Return the change in a publication; :raises ValueError: if it is none."""
    return _change_decoder.decode(payload)


def read_members(flat: list[bytes]) -> Iterator[ListedMember]:
    """Yield the members in a hash's fields and values; entries of other programs are skipped."""
    for session, member in zip(flat[::2], flat[1::2], strict=True):
        if read := _MEMBER.fullmatch(member.decode("utf-8", "replace")):
            node, term, line = read.groups()
            yield ListedMember(session.decode("utf-8", "replace"), node, int(term), line)


def number_of_people(members: object, doubles: object) -> int:
    """Return how many people are in a room, given Redis's replies, which may be errors.

    ``doubles`` counts the members beyond one of each account; somebody is there if a member is.
    """
    if not isinstance(members, int):
        return 0
    beyond = 0
    if isinstance(doubles, bytes) and doubles.isdigit() and len(doubles) < _MOST_DIGITS:
        beyond = int(doubles)
    return max(members - beyond, min(members, 1))
