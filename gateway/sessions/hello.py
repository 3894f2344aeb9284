"""Authentication: establishes the session of a connection by its hello, new or resumed."""

from __future__ import annotations

import math
from typing import NamedTuple

import trio

from gateway import wire
from gateway.auth import session_secrets
from gateway.auth.identity import account_of, device_of
from gateway.backplane import Replaced, member_line, payloads
from gateway.delivery.inbox import NOTHING_MISSED, Inbox, Missed
from gateway.net import shares
from gateway.net.write_buffer import WriteBuffer
from gateway.policy import nicknames
from gateway.policy.registration import check_guest
from gateway.policy.storage import Shortage
from gateway.sessions import answers, bans
from gateway.sessions.accounts import AccountView, bad_token, line_of
from gateway.sessions.claims import claim, claim_or_suggest
from gateway.sessions.context import NodeContext
from gateway.sessions.record import ConnectionHandle, SessionRecord
from gateway.sessions.refusals import check_memory, too_fast
from gateway.sessions.registry import SessionExists
from gateway.sessions.session import Session, longest_session
from gateway.sessions.sign_in import SignedIn, SignIn
from gateway.wire import CommandError
from gateway.wire.close_codes import BANNED


class _Attempt(NamedTuple):
    """What a hello may have claimed, from before Redis is asked until a session is established."""

    record: SessionRecord
    secret: str
    inbox: Inbox


class Authentication:
    """Establishes the session of one connection.

    What a failed hello may have claimed is kept for the next one, so that a client that tries again
    does not find its own nickname taken; `end` releases it.
    """

    __slots__ = ("_attempt", "_sign_in", "_write_buffer", "connection", "context")

    def __init__(
        self, context: NodeContext, write_buffer: WriteBuffer, connection: ConnectionHandle
    ) -> None:
        self.context = context
        self._write_buffer = write_buffer
        self.connection = connection
        self._sign_in = SignIn(context, connection)
        self._attempt: _Attempt | None = None

    async def hello(self, command: wire.Hello) -> Session:
        """Establish the session of a hello, send the welcome, and return it.

        After a failure the client may send another hello, unless its connection is being closed.

        :raises CommandError: if it is refused; for a ban, the connection is being closed then.
        :raises Unavailable: if Redis does not answer.
        :raises Replaced: if another node has the session; the connection is being closed.
        """
        if command.resume is not None:
            return await self._resume(command, command.resume)
        if command.nick is not None and command.password is None:
            return await self._begin_as_guest(command, command.nick)
        await self.context.bans.require_read()
        self._keep_out("", "")
        return await self.begin(command, await self._sign_in.by(command))

    def end(self) -> None:
        """Release what hellos may have claimed, when the connection ends."""
        if self._attempt is not None:
            self.context.relay.inboxes.close(self._attempt.inbox)
            if self._attempt.record.connection is self.connection:
                self.context.registry.disconnected(self._attempt.record)

    async def begin(
        self,
        command: wire.Hello | wire.Register,
        signed_in: SignedIn,
        *,
        guest: Session | None = None,
    ) -> Session:
        """Begin a session of an account; it takes the places in rooms of the ``guest`` before."""
        context, account = self.context, signed_in.account
        secret = session_secrets.new_secret(account.id, signed_in.device)
        sid = session_secrets.session_id(secret)
        self._abandon_attempt(keep=None)
        await context.accounts.arrive(sid)
        try:
            record = context.registry.hold(sid, self.connection)
        except BaseException:
            context.accounts.gone_unless_known(sid)
            raise
        inbox = context.relay.inboxes.open(sid, self._write_buffer)
        self._attempt = attempt = _Attempt(record, secret, inbox)
        missed = await context.relay.inboxes.newest(inbox)
        found = await context.accounts.read(sid)
        self._keep_out(found.account.nick, sid, record)
        context.metrics.counts.signed_in += 1
        record.chosen = line_of(found.account)
        async with context.registry.claiming(record):
            await claim(context.backplane, record, record.chosen)
        if guest is not None:
            await guest.hand_over(record, self._write_buffer)
            found = await context.accounts.read(sid)  # with the rooms
        if record.connection is not self.connection:  # it was signed out meanwhile
            raise bad_token("revoked")
        return self._establish(attempt, command, missed, found, signed_in)

    async def _begin_as_guest(self, command: wire.Hello, nick: str) -> Session:
        """Begin a new session under a nickname."""
        context = self.context
        nick = nicknames.check(nick, allow_unicode=context.settings.unicode_nicks)
        settings = context.settings
        check_guest(nick, allowed=settings.guests, prefix=settings.guest_prefix)
        await context.bans.require_read()
        self._keep_out(nick, "")
        check_memory(context, Shortage.NO_NEWCOMERS)
        if wait := context.limits.new_nick(self.connection.limited_as, trio.current_time()):
            raise too_fast("Too many nicknames are asked for from your address.", wait)
        record, secret = self._hold(command.session)
        # Before anybody can find the session by its nickname.
        inbox = context.relay.inboxes.open(record.sid, self._write_buffer)
        self._attempt = _Attempt(record, secret, inbox)
        async with context.registry.claiming(record):
            try:
                await claim_or_suggest(context.backplane, record, nick)
            except Replaced as replaced:
                context.registry.replaced(record, replaced.term)
                raise
        record.chosen = record.line
        return self._establish(self._attempt, command, NOTHING_MISSED)

    def _hold(self, chosen_secret: str | None) -> tuple[SessionRecord, str]:
        """Return a new session, or that of the last attempt, and its secret."""
        secret = chosen_secret or (
            session_secrets.new_secret() if self._attempt is None else self._attempt.secret
        )
        sid = session_secrets.session_id(secret)
        try:
            record = self.context.registry.hold(sid, self.connection)
        except SessionExists:
            text = "There is this session already; resume it."
            raise CommandError("unauthorized", text) from None
        self._abandon_attempt(keep=record)
        return record, secret

    async def _resume(self, command: wire.Hello, secret: str) -> Session:
        """Resume the session that has a secret."""
        registry, inboxes = self.context.registry, self.context.relay.inboxes
        sid = session_secrets.session_id(secret)
        await self.context.bans.require_read()
        self._keep_out("", sid)
        if is_account := bool(account_of(sid)):
            await self.context.accounts.arrive(sid)
        try:
            record, missed = await self._find(command, sid)
            found = await self.context.accounts.read(sid) if is_account else None
        except CommandError:
            if (known := registry.sessions.get(sid)) is not None and is_account:
                registry.release(known)
            raise
        finally:
            self.context.accounts.gone_unless_known(sid)
        if found is not None and record.line != (line := record.shown(line_of(found.account))):
            record.line = line
            registry.mark_unverified(record)  # its rooms are told
        record.chosen = member_line.without_idleness(record.line)
        self._abandon_attempt(keep=record)
        self._attempt = _Attempt(record, secret, inboxes.open_resumed(sid, self._write_buffer))
        self.context.metrics.counts.resumed += 1
        return self._establish(self._attempt, command, missed, found)

    async def _find(self, command: wire.Hello, sid: str) -> tuple[SessionRecord, Missed]:
        """Resume a session here; :raises CommandError: ``unauthorized`` if there is none."""
        registry = self.context.registry
        longest = math.inf if account_of(sid) else longest_session(self.context.settings)
        found = await registry.resume(sid, self.connection, command.inbox, longest=longest)
        if found is None:
            self.context.metrics.counts.failed_resumes += 1
            raise CommandError("unauthorized", "There is no such session; say hello with a nick.")
        return found

    def _abandon_attempt(self, *, keep: SessionRecord | None) -> None:
        """Release what an earlier hello may have claimed, unless for the same session."""
        if self._attempt is None:
            return
        record, _, inbox = self._attempt
        self.context.relay.inboxes.close(inbox)
        if record is not keep and record.connection is self.connection:
            self.context.registry.release(record)
        self._attempt = None

    def _keep_out(self, nick: str, sid: str, record: SessionRecord | None = None) -> None:
        """Refuse whom a ban keeps out, end their session, and close the connection."""
        context, host = self.context, self.connection.client_address.host
        ban = context.bans.find(nick=nick, session=sid, host=host)
        if ban is None:
            return
        context.metrics.counts.banned_refused += 1
        if record is not None:
            context.registry.release(record)
        self.connection.close(BANNED)
        raise bans.refusal(ban, nick)

    def _establish(
        self,
        attempt: _Attempt,
        command: wire.Hello | wire.Register,
        missed: Missed,
        found: AccountView | None = None,
        signed_in: SignedIn | None = None,
    ) -> Session:
        """Send the welcome, with missed direct messages; others follow. Return the session."""
        context = self.context
        record, secret, inbox = attempt
        resumed = isinstance(command, wire.Hello) and command.resume is not None
        self._keep_out(record.nick, record.sid, record)  # it may have been banned meanwhile
        session = Session(context, self._write_buffer, self.connection, record, inbox)
        if found is not None:
            session.longest = found.ends_at
        missed = missed.first(shares.messages(self._write_buffer.limit))
        inbox.heard_from.note(missed.messages)
        welcome = wire.Welcome(
            id=command.id,
            session=secret,
            resumed=resumed,
            insecure=not self.connection.confidential,
            nick=session.nick,
            node=context.node,
            inbox=missed.position if resumed or found else None,
            directs=payloads.as_directs(missed.messages),
            recovered=missed.recovered,
            limits=answers.limits(context.settings, self.connection.limited_as),
            account=record.account or None,
            role=found.account.role if found else None,
            device=device_of(record.sid) or None,
            rooms=found.rooms if found else [],
            token=(signed_in and signed_in.token) or None,
            change_password=signed_in is not None and signed_in.change_password,
        )
        session.send(welcome)
        if isinstance(command, wire.Register):
            session.welcome = welcome
        context.relay.inboxes.begin(inbox, missed)
        self._attempt = None
        return session
