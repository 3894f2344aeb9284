"""Commands about one's account: register, password, devices, signing out, deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway import wire
from gateway.auth.identity import device_of
from gateway.backplane import Unavailable
from gateway.backplane.accounts import Account, AccountChanged, NoSuchAccount
from gateway.sessions.accounts import bad_jwt, jwt_ends_at
from gateway.sessions.registration import hash_new_password, register
from gateway.sessions.session import Session
from gateway.sessions.sign_in import SignIn, require_confidential
from gateway.wire import CommandError
from gateway.wire.close_codes import ACCOUNT_CLOSED, NORMAL, SIGNED_OUT

if TYPE_CHECKING:
    from gateway.sessions.dispatcher import CommandDispatcher


async def make(dispatcher: CommandDispatcher, command: wire.Register) -> None:
    """Make an account; a guest's session ends, and the account's begins on the same connection."""
    guest = dispatcher.session
    if guest is not None:
        if not guest.is_attached():
            return  # the connection is being closed: the session was resumed over another one
        if guest.welcome is not None and guest.welcome.id == command.id:
            guest.send(guest.welcome)  # it was this command that made the account
            return
        if guest.record.account:
            raise CommandError("forbidden", "You have an account already; sign out first.")
    authentication = dispatcher.authentication
    signed_in = await register(authentication.context, authentication.connection, command, guest)
    dispatcher.session = await authentication.begin(command, signed_in, guest=guest)


async def change_password(session: Session, command: wire.ChangePassword) -> None:
    """Change the password; the answer comes once that is durable."""
    account = await _prove(session, command.old)
    encoded = await hash_new_password(session.context, command.new, session.nick)
    backplane = session.context.backplane
    try:
        await backplane.accounts.set_password(account.id, encoded, if_version=account.version)
    except (AccountChanged, NoSuchAccount):
        raise Unavailable("the account has changed meanwhile", uncertain=False) from None
    if command.sign_out_others:
        await backplane.revoker.revoke_others(account.id, device_of(session.sid))
    session.answer_once(command, wire.Ok(id=command.id))


async def _prove(session: Session, password: str) -> Account:
    """Return the session's account; :raises CommandError: if this is not its password."""
    require_confidential(session.connection)
    sign_in = SignIn(session.context, session.connection)
    account, _ = await sign_in.check_password(session.nick, password)
    if account.id != session.record.account:
        raise CommandError("bad_credentials", "This is not the password of your account.")
    return account


async def devices(session: Session, command: wire.Devices) -> None:
    """List the devices that are signed in."""
    own = device_of(session.sid)
    found = await session.context.backplane.devices.of(session.record.account)
    listed = [
        wire.Device(id=name, name=device.name, last_seen=device.seen * 1000, current=name == own)
        for name, device in found.items()
    ]
    session.send(wire.DeviceList(id=command.id, devices=listed))


async def revoke(session: Session, command: wire.Revoke) -> None:
    """Sign out one device or all others; holds on all nodes when it is answered."""
    account, own = session.record.account, device_of(session.sid)
    revoker = session.context.backplane.revoker
    if command.device is None:
        await revoker.revoke_others(account, own)
    elif command.device == own:
        await sign_out(session, command)
        return
    else:
        await revoker.revoke(account, [command.device])
    session.answer_once(command, wire.Ok(id=command.id))


async def sign_out(session: Session, command: wire.SignOut | wire.Revoke) -> None:
    """Sign out this device, and end its sessions; this one after the answer."""
    account, device = session.record.account, device_of(session.sid)
    with session.context.accounts.sparing(session.sid):
        await session.context.backplane.revoker.revoke(account, [device])
    session.send(wire.Ok(id=command.id))
    closing = NORMAL if isinstance(command, wire.SignOut) else SIGNED_OUT
    session.context.registry.release(session.record, closing)


async def delete(session: Session, command: wire.DeleteAccount) -> None:
    """Delete the account, and end all its sessions; this one after the answer."""
    account = await _prove(session, command.password)
    with session.context.accounts.sparing(session.sid):
        await session.context.backplane.revoker.delete(account.id)
    session.send(wire.Ok(id=command.id))
    session.context.registry.release(session.record, ACCOUNT_CLOSED)


async def refresh(session: Session, command: wire.Refresh) -> None:
    """Let the session go on for as long as another JSON Web Token of the same subject says."""
    require_confidential(session.connection)
    account, device = session.record.account, device_of(session.sid)
    backplane = session.context.backplane
    known = await backplane.devices.get(account, device)
    if known is None or known.hash:
        raise CommandError("forbidden", "This session did not begin with a JSON Web Token.")
    identity = await SignIn(session.context, session.connection).verify_jwt(command.jwt)
    if await backplane.accounts.find_subject(identity.issuer, identity.subject) != account:
        raise bad_jwt("subject", "The token is of another subject.")
    now = await backplane.accounts.now()
    changed = msgspec.structs.replace(known, renewed=int(identity.expires), seen=now)
    if not await backplane.devices.record_use(account, device, known, changed):
        raise CommandError("bad_token", "This device was signed out.", reason="revoked")
    session.longest = jwt_ends_at(changed, now)
    session.answer_once(command, wire.Ok(id=command.id))
