"""Reads the names of a cluster's keys in Redis, a page at a time, to find what nobody holds."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gateway.backplane.redis.link import Link

SCAN_COUNT: Final = 1000
"""How many keys Redis looks at for one page."""

_KINDS: Final = ("inbox", "room", "look", "node", "account")
_SPECIAL: Final = re.compile(r"([\\*?\[\]^-])")


def escape_glob(text: str) -> str:
    """Return a pattern of SCAN that matches this text alone."""
    return _SPECIAL.sub(r"\\\1", text)


class KeyPage(NamedTuple):
    """What the keys of one page belong to.

    - ``inboxes``: the sessions that have them;
    - ``rooms``: the keys of their names;
    - ``looks``: what the names of rooms look like;
    - ``nodes``: those that have a set of rooms;
    - ``accounts``: the ids of those that have anything;
    - ``is_last``: whether the page ends a round through all keys.
    """

    inboxes: frozenset[str]
    rooms: frozenset[str]
    looks: frozenset[str]
    nodes: frozenset[str]
    accounts: frozenset[str]
    is_last: bool


class KeyScan:
    """An endless scan of the keys of a namespace, whatever else is in the database."""

    def __init__(self, link: Link, *, namespace: str) -> None:
        self._link = link
        self._pattern = escape_glob(namespace) + ":{*"
        self._owner = re.compile(
            re.escape(namespace) + r":\{(?:(inbox|room|node|account):(.*)\}:[a-z:]+|(look):(.*)\})",
            re.DOTALL,
        )
        self._cursor = b"0"

    async def next_page(self) -> KeyPage:
        """Return what the keys of the next page belong to.

        A key that is there during a whole round is in one of its pages at least.

        :raises Unavailable: if Redis cannot answer; the same page is read next time.
        """
        scan = "SCAN", self._cursor, "MATCH", self._pattern, "COUNT", SCAN_COUNT
        self._cursor, keys = await self._link.call(*scan)
        owners: dict[str, set[str]] = {kind: set() for kind in _KINDS}
        for key in keys:
            # Names of keys that are not ours may be anything.
            if read := self._owner.fullmatch(key.decode("utf-8", "replace")):
                kind, name = filter(None, read.groups())
                owners[kind].add(name)
        return KeyPage(
            inboxes=frozenset(owners["inbox"]),
            rooms=frozenset(owners["room"]),
            looks=frozenset(owners["look"]),
            nodes=frozenset(owners["node"]),
            accounts=frozenset(owners["account"]),
            is_last=self._cursor == b"0",
        )
