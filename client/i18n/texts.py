"""Translation of the texts that people read: ``_("Come in")`` returns it in their language.

Texts are written in English where they are used, and are found there by any gettext extractor::

    xgettext --keyword=_ --keyword=N_ --keyword=ngettext:1,2 --from-code=UTF-8 client/**/*.py

What varies is filled in afterwards, ``_("{nick} joined").format(nick=nick)``, so that a
translation may put it elsewhere. A text in a table that is made at import is marked with `N_`, and
translated with `_` when it is displayed.
"""

from __future__ import annotations

import gettext
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

LOCALE: Final = Path(__file__).with_name("locale")
"""Holds ``<language>.po``."""


class _Language:
    translation = gettext.NullTranslations()


def speak(languages: Sequence[str] | None = None, folder: Path = LOCALE) -> None:
    """Choose the first of these languages that has a translation; default is the environment's.

    Texts without a translation stay English. Widgets keep the text that they were made with, so
    this is called before there is a window.
    """
    if languages is None:
        languages = list(_wanted(os.environ))
    paths = (folder / f"{language}.po" for language in languages)
    found = next(filter(Path.exists, paths), None)
    use(_read(found) if found else gettext.NullTranslations())


def use(translation: gettext.NullTranslations) -> None:
    """Translate all texts by this from now on."""
    _Language.translation = translation


def _read(path: Path) -> gettext.NullTranslations:
    """Return the translation in a ``.po`` file."""
    import polib  # noqa: PLC0415 - English needs none of it

    return gettext.GNUTranslations(io.BytesIO(polib.pofile(str(path)).to_binary()))


def _wanted(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the languages in the environment, as gettext reads it: ``de_AT``, then ``de``."""
    names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    asked = next(filter(None, map(environment.get, names)), "")
    for name in asked.split(":"):
        full = name.partition(".")[0].partition("@")[0]
        short = full.partition("_")[0]
        yield from dict.fromkeys((full, short))
        if short in {"en", "C", "POSIX"}:
            return  # as the texts are written


def _(text: str) -> str:
    """Return a text in the chosen language."""
    return _Language.translation.gettext(text)


def ngettext(one: str, several: str, number: int) -> str:
    """Return the text for a number of things in the chosen language."""
    return _Language.translation.ngettext(one, several, number)


def N_(text: str) -> str:  # noqa: N802 - it is called so wherever there is gettext
    """Return a text as it is, and mark it for translation later."""
    return text
