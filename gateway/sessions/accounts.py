"""The accounts that have sessions on this node, and what happens to them on other nodes.

What one device does holds for all. The nodes that have sessions of an account hear of it on the
account's channel (`gateway.backplane.account_events`) and change these sessions; after they could
not hear for a while they compare with Redis (`NodeAccounts.recheck`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import structlog
import trio

from gateway.auth.device_tokens import DeviceRecord
from gateway.auth.identity import account_of, device_of
from gateway.backplane import Backplane, Retry, Unavailable, member_line
from gateway.backplane.account_events import (
    AnyAccountEvent,
    ChangedEvent,
    JoinedEvent,
    LeftEvent,
    ReadEvent,
    RevokedEvent,
    decode_event,
)
from gateway.backplane.accounts import ACTIVE, DELETED, Account
from gateway.backplane.revocations import RecentRevocations
from gateway.delivery.mention_count import count_mentions
from gateway.delivery.relay import Relay
from gateway.sessions.record import SessionRecord
from gateway.sessions.registry import SessionRegistry
from gateway.sessions.states import RoomState
from gateway.wire import (
    AccountRoom,
    CommandError,
    Event,
    JoinedElsewhere,
    LeftElsewhere,
    Notice,
    ReadElsewhere,
)
from gateway.wire.close_codes import ACCOUNT_CLOSED, SIGNED_OUT, Close

JWT_GRACE_SECONDS: Final = 25.0
"""Seconds after a JSON Web Token has expired until its session is over."""
_BATCH: Final = 100
"""Accounts that are compared with Redis at the same time."""


_FAREWELLS: Final[dict[str, tuple[Notice, Close]]] = {
    "signed_out": (
        Notice(code="signed_out", message="This device was signed out."), SIGNED_OUT,
    ),
    "disabled": (
        Notice(code="account_disabled", message="An operator has disabled your account."),
        ACCOUNT_CLOSED,
    ),
    "deleted": (
        Notice(code="account_deleted", message="Your account was deleted."), ACCOUNT_CLOSED,
    ),
}  # fmt: skip
"""The last notice of a session that is ended, and the close code, by the event's code."""

log = structlog.get_logger("accounts")


def line_of(account: Account) -> str:
    """Return the member line of an account: its nickname, and the status that was chosen."""
    state, _, text = account.status.partition(" ")
    return member_line.write(account.nick, state or "online", text, registered=True)


def why_unusable(account: Account | None, device: DeviceRecord | None) -> CommandError | None:
    """Return why nobody can be signed in by a device of an account; None if they can."""
    if account is None or account.state == DELETED:
        return bad_token("unknown")
    if account.state != ACTIVE:
        return disabled()
    return bad_token("revoked") if device is None else None


_TOKENS: Final = {
    "malformed": "This is no device token.",
    "unknown": "This device token is not known.",
    "expired": "This device token was not used for too long; sign in with the password.",
    "revoked": "This device was signed out; sign in with the password.",
}


def bad_token(reason: str) -> CommandError:
    """Return the refusal of a device token, for one of the reasons of the wire."""
    return CommandError("bad_token", _TOKENS[reason], reason=reason)


def bad_jwt(reason: str, text: str) -> CommandError:
    """Return the refusal of a JSON Web Token, for one of the reasons of the wire."""
    return CommandError("bad_jwt", text, reason=reason)


def disabled() -> CommandError:
    """Return the refusal of a disabled account."""
    return CommandError("account_disabled", "An operator has disabled this account.")


class AccountView(NamedTuple):
    """An account as Redis has it: what a session that begins or is resumed needs of it."""

    account: Account
    device: DeviceRecord
    rooms: list[AccountRoom]
    ends_at: float
    """When the session is over, on Trio's clock."""


class _SessionBefore(NamedTuple):
    """What a session had when its account began to be read: its line, the rooms it had joined."""

    chosen: str
    rooms: set[str]


def jwt_ends_at(device: DeviceRecord, now: int) -> float:
    """Return when a session of a device is over, on Trio's clock; infinite with a device token.

    ``now`` is the present time by the clock of Redis, as a Unix time.
    """
    if device.hash:
        return math.inf
    return trio.current_time() + device.renewed - now + JWT_GRACE_SECONDS


class NodeAccounts:
    """The accounts of this node's sessions, from before these begin until nothing is left."""

    def __init__(self, backplane: Backplane, relay: Relay, registry: SessionRegistry) -> None:
        self._backplane = backplane
        self._channels = relay.accounts
        self._registry = registry
        self._sessions: dict[str, set[str]] = {}
        """The sessions of each account."""
        self._revocations = RecentRevocations()
        self._history_changed = False
        self._spared: set[str] = set()
        self._may_be_behind = trio.Event()
        registry.on_gone = self.gone

    def __len__(self) -> int:
        """Return the number of accounts that have sessions here."""
        return len(self._sessions)

    # --- sessions -----------------------------------------------------------------------------

    async def arrive(self, sid: str) -> None:
        """Listen for what happens to an account, before one of its sessions is here.

        What is read of the account after that is not outdated unnoticed. `gone` undoes it; the
        registry calls that for sessions that it knew.

        :raises Unavailable: if Redis does not confirm it in time.
        """
        account = account_of(sid)
        if account not in self._sessions:
            self._sessions[account] = set()
            self._channels.hold(account)
        self._sessions[account].add(sid)
        try:
            await self._channels.subscribe(account)
        except BaseException:
            self.gone_unless_known(sid)
            raise

    def gone(self, sid: str) -> None:
        """Record that nothing of a session is left here; of a guest's, too."""
        account = account_of(sid)
        sessions = self._sessions.get(account)
        if sessions is None:
            return
        sessions.discard(sid)
        if not sessions:
            del self._sessions[account]
            self._channels.release(account)

    def gone_unless_known(self, sid: str) -> None:
        """Record that a session could not begin here, unless the registry has it."""
        if sid not in self._registry.sessions:
            self.gone(sid)

    async def read(self, sid: str) -> AccountView:
        """Return the account of a session as it is now, with what is unread in its rooms.

        :raises CommandError: if the account or the device cannot be used any more.
        """
        backplane, account, device = self._backplane, account_of(sid), device_of(sid)
        found = await backplane.accounts.read_for_sign_in(account, device)
        if refusal := why_unusable(found.account, found.device):
            raise refusal
        assert found.account is not None and found.device is not None  # noqa: S101, PT018
        ends_at = jwt_ends_at(found.device, found.now)
        if ends_at <= trio.current_time():
            raise bad_jwt("expired", "The token has expired.")
        rooms = await backplane.account_rooms.unread(account)
        unread = await backplane.account_rooms.newest_unread(rooms) if rooms else {}
        nick = found.account.nick
        listed = [
            AccountRoom(
                room=room.name, seq=room.seq, read=room.read, unread=room.unread,
                mentions=count_mentions(unread.get(room.key, ()), nick, nick),
            )
            for room in rooms
        ]  # fmt: skip
        return AccountView(found.account, found.device, listed, ends_at)

    def sessions_of(self, account: str) -> list[SessionRecord]:
        """Return the sessions of an account on this node."""
        known = self._registry.sessions
        return [known[sid] for sid in self._sessions.get(account, ()) if sid in known]

    # --- what happens to accounts -------------------------------------------------------------

    async def publish(self, account: str, event: AnyAccountEvent) -> None:
        """Tell all nodes that have sessions of an account; :raises Unavailable: as usual."""
        await self._backplane.publish_to_account(account, event)

    def receive(self, account: str, payload: bytes) -> None:
        """Process an event that was published for an account.

        :raises ValueError: if it cannot be read.
        """
        event = decode_event(payload)
        match event:
            case RevokedEvent():
                self.revoked(account, event)
            case ReadEvent():
                room, peer = event.room or None, event.peer or None
                self._tell(
                    self._others(account, event.by),
                    ReadElsewhere(room=room, with_=peer, seq=event.seq),
                )
            case JoinedEvent():
                self._tell(self._others(account, event.by), JoinedElsewhere(room=event.name))
            case LeftEvent():
                self._leave(self._others(account, event.by), event.room, event.name)
            case ChangedEvent():
                for record in self._others(account, event.by):
                    self._change(record, event.line)

    def _others(self, account: str, by: str) -> list[SessionRecord]:
        return [record for record in self.sessions_of(account) if record.sid != by]

    def _tell(self, records: Iterable[SessionRecord], event: Event) -> None:
        for record in records:
            if record.connection is not None:
                record.connection.send(event)

    def _leave(self, records: Iterable[SessionRecord], room: str, name: str) -> None:
        """Have sessions leave a room that another device has left."""
        for record in records:
            self._registry.give_back(record, room)
            self._tell([record], LeftElsewhere(room=name))

    @staticmethod
    def _change(record: SessionRecord, chosen: str) -> None:
        """Take over another nickname or status, which the rooms have already."""
        if record.line:
            record.chosen, record.line = chosen, record.shown(chosen)

    def revoked(self, account: str, event: RevokedEvent) -> None:
        """End the sessions here that a revocation concerns, and remember it."""
        self._revocations.add(account, event, trio.current_time())
        for record in self.sessions_of(account):
            if event.concerns(device_of(record.sid)) and record.sid not in self._spared:
                self._end(record, event.code)

    @contextmanager
    def sparing(self, sid: str) -> Iterator[None]:
        """Do not end a session in this context: it is the one that asks, and is answered first."""
        self._spared.add(sid)
        try:
            yield
        finally:
            self._spared.discard(sid)

    def _end(self, record: SessionRecord, code: str) -> None:
        notice, closing = _FAREWELLS[code]
        log.info("session of an account ended", sid=record.sid, reason=notice.code)
        self._tell([record], notice)
        self._registry.release(record, closing)

    # --- after something may have been missed -------------------------------------------------

    def recheck(self, *, history_changed: bool = False) -> None:
        """Compare all accounts here with Redis soon: events may have been missed.

        With ``history_changed``, Redis may have lost revocations, which are carried out again.
        """
        self._history_changed |= history_changed
        self._may_be_behind.set()

    async def run(self) -> None:
        """Compare with Redis whenever that is needed; runs for as long as the node does."""
        retry = Retry()
        while True:
            await self._may_be_behind.wait()
            self._may_be_behind = trio.Event()
            try:
                await self._compare()
                retry.succeeded()
            except Unavailable as error:
                await self._backplane.wait_connected()
                await trio.sleep(retry.pause(error))
                self._may_be_behind.set()

    async def _compare(self) -> None:
        if self._history_changed:
            await self._revoke_again()
        accounts, failures = list(self._sessions), list[Unavailable]()
        for start in range(0, len(accounts), _BATCH):
            async with trio.open_nursery() as nursery:
                for account in accounts[start : start + _BATCH]:
                    nursery.start_soon(self._compare_account, account, failures)
            if failures:
                raise failures[0]

    async def _revoke_again(self) -> None:
        """Carry out again what a failover may have undone; raises `Unavailable` as usual."""
        self._history_changed = False  # if it changes meanwhile, this has to be done once more
        current = self._revocations.current(trio.current_time())
        try:
            undone = await self._backplane.revoker.apply_again(current)
        except Unavailable:
            self._history_changed = True
            raise
        if undone:
            log.warning("revocations carried out again", revocations=undone)

    async def _compare_account(self, account: str, failures: list[Unavailable]) -> None:
        """End the sessions of devices that were signed out; take over what has changed.

        What is read may be outdated when it comes: sessions that began meanwhile, and what a
        session has done meanwhile, are left as they are.
        """
        backplane = self._backplane
        before = {record.sid: self._state_of(record) for record in self.sessions_of(account)}
        try:
            found = await backplane.accounts.read(account)
            devices = await backplane.devices.of(account)
            rooms = await backplane.account_rooms.rooms(account)
        except Unavailable as error:
            failures.append(error)
            return
        for record in self.sessions_of(account):
            if (known := before.get(record.sid)) is None:
                continue
            if found is None or found.state != ACTIVE:
                self._end(record, "disabled" if found and found.state != DELETED else "deleted")
            elif device_of(record.sid) not in devices:
                self._end(record, "signed_out")
            else:
                if record.chosen == known.chosen:
                    self._change(record, line_of(found))
                self._take_over_rooms(record, rooms, known.rooms)

    def _state_of(self, record: SessionRecord) -> _SessionBefore:
        followed = record.rooms_in(RoomState.FOLLOWED)
        joined = {room for room in followed if record.sid in self._registry.followers(room)}
        return _SessionBefore(record.chosen, joined)

    def _take_over_rooms(
        self, record: SessionRecord, rooms: Mapping[str, str], before: set[str]
    ) -> None:
        """Tell a session of the rooms that other devices have joined, and leave those they left."""
        followed = set(record.rooms_in(RoomState.FOLLOWED))
        for key in rooms.keys() - followed - before:
            self._tell([record], JoinedElsewhere(room=rooms[key]))
        for key in (followed & before) - rooms.keys():
            self._leave([record], key, key)
