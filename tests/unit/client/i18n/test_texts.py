"""All text for people can be translated, and is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from string import Formatter

import polib
import pytest

from client.i18n.days import in_words
from client.i18n.texts import LOCALE, _, ngettext, speak

CLIENT = Path(__file__).parents[4] / "client"
MARKS = {"_": 1, "N_": 1, "ngettext": 2}
TRANSLATIONS = sorted(LOCALE.glob("*.po"))


def marked(path: Path) -> Iterator[tuple[str, ...]]:
    """Every text in a file that is marked for translation, with its plural if it has one."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            arguments = node.args[: MARKS.get(node.func.id, 0)]
            if arguments and all(isinstance(a, ast.Constant) for a in arguments):
                yield tuple(ast.literal_eval(a) for a in arguments)


TEXTS = {texts for path in CLIENT.rglob("*.py") for texts in marked(path)}


def fields(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name}


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    speak([])


def test_no_text_is_marked_that_is_put_together_before() -> None:
    """Such a text is not found in any catalogue: fields are filled in afterwards."""
    for path in CLIENT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for argument in node.args[: MARKS.get(node.func.id, 0)]:
                    put_together = isinstance(argument, (ast.JoinedStr, ast.BinOp))
                    assert not put_together, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_has_all_texts_with_their_fields_and_no_others(path: Path) -> None:
    entries = [entry for entry in polib.pofile(str(path)) if not entry.obsolete]
    known = {entry.msgid: entry for entry in entries}
    assert len(known) == len(entries), "no text is there twice"
    assert known.keys() == {texts[0] for texts in TEXTS}
    for one, *several in TEXTS:
        entry = known[one]
        assert entry.translated(), f"{one!r} is not translated"
        assert entry.msgid_plural == (several[0] if several else "")
        for text in entry.msgstr_plural.values() if several else [entry.msgstr]:
            assert fields(text) <= fields(several[0] if several else one), one


def test_a_day_is_written_in_the_language_of_the_texts() -> None:
    days = [date(2026, 3, 4), date(2027, 12, 26)]
    assert list(map(in_words, days)) == ["Wednesday, 4 March 2026", "Sunday, 26 December 2027"]
    speak(["de"])
    assert list(map(in_words, days)) == ["Mittwoch, 4. März 2026", "Sonntag, 26. Dezember 2027"]


def test_the_language_is_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "de_AT.UTF-8")
    speak()
    assert _("Come in") == "Eintreten"
    assert ngettext("{count:,} member", "{count:,} members", 1) == "{count} Mitglied"
    assert ngettext("{count:,} member", "{count:,} members", 5) == "{count} Mitglieder"
    assert _("This was never translated.") == "This was never translated."
    monkeypatch.setenv("LANGUAGE", "tlh:en_GB:de")
    speak()
    assert _("Come in") == "Come in", "English comes before German here"
    monkeypatch.setenv("LANGUAGE", "")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    speak()
    assert _("Come in") == "Come in"


def test_a_translation_is_read_as_gettext_writes_it(tmp_path: Path) -> None:
    (tmp_path / "xx.po").write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Plural-Forms: nplurals=3; plural=n%10==1 ? 0 : n>4 ? 2 : 1;\\n"\n\n'
        'msgid "{n} cat"\nmsgid_plural "{n} cats"\n'
        'msgstr[0] "a"\nmsgstr[1] "b"\nmsgstr[2] "c"\n\n'
        '#, fuzzy\nmsgid "guessed"\nmsgstr "geraten"\n\n'
        'msgid "empty"\nmsgstr ""\n',
        "utf-8",
    )
    speak(["xx"], tmp_path)
    assert [ngettext("{n} cat", "{n} cats", n) for n in (1, 2, 5, 21)] == ["a", "b", "c", "a"]
    assert [_("guessed"), _("empty")] == ["guessed", "empty"], "what is not ready is not used"
    assert ngettext("dog", "dogs", 2) == "dogs"


def test_a_translation_is_what_the_package_has_in_it() -> None:
    assert TRANSLATIONS, "there is at least one"
    assert all(re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", path.stem) for path in TRANSLATIONS)
