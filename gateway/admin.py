"""``chat-gateway admin``: an operator's commands on the data of a cluster in Redis."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import trio

from gateway import wire
from gateway.backplane import Unavailable, first_message
from gateway.backplane.accounts import NoSuchAccount
from gateway.backplane.bans import CannotBan
from gateway.backplane.erasures import MOST_RECORDED
from gateway.backplane.operator import OperatorAccess, open_operator_access
from gateway.backplane.payloads import message_seq
from gateway.backplane.room_log import CannotErase, Logged, RoomLog
from gateway.backplane.upgrade import CannotUpgrade
from gateway.config import Settings
from gateway.operator import account_command_line, command_line
from gateway.operator.commands import WrongArgument, unconfirmed
from gateway.policy import room_names
from gateway.policy.bans import WrongTarget
from gateway.redis_topology import topology_from_settings

SETTINGS: Final = (
    "redis", "redis_password_file", "sentinel_password_file", "namespace", "redis_timeout",
)  # fmt: skip
"""The settings of `serve` that these commands have, too."""
MOST_SHOWN: Final = 10_000
"""Messages that ``admin log`` prints, at most."""
_NAME: Final = "chat-gateway-admin"

_PURGE: Final = (
    "Erase messages: in Redis, in the memory of every node, and in the windows of connected "
    "clients. A tombstone stays in the place of each. What is left elsewhere (append-only files, "
    "snapshots, backups), README.md says."
)

_UPGRADE: Final = (
    "Convert what is stored to the schema and the Unicode version of this release. Run it once, "
    "while no node runs; after it was broken off, run it again. Rooms and nicknames that are one "
    "now, or look alike, are told apart by new names; what changes is printed. Nothing is deleted."
)

Command = Callable[[OperatorAccess, Settings, argparse.Namespace], Awaitable[None]]


class WrongUsage(ValueError):
    """A wrong argument; the text is one line for the operator."""


class CannotAdminister(Exception):
    """A command was not carried out; the text is one line for the operator."""


def add_commands(parser: argparse.ArgumentParser, add_flags: Callable[..., None]) -> None:
    """Add the commands to a parser; ``add_flags`` adds the settings to each."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    log = commands.add_parser("log", help="print a room's last messages, one a line")
    log.add_argument("room", metavar="ROOM")
    log.add_argument("--limit", metavar="N", default="20", help="how many [20]")
    _finish(log, add_flags, _print_log)

    purge = commands.add_parser("purge", help="erase messages", description=_PURGE)
    kinds = purge.add_subparsers(metavar="WHAT", required=True)
    message = kinds.add_parser("message", help="erase messages of a room", description=_PURGE)
    message.add_argument("room", metavar="ROOM")
    message.add_argument("seqs", metavar="SEQ", nargs="+", help="its number in `admin log`")
    _finish(message, add_flags, _purge_messages)
    room = kinds.add_parser(
        "room",
        help="erase all that was said in a room so far; people stay in it and talk on",
        description=_PURGE,
    )
    room.add_argument("room", metavar="ROOM")
    _finish(room, add_flags, _purge_room)

    def finish(parser: argparse.ArgumentParser, command: command_line.Command) -> None:
        async def run(access: OperatorAccess, _: Settings, options: argparse.Namespace) -> None:
            await command(access, options)

        _finish(parser, add_flags, run)

    command_line.add_commands(commands, finish)
    account_command_line.add_commands(commands, finish)

    upgrade = commands.add_parser(
        "upgrade",
        help="convert the data of the release before; stop all nodes first",
        description=_UPGRADE,
    )
    _finish(upgrade, add_flags, _upgrade)
    upgrade.set_defaults(any_schema=True)


def _finish(
    parser: argparse.ArgumentParser, add_flags: Callable[..., None], command: Command
) -> None:
    add_flags(parser, only=SETTINGS)
    parser.set_defaults(command=command, any_schema=False, prepare=None)


def run(settings: Settings, options: argparse.Namespace) -> None:
    """Carry out a parsed command.

    :raises WrongUsage: if an argument is wrong.
    :raises CannotAdminister: if it was not carried out.
    """
    if options.prepare is not None:
        try:
            options.prepare(options)
        except WrongArgument as error:
            raise WrongUsage(str(error)) from None
    trio.run(_run, settings, options)


async def _run(settings: Settings, options: argparse.Namespace) -> None:
    try:
        async with open_operator_access(
            topology_from_settings(settings),
            name=_NAME,
            namespace=settings.namespace,
            patience=settings.redis_timeout,
            any_schema=options.any_schema,
        ) as access:
            await options.command(access, settings, options)
    except* (WrongArgument, WrongTarget) as group:
        raise WrongUsage(first_message(group)) from group
    except* (CannotBan, CannotErase, CannotUpgrade, NoSuchAccount, Unavailable) as group:
        raise CannotAdminister(first_message(group)) from group


# --- the commands -----------------------------------------------------------------------------


async def _print_log(
    access: OperatorAccess, settings: Settings, options: argparse.Namespace
) -> None:
    limit = _number(options.limit, "--limit", most=MOST_SHOWN)
    log, _, _ = await _find(access, settings, options.room)
    lines = map(_line, await log.newest(limit))
    sys.stdout.write("".join(lines))


async def _purge_messages(
    access: OperatorAccess, settings: Settings, options: argparse.Namespace
) -> None:
    seqs = sorted({_number(text, "SEQ") for text in options.seqs})
    if len(seqs) > MOST_RECORDED:
        raise WrongUsage(f"{len(seqs)} messages: at most {MOST_RECORDED} at once")
    log, epoch, last = await _find(access, settings, options.room)
    if seqs[-1] > last:
        raise WrongUsage(f"{options.room!r} has no message {seqs[-1]}: its last one is {last}")
    found = await log.look_up(seqs)
    told = await log.erase(epoch, seqs=seqs, logged=bool(found.present))
    await _report(access, f"{options.room}: {_what(found)}", told)


async def _purge_room(
    access: OperatorAccess, settings: Settings, options: argparse.Namespace
) -> None:
    log, epoch, last = await _find(access, settings, options.room)
    if not last:
        sys.stdout.write(f"{options.room}: nothing was ever said there\n")
        return
    told = await log.erase(epoch, up_to=last)
    await _report(access, f"{options.room}: erased everything up to {last}", told)


async def _upgrade(
    access: OperatorAccess, _settings: Settings, _options: argparse.Namespace
) -> None:
    async for line in access.upgrade():
        sys.stdout.write(line + "\n")


async def _find(access: OperatorAccess, settings: Settings, room: str) -> tuple[RoomLog, str, int]:
    """Return a room's log, its epoch, and the ``seq`` of its last message."""
    try:
        key = room_names.check(room).key
    except wire.CommandError as error:
        raise WrongUsage(f"{room!r}: {error}") from None
    log = access.room_log(key)
    position = await log.position()
    if position is None:
        raise WrongUsage(f"there is no room {room!r} in the namespace {settings.namespace!r}")
    return log, *position


async def _report(access: OperatorAccess, done: str, told: int) -> None:
    """Print what was done, how many nodes know, and whether replicas have not confirmed it."""
    alive = len(await access.nodes.alive())
    lines = [done, f"nodes told: {told}, those that have the room open, of {alive} alive"]
    if warning := await unconfirmed(access, "the text is back: look, and purge again"):
        lines.append(f"warning: {warning}")
    sys.stdout.write("\n".join(lines) + "\n")


def _what(found: Logged) -> str:
    parts = [
        f"{words} {', '.join(map(str, seqs))}"
        for words, seqs in (
            ("erased", found.present),
            ("erased before:", found.erased),
            ("not in the log any more, only nodes told:", found.gone),
        )
        if seqs
    ]
    return "; ".join(parts)


def _number(text: str, name: str, *, most: int = 2**53) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= most):  # noqa: PLR2004
        raise WrongUsage(f"{name}: {text[:40]!r} is no whole number from 1 to {most}")
    return int(text)


def _line(encoded: bytes) -> str:
    """Return a message as one line of printable characters."""
    try:
        message = msgspec.json.decode(encoded, type=wire.Message)
    except msgspec.MsgspecError:  # written by another program
        return f"{message_seq(encoded)}\t(not a message of this program)\n"
    time = datetime.fromtimestamp(message.at / 1000, tz=UTC)
    text = "(erased)" if message.erased else message.text
    shown: Sequence[str] = (str(message.seq), f"{time:%Y-%m-%dT%H:%M:%SZ}", message.sender, text)
    return "\t".join(map(_printable, shown)) + "\n"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
