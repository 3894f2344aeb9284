"""How good a password is, told as somebody types; judged in a thread, since that takes its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import trio

from client.i18n.password_advice import advice_in_words
from client.i18n.server_texts import in_own_words
from client.i18n.texts import N_, _, ngettext
from gateway import wire

Grade = Literal["bad", "fair", "good"]

_SCORES: Final[tuple[tuple[str, Grade], ...]] = (
    (N_("Very easy to guess."), "bad"),
    (N_("Easy to guess."), "bad"),
    (N_("Not hard enough to guess."), "fair"),
    (N_("Good."), "good"),
    (N_("Very good."), "good"),
)


@dataclass(frozen=True)
class PasswordJudgement:
    """How good a password is, in words."""

    text: str
    grade: Grade


class PasswordJudge:
    """Judges the latest password that is typed; those before it are not told any more."""

    def __init__(self) -> None:
        self._latest: object = None

    async def judge(
        self, password: str, nick: str, show: Callable[[PasswordJudgement], None]
    ) -> None:
        """Call ``show`` with how good a password is, unless another one is typed meanwhile."""
        self._latest = this = object()
        judgement = await trio.to_thread.run_sync(judged, password, nick, abandon_on_cancel=True)
        if self._latest is this:
            show(judgement)


def judged(password: str, nick: str = "") -> PasswordJudgement:
    """Return how good a password is for whoever has this nickname; it takes up to 0.1 s."""
    from gateway.wire import passwords  # noqa: PLC0415 - it takes long, and guests need none

    try:
        prepared = passwords.prepare(password)
    except passwords.BadPassword as error:
        refusal = wire.Error(code="bad_password", message=str(error), reason=error.reason)
        return PasswordJudgement(in_own_words(refusal).message, "bad")
    missing = passwords.LEAST_CHARS - len(prepared)
    found = passwords.strength(prepared, nick=nick)
    told, grade = _SCORES[found.score]
    parts = [_(told), advice_in_words((found.warning, *found.suggestions))]
    if missing > 0:
        text = ngettext("{n} more character is needed.", "{n} more characters are needed.", missing)
        parts, grade = [text.format(n=missing), *parts[1:]], "bad"
    return PasswordJudgement(" ".join(filter(None, parts)), grade)
