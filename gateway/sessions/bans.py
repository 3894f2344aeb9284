"""This node's copy of the bans, and whom they keep out: at the door, and of those inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
import trio

from gateway.backplane import Refused
from gateway.backplane.bans import BanStore
from gateway.observability.metrics import Counts
from gateway.policy.bans import Ban, BanList, time_in_words
from gateway.sessions.record import SessionRecord
from gateway.sessions.registry import SessionRegistry
from gateway.wire import CommandError, Notice
from gateway.wire.close_codes import BANNED, KICKED, Close

SLICE: Final = 200
"""Sessions looked at in a row before other tasks run."""

log = structlog.get_logger("bans")


class NodeBans:
    """The bans as this node knows them, for which it asks Redis; looking one up asks nobody."""

    def __init__(self, store: BanStore, registry: SessionRegistry, counts: Counts) -> None:
        self._store = store
        self._registry = registry
        self._counts = counts
        self._list = BanList()
        self._version: bytes | None = None
        self._is_read = False
        self._ahead = 0.0
        self._ended = 0
        self._reading = trio.Lock()

    def __len__(self) -> int:
        return len(self._list)

    async def refresh(self) -> int:
        """Read the bans if they have changed, and end the sessions of those who are banned.

        :returns: the number of sessions ended when these bans were read, now or before: a heartbeat
            may come first.
        :raises Unavailable: if Redis does not answer; the bans known before go on to hold.
        """
        async with self._reading:
            if await self._read():
                self._ended = await self._end_banned()
            return self._ended

    async def require_read(self) -> None:
        """Read the bans if this was never done; raises as `refresh`."""
        if not self._is_read:
            async with self._reading:
                if not self._is_read:
                    await self._read()

    async def _read(self) -> bool:
        """Read the bans if they have changed; return whether they have."""
        try:
            version, now = await self._store.version()
            self._ahead = now - trio.current_time() * 1000
            if self._is_read and version == self._version:
                return False
            self._list = BanList(await self._store.all())
        except Refused as refused:
            # Another program has spoilt them: nobody is let in or kept out for that.
            if not self._is_read:
                log.warning("bans cannot be read", reason=str(refused))
            self._is_read = True
            return False
        self._version, self._is_read = version, True
        log.info("bans read", bans=len(self._list))
        return True

    def find(self, *, nick: str = "", session: str = "", host: str = "") -> Ban | None:
        """Return a ban that holds for somebody, as `BanList.find`."""
        now = trio.current_time() * 1000 + self._ahead
        return self._list.find(now, nick=nick, session=session, host=host)

    async def _end_banned(self) -> int:
        if not len(self._list):
            return 0

        def end_if_banned(record: SessionRecord) -> bool:
            ban = self.find(nick=record.nick, session=record.sid, host=record.host)
            if ban is None:
                return False
            notice = Notice(
                code="banned", message=_in_words("You are banned", ban),
                reason=ban.reason or None, until=ban.until or None,
            )  # fmt: skip
            _end(self._registry, record, notice, BANNED)
            return True

        ended = await count_of_all(self._registry, end_if_banned)
        self._counts.sessions_banned += ended
        return ended


def refusal(ban: Ban, nick: str = "") -> CommandError:
    """Return how somebody is refused whom a ban keeps out, or who wants a banned nickname."""
    reason, until = ban.reason or None, ban.until or None
    if ban.target.kind == "nick":
        text = _in_words(f"The nickname {nick} is banned", ban)
        return CommandError("nick_banned", text, reason=reason, until=until)
    text = _in_words("You are banned", ban)
    return CommandError("banned", text, reason=reason, until=until)


async def end_sessions(
    registry: SessionRegistry, meant: Callable[[SessionRecord], bool], reason: str
) -> int:
    """End the sessions of this node that are meant, for a reason; return how many."""
    text = "An operator has ended your session" + (f": {reason}" if reason else ".")
    notice = Notice(code="kicked", message=text, reason=reason or None)

    def end_if_meant(record: SessionRecord) -> bool:
        if not meant(record):
            return False
        _end(registry, record, notice, KICKED)
        return True

    return await count_of_all(registry, end_if_meant)


async def count_of_all(registry: SessionRegistry, act: Callable[[SessionRecord], bool]) -> int:
    """Call a function with every session that is on this node; return how often it said yes."""
    count = 0
    for number, record in enumerate(list(registry.sessions.values()), 1):
        count += record.may_claim and act(record)
        if number % SLICE == 0:
            await trio.lowlevel.checkpoint()
    return count


def _end(registry: SessionRegistry, record: SessionRecord, notice: Notice, closing: Close) -> None:
    """End a session, after a last notice to its client; it cannot be resumed."""
    log.info(
        "session ended by an operator",
        sid=record.sid, nick=record.nick, remote=str(record.address or ""), code=closing.code,
    )  # fmt: skip
    if record.connection is not None:
        record.connection.send(notice)
    registry.release(record, closing)


def _in_words(what: str, ban: Ban) -> str:
    end = f" until {time_in_words(ban.until)}" if ban.until else ""
    return f"{what}{end}: {ban.reason}" if ban.reason else f"{what}{end}."
