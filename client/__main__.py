"""The desktop client's command line: ``chat-client [ADDRESS ...]``."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from typing import Final

from client.addresses import DEFAULT_URL, typed_urls
from client.i18n.texts import N_, _, speak
from gateway import wire

FAILED: Final = 1

_DESCRIPTION: Final = N_("A window to a chat room.")
_EPILOG: Final = N_(
    "Several addresses are nodes of one cluster: if one goes away, the next one is tried. "
    "Exit status: 0 the window was closed, 1 it could not be opened, 2 wrong usage."
)
_NO_TK: Final = N_(
    "Python's tkinter is missing; install it, for example with: sudo apt install python3-tk"
)
_PARTS: Final = frozenset({"PIL", "platformdirs", "ttkbootstrap"})
_NO_PARTS: Final = N_("install the desktop's parts: pip install 'chat-gateway[desktop]'")
_NO_DISPLAY: Final = N_(
    "there is no display to open a window on; run it on a desktop, set DISPLAY, "
    "or try: xvfb-run chat-client"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; return when the window is closed, exit with 1 if there can be none."""
    speak()
    options = _parser().parse_args(arguments)
    try:
        from tkinter import TclError  # noqa: PLC0415 - may be missing, and is told then
    except ImportError:
        sys.exit(_complain(_(_NO_TK)))
    try:
        from client.desktop.program import run_desktop  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        if error.name not in _PARTS:
            raise
        sys.exit(_complain(_(_NO_PARTS)))
    urls = tuple(dict.fromkeys(itertools.chain.from_iterable(options.urls)))
    try:
        run_desktop(urls, room=options.room, nick=options.nick, look=options.theme)
    except TclError as error:
        if "display" not in str(error):
            raise
        sys.exit(_complain(_(_NO_DISPLAY)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chat-client", description=_(_DESCRIPTION), epilog=_(_EPILOG), allow_abbrev=False
    )
    parser.add_argument(
        "urls",
        nargs="*",
        type=_urls,
        metavar="ADDRESS",
        help=_(
            "a node of the cluster: HOST, HOST:PORT, or a URL that says whether to use TLS "
            "(wss://) or not (ws://) [as the last time, at first {url}]"
        ).format(url=DEFAULT_URL),
    )
    parser.add_argument("--nick", metavar="NAME", help=_("come in under this nickname at once"))
    parser.add_argument(
        "--room",
        metavar="ROOM",
        help=_("the room to enter [as the last time, at first {room}]").format(room=wire.LOBBY),
    )
    parser.add_argument(
        "--theme",
        choices=("light", "dark", "system"),
        help=_("how it looks [as the last time, at first as the system]"),
    )
    return parser


def _urls(text: str) -> tuple[str, ...]:
    try:
        return typed_urls(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _complain(problem: str) -> int:
    sys.stderr.write(f"chat-client: {problem}\n")
    return FAILED


if __name__ == "__main__":
    main()
