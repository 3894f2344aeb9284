"""The states of the connection, as a person sees them."""

from __future__ import annotations

from dataclasses import dataclass

from client.model.sign_in import Problem, SignInMode


@dataclass(frozen=True)
class SignedOut:
    """There is no session, and a nickname is asked for.

    - ``problem``: why the last attempt failed, or the last session ended;
    - ``mode``: how the person was in, or tried to come in.
    """

    nick: str = ""
    problem: Problem | None = None
    mode: SignInMode = "guest"


@dataclass(frozen=True)
class SigningIn:
    """A session is being opened."""

    nick: str
    mode: SignInMode = "guest"


@dataclass(frozen=True)
class Online:
    """Connected to a node; ``latency`` is its last round-trip time in milliseconds."""

    node: str
    url: str
    latency: int | None = None


@dataclass(frozen=True)
class Offline:
    """Not connected; the next attempt is ``delay`` after ``since``, both in milliseconds."""

    reason: str
    since: int
    delay: int

    def seconds_left(self, now: int) -> int:
        """Return the seconds until the next attempt, rounded up; 0 while it is being made."""
        # A clock that is set back must not make the wait longer than it is.
        left = min(self.delay, self.since + self.delay - now)
        return max(0, -(-left // 1000))


@dataclass(frozen=True)
class SessionOver:
    """The session ended and does not come back by itself."""

    reason: str


ConnectionState = SignedOut | SigningIn | Online | Offline | SessionOver


def left_to_change(state: ConnectionState, now: int) -> int | None:
    """Return in how many milliseconds a count of seconds goes down; None if there is none."""
    until: int | None = None
    if isinstance(state, Offline) and state.seconds_left(now):
        until = state.since + state.delay
    elif isinstance(state, SignedOut) and state.problem and state.problem.seconds_left(now):
        until = state.problem.retry_at
    return None if until is None else (until - now - 1) % 1000 + 1
