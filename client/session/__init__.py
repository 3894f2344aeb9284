"""The headless client: `open_session` and what it needs to stay connected to a cluster.

Connections, reconnecting, resending and tracking what was seen belong here. Nothing here knows how
a chat is displayed: that starts at `client.model`.
"""

from client.errors import CannotConnect, NotConfirmed, NotConnected
from client.events import Connected, Disconnected, Ended, Event, NotRejoined, Rejoined
from client.session.session import ClientSession, open_session
from gateway.wire import CommandError

__all__ = [
    "CannotConnect", "ClientSession", "CommandError", "Connected", "Disconnected", "Ended", "Event",
    "NotConfirmed", "NotConnected", "NotRejoined", "Rejoined", "open_session",
]  # fmt: skip
