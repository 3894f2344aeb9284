"""What a person sees of a chat, as a pure function of what happened.

`Chat` takes every event of a session (`Chat.apply`) and everything the person does, and is then
what there is to see. The desktop only draws it; there is no Tk and no Trio here.
"""

from client.model.chat import Chat
from client.model.completion import Completer, Offer, offers
from client.model.connection_state import Connection, Offline, Online, Over, SignedOut, SigningIn
from client.model.conversation import Conversation, Place, Typed
from client.model.display_text import is_mentioned, name_some, shown, shown_line, why_not_sendable
from client.model.input_history import Recall
from client.model.lines import ACTION, Draft, Line, Moved, NewDay, Said, Told
from client.model.people import People, Typists, order_of, state_text
from client.model.transcript import MOST_LINES, Entry, Transcript

__all__ = [
    "ACTION", "MOST_LINES", "Chat", "Completer", "Connection", "Conversation", "Draft", "Entry",
    "Line", "Moved", "NewDay", "Offer", "Offline", "Online", "Over", "People", "Place", "Recall",
    "Said", "SignedOut", "SigningIn", "Told", "Transcript", "Typed", "Typists", "is_mentioned",
    "name_some", "offers", "order_of", "shown", "shown_line", "state_text", "why_not_sendable",
]  # fmt: skip
