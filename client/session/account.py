"""What the owner of an account may do: devices, passwords, conversations, read markers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import trio

from client.errors import NotConfirmed, NotConnected
from client.events import AccountState, Event, NickChanged
from client.i18n.server_texts import in_own_words
from client.i18n.texts import _
from client.session.connection import ClientConnection
from client.session.current_connection import CurrentConnection
from client.session.delivery import Delivery, pause_after
from client.session.hello import HelloSequence, register_command
from client.session.identity import Registration
from client.session.positions import Positions
from client.session.read_markers import ReadMarkers, Target
from gateway import wire
from gateway.wire import CommandError

REGISTER_SECONDS: Final = 60.0
"""Seconds after which a registration fails whose answers were lost."""


class SessionAccount:
    """The account of a session, and its commands; a guest's session has none until `register`.

    - Commands raise as those of `ClientSession`; ``forbidden`` if the session is a guest's.
    - Passwords are sent only where nobody else can read them: else it is ``insecure``.
    """

    def __init__(
        self,
        current: CurrentConnection,
        hello: HelloSequence,
        positions: Positions,
        delivery: Delivery,
        room_name: Callable[[str], str],
    ) -> None:
        """Take the names of rooms from ``room_name``, given those that they were asked for by."""
        self.state: AccountState | None = None
        """The account as it was at the last welcome; None in the session of a guest."""
        self._current, self._hello = current, hello
        self._positions, self._delivery = positions, delivery
        self._room_name = room_name
        self._markers = ReadMarkers()

    # --- commands -----------------------------------------------------------------------------

    async def register(self, registration: Registration) -> AccountState:
        """Make an account as a guest, whose session is the account's from then on.

        The rooms stay, and what was seen in them. It is sent again over as many connections as it
        takes, with the same id; `AccountState` is an event, too. The token is kept when this
        returns. If it is cancelled, a later connection may still make the account.

        :raises CommandError: if it is refused; the session goes on as a guest's.
        :raises NotConfirmed: if it is not certain after `REGISTER_SECONDS`; a later connection may
            still make it.
        """
        await self._require_guest()
        self._hello.registering(registration)
        problem, connection = "", None
        with trio.move_on_after(REGISTER_SECONDS):
            while (connection := await self._current.another(connection)) is not None:
                if (state := self.state) is not None:  # which a hello has made
                    return state
                if (refusal := self._hello.refused_registration) is not None:
                    raise refusal
                try:
                    return await self._ask_to_register(connection, registration)
                except NotConnected as error:
                    problem = str(error)
        raise NotConfirmed(problem or _("no answer"))

    async def _ask_to_register(
        self, connection: ClientConnection, registration: Registration
    ) -> AccountState:
        """Register over this connection, and return the account.

        :raises CommandError: if it is refused for good.
        :raises NotConnected: if there is no answer.
        """
        while True:
            try:
                return await self._register(connection, registration)
            except CommandError as error:
                if not error.temporary:
                    self._hello.not_registered(error)
                    raise
                await trio.sleep(pause_after(error))

    async def _require_guest(self) -> None:
        await self._current.require_secrecy()
        if self.state is not None:
            raise in_own_words(wire.Error(code="forbidden", message="")).as_exception()

    async def _register(
        self, connection: ClientConnection, registration: Registration
    ) -> AccountState:
        def turn(welcome: wire.Welcome) -> AccountState | None:
            """Make the session the account's, before any later frame is read."""
            self._hello.begun(welcome)
            self._positions.new_inbox(welcome.inbox)
            self._delivery.new_sender()
            return self.begin(welcome)

        command = register_command(registration)
        welcome = await connection.ask(command, wire.Welcome, on_answer=turn)
        if (state := account_in(welcome)) is None:
            raise NotConfirmed(_("no answer"))
        if welcome.token is not None:
            await self._hello.token.change(welcome.token)
        return state

    async def change_password(self, old: str, new: str, *, sign_out_others: bool = False) -> None:
        """Change the password; ``old`` may be an operator's code for one use."""
        await self._current.require_secrecy()
        command = wire.ChangePassword(
            id=next(self._current.ids), old=old, new=new, sign_out_others=sign_out_others
        )
        await self._current.change(command, wire.Ok)
        if self.state is not None:
            self.state = replace(self.state, change_password=False)

    async def devices(self) -> list[wire.Device]:
        """Return the devices that are signed in, the one used last first."""
        command = wire.Devices(id=next(self._current.ids))
        return (await self._current.command(command, wire.DeviceList)).devices

    async def revoke(self, device: str) -> None:
        """Sign out a device, by its id."""
        command = wire.Revoke(id=next(self._current.ids), device=device)
        await self._current.change(command, wire.Ok)

    async def revoke_others(self) -> None:
        """Sign out all devices but this one."""
        command = wire.Revoke(id=next(self._current.ids), others=True)
        await self._current.change(command, wire.Ok)

    async def sign_out(self) -> None:
        """Sign out this device: its token is worth nothing, and the session ends (`Ended`)."""

        def note(_answer: wire.Ok) -> None:
            self._hello.is_signed_out = True

        command = wire.SignOut(id=next(self._current.ids))
        await self._current.change(command, wire.Ok, note)
        await self._hello.token.change(None)

    async def delete(self, password: str) -> None:
        """Delete the account; the server then ends all its sessions (`Ended`)."""
        await self._current.require_secrecy()
        command = wire.DeleteAccount(id=next(self._current.ids), password=password)
        await self._current.change(command, wire.Ok)

    async def refresh(self, jwt: str) -> None:
        """Go on with a new JSON Web Token of the same subject, before the old one has expired."""
        await self._current.require_secrecy()
        await self._current.change(wire.Refresh(id=next(self._current.ids), jwt=jwt), wire.Ok)
        self._hello.refreshed(jwt)

    async def conversations(self) -> list[wire.ConversationInfo]:
        """Return with whom one has exchanged direct messages, the newest first."""
        command = wire.Conversations(id=next(self._current.ids))
        answer = await self._current.command(command, wire.ConversationList)
        for each in answer.conversations:
            self._markers.known(("with", each.with_), each.read)
        return answer.conversations

    async def history_with(
        self, nick: str, *, before: int | None = None, limit: int = 50
    ) -> wire.HistoryPage:
        """Return the ``directs`` of a conversation from before ``before``, or the newest ones.

        While there are ``more``, the page's ``before`` asks for the next one.
        """
        command = wire.History(id=next(self._current.ids), with_=nick, before=before, limit=limit)
        return await self._current.command(command, wire.HistoryPage)

    # --- read markers -------------------------------------------------------------------------

    async def mark_read(
        self, seq: int, *, room: str | None = None, with_: str | None = None
    ) -> None:
        """Record how far a room, or what came from somebody, was read.

        - It may be called for every message: what is no news is not sent, and while a marker is on
          its way the newest one waits for it.
        - Returns at once if another call is telling that marker already, and in a guest's session.
        - Without a connection it returns, and the marker is told over the next one.

        :raises CommandError: if the server refuses for good.
        """
        if (room is None) == (with_ is None):
            raise ValueError("either a room or a person was read")
        await trio.lowlevel.checkpoint()
        target = ("room", self._room_name(room)) if room is not None else ("with", with_ or "")
        if self.state is not None and self._markers.want(target, seq):
            await self._tell_marker(target)

    async def _tell_marker(self, target: Target) -> None:
        kind, name = target

        async def send(seq: int) -> bool:
            command = wire.MarkRead(
                id=next(self._current.ids),
                room=name if kind == "room" else None,
                with_=name if kind == "with" else None,
                seq=seq,
            )
            try:
                await self._current.command(command, wire.Ok)
            except CommandError as error:
                if not error.temporary:
                    raise
                await trio.sleep(pause_after(error))
                return False
            return True

        try:
            await self._markers.tell(target, send)
        except NotConnected:
            pass  # it is told over the next connection
        except CommandError:
            self._markers.give_up(target)
            raise

    # --- what the session calls ---------------------------------------------------------------

    def begin(self, welcome: wire.Welcome) -> AccountState | None:
        """Apply a welcome; return the account in it, or None if it is a guest's."""
        self.state = account_in(welcome)
        for each in welcome.rooms:
            self._markers.known(("room", each.room), each.read)
        return self.state

    def start_telling(self, nursery: trio.Nursery) -> None:
        """Send the read markers that were moved while there was no connection."""
        if self.state is not None:
            nursery.start_soon(self._tell_markers, self._markers.untold)

    async def _tell_markers(self, targets: list[Target]) -> None:
        for target in targets:
            if target in self._markers.untold:
                try:
                    await self._tell_marker(target)
                except CommandError:
                    continue  # it was left, or they are gone

    async def take(self, event: Event, tell: Callable[[Event], Awaitable[None]]) -> None:
        """Follow what another device has done to the account."""
        match event:
            case wire.ReadElsewhere(room=str(room), seq=seq):
                self._markers.known(("room", room), seq)
            case wire.ReadElsewhere(with_=str(nick), seq=seq):
                self._markers.known(("with", nick), seq)
            case wire.Presence() if self.state is not None:
                for change in event.changed:
                    if change.was == self._hello.nick != change.nick:
                        self._hello.nick = change.nick
                        await tell(NickChanged(change.nick))


def account_in(welcome: wire.Welcome) -> AccountState | None:
    """Return the account in a welcome; None if it is a guest's."""
    if welcome.account is None:
        return None
    return AccountState(
        account=welcome.account,
        role=welcome.role or "user",
        device=welcome.device or "",
        rooms=tuple(welcome.rooms),
        change_password=welcome.change_password,
    )
