"""Which name each room and each session gets in an upgrade: none has that of another. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gateway.auth.identity import account_of
from gateway.backplane import member_line
from gateway.backplane.nicks import claimed_key
from gateway.policy import names, nicknames, room_names
from gateway.policy.room_names import RoomName
from gateway.wire import LOBBY, MAX_ROOM_CHARS, CommandError


class StoredRoom(NamedTuple):
    """A room as it is stored: what its keys are named by, its name, and how much it is used.

    ``is_named`` is whether the name is stored beside the key, as of schema 3.
    """

    room: str
    name: str
    is_named: bool
    members: int
    last_at: int


class ReservedNick(NamedTuple):
    """A reserved nickname.

    - ``key``: under which it is stored;
    - ``ends``: when it is free, for a deleted account; else empty;
    - ``nick``: empty if nothing else is stored of the account;
    - ``created``: when the account was made, in Unix seconds.
    """

    key: str
    account: str
    ends: str
    nick: str
    created: int


class Claim(NamedTuple):
    """A session's claim of a nickname, as it is stored."""

    session: str
    node: str
    term: int
    line: str


def name_rooms(rooms: Iterable[StoredRoom]) -> dict[str, RoomName]:
    """Return the name of each room, in an order in which the rooms can be moved to their new keys.

    A room keeps its name if it can. Of several that are one room now, or look alike, the one with
    the most members keeps it, then the one with the newest message; the others get a number.
    """
    named: dict[str, RoomName] = {}
    taken: set[str] = set()
    for stored in sorted(rooms, key=_by_precedence):
        possible = _possible_names(stored.name)
        name = next(name for name in possible if taken.isdisjoint(_ways_to_be_taken_for(name)))
        named[stored.room] = name
        taken.update(_ways_to_be_taken_for(name))
    return dict(_in_order_of_moving(named))


def _ways_to_be_taken_for(name: RoomName) -> set[str]:
    return {f"key {name.key}", *(f"look {look}" for look in names.looks(name.shown))}


def _by_precedence(stored: StoredRoom) -> tuple[object, ...]:
    is_settled = stored.is_named and room_names.key(stored.name) == stored.room
    return not is_settled, stored.name != LOBBY, -stored.members, -stored.last_at, stored.room


def _possible_names(name: str) -> Iterator[RoomName]:
    """Yield valid names, the first as it is if that is one, the others with a number."""
    try:
        yield room_names.check(name)
        base, first = names.shown(name), 2
    except CommandError as error:
        is_name = error.code == "room_looks_alike"
        base, first = (names.shown(name), 2) if is_name else ("room", 1)
    for number in itertools.count(first):
        end = f"-{number}"
        yield room_names.check(base[: MAX_ROOM_CHARS - len(end)] + end)


def _in_order_of_moving(named: dict[str, RoomName]) -> Iterator[tuple[str, RoomName]]:
    """Yield each room after the one, if any, that has to make room for it."""
    left = dict(named)
    while left:
        waiting = [next(iter(left))]
        while (occupant := left[waiting[-1]].key) in left and occupant not in waiting:
            waiting.append(occupant)
        for room in reversed(waiting):
            yield room, left.pop(room)


def name_accounts(reserved: Iterable[ReservedNick]) -> Iterator[ReservedNick]:
    """Yield each reservation under the key of its nickname, which is another one if it has to be.

    Of several nicknames that are one now, that of the oldest account stays; those of accounts that
    are deleted make room.
    """
    ordered = sorted(
        reserved, key=lambda each: (not each.nick, each.ends, each.created, each.account)
    )
    wanted = {nicknames.fold(each.nick) for each in ordered}
    given: set[str] = set()
    for each in ordered:
        nick, key = each.nick, nicknames.fold(each.nick) or each.key
        if key in given:
            if each.ends or not nick:
                continue
            nick = next(v for v in _similar(nick) if nicknames.fold(v) not in wanted | given)
            key = nicknames.fold(nick)
        given.add(key)
        yield each._replace(key=key, nick=nick)


def name_sessions(
    claims: Iterable[Claim], reserved: Mapping[str, ReservedNick]
) -> Iterator[tuple[str, Claim]]:
    """Yield each claim with its key, and with another nickname if it has to be.

    Of several nicknames that are one now, the one claimed in the earliest term stays. None is
    ``reserved``, by key; sessions of accounts have the nicknames of these.
    """
    ordered = sorted(claims, key=lambda claim: (claim.term, claim.session))
    wanted = {nicknames.fold(member_line.nick_of(claim.line)) for claim in ordered}
    nicks = {each.account: each.nick for each in reserved.values() if each.nick}
    given = set(reserved)
    for claim in ordered:
        if account := account_of(claim.session):
            nick = nicks.get(account, member_line.nick_of(claim.line))
            renamed = claim._replace(line=member_line.renamed(claim.line, nick))
            yield claimed_key(claim.session, nick), renamed
            continue
        nick = member_line.nick_of(claim.line)
        if nicknames.fold(nick) in given:
            nick = next(v for v in _similar(nick) if nicknames.fold(v) not in wanted | given)
        given.add(nicknames.fold(nick))
        yield nicknames.fold(nick), claim._replace(line=member_line.renamed(claim.line, nick))


def _similar(nick: str) -> Iterator[str]:
    yield from nicknames.variants(nick)
    for number in itertools.count(2):
        end = f"_{number}"
        yield nick[: nicknames.MAX_CHARS - len(end)] + end
