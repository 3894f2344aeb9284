"""The command line: ``chat-gateway serve``, ``admin``, ``demo`` and ``settings``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import urlsplit

import trio

from gateway import admin, config
from gateway.admin import CannotAdminister, WrongUsage
from gateway.backplane import Unsuitable, first_message
from gateway.config import BadSetting, Settings
from gateway.demo import CannotDemo, run_demo
from gateway.embedded_redis import NoRedis
from gateway.net.listener import allow_many_connections
from gateway.node import serve_until_signalled
from gateway.observability import logs
from gateway.policy.unicode_tables import INSTALLED_VERSION, VERSION
from gateway.process import memory, signals, stdio
from gateway.process.stdio import CannotPrint

if TYPE_CHECKING:
    from _typeshed import SupportsWrite
from gateway.redis_topology import topology_from_settings

BAD_USAGE: Final = 2
FAILED: Final = 1
INTERRUPTED: Final = 130

_DESCRIPTION: Final = (
    "A chat gateway: any number of these nodes around one Redis make one chat server. "
    "A client may connect to any of them."
)
_SERVE: Final = (
    "Run one node until SIGTERM, SIGQUIT or Ctrl-C.\n\n"
    "Every setting is a flag and an environment variable; the flag goes first.\n"
    "In brackets: the default, and the variable."
)
_SEEN_BY_PS: Final = (
    "the password in --redis is shown to every user of this machine, by ps: use "
    "--redis-password-file, or CHAT_REDIS for the URL"
)


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are raised, as one line, instead of printed below the usage."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the arguments."""
        raise WrongUsage(f"{message} (see `{self.prog} --help`)")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print the help; argparse itself would say nothing of a full disk."""
        if file is None:
            stdio.print_now(self.format_help())
        else:
            super().print_help(file)


class BadInstallation(Exception):
    """A package of another version than this release needs; the text is one line."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The status is 0 done, 1 failed, 2 wrong usage, setting or Redis, 130 Ctrl-C.
    """
    logs.start()
    status = 0
    try:
        _run(arguments)
    except* (BadInstallation, BadSetting, Unsuitable, WrongUsage) as group:
        status = _complain(group, BAD_USAGE)
    except* (CannotAdminister, CannotDemo, CannotPrint, NoRedis) as group:
        status = _complain(group, FAILED)
    except* KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(status)


def _run(arguments: Sequence[str] | None) -> None:
    try:
        options, unknown = _parser().parse_known_args(arguments)
        if unknown:
            raise WrongUsage(options.complain(unknown[0]))
        options.run(options)
    finally:
        stdio.print_now()  # flush, also what argparse printed


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="chat-gateway", description=_DESCRIPTION)
    parser.set_defaults(complain="there is no argument {!r:.60} (see `chat-gateway --help`)".format)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    serve = commands.add_parser(
        "serve",
        help="run one node",
        usage="chat-gateway serve [--SETTING VALUE ...]",
        description=_SERVE,
        allow_abbrev=False,
        formatter_class=partial(argparse.RawTextHelpFormatter, max_help_position=27),
    )
    config.add_flags(serve)
    serve.set_defaults(run=_serve, complain=config.no_such_flag)

    administer = commands.add_parser(
        "admin",
        help="erase messages, kick and ban people, make accounts, by way of the cluster's Redis",
        description="Each command works on Redis itself, and tells the nodes. "
        "Exit status: 0 done, 1 not done, 2 wrong usage.",
    )
    admin.add_commands(administer, config.add_flags)
    administer.set_defaults(run=_administer)

    demo = commands.add_parser(
        "demo",
        help="run a whole cluster on this machine, with a Redis of its own",
        description="Start a Redis, several nodes and, where there is a display, a desktop "
        "client. Ctrl-C ends all of it and leaves nothing behind.",
    )
    demo.add_argument(
        "--nodes", type=_number(1, 20), default=3, metavar="N", help="how many nodes [3]"
    )
    demo.add_argument(
        "--port",
        type=_number(1, 65535),
        default=8765,
        help="the first node's port; those that are taken are passed over [8765]",
    )
    demo.add_argument("--no-client", action="store_true", help="no desktop client")
    demo.set_defaults(run=_demo)

    settings = commands.add_parser("settings", help="print the table of settings, in Markdown")
    settings.set_defaults(run=_print_settings)
    return parser


def _number(low: int, high: int) -> Callable[[str], int]:
    parse = config.integer(low, high)

    def read(text: str) -> int:
        try:
            return parse(text)
        except BadSetting as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _serve(options: argparse.Namespace) -> None:
    settings = _read_settings(options)
    _require_unicode_version()
    logs.configure(settings.log_format, settings.log_level)
    allow_many_connections()
    memory.collect_seldom()
    signals.ignore()
    read_again = partial(_read_settings, options)
    trio.run(serve_until_signalled, settings, read_again, _warnings(options.redis))


def _administer(options: argparse.Namespace) -> None:
    settings = _read_settings(options)
    _require_unicode_version()
    logs.configure("human", "critical")  # errors are printed in one line, without a log
    admin.run(settings, options)


def _read_settings(options: argparse.Namespace) -> Settings:
    settings = config.load(vars(options), os.environ)
    topology_from_settings(settings)  # complains
    return settings


def _warnings(redis_flag: str | None) -> list[str]:
    """Return what an operator should change, though a node can be started so."""
    url = redis_flag or ""
    if "password=" in url or urlsplit(url).password:
        return [_SEEN_BY_PS]
    return []


def _require_unicode_version() -> None:
    """Check that names are folded here as on every other node of this release."""
    if INSTALLED_VERSION != VERSION:
        raise BadInstallation(
            f"unicodedata2 has Unicode {INSTALLED_VERSION}, this release needs {VERSION}: "
            f"pip install unicodedata2=={VERSION}"
        )


def _demo(options: argparse.Namespace) -> None:
    logs.configure("human", "warning")
    trio.run(run_demo, options.nodes, options.port, not options.no_client)


def _print_settings(_options: argparse.Namespace) -> None:
    stdio.print_now(config.markdown_table())


def _complain(group: BaseExceptionGroup[Exception], status: int) -> int:
    """Print the error inside these groups in one line; return the exit status."""
    if message := first_message(group):
        sys.stderr.write(f"chat-gateway: {message}\n")
    return status
