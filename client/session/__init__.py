"""The headless client: `open_session` and what it needs to stay connected to a cluster.

Connections, reconnecting, resending and tracking what was seen belong here. Nothing here knows how
a chat is displayed: that starts at `client.model`.
"""

from client.errors import CannotConnect, NotConfirmed, NotConnected
from client.events import (
    AccountState,
    Connected,
    Disconnected,
    Ended,
    Event,
    NickChanged,
    NotRejoined,
    Rejoined,
    Unsent,
)
from client.session.account import SessionAccount
from client.session.identity import Guest, Identity, Jwt, Password, Registration, Token
from client.session.session import ClientSession, open_session
from gateway.wire import CommandError

__all__ = [
    "AccountState", "CannotConnect", "ClientSession", "CommandError", "Connected", "Disconnected",
    "Ended", "Event", "Guest", "Identity", "Jwt", "NickChanged", "NotConfirmed", "NotConnected",
    "NotRejoined", "Password", "Registration", "Rejoined", "SessionAccount", "Token", "Unsent",
    "open_session",
]  # fmt: skip
