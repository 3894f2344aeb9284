"""Slash commands: what the person types, parsed into what they want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from client.i18n.texts import N_, _
from client.model.lines import ACTION
from client.text.visible import shown_line
from gateway import wire


@dataclass(frozen=True)
class SlashCommand:
    """A command: its name, its arguments and its description."""

    name: str
    arguments: str
    description: str


COMMANDS: Final = (
    SlashCommand("join", N_("ROOM"), N_("Enter a room")),
    SlashCommand("leave", N_("[ROOM]"), N_("Leave this conversation, or a room")),
    SlashCommand("nick", N_("NICKNAME"), N_("Take another nickname")),
    SlashCommand("msg", N_("NICKNAME [TEXT]"), N_("Talk to one person")),
    SlashCommand("me", N_("TEXT"), N_("Say what you are doing")),
    SlashCommand("away", N_("[TEXT]"), N_("Show that you are away")),
    SlashCommand("busy", N_("[TEXT]"), N_("Show that you are busy")),
    SlashCommand("back", "", N_("Show that you are here")),
    SlashCommand("search", N_("[TEXT]"), N_("Search this conversation")),
    SlashCommand("help", "", N_("List the commands and the keys")),
    SlashCommand("quit", "", N_("Leave and close")),
)


@dataclass(frozen=True)
class Say:
    """Send a message to the current conversation."""

    text: str


@dataclass(frozen=True)
class JoinRoom:
    """Join a room."""

    room: str


@dataclass(frozen=True)
class LeaveRoom:
    """Leave a room, or close the current conversation."""

    room: str | None


@dataclass(frozen=True)
class Rename:
    """Change one's nickname."""

    nick: str


@dataclass(frozen=True)
class TalkTo:
    """Open the conversation with somebody, and send ``text`` unless it is empty."""

    nick: str
    text: str


@dataclass(frozen=True)
class ShowStatus:
    """Set the status that others see."""

    state: wire.State
    text: str = ""


@dataclass(frozen=True)
class SearchFor:
    """Search the current conversation."""

    words: str


@dataclass(frozen=True)
class ShowHelp:
    """Show all commands and keys."""


@dataclass(frozen=True)
class Quit:
    """Leave, and end the program."""


@dataclass(frozen=True)
class InvalidCommand:
    """A command that cannot be carried out; ``problem`` says why."""

    problem: str


UserCommand = (
    Say
    | JoinRoom
    | LeaveRoom
    | Rename
    | TalkTo
    | ShowStatus
    | SearchFor
    | ShowHelp
    | Quit
    | InvalidCommand
)

_MOST_OF_NAME: Final = 40
"""How much is repeated of the name of a command that there is not."""


def parse(typed: str) -> UserCommand:
    """Parse what was typed; ``//`` begins a message that starts with one slash."""
    if not typed.startswith("/"):
        return Say(typed)
    if typed.startswith("//"):
        return Say(typed[1:])
    name, _separator, rest = typed[1:].partition(" ")
    wish = _read(name.casefold(), rest.strip())
    if wish is not None:
        return wish
    if (command := _command(name.casefold())) is not None:
        usage = f"/{command.name} {_(command.arguments)}"
        return InvalidCommand(_("Usage: {usage}").format(usage=usage))
    known = ", ".join(f"/{command.name}" for command in COMMANDS)
    return InvalidCommand(
        _("There is no command /{name}. There are {known}.").format(
            name=shown_line(name, _MOST_OF_NAME), known=known
        )
    )


def room_called(typed: str) -> str:
    """Return the room name in what was typed: without a leading ``#``, with dashes for spaces."""
    return "-".join(typed.removeprefix("#").split())


def _read(name: str, rest: str) -> UserCommand | None:
    """Parse one command; None if there is none of that name, or an argument is missing."""
    wish: UserCommand | None = None
    match name:
        case "join" if room := room_called(rest):
            wish = JoinRoom(room)
        case "leave" if " " not in rest:
            wish = LeaveRoom(rest.removeprefix("#") or None)
        case "nick" if rest:
            wish = Rename(rest)
        case "msg" if rest:
            nick, _separator, text = rest.partition(" ")
            wish = TalkTo(nick, text.strip())
        case "me" if rest:
            wish = Say(ACTION + rest)
        case "away" | "busy":
            wish = ShowStatus("away" if name == "away" else "busy", rest)
        case _ if name in _PLAIN:
            wish = SearchFor(rest) if name == "search" else _PLAIN[name]
    return wish


_PLAIN: Final[dict[str, UserCommand]] = {
    "back": ShowStatus("online"),
    "search": SearchFor(""),
    "help": ShowHelp(),
    "quit": Quit(),
}


def _command(name: str) -> SlashCommand | None:
    return next((command for command in COMMANDS if command.name == name), None)


def begun(typed: str) -> Sequence[SlashCommand]:
    """Return the commands that begin with what is typed."""
    if not typed.startswith("/") or typed.startswith("//") or " " in typed or "\n" in typed:
        return ()
    return [command for command in COMMANDS if command.name.startswith(typed[1:].casefold())]
