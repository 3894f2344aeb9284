"""One's own status: the chosen one, or away while the person does nothing."""

from __future__ import annotations

from collections.abc import Callable

from client.desktop.control.idleness import Idleness
from client.model import Chat
from gateway import wire


class OwnStatus:
    """Changes one's status in the chat, and calls ``tell`` with it.

    The status of an account is that of all its devices; so an account is not set away, but
    ``tell_idle`` is called with whether this device is idle.
    """

    def __init__(
        self,
        chat: Chat,
        tell: Callable[[wire.State, str], None],
        tell_idle: Callable[[bool], object],
    ) -> None:
        self._chat, self._tell, self._tell_idle = chat, tell, tell_idle
        self._idleness = Idleness(self._go_away, self._come_back)
        self._away_by_itself = self._is_idle = False

    async def watch(self) -> None:
        """Set the status to away whenever the person is idle, until cancelled."""
        await self._idleness.watch()

    def note_activity(self) -> None:
        """Note that the person did something."""
        self._idleness.note_activity()

    def choose(self, state: wire.State, text: str = "") -> None:
        """Set the status that the person has chosen."""
        self._away_by_itself = False
        self._show(state, text)

    def _go_away(self) -> None:
        if self._chat.account is not None:
            self._is_idle = True
            self._tell_idle(True)  # noqa: FBT003
        elif self._chat.status.state == "online":
            self._away_by_itself = True
            self._show("away", "")

    def _come_back(self) -> None:
        if self._is_idle:
            self._is_idle = False
            self._tell_idle(False)  # noqa: FBT003
        if self._away_by_itself:
            self.choose("online")

    def _show(self, state: wire.State, text: str) -> None:
        self._chat.status = wire.Member(nick=self._chat.nick, state=state, text=text)
        self._tell(state, text)
