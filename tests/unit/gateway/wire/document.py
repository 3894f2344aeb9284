"""PROTOCOL.md as sections, tables and examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

GATEWAY: Final = Path(__file__).parents[4] / "gateway"
DOCUMENT: Final = (GATEWAY / "PROTOCOL.md").read_text("utf-8")

Row = dict[str, str]


class Section(NamedTuple):
    """What stands between one heading and the next; a chapter's own has its title twice."""

    chapter: str
    title: str
    body: str

    @property
    def tables(self) -> list[list[Row]]:
        """Each table as its rows, by the heads of the columns."""
        return [_rows(table) for table in re.findall(r"(?:^\|.*\n)+", self.body, re.MULTILINE)]

    @property
    def examples(self) -> list[str]:
        return re.findall(r"^```json\n(.*?)^```", self.body, re.DOTALL | re.MULTILINE)


def _rows(table: str) -> list[Row]:
    head, _, *rows = (
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        for line in table.splitlines()
    )
    return [dict(zip(head, row, strict=True)) for row in rows]


def _sections() -> Iterator[Section]:
    chapter = ""
    heading = re.compile(r"^(##|###) ([^\n]*)\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
    for level, title, body in heading.findall(DOCUMENT):
        chapter = title if level == "##" else chapter
        yield Section(chapter, title, body)


SECTIONS: Final = list(_sections())


def section(chapter: str, title: str | None = None) -> Section:
    """One section; without a title, what stands at the beginning of a chapter."""
    [found] = [s for s in SECTIONS if (s.chapter, s.title) == (chapter, title or chapter)]
    return found


def titles(chapter: str) -> list[str]:
    """The titles of a chapter's sections."""
    return [s.title for s in SECTIONS if s.chapter == chapter != s.title]


def column(head: str, table: list[Row]) -> list[str]:
    """One column of a table, without the marks around code."""
    return [row[head].strip("`") for row in table]


def anchors() -> set[str]:
    """What a link to each heading is called, as GitHub numbers those that repeat."""
    found: list[str] = []
    for title in re.findall(r"^#+ (.*)$", DOCUMENT, re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        again = sum(
            re.fullmatch(rf"{re.escape(name)}(-\d+)?", known) is not None for known in found
        )
        found.append(f"{name}-{again}" if again else name)
    return set(found)
