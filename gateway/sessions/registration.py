"""Makes accounts, for newcomers and for guests who stay who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import trio

from gateway.auth import codes, device_tokens
from gateway.auth.identity import device_id_of, new_account_id
from gateway.backplane import Refused, Unavailable
from gateway.backplane.accounts import Account
from gateway.credentials.password_hasher import HasherBusy
from gateway.policy import nicknames
from gateway.policy.registration import check_account_nick
from gateway.sessions import bans
from gateway.sessions.context import NodeContext
from gateway.sessions.record import ConnectionHandle
from gateway.sessions.refusals import too_fast
from gateway.sessions.session import Session
from gateway.sessions.sign_in import (
    REPEATED_SECONDS,
    SignedIn,
    SignIn,
    device_name,
    require_confidential,
)
from gateway.wire import CommandError, Register
from gateway.wire.passwords import BadPassword, WeakPassword

_INVITES: Final = {
    "wrong": ("unknown", "There is no such invitation."),
    "used": ("used", "This invitation has been used up."),
    "expired": ("expired", "This invitation has expired."),
}


async def register(
    context: NodeContext, connection: ConnectionHandle, command: Register, guest: Session | None
) -> SignedIn:
    """Make an account with its first device, for a newcomer or for a guest, and sign in to it.

    :raises CommandError: saying why not; nothing has changed then.
    :raises Unavailable: if Redis does not answer in time; the same command may be repeated.
    """
    require_confidential(connection)
    name = device_name(command.device)
    nick = nicknames.check(command.nick, allow_unicode=context.settings.unicode_nicks)
    check_account_nick(nick, prefix=context.settings.guest_prefix)
    await context.bans.require_read()
    if ban := context.bans.find(nick=nick, host=connection.client_address.host):
        raise bans.refusal(ban, nick)
    if (made := await _made_before(SignIn(context, connection), command, nick, name)) is not None:
        return made
    if context.settings.registration == "closed":
        raise CommandError("registration_closed", "Nobody can make an account here.")
    if wait := context.limits.new_nick(connection.limited_as, trio.current_time()):
        raise too_fast("Too many nicknames are asked for from your address.", wait)
    with _counted(context, connection):
        account = Account(
            id=new_account_id(),
            nick=nick,
            folded=nicknames.fold(nick),
            password=await hash_new_password(context, command.password, nick),
            register_id=command.id,
        )
        async with _invited(context, command.invite):
            return await _make(context, account, name, guest)


async def hash_new_password(context: NodeContext, password: str, nick: str) -> str:
    """Return the hash of a password that somebody chooses.

    :raises CommandError: ``bad_password``, ``weak_password``, or ``too_fast``.
    """
    try:
        return await context.passwords.hash_new(
            password, nick=nick, least_chars=context.settings.password_length
        )
    except BadPassword as error:
        raise CommandError("bad_password", str(error), reason=error.reason) from None
    except WeakPassword as error:
        reason = error.strength.warning or None
        raise CommandError("weak_password", str(error), reason=reason) from None
    except HasherBusy as busy:
        raise too_fast(str(busy), busy.retry_after) from None


async def _made_before(sign_in: SignIn, command: Register, nick: str, name: str) -> SignedIn | None:
    """Sign in to the account that another attempt of the same command has made; None if none has.

    :raises CommandError: ``nick_taken``, if the nickname is somebody else's.
    """
    accounts = sign_in.context.backplane.accounts
    found = await accounts.find(nicknames.fold(nick))
    if not found:
        return None
    account = await accounts.read(found)
    is_same = account is not None and account.register_id == command.id
    if account is None or not is_same or await accounts.now() - account.created > REPEATED_SECONDS:
        raise registered(nick)
    try:
        return await sign_in.by_password(nick, command.password, name, attempt=command.id)
    except CommandError as error:
        raise (registered(nick) if error.code == "bad_credentials" else error) from None


def registered(nick: str) -> CommandError:
    """Return the refusal of a nickname that is an account's."""
    text = f"The nickname {nick} is registered; sign in if it is yours."
    return CommandError("nick_taken", text, reason="registered")


async def _make(
    context: NodeContext, account: Account, name: str, guest: Session | None
) -> SignedIn:
    """Make an account with its first device; :raises CommandError: ``nick_taken``."""
    device = device_id_of(account.id, account.register_id)
    record, token = device_tokens.new_device(
        account.id, device, name, await context.backplane.accounts.now()
    )
    answer = await context.backplane.accounts.register(
        account, {device: record}, session="" if guest is None else guest.sid
    )
    if answer == "registered":
        raise registered(account.nick)
    if answer != "ok":
        raise CommandError("nick_taken", f"The nickname {account.nick} is taken.")
    context.metrics.counts.registered += 1
    return SignedIn(account=account, device=device, token=token)


@contextmanager
def _counted(context: NodeContext, connection: ConnectionHandle) -> Iterator[None]:
    """Count an account that an address makes, unless it is refused.

    :raises CommandError: ``too_fast``, if the address has made too many.
    """
    address = connection.limited_as
    if wait := context.limits.new_account(address, trio.current_time()):
        raise too_fast("Too many accounts are made from your address.", wait)
    try:
        yield
    except CommandError:
        context.limits.no_account(address)
        raise


@asynccontextmanager
async def _invited(context: NodeContext, typed: str | None) -> AsyncIterator[None]:
    """Use an invitation where one is needed, and give it back if the registration is refused.

    :raises CommandError: ``bad_invite``.
    """
    if context.settings.registration != "invite":
        yield
        return
    code = codes.parse(typed or "")
    key = "" if code is None else codes.hash_code(code)
    answer = await context.backplane.invites.use(key) if key else "wrong"
    if answer != "ok":
        reason, text = _INVITES[answer]
        raise CommandError("bad_invite", text, reason=reason)
    try:
        yield
    except (CommandError, Refused):
        await context.backplane.invites.give_back(key)
        raise
    except Unavailable as error:
        if not error.uncertain:
            await context.backplane.invites.give_back(key)
        raise
