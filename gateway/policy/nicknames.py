"""Which nicknames are allowed, and which of them count as the same. Pure."""

from __future__ import annotations

import contextlib
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

import unicodedata2

from gateway.policy import names
from gateway.policy.scripts import are_mixed
from gateway.policy.unicode_tables import FOLDS, IGNORABLE, PROTOTYPES, normalize
from gateway.wire import CommandError

if TYPE_CHECKING:
    from precis_i18n.profile import Profile

MIN_CHARS: Final = 2
MAX_CHARS: Final = 32
MOST_READ: Final = 4 * MAX_CHARS
"""Characters that are normalised: an allowed one may be written as several, such as marks."""
_REMEMBERED: Final = 4096
"""Nicknames that are not folded again, at most; each has at most `MOST_READ` characters."""
_ASCII_ALLOWED: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-[]\\^{}|."
)


def check(nick: str, *, allow_unicode: bool) -> str:
    r"""Return a nickname, normalised, if it is allowed.

    In ASCII: letters, digits and ``_ - [ ] \ ^ { } | .``. With ``allow_unicode`` also what the
    PRECIS profile UsernameCasePreserved (RFC 8265) takes, which maps fullwidth forms to ASCII,
    without invisible characters, stray marks, and scripts that should not be mixed.

    :raises CommandError: ``bad_nick``, with the rule that it breaks.
    """
    if len(nick) > MOST_READ:
        raise _wrong_length()
    if not nick.isascii():
        if not allow_unicode:
            wrong = next(c for c in nick if not c.isascii())
            raise _bad(f"may have ASCII letters only here, not {_name(wrong)}")
        nick = _check_unicode(nick)
    if not MIN_CHARS <= len(nick) <= MAX_CHARS:
        raise _wrong_length()
    for c in nick:
        if c.isascii() and c not in _ASCII_ALLOWED:
            raise _bad(f"may not have {_name(c)}")
    return nick


def _check_unicode(nick: str) -> str:
    wrong = next((c for c in nick if c in IGNORABLE), None) or names.unfit_character(nick)
    if wrong is not None:
        raise _bad(f"may not have {_name(wrong)}")
    nick = _enforce_precis(nick)
    if (mark := names.stray_mark(nick)) is not None:
        raise _bad(f"has marks only on letters that take them, not {_name(mark)} here")
    if are_mixed(nick):
        raise _bad("may not mix these scripts")
    seen = names.look(nick).translate(_SAME_IN_ASCII)
    if not nick.isascii() and seen.isascii() and seen != fold(nick):
        raise _bad(f"may not look like {seen}, in capitals of another script")
    return nick


def fold(nick: str) -> str:
    """Return the key under which a nickname is owned: equal for names that look the same.

    - Case, width and normal form make no difference (`names.fold`).
    - Characters that UTS #39 lists as confusable are one: ``O`` and ``0``, ``rn`` and ``m``,
      Cyrillic and Latin ``a``. So are ``I``, ``l``, ``1`` and ``|``, and with ``I`` also ``i``.
    - A letter of another script counts as the ASCII letter or digit that it looks like, as a small
      letter or else as a capital.

    ``nick`` need not be allowed. Idempotent.
    """
    return _fold(nick) if len(nick) <= MOST_READ else nick


@lru_cache(_REMEMBERED)
def _fold(nick: str) -> str:
    while True:
        seen = normalize("NFD", names.fold(nick)).translate(_looks())
        seen = normalize("NFC", seen)
        if seen == nick:
            return nick
        nick = seen


_SAME_IN_ASCII: Final = {ord("i"): "l"}


@cache
def _looks() -> dict[int, str]:
    """Return what each casefolded character looks like, for `str.translate`."""
    looks = dict(PROTOTYPES)
    for capital, small in FOLDS.items():
        seen = PROTOTYPES.get(capital, "").translate(FOLDS)
        if not seen.isascii() or not seen.isalnum() or len(small) > 1:
            continue
        if not looks.get(ord(small), small).isascii():
            looks[ord(small)] = seen
    return {c: seen.translate(_SAME_IN_ASCII) for c, seen in looks.items()} | _SAME_IN_ASCII


def variants(nick: str) -> list[str]:
    """Return similar nicknames that are allowed, the best suggestion first."""
    found = {fold(nick): nick}
    for end in ("_", "2", "3", "_2", "-3", "42", "_77"):
        variant = nick[: MAX_CHARS - len(end)] + end
        with contextlib.suppress(CommandError):  # at the end of a name other rules may apply
            found.setdefault(fold(check(variant, allow_unicode=True)), variant)
    return list(found.values())[1:]


def _bad(what: str) -> CommandError:
    return CommandError("bad_nick", f"A nickname {what}.")


def _wrong_length() -> CommandError:
    return _bad(f"has {MIN_CHARS} to {MAX_CHARS} characters")


def _name(c: str) -> str:
    if c == " ":
        return "a space"
    if c in IGNORABLE or unicodedata2.category(c)[0] in "CZM":
        return f"the character U+{ord(c):04X}"
    return f"'{c}'"


def _enforce_precis(nick: str) -> str:
    try:
        return _precis().enforce(nick)
    except UnicodeEncodeError as error:
        wrong = nick[error.start : error.start + 1]
        why = error.reason.partition("/")[2].replace("_", " ") or "not allowed"
        raise _bad(f"may not have {_name(wrong)} ({why})") from None


@cache
def _precis() -> Profile:
    import precis_i18n  # noqa: PLC0415 - its tables take 20 ms that most nodes never need

    return precis_i18n.get_profile("UsernameCasePreserved", unicodedata=unicodedata2)
