"""``chat-gateway admin who``, ``kick``, ``ban``, ``unban``, ``bans`` and ``announce``."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from gateway.backplane.operator import OperatorAccess
from gateway.operator import commands
from gateway.operator.commands import MOST_LISTED, CommandResult, WrongArgument
from gateway.operator.output import print_line, print_row, warn
from gateway.policy.bans import read_target, time_in_words

MOST_SHOWN: Final = 100_000
"""Sessions that ``admin who`` prints, at most."""

_WHOM: Final = (
    "nick:NICKNAME, session:ID, or address:ADDRESS, which may be a network such as 192.0.2.0/24"
)

Command = Callable[[OperatorAccess, argparse.Namespace], Awaitable[None]]
Finish = Callable[[argparse.ArgumentParser, Command], None]


def add_commands(commands: Any, finish: Finish) -> None:  # noqa: ANN401 - argparse's is private
    """Add the commands to subparsers; ``finish`` adds the settings to each, and its function."""
    who = commands.add_parser(
        "who",
        help="list sessions",
        description="List sessions, one a line: nickname, id, node, address, "
        "whether it is connected, and how many rooms it is in.",
    )
    _add_target(who, required=False)
    who.add_argument("--limit", metavar="N", default="1000", help="how many [1000]")
    finish(who, _who)

    kick = commands.add_parser("kick", help="end sessions", description="End sessions.")
    _add_target(kick)
    kick.add_argument("--reason", metavar="TEXT", default="", help="told to the client")
    finish(kick, _kick)

    ban = commands.add_parser(
        "ban",
        help="end sessions, and let them in no more",
        description="End sessions, and let them in no more, on any node.",
    )
    _add_target(ban)
    ban.add_argument("--reason", metavar="TEXT", default="", help="told to the client")
    ban.add_argument("--for", dest="lasts", metavar="TIME", help="30m, 12h, 7d, … [no end]")
    ban.add_argument("--until", metavar="TIME", help="such as 2027-01-31T18:00Z [no end]")
    finish(ban, _ban)

    unban = commands.add_parser("unban", help="lift a ban", description="Lift a ban.")
    _add_target(unban)
    finish(unban, _unban)

    bans = commands.add_parser("bans", help="list the bans", description="List the bans.")
    finish(bans, _bans)

    announce = commands.add_parser(
        "announce", help="tell all clients something", description="Tell all clients something."
    )
    announce.add_argument("text", metavar="TEXT")
    finish(announce, _announce)


def _add_target(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    # In one word, since nicknames and ids may begin with a dash.
    parser.add_argument("whom", metavar="WHOM", nargs=None if required else "?", help=_WHOM)


async def _who(access: OperatorAccess, options: argparse.Namespace) -> None:
    limit = options.limit
    if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit[:9]) <= MOST_SHOWN):
        raise WrongArgument(f"--limit: {limit[:40]!r} is no whole number from 1 to {MOST_SHOWN}")
    target = None if options.whom is None else read_target(options.whom)
    after, left = "", int(limit)
    silent: set[str] = set()
    while left > 0:
        page = await commands.who(access, target, after=after, limit=min(left, MOST_LISTED))
        for session in page.sessions:
            state = "connected" if session.connected else "parked"
            print_row(
                session.nick, session.session, session.node, session.address or "-", state,
                str(session.rooms),
            )  # fmt: skip
        left -= len(page.sessions)
        silent.update(page.silent)
        if page.next is None:
            break
        after = page.next
    else:
        warn("there are more: give a larger --limit")
    _warn_of_silent(silent, "their sessions are missing here")


async def _kick(access: OperatorAccess, options: argparse.Namespace) -> None:
    reason = commands.check_reason(options.reason)
    _report("kicked", await commands.kick(access, read_target(options.whom), reason))


async def _ban(access: OperatorAccess, options: argparse.Namespace) -> None:
    made = await commands.read_ban(
        access,
        read_target(options.whom),
        reason=options.reason,
        lasts=options.lasts,
        until=options.until,
        name=options.whom.partition(":")[2],
    )
    end = f"until {time_in_words(made.until)}" if made.until else "without an end"
    _report(f"banned {made.whom} {end}", await commands.ban(access, made))


async def _unban(access: OperatorAccess, options: argparse.Namespace) -> None:
    target = read_target(options.whom)
    result = await commands.unban(access, target)
    if result is None:
        raise WrongArgument(f"there is no ban of {options.whom}; `admin bans` lists them")
    _report(f"lifted the ban of {options.whom}", result)


async def _bans(access: OperatorAccess, _options: argparse.Namespace) -> None:
    for ban in await commands.bans(access):
        end = time_in_words(ban.until) if ban.until else "no end"
        print_row(ban.whom, end, time_in_words(ban.made), ban.reason)


async def _announce(access: OperatorAccess, options: argparse.Namespace) -> None:
    result = await commands.announce(access, commands.check_announcement(options.text))
    print_line(f"clients told: {result.count}")
    _warn_of_silent(result.silent, "what their clients were told is unknown")


def _report(done: str, result: CommandResult) -> None:
    print_line(done)
    print_line(f"sessions ended: {result.count}, by {result.nodes} nodes")
    _warn_of_silent(result.silent, "what they have done is unknown")
    if result.warning:
        warn(result.warning)


def _warn_of_silent(silent: Iterable[str], meaning: str) -> None:
    if names := ", ".join(sorted(silent)):
        warn(f"no answer from {names}: {meaning}")
