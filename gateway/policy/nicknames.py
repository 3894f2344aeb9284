"""Which nicknames are allowed, and which of them count as the same. Pure."""

from __future__ import annotations

import contextlib
import functools
import unicodedata
from typing import Final

from gateway.wire import CommandError

MIN_CHARS: Final = 2
MAX_CHARS: Final = 32
_ASCII_ALLOWED: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-[]\\^{}|."
)


def check(nick: str, *, allow_unicode: bool) -> str:
    r"""Return a nickname, normalised, if it is allowed.

    In ASCII: letters, digits and ``_ - [ ] \ ^ { } | .``. With ``allow_unicode`` also what the
    PRECIS profile UsernameCasePreserved (RFC 8265) takes, which maps fullwidth forms to ASCII.

    :raises CommandError: ``bad_nick``, with the rule that it breaks.
    """
    if not nick.isascii():
        if not allow_unicode:
            wrong = next(c for c in nick if not c.isascii())
            raise _bad(f"may have ASCII letters only here, not {_name(wrong)}")
        nick = _enforce_precis(nick)
    if not MIN_CHARS <= len(nick) <= MAX_CHARS:
        raise _bad(f"has {MIN_CHARS} to {MAX_CHARS} characters")
    for c in nick:
        if c.isascii() and c not in _ASCII_ALLOWED:
            raise _bad(f"may not have {_name(c)}")
    return nick


def fold(nick: str) -> str:
    """Return the key under which a nickname is owned: equal for names that look the same.

    - Compatibility forms (NFKC: fullwidth, ligatures) and case are folded.
    - A letter of another script that UTS #39 lists as confusable with an ASCII letter or digit, in
      small or capital form, counts as that.
    - ASCII characters are not confused with one another: ``Bob1`` is not ``Bobl``.
    """
    if nick.isascii():
        return nick.casefold()
    # Decomposed, so that a letter with an accent is recognised by its base.
    folded = _decompose(_decompose(nick).casefold())
    twins = "".join(c if c.isascii() else _ascii_look_alike(c) for c in folded)
    return unicodedata.normalize("NFKC", twins)


def variants(nick: str) -> list[str]:
    """Return similar nicknames that are allowed, the best suggestion first."""
    found = {fold(nick): nick}
    for end in ("_", "2", "3", "_2", "-3", "42", "_77"):
        variant = nick[: MAX_CHARS - len(end)] + end
        with contextlib.suppress(CommandError):  # at the end of a name other rules may apply
            found.setdefault(fold(check(variant, allow_unicode=True)), variant)
    return list(found.values())[1:]


def _decompose(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


def _bad(what: str) -> CommandError:
    return CommandError("bad_nick", f"A nickname {what}.")


def _name(c: str) -> str:
    if c == " ":
        return "a space"
    if not c.isprintable():
        return f"the character U+{ord(c):04X}"
    return f"'{c}'"


def _enforce_precis(nick: str) -> str:
    import precis_i18n  # noqa: PLC0415 - its tables take 20 ms that most nodes never need

    try:
        return precis_i18n.get_profile("UsernameCasePreserved").enforce(nick)
    except UnicodeEncodeError as error:
        wrong = nick[error.start : error.start + 1]
        why = error.reason.partition("/")[2].replace("_", " ") or "not allowed"
        raise _bad(f"may not have {_name(wrong)} ({why})") from None


@functools.cache
def _ascii_look_alike(c: str) -> str:
    """Return the ASCII letter or digit, in lower case, that a casefolded character looks like."""
    from confusable_homoglyphs import confusables  # noqa: PLC0415 - 40 ms, as above

    for form in (c, c.upper()):
        for entry in confusables.confusables_data.get(form, ()):
            twin: str = entry["c"]
            if len(twin) == 1 and twin.isascii() and twin.isalnum():
                return twin.lower()
    return c
