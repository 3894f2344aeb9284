"""Gives stored claims and reservations of nicknames the keys that this release gives them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from gateway.auth.identity import account_of
from gateway.backplane.member_line import nick_of
from gateway.backplane.nicks import account_meta_key, nick_keys
from gateway.backplane.redis.link import Link
from gateway.backplane.upgrade.naming import Claim, ReservedNick, name_accounts, name_sessions

_BATCH: Final = 500
_CLAIM: Final = re.compile("(\\S+) (\\S+) ([0-9]{1,16}) (.*)", re.DOTALL)


async def upgrade_reservations(link: Link, namespace: str) -> AsyncIterator[tuple[str, str]]:
    """Reserve all nicknames of accounts under their new keys; yield each that changes, and the new.

    The hash is made anew beside the present one, and takes its place in one step.
    """
    reserved = await _read_reserved(link, namespace)
    named = list(name_accounts(reserved))
    key = nick_keys(namespace).reserved
    await link.call("DEL", new := f"{key}:new")
    for start in range(0, len(named), _BATCH):
        commands: list[tuple[Any, ...]] = []
        for each in named[start : start + _BATCH]:
            commands.append(("HSET", new, each.key, f"{each.account} {each.ends}".rstrip()))
            if each.nick:
                meta = account_meta_key(namespace, each.account)
                commands.append(("HSET", meta, "nick", each.nick, "folded", each.key))
        await link.call_all(commands)
    if named:
        await link.call("RENAME", new, key)
    before = {each.account: each.nick for each in reserved}
    for each in named:
        if each.nick != before[each.account]:
            yield before[each.account], each.nick


async def _read_reserved(link: Link, namespace: str) -> list[ReservedNick]:
    flat: list[bytes] = await link.call("HGETALL", nick_keys(namespace).reserved)
    values = [value.decode("utf-8", "replace").partition(" ") for value in flat[1::2]]
    metas = [account_meta_key(namespace, account) for account, _, _ in values]
    read = await link.call_all([("HMGET", meta, "nick", "created") for meta in metas])
    return [
        ReservedNick(
            key.decode("utf-8", "replace"),
            account,
            ends,
            (nick or b"").decode("utf-8", "replace"),
            int(created) if created and created.isdigit() else 0,
        )
        for key, (account, _, ends), (nick, created) in zip(flat[::2], values, read, strict=True)
    ]


async def upgrade_nicks(link: Link, namespace: str) -> AsyncIterator[tuple[str, str]]:
    """Claim all nicknames under their new keys; yield each of a guest that changes, and the new.

    Both hashes are made anew beside the present ones, and take their place in one step. What is
    reserved must be so under the new keys already.
    """
    reserved = {each.key: each for each in await _read_reserved(link, namespace)}
    owners_key, sessions_key, *_ = nick_keys(namespace)
    new_keys = f"{owners_key}:new", f"{sessions_key}:new"
    flat: list[bytes] = await link.call("HGETALL", owners_key)
    found = [_CLAIM.fullmatch(value.decode("utf-8", "replace")) for value in flat[1::2]]
    claims = [
        Claim(session, node, int(term), line)
        for session, node, term, line in (claim.groups() for claim in found if claim)
    ]
    before = {claim.session: nick_of(claim.line) for claim in claims}
    named = list(name_sessions(claims, reserved))
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
        if (nick := nick_of(claim.line)) != before[claim.session] and not account_of(claim.session):
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
