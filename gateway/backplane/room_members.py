"""The members of a room as its hash in Redis has them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_MEMBER: Final = re.compile("(\\S+) ([0-9]{1,16}) (.*)", re.DOTALL)


class ListedMember(NamedTuple):
    """A session in a room: its node, its term there, and its member line."""

    session: str
    node: str
    term: int
    line: str


def read_members(flat: list[bytes]) -> Iterator[ListedMember]:
    """Yield the members in a hash's fields and values; entries of other programs are skipped."""
    for session, member in zip(flat[::2], flat[1::2], strict=True):
        if read := _MEMBER.fullmatch(member.decode("utf-8", "replace")):
            node, term, line = read.groups()
            yield ListedMember(session.decode("utf-8", "replace"), node, int(term), line)
