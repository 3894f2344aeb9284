"""What the client remembers between starts, and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import platformdirs
import trio

from client.addresses import DEFAULT_URL
from client.desktop.settings.private_file import write_private
from client.desktop.settings.servers import SavedServer
from client.i18n.texts import _

SMALLEST_FONT: Final = 7
LARGEST_FONT: Final = 32
_MOST_BYTES: Final = 1 << 20
"""The largest file that is read; nobody has so many servers."""
_QUIET_SECONDS: Final = 1.0
"""How long changes are gathered before they are written."""

Look = Literal["light", "dark", "system"]


class Preferences(msgspec.Struct, frozen=True):
    """Everything that is remembered.

    The secret of a session is not: whoever has it can speak as the person, and it is worth nothing
    soon after the program has ended.
    """

    servers: Annotated[tuple[SavedServer, ...], msgspec.Meta(min_length=1)] = (
        SavedServer(_("This computer"), (DEFAULT_URL,)),
    )
    server: str = ""
    """The name of the last one."""
    nick: str = ""
    stays_signed_in: bool = True
    """Whether the token of an account is kept when one signs in."""
    device: str = ""
    """What the person calls this device; empty for the machine's name."""
    look: Look = "system"
    font_size: Annotated[int, msgspec.Meta(ge=SMALLEST_FONT, le=LARGEST_FONT)] | None = None
    geometry: Annotated[str, msgspec.Meta(pattern=r"^\d+x\d+(\+-?\d+){2}$")] | None = None
    muted: frozenset[str] = frozenset()
    """Conversations that do not call for attention."""
    tells_typing: bool = True
    tls_hosts: frozenset[str] = frozenset()
    """Hosts that have spoken TLS; the bare address of one is never used without."""

    @property
    def last_server(self) -> SavedServer:
        """The server of the last time, or the first one."""
        named = (server for server in self.servers if server.name == self.server)
        return next(named, self.servers[0])


class PreferencesFile:
    """The preferences, and the file that they are read from and written to.

    A file that cannot be read as preferences is set aside, and the defaults are used. ``problem``
    is a text for people about what is wrong with the file, None if nothing is.
    """

    def __init__(self, path: Path) -> None:
        self.problem: str | None = None
        self.preferences = Preferences()
        self.folder = path.parent
        """Where the client's files are."""
        self._path = path
        self._changed = trio.Event()
        try:
            with path.open("rb") as file:
                written = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            self._complain(_("The preferences cannot be read: {reason}"), error)
            return
        try:
            if len(written) > _MOST_BYTES:
                raise msgspec.ValidationError(_("the file is too large"))
            self.preferences = msgspec.json.decode(written, type=Preferences)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._set_aside(error)

    def change(self, **changes: object) -> None:
        """Change some preferences; `keep_written` writes them soon."""
        changed = msgspec.structs.replace(self.preferences, **changes)
        if changed != self.preferences:
            self.preferences = changed
            self._changed.set()

    async def keep_written(self) -> None:
        """Write changes until cancelled, the last ones even then."""
        try:
            while True:
                await self._changed.wait()
                await trio.sleep(_QUIET_SECONDS)
                self._write()
        finally:
            if self._changed.is_set():
                self._write()

    def _write(self) -> None:
        self._changed = trio.Event()
        text = msgspec.json.format(msgspec.json.encode(self.preferences), indent=2)
        try:
            write_private(self._path, text)
        except OSError as error:
            self._complain(_("The preferences cannot be written: {reason}"), error)
        else:
            self.problem = None

    def _set_aside(self, error: Exception) -> None:
        aside = self._path.with_name(f"{self._path.name}.broken")
        try:
            self._path.replace(aside)
        except OSError as refusal:
            self._complain(_("The preferences cannot be read: {reason}"), refusal)
        else:
            self.problem = _(
                "The preferences could not be read ({reason}); they are now in {path}."
            ).format(reason=error, path=aside)

    def _complain(self, text: str, error: OSError) -> None:
        self.problem = text.format(reason=error)


def load_preferences(path: Path | None = None) -> PreferencesFile:
    """Return the preferences in a file, by default in the folder that the system has for that."""
    folder = platformdirs.user_config_path("chat-client", appauthor=False)
    return PreferencesFile(path or folder / "preferences.json")
