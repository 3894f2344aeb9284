"""An operator's commands about accounts; each works on Redis, while nodes run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from msgspec import Struct

from gateway import wire
from gateway.auth import codes, identity, password_hashing
from gateway.backplane.accounts import (
    ACTIVE,
    DELETED,
    DELETED_SECONDS,
    DISABLED,
    ROLES,
    Account,
)
from gateway.backplane.invites import NO_END, Invite
from gateway.backplane.operator import OperatorAccess
from gateway.operator.commands import WrongArgument, check_reason, read_duration
from gateway.policy import nicknames
from gateway.wire.passwords import BadPassword, WeakPassword, check_new

CODE_SECONDS: Final = 86_400
"""Seconds for which a one-time code stands in place of the password."""
MOST_USES: Final = 1_000_000
LONGEST_LINE: Final = 1 << 20
"""Characters of one line that is imported, at most."""

_PAGE: Final = 500
_ID_PREFIX: Final = "id:"
_INVITE_KEY: Final = re.compile("[0-9a-f]{8,64}")


class AccountRecord(Struct, frozen=True, omit_defaults=True):
    """An account as it is exported: what `Account` has that may be restored, and its rooms.

    ``rooms`` has their names by their keys. Devices, one-time codes and sessions are left out.
    """

    id: str
    nick: str
    password: str = ""
    role: str = "user"
    state: str = ACTIVE
    created: int = 0
    status: str = ""
    issuer: str = ""
    subject: str = ""
    rooms: dict[str, str] = {}


_decoder = msgspec.json.Decoder(AccountRecord, strict=True)


async def find(access: OperatorAccess, whom: str, *, deleted: bool = False) -> Account:
    """Return the account with a nickname, or one that looks the same; or with an id, ``id:…``.

    With ``deleted``, by its id also one that was deleted, as long as something is stored of it.

    :raises WrongArgument: if there is none.
    """
    if whom.startswith(_ID_PREFIX):
        account = whom.removeprefix(_ID_PREFIX)
    else:
        account = await access.accounts.find(nicknames.fold(whom))
    found = await access.accounts.read(account) if identity.is_account_id(account) else None
    if found is None or (found.state == DELETED and not deleted):
        raise WrongArgument(f"there is no account {whom[:60]!r}; `admin user list` lists them")
    return found


async def accounts(access: OperatorAccess) -> AsyncIterator[Account]:
    """Yield all accounts that have a nickname, each once unless it changes meanwhile."""
    seen: set[str] = set()
    page: list[str] = []
    async for _, account in access.accounts.reservations.all():
        if account in seen:
            continue
        seen.add(account)
        page.append(account)
        if len(page) >= _PAGE:
            for found in await access.accounts.read_many(page):
                yield found
            page = []
    for found in await access.accounts.read_many(page):
        yield found


async def add(access: OperatorAccess, nick: str, role: str, password: str) -> Account:
    """Make an account; return it.

    :raises WrongArgument: if the nickname, the role or the password cannot be had.
    """
    nick, folded = _nickname(nick)
    _check_role(role)
    encoded = password_hashing.hash_password(_checked(password, nick))
    account = Account(
        id=identity.new_account_id(), nick=nick, folded=folded, password=encoded, role=role
    )
    await _register(access, account)
    return account


async def _register(access: OperatorAccess, account: Account) -> None:
    answer = await access.accounts.register(account)
    if answer == "registered":
        raise WrongArgument(f"{account.nick!r}, or one that looks the same, is registered")
    if answer == "in use":
        raise WrongArgument(
            f"a guest has the nickname {account.nick!r}: `admin kick nick:{account.nick}` first"
        )


async def set_role(access: OperatorAccess, account: Account, role: str) -> None:
    """Set what an account may do, from its next sign-in on.

    :raises WrongArgument: if there is no such role.
    """
    _check_role(role)
    await access.accounts.set_role(account.id, role)


async def enable(access: OperatorAccess, account: Account) -> None:
    """Let the owner of a disabled account in again.

    :raises WrongArgument: if it is not disabled.
    """
    if account.state != DISABLED:
        raise WrongArgument(f"{account.nick} is not disabled, but {account.state}")
    await access.revoker.enable(account.id)


async def disable(access: OperatorAccess, account: Account) -> None:
    """Keep an account out, and end its sessions."""
    await access.revoker.disable(account.id)


async def delete(access: OperatorAccess, account: Account, *, free_nick: bool) -> None:
    """Delete an account, and free its nickname at once, or after `DELETED_SECONDS`."""
    reserved = 0 if free_nick else DELETED_SECONDS
    await access.revoker.delete(account.id, nick_reserved=reserved)


async def reset_password(access: OperatorAccess, account: Account) -> str:
    """Put a one-time code in place of the password, and return it. Devices stay signed in."""
    code = codes.new_code()
    until = await access.accounts.now() + CODE_SECONDS
    await access.accounts.set_reset(account.id, codes.hash_code(code), until)
    return code


async def revoke_device(access: OperatorAccess, account: Account, device: str | None) -> list[str]:
    """Sign out a device of an account, or all of them; return their ids.

    :raises WrongArgument: if there is no such device.
    """
    if device is None:
        return await access.revoker.revoke_others(account.id)
    if device not in await access.devices.of(account.id):
        raise WrongArgument(f"{account.nick} has no device {device[:60]!r}")
    return await access.revoker.revoke(account.id, [device])


# --- invitations ------------------------------------------------------------------------------


async def create_invite(access: OperatorAccess, uses: str, lasts: str | None, note: str) -> str:
    """Make an invitation; return its code, which is not kept.

    :raises WrongArgument: if one of the arguments cannot be used.
    """
    if not (uses.isascii() and uses.isdecimal() and 1 <= int(uses[:9]) <= MOST_USES):
        raise WrongArgument(f"--uses: {uses[:40]!r} is no whole number from 1 to {MOST_USES}")
    until = NO_END
    if lasts is not None:
        until = await access.accounts.now() + read_duration(lasts) // 1000
    code = codes.new_code()
    await access.invites.create(Invite(codes.hash_code(code), int(uses), until, check_reason(note)))
    return code


async def revoke_invite(access: OperatorAccess, named: str) -> Invite:
    """Delete an invitation, given its code, or the beginning of its key in the list.

    :raises WrongArgument: if there is none, or more than one.
    """
    code = codes.parse(named)
    start = codes.hash_code(code) if code else named
    found = [
        invite
        for invite in await access.invites.all()
        if _INVITE_KEY.fullmatch(start) and invite.key.startswith(start)
    ]
    if len(found) != 1:
        raise WrongArgument(
            f"there is no invitation {named[:64]!r}; `admin invite list` lists them"
        )
    await access.invites.revoke(found[0].key)
    return found[0]


# --- export and import ------------------------------------------------------------------------


async def export(access: OperatorAccess) -> AsyncIterator[bytes]:
    """Yield all accounts, each as a line of JSON, without what must not be restored."""
    async for account in accounts(access):
        record = AccountRecord(
            account.id, account.nick, account.password, account.role, account.state,
            account.created, account.status, account.issuer, account.subject,
            await access.account_rooms.rooms(account.id),
        )  # fmt: skip
        yield msgspec.json.encode(record) + b"\n"


async def import_line(access: OperatorAccess, line: str) -> Account:
    """Restore one account that was exported; safe to repeat: what is there stays as it is.

    :raises WrongArgument: if it cannot be restored, or its nickname is somebody else's.
    """
    record = _read_record(line)
    nick, folded = _nickname(record.nick)
    account = Account(
        id=record.id, nick=nick, folded=folded, password=record.password, role=record.role,
        state=record.state, created=record.created, status=record.status,
        issuer=record.issuer, subject=record.subject,
    )  # fmt: skip
    found = await access.accounts.read(account.id)
    if found is not None:
        if found.state != DELETED:
            return account
        # Nodes must not take it for the deleted one, which is of an earlier version.
        account = dataclasses.replace(account, version=found.version + 1)
        await access.accounts.purge(account.id)
    await _register(access, account)
    if record.issuer:
        await access.accounts.claim_subject(record.issuer, record.subject, account.id)
    for key, name in record.rooms.items():
        await access.account_rooms.add_room(account.id, key, name)
    return account


def _read_record(line: str) -> AccountRecord:
    try:
        record = _decoder.decode(line)
    except ValueError as error:
        raise WrongArgument(f"it is no account: {error}") from None
    _check_role(record.role)
    if not identity.is_account_id(record.id):
        raise WrongArgument(f"{record.id[:40]!r} is no id of an account")
    if record.state not in {ACTIVE, DISABLED}:
        raise WrongArgument(f"{record.state[:40]!r} is no state of an account that is there")
    if record.password and not password_hashing.is_acceptable(record.password):
        raise WrongArgument(f"the password of {record.nick[:60]!r} is no hash that can be used")
    return record


# --- arguments --------------------------------------------------------------------------------


def _nickname(nick: str) -> tuple[str, str]:
    """Return a nickname as it is written and as it is reserved."""
    try:
        nick = nicknames.check(nick, allow_unicode=True)
    except wire.CommandError as error:
        raise WrongArgument(f"{nick[:60]!r}: {error}") from None
    return nick, nicknames.fold(nick)


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise WrongArgument(f"{role[:40]!r} is none of {', '.join(ROLES)}")


def _checked(password: str, nick: str) -> str:
    """Return a password as it is hashed."""
    try:
        return check_new(password, nick=nick)
    except (BadPassword, WeakPassword) as error:
        raise WrongArgument(str(error)) from None
