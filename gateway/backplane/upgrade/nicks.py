"""Gives stored claims of nicknames the keys that this release gives them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from gateway.backplane.member_line import nick_of
from gateway.backplane.nicks import nick_keys
from gateway.backplane.redis.link import Link
from gateway.backplane.upgrade.naming import Claim, name_sessions

_BATCH: Final = 500
_CLAIM: Final = re.compile("(\\S+) (\\S+) ([0-9]{1,16}) (.*)", re.DOTALL)


async def upgrade_nicks(link: Link, namespace: str) -> AsyncIterator[tuple[str, str]]:
    """Claim all nicknames under their new keys; yield each that changes, and the new one.

    Both hashes are made anew beside the present ones, and take their place in one step.
    """
    owners_key, sessions_key, *_ = nick_keys(namespace)
    new_keys = f"{owners_key}:new", f"{sessions_key}:new"
    flat: list[bytes] = await link.call("HGETALL", owners_key)
    found = [_CLAIM.fullmatch(value.decode("utf-8", "replace")) for value in flat[1::2]]
    claims = [
        Claim(session, node, int(term), line)
        for session, node, term, line in (claim.groups() for claim in found if claim)
    ]
    before = {claim.session: nick_of(claim.line) for claim in claims}
    named = list(name_sessions(claims))
    await link.call("DEL", *new_keys)
    for start in range(0, len(named), _BATCH):
        owners: list[str] = []
        sessions: list[str] = []
        for key, claim in named[start : start + _BATCH]:
            owners += key, f"{claim.session} {claim.node} {claim.term} {claim.line}"
            sessions += claim.session, key
        await link.call_all([("HSET", new_keys[0], *owners), ("HSET", new_keys[1], *sessions)])
    moves: list[tuple[Any, ...]] = [
        ("RENAME", new, old) for new, old in zip(new_keys, (owners_key, sessions_key), strict=True)
    ]
    await link.call_all([("MULTI",), *moves, ("EXEC",)] if named else [])
    for _, claim in named:
        if (nick := nick_of(claim.line)) != before[claim.session]:
            yield before[claim.session], nick


async def session_lines(
    link: Link, namespace: str, sessions: Sequence[bytes]
) -> list[bytes | None]:
    """Return the member line of each session; None for one that is over."""
    owners_key, sessions_key, *_ = nick_keys(namespace)
    if not sessions:
        return []
    keys: list[bytes | None] = await link.call("HMGET", sessions_key, *sessions)
    owners: list[bytes | None] = await link.call("HMGET", owners_key, *(key or b"" for key in keys))
    return [
        owner.split(b" ", 3)[3] if owner and owner.startswith(session + b" ") else None
        for session, owner in zip(sessions, owners, strict=True)
    ]
