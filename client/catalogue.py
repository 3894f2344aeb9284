"""Translations as translators write them: ``.po`` files of gettext, read without a step between."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_STRING: Final = re.compile(r'^(?:(msgid_plural|msgid|msgstr(?:\[\d+\])?)\s+)?(".*")$')
_PLURAL: Final = re.compile(r"plural=([^;\n]+)")

Entry = dict[str, str]
"""The parts of one text: its ``msgid`` and ``msgstr``, or ``msgid_plural`` and ``msgstr[0]`` ..."""


class Catalogue(gettext.NullTranslations):
    """The texts of one language; what it has not is as it was written."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.entries = list(_read(path.read_text("utf-8")))
        head = next((e["msgstr"] for e in self.entries if not e["msgid"]), "")
        found = _PLURAL.search(head)
        self._which: Callable[[int], int] = gettext.c2py(found[1] if found else "n != 1")
        self._texts = {e["msgid"]: e for e in self.entries if e["msgid"]}

    def gettext(self, message: str) -> str:
        """Give a text."""
        return self._texts.get(message, {}).get("msgstr") or message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Give the text for a number."""
        found = self._texts.get(msgid1, {}).get(f"msgstr[{self._which(n)}]")
        return found or super().ngettext(msgid1, msgid2, n)


def _read(text: str) -> Iterator[Entry]:
    """Read the texts of a ``.po`` file; what is marked as fuzzy is not ready to be used."""
    for block in re.split(r"\n\s*\n", text):
        entry: Entry = {}
        part = ""
        lines = [line for line in block.splitlines() if line]
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        for line in lines:
            if (found := _STRING.match(line)) is not None:
                part = found[1] or part
                entry[part] = entry.get(part, "") + str(ast.literal_eval(found[2]))
        if "msgid" in entry:
            yield entry
