"""What a password must be, the same for who chooses it and for who takes it. Pure.

The gateway refuses by these rules, and the client tries them as somebody types. They need the
packages ``precis-i18n``, ``unicodedata2`` and ``zxcvbn``, which are imported at the first use; so
nothing else of `gateway.wire` imports this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, Final, Literal, NamedTuple

from gateway.wire.password_advice import ADVICE, LIKE_YOUR_NAME, code_of

LEAST_CHARS: Final = 12
MOST_BYTES: Final = 1024
"""Bytes of a password in UTF-8, before and after it is normalised."""
LEAST_SCORE: Final = 3
"""The score of `Strength` that a new password must have: 10^8 guesses or more."""
_MOST_JUDGED: Final = 72
"""Characters whose strength is judged: zxcvbn takes no more."""
_MOST_SPELLINGS: Final = 16
_ALIKE: Final = str.maketrans("@$+!|{[<", "45711(((")
"""Symbols that stand for a letter, and the one that stands for the same."""
_STANDS_FOR: Final = ("4@", "8", "({[<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2")

Reason = Literal["short", "long", "characters"]


class BadPassword(Exception):
    """A password is refused whatever its strength; ``reason`` is the wire's word for why."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


class WeakPassword(Exception):
    """A password is refused because it is easy to guess; its text says why, and what helps."""

    def __init__(self, strength: Strength) -> None:
        super().__init__(strength.text)
        self.strength = strength


class Strength(NamedTuple):
    """How hard a password is to guess.

    - ``score``: 0 to 4, by powers of ten of guesses: 3, 6, 8, 10;
    - ``warning``: why it is weak, a code of `password_advice.ADVICE`, or '';
    - ``suggestions``: what helps, codes likewise.
    """

    score: int
    warning: str
    suggestions: tuple[str, ...]

    @property
    def text(self) -> str:
        """The warning and the suggestions as sentences in English."""
        codes = [self.warning, *self.suggestions] if self.warning else self.suggestions
        sentences = [ADVICE[code] for code in codes]
        return " ".join(sentences or ["This password is easy to guess."])


def prepare(password: str) -> str:
    """Return a password as it is hashed: by the PRECIS profile OpaqueString (RFC 8265).

    Case matters; spaces of any kind are the same, and so are normal forms. It may be shorter than a
    new password must be, as one may be that was chosen under other rules.

    :raises BadPassword: ``long``, or ``characters`` if it is empty or has control characters,
        unassigned or invisible ones.
    """
    if len(password) > MOST_BYTES or _size(password) > MOST_BYTES:
        raise _too_long()
    try:
        prepared = password if _is_plain(password) else _enforcer()(password)
    except UnicodeEncodeError as error:  # as precis_i18n refuses
        wrong = error.object[error.start : error.start + 1]
        raise BadPassword("characters", _unfit(wrong)) from None
    if _size(prepared) > MOST_BYTES:
        raise _too_long()
    return prepared


def check_new(password: str, *, nick: str = "", least_chars: int = LEAST_CHARS) -> str:
    """Return a password that somebody chooses as it is hashed; it takes up to 0.1 s of CPU time.

    - ``nick``: the nickname, of which the password must not be made.

    :raises BadPassword: as `prepare`, or ``short``.
    :raises WeakPassword: if it is easy to guess.
    """
    prepared = prepare(password)
    if len(prepared) < least_chars:
        raise BadPassword("short", f"A password has {least_chars} characters or more.")
    found = strength(prepared, nick=nick)
    if found.score < LEAST_SCORE:
        raise WeakPassword(found)
    return prepared


def strength(password: str, *, nick: str = "") -> Strength:
    """Return how hard a password is to guess for somebody who knows the nickname.

    Only its first 72 characters are judged. It takes up to 0.1 s of CPU time, mostly 5 ms; threads
    take turns.
    """
    judged = password[:_MOST_JUDGED]
    if _spellings(judged) > _MOST_SPELLINGS:
        judged = judged.translate(_ALIKE)
    with _one_at_a_time:  # zxcvbn keeps what it is told of the user in a global
        found = _zxcvbn()(judged, user_inputs=[nick[:_MOST_JUDGED]] if nick else [])
    score: int = found["score"]
    warning = code_of(found["feedback"]["warning"])
    if score < LEAST_SCORE and any(map(_is_of_nick, found["sequence"])):
        warning = LIKE_YOUR_NAME
    suggestions = map(code_of, found["feedback"]["suggestions"])
    return Strength(score, warning, tuple(code for code in suggestions if code))


def _spellings(text: str) -> int:
    """Return in how many ways its digits and symbols may stand for letters.

    zxcvbn tries each of them against its dictionaries: with all of the symbols that takes 2 s.
    """
    there = set(text)
    return math.prod(max(1, len(there.intersection(alike))) for alike in _STANDS_FOR)


def _is_of_nick(match: dict[str, Any]) -> bool:
    return match.get("dictionary_name") == "user_inputs"


def _is_plain(text: str) -> bool:
    """Return whether PRECIS leaves a text as it is, known without its tables."""
    return bool(text) and text.isascii() and text.isprintable()


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _too_long() -> BadPassword:
    return BadPassword("long", f"A password has at most {MOST_BYTES} bytes.")


def _unfit(wrong: str) -> str:
    what = f"the character U+{ord(wrong):04X}" if wrong else "such characters"
    return f"A password may not have {what}: it is a control character, invisible, or unassigned."


@cache
def _enforcer() -> Callable[[str], str]:
    import precis_i18n  # noqa: PLC0415 - see the docstring of the module
    import unicodedata2  # noqa: PLC0415

    enforce: Callable[[str], str] = precis_i18n.get_profile(
        "OpaqueString", unicodedata=unicodedata2
    ).enforce
    return enforce


@cache
def _zxcvbn() -> Callable[..., dict[str, Any]]:
    import zxcvbn  # noqa: PLC0415 - its dictionaries take 10 MB that most processes never need

    judge: Callable[..., dict[str, Any]] = zxcvbn.zxcvbn
    return judge


_one_at_a_time: Final = Lock()
