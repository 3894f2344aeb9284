"""What a person sees of a chat, as a pure function of what happened.

`Chat` takes every event of a session (`Chat.apply`) and everything the person does; the desktop
draws it. There is no Tk and no Trio here, not even imported.
"""

from client.model.chat import Chat
from client.model.completion import Completer, Completion, completions
from client.model.connection_state import (
    ConnectionState,
    Offline,
    Online,
    SessionOver,
    SignedOut,
    SigningIn,
)
from client.model.conversation import Conversation
from client.model.conversation_key import ConversationKey
from client.model.display_text import name_some, shown, why_not_sendable
from client.model.input_history import InputHistory
from client.model.input_state import InputState
from client.model.lines import (
    ACTION,
    DateLine,
    Draft,
    Line,
    MembershipLine,
    MessageLine,
    SystemLine,
)
from client.model.overflow import Overflow
from client.model.people import People, Typists, order_of, registered_text, state_text
from client.model.sign_in import Problem, SignInField, SignInMode, SignInRequest, problem_of
from client.model.transcript import FOLDED_ROWS, MOST_ROWS, Entry, Transcript
from client.model.view_state import Viewport, ViewState
from client.text.visible import shown_line

__all__ = [
    "ACTION", "FOLDED_ROWS", "MOST_ROWS", "Chat", "Completer", "Completion", "ConnectionState",
    "Conversation", "ConversationKey", "DateLine", "Draft", "Entry", "InputHistory", "InputState",
    "Line", "MembershipLine", "MessageLine", "Offline", "Online", "Overflow", "People", "Problem",
    "SessionOver", "SignInField", "SignInMode", "SignInRequest", "SignedOut", "SigningIn",
    "SystemLine", "Transcript", "Typists", "ViewState", "Viewport", "completions", "name_some",
    "order_of", "problem_of", "registered_text", "shown", "shown_line", "state_text",
    "why_not_sendable",
]  # fmt: skip
