"""The language of the text for people: ``_("Come in")`` gives it in theirs.

Texts are written in English where they are used, and are found there by any gettext extractor::

    xgettext --keyword=_ --keyword=N_ --keyword=ngettext:1,2 --from-code=UTF-8 client/**/*.py

What varies is filled in afterwards, ``_("{nick} joined").format(nick=nick)``, so that a
translation may put it elsewhere. A text in a table that is made at import is marked with `N_`, and
translated with `_` when it is shown.
"""

from __future__ import annotations

import gettext
from collections.abc import Sequence
from pathlib import Path
from typing import Final

DOMAIN: Final = "chat-client"
LOCALE: Final = Path(__file__).with_name("locale")
"""Holds ``<language>/LC_MESSAGES/chat-client.mo``; it may be missing."""


class _Language:
    translation = gettext.NullTranslations()


def speak(languages: Sequence[str] | None = None, folder: Path = LOCALE) -> None:
    """Choose the first of these languages that there is; those of the environment, if not given.

    Texts are English where no translation has them. Widgets keep the text that they were made
    with, so this comes before the window.
    """
    _Language.translation = gettext.translation(DOMAIN, folder, languages, fallback=True)


def _(text: str) -> str:
    """Give a text in the chosen language."""
    return _Language.translation.gettext(text)


def ngettext(one: str, several: str, number: int) -> str:
    """Give the text for this number of things in the chosen language."""
    return _Language.translation.ngettext(one, several, number)


def N_(text: str) -> str:  # noqa: N802 - it is called so wherever there is gettext
    """Mark a text that is translated later."""
    return text
