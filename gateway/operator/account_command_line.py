"""``chat-gateway admin user``, ``device``, ``invite``, ``export`` and ``import``."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway.backplane.accounts import ROLES, Account
from gateway.backplane.operator import OperatorAccess
from gateway.operator import account_commands as commands
from gateway.operator.account_commands import LONGEST_LINE, find
from gateway.operator.command_line import Command, Finish
from gateway.operator.commands import WrongArgument
from gateway.operator.output import print_line, print_row, warn
from gateway.policy.bans import time_in_words
from gateway.wire.passwords import MOST_BYTES

_SHOWN_KEY: Final = 12
_WHOM: Final = "a nickname, or id:ID"
_ASK: Final = (
    "The password is asked for on the terminal, or is the first line of the standard input."
)

Change = Callable[[OperatorAccess, argparse.Namespace, Account], Awaitable[str]]


def add_commands(commands: Any, finish: Finish) -> None:  # noqa: ANN401 - argparse's is private
    """Add the commands to subparsers; ``finish`` adds the settings to each, and its function."""
    _add_user_commands(_group(commands, "user", "list, make, change and delete accounts"), finish)
    _add_device_commands(_group(commands, "device", "list and sign out devices"), finish)
    _add_invite_commands(_group(commands, "invite", "make, list and revoke invitations"), finish)
    finish(
        commands.add_parser(
            "export",
            help="print all accounts as lines of JSON, with the hashes of their passwords",
            description="Print all accounts as lines of JSON, with the hashes of their passwords. "
            "Devices, sessions and one-time codes are left out.",
        ),
        _export,
    )
    finish(
        commands.add_parser(
            "import",
            help="restore accounts from the standard input",
            description="Restore what `admin export` printed, from the standard input. "
            "Accounts that are there stay as they are.",
        ),
        _import,
    )


def _group(commands: Any, name: str, description: str) -> Any:  # noqa: ANN401
    parser = commands.add_parser(name, help=description)
    return parser.add_subparsers(metavar="WHAT", required=True)


def _add_user_commands(users: Any, finish: Finish) -> None:  # noqa: ANN401
    finish(
        users.add_parser(
            "list",
            help="list accounts",
            description="List accounts, one a line: nickname, id, role, state, and when made.",
        ),
        _list_users,
    )
    _add_user_command(users, finish, "show", "show an account", _show)
    add = users.add_parser("add", help="make an account", description=f"Make an account. {_ASK}")
    add.add_argument("nick", metavar="NAME")
    add.add_argument("--role", metavar="ROLE", default="user", help=f"{', '.join(ROLES)} [user]")
    finish(add, _add)
    add.set_defaults(prepare=_ask_password)
    _add_user_command(users, finish, "disable", "keep an account out", _changing(_disable))
    _add_user_command(users, finish, "enable", "let it in again", _changing(_enable))
    role = _add_user_command(
        users, finish, "role", "set what an account may do", _changing(_set_role)
    )
    role.add_argument("role", metavar="ROLE", help=", ".join(ROLES))
    _add_user_command(
        users, finish, "reset-password",
        "put a one-time code in place of the password, and print it", _changing(_reset_password),
    )  # fmt: skip
    delete = _add_user_command(
        users, finish, "delete", "delete an account", _changing(_delete, deleted=True)
    )
    delete.add_argument(
        "--free-nick", action="store_true", help="free its nickname at once, not after 30 days"
    )


def _add_device_commands(devices: Any, finish: Finish) -> None:  # noqa: ANN401
    _add_user_command(devices, finish, "list", "list the devices of an account", _list_devices)
    revoke = _add_user_command(
        devices, finish, "revoke", "sign a device out", _changing(_revoke_device)
    )
    revoke.add_argument("device", metavar="DEVICE", nargs="?", help="its id in `device list`")
    revoke.add_argument("--all", action="store_true", help="all devices of the account")


def _add_invite_commands(invites: Any, finish: Finish) -> None:  # noqa: ANN401
    create = invites.add_parser(
        "create", help="make an invitation, and print its code", description="Make an invitation."
    )
    create.add_argument("--uses", metavar="N", default="1", help="how often it may be used [1]")
    create.add_argument("--for", dest="lasts", metavar="TIME", help="30m, 12h, 7d, … [no end]")
    create.add_argument("--note", metavar="TEXT", default="", help="shown in the list")
    finish(create, _create_invite)
    finish(
        invites.add_parser(
            "list",
            help="list invitations",
            description="List invitations, one a line: key, uses that are left, end, and note.",
        ),
        _list_invites,
    )
    revoke = invites.add_parser("revoke", help="delete an invitation")
    revoke.add_argument("invite", metavar="INVITE", help="its key in the list, or its code")
    finish(revoke, _revoke_invite)


def _add_user_command(
    commands: Any,  # noqa: ANN401
    finish: Finish,
    name: str,
    description: str,
    command: Command,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=description, description=f"{description[0].upper()}{description[1:]}."
    )
    parser.add_argument("whom", metavar="NAME", help=_WHOM)
    finish(parser, command)
    return parser


# --- users ------------------------------------------------------------------------------------


def _ask_password(options: argparse.Namespace) -> None:
    """Read a password from the terminal, twice, or else from the standard input.

    :raises WrongArgument: if there is none, or not the same twice.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise WrongArgument("these are two different passwords")
    else:
        password = sys.stdin.readline(MOST_BYTES + 2).removesuffix("\n").removesuffix("\r")
    if not password:
        raise WrongArgument("there is no password on the standard input")
    options.password = password


async def _list_users(access: OperatorAccess, _options: argparse.Namespace) -> None:
    async for each in commands.accounts(access):
        print_row(each.nick, each.id, each.role, each.state, _time(each.created))


async def _show(access: OperatorAccess, options: argparse.Namespace) -> None:
    account = await find(access, options.whom)
    rooms = await access.account_rooms.rooms(account.id)
    rows = (
        ("nickname", account.nick),
        ("id", account.id),
        ("role", account.role),
        ("state", account.state),
        ("made", _time(account.created)),
        ("password", _password_of(account)),
        ("outside identity", f"{account.subject} of {account.issuer}" if account.issuer else ""),
        ("status", account.status),
        ("devices", str(len(await access.devices.of(account.id)))),
        ("rooms", ", ".join(rooms.values())),
    )
    for name, value in rows:
        print_row(name, value or "-")


def _password_of(account: Account) -> str:
    if account.reset:
        return f"a one-time code until {_time(account.reset_until)}"
    return "yes" if account.password else "none"


async def _add(access: OperatorAccess, options: argparse.Namespace) -> None:
    made = await commands.add(access, options.nick, options.role, options.password)
    print_line(f"made {made.nick}, {made.role}: {made.id}")
    await _warn_unless_durable(access)


def _changing(change: Change, *, deleted: bool = False) -> Command:
    """Return the command that changes the account named ``whom``, and prints what ``change`` says.

    ``deleted`` is as in `find`. Warns if a failover may undo it.
    """

    async def run(access: OperatorAccess, options: argparse.Namespace) -> None:
        account = await find(access, options.whom, deleted=deleted)
        print_line(await change(access, options, account))
        await _warn_unless_durable(access)

    return run


async def _warn_unless_durable(access: OperatorAccess) -> None:
    if why := await access.why_not_durable():
        warn(f"{why}: should Redis fail now, look whether it has this")


async def _disable(access: OperatorAccess, _options: argparse.Namespace, account: Account) -> str:
    await commands.disable(access, account)
    return f"disabled {account.nick}"


async def _enable(access: OperatorAccess, _options: argparse.Namespace, account: Account) -> str:
    await commands.enable(access, account)
    return f"enabled {account.nick}"


async def _set_role(access: OperatorAccess, options: argparse.Namespace, account: Account) -> str:
    await commands.set_role(access, account, options.role)
    return f"{account.nick}: {options.role}"


async def _reset_password(
    access: OperatorAccess, _options: argparse.Namespace, account: Account
) -> str:
    return await commands.reset_password(access, account)


async def _delete(access: OperatorAccess, options: argparse.Namespace, account: Account) -> str:
    await commands.delete(access, account, free_nick=options.free_nick)
    freed = "free" if options.free_nick else "free in 30 days"
    return f"deleted {account.nick}; the nickname is {freed}"


# --- devices ----------------------------------------------------------------------------------


async def _list_devices(access: OperatorAccess, options: argparse.Namespace) -> None:
    account = await find(access, options.whom)
    for device, each in (await access.devices.of(account.id)).items():
        print_row(device, each.name, _time(each.seen), _time(each.made))


async def _revoke_device(
    access: OperatorAccess, options: argparse.Namespace, account: Account
) -> str:
    if options.all == (options.device is not None):
        raise WrongArgument("name one device, or give --all")
    revoked = await commands.revoke_device(access, account, options.device)
    return f"signed out: {', '.join(revoked) or 'none'}"


# --- invitations ------------------------------------------------------------------------------


async def _create_invite(access: OperatorAccess, options: argparse.Namespace) -> None:
    print_line(await commands.create_invite(access, options.uses, options.lasts, options.note))


async def _list_invites(access: OperatorAccess, _options: argparse.Namespace) -> None:
    for each in await access.invites.all():
        end = _time(each.until) if each.until else "no end"
        print_row(each.key[:_SHOWN_KEY], str(each.uses), end, each.note)


async def _revoke_invite(access: OperatorAccess, options: argparse.Namespace) -> None:
    revoked = await commands.revoke_invite(access, options.invite)
    print_line(f"revoked {revoked.key[:_SHOWN_KEY]}")
    await _warn_unless_durable(access)


# --- export and import ------------------------------------------------------------------------


async def _export(access: OperatorAccess, _options: argparse.Namespace) -> None:
    async for line in commands.export(access):
        sys.stdout.write(line.decode())


async def _import(access: OperatorAccess, _options: argparse.Namespace) -> None:
    number = restored = 0
    refused = []
    while line := sys.stdin.readline(LONGEST_LINE):
        number += 1
        if not line.strip():
            continue
        try:
            await commands.import_line(access, line)
            restored += 1
        except WrongArgument as error:
            refused.append(f"line {number}: {error}")
            warn(refused[-1])
    print_line(f"accounts restored, or there before: {restored}")
    await _warn_unless_durable(access)
    if refused:
        raise WrongArgument(f"not restored: {len(refused)} of {number} lines")


def _time(seconds: int) -> str:
    return time_in_words(seconds * 1000)
