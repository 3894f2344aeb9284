"""Emoji by short name, such as ``:smile:``, and the completion of short names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from gateway.wire.text.code import ends_in_code
from gateway.wire.text.literal import LiteralParts

_ALIASES: Final = {
    "+1": "\U0001f44d", "thumbsup": "\U0001f44d", "like": "\U0001f44d", "-1": "\U0001f44e",
    "thumbsdown": "\U0001f44e", "ok_hand": "\U0001f44c", "ok": "\U0001f44c", "clap": "\U0001f44f",
    "wave": "\U0001f44b", "muscle": "\U0001f4aa", "pray": "\U0001f64f", "thanks": "\U0001f64f",
    "point_up": "\u261d", "point_right": "\U0001f449", "point_left": "\U0001f448",
    "point_down": "\U0001f447", "v": "\u270c", "crossed_fingers": "\U0001f91e",
    "raised_hands": "\U0001f64c", "handshake": "\U0001f91d", "smile": "\U0001f604",
    "smiley": "\U0001f603", "grin": "\U0001f601", "laughing": "\U0001f606", "joy": "\U0001f602",
    "rofl": "\U0001f923", "wink": "\U0001f609", "blush": "\U0001f60a", "slight_smile": "\U0001f642",
    "upside_down": "\U0001f643", "innocent": "\U0001f607", "heart_eyes": "\U0001f60d",
    "kiss": "\U0001f618", "yum": "\U0001f60b", "tongue": "\U0001f61b", "sunglasses": "\U0001f60e",
    "cool": "\U0001f60e", "thinking": "\U0001f914", "think": "\U0001f914",
    "neutral": "\U0001f610", "expressionless": "\U0001f611", "smirk": "\U0001f60f",
    "unamused": "\U0001f612", "rolling_eyes": "\U0001f644", "relieved": "\U0001f60c",
    "pensive": "\U0001f614", "sad": "\U0001f622", "cry": "\U0001f622", "sob": "\U0001f62d",
    "sleepy": "\U0001f62a", "sleeping": "\U0001f634", "zzz": "\U0001f4a4", "mask": "\U0001f637",
    "angry": "\U0001f620", "rage": "\U0001f621", "scream": "\U0001f631", "flushed": "\U0001f633",
    "confused": "\U0001f615", "worried": "\U0001f61f", "astonished": "\U0001f632",
    "open_mouth": "\U0001f62e", "sweat": "\U0001f613", "sweat_smile": "\U0001f605",
    "dizzy_face": "\U0001f635", "exploding_head": "\U0001f92f", "partying": "\U0001f973",
    "shrug": "\U0001f937", "facepalm": "\U0001f926", "nerd": "\U0001f913", "hug": "\U0001f917",
    "poop": "\U0001f4a9", "devil": "\U0001f608", "robot": "\U0001f916", "heart": "\u2764",
    "tada": "\U0001f389", "party": "\U0001f389", "gift": "\U0001f381", "cake": "\U0001f370",
    "coffee": "\u2615", "tea": "\U0001f375", "beer": "\U0001f37a", "beers": "\U0001f37b",
    "wine": "\U0001f377", "pizza": "\U0001f355", "100": "\U0001f4af", "boom": "\U0001f4a5",
    "star": "\u2b50", "zap": "\u26a1", "sun": "\u2600", "cloud": "\u2601", "rain": "\U0001f327",
    "snow": "\u2744", "eyes": "\U0001f440", "bulb": "\U0001f4a1", "idea": "\U0001f4a1",
    "memo": "\U0001f4dd", "check": "\u2705", "x": "\u274c", "no_entry": "\u26d4",
    "question": "\u2753", "exclamation": "\u2757", "lock": "\U0001f512", "unlock": "\U0001f513",
    "key": "\U0001f511", "mag": "\U0001f50d", "mail": "\u2709", "phone": "\u260e",
    "computer": "\U0001f4bb", "car": "\U0001f697", "bike": "\U0001f6b2", "train": "\U0001f686",
    "ship": "\U0001f6a2", "earth": "\U0001f30d", "dog": "\U0001f436", "cat": "\U0001f431",
    "see_no_evil": "\U0001f648", "hear_no_evil": "\U0001f649", "speak_no_evil": "\U0001f64a",
    "alien": "\U0001f47d", "hourglass": "\u231b", "recycle": "\u267b",
}  # fmt: skip
"""Short names for emoji whose Unicode names nobody would type."""

_BLOCKS: Final = (
    (0x1F600, 0x1F64F), (0x1F910, 0x1F92F), (0x1F400, 0x1F43F), (0x1F32D, 0x1F37F),
    (0x1F381, 0x1F3A9), (0x1F680, 0x1F6A6), (0x1F440, 0x1F4FC), (0x1F550, 0x1F567),
)  # fmt: skip
"""Ranges of code points: faces and gestures, animals, food, parties, vehicles, things, clocks."""
_SHORTCODE: Final = re.compile(r":([a-z0-9_+-]{1,64}):")
_LATIN: Final = "0-9A-Za-z_\u00aa\u00ba\u00c0-\u024f\u0300-\u036f\u1e00-\u1eff"
"""What words of the short names' script are made of; other scripts may touch a short name."""
_RUN: Final = re.compile(rf"(?::[a-z0-9_+-]{{1,64}}:|[:{_LATIN}])+")
"""Colons, words and what may be short names, with nothing in between."""
_BEGUN: Final = re.compile(rf"(?<![:{_LATIN}]):([a-z0-9_+-]{{2,64}})$")


def _named() -> Iterator[tuple[str, str]]:
    for first, last in _BLOCKS:
        for character in map(chr, range(first, last + 1)):
            name = unicodedata.name(character, "").lower().removesuffix(" symbol")
            if name:
                yield re.sub(r"[^a-z0-9]+", "_", name).removesuffix("_sign"), character


EMOJI: Final = dict(_named()) | _ALIASES
"""Every short name, without its colons, and its emoji."""
_NAMES: Final = (*_ALIASES, *sorted(EMOJI.keys() - _ALIASES.keys()))


def with_emoji(text: str) -> str:
    """Return a text with its short names replaced by emoji, except within words, code and links.

    Within a word is what has Latin letters or digits on either side, colons in between or not, as
    in ``std::key::mag`` and ``10:30``.
    """
    if ":" not in text:
        return text
    kept: list[str] = []
    end = 0
    literal: LiteralParts | None = None
    for run in _RUN.finditer(text):
        replaced = _replaced(run[0]) if ":" in run[0] else None
        if replaced is None:
            continue
        literal = literal or LiteralParts(text)
        if not literal.overlap(*run.span()):
            kept += (text[end : run.start()], replaced)
            end = run.end()
    return "".join(kept) + text[end:]


def _replaced(run: str) -> str | None:
    """Return a run with its short names replaced; None if any other word is in it."""
    pieces: list[str] = []
    place = 0
    while place < len(run):
        found = _SHORTCODE.match(run, place)
        emoji = EMOJI.get(found[1]) if found else None
        if found and emoji:
            pieces.append(emoji)
            place = found.end()
        elif run[place] == ":":
            pieces.append(":")
            place += 1
        else:
            return None
    return "".join(pieces)


def complete_emoji(typed: str, most: int = 8) -> list[tuple[str, str]]:
    """Return up to ``most`` short names and their emoji for the start of a name.

    Names that begin so come first, then names that contain it; the usual ones before others.
    """
    wanted = typed.removeprefix(":").casefold()
    beginning = [name for name in _NAMES if name.startswith(wanted)]
    within = [name for name in _NAMES if wanted in name and not name.startswith(wanted)]
    return [(name, EMOJI[name]) for name in (beginning + within)[:most]]


def typed_emoji(before: str) -> str | None:
    """Return the start of a short name at the end of a text, without its colon.

    None if there is none, if it is in code, or so short that just a colon is more likely.
    """
    found = _BEGUN.search(before)
    return found[1] if found and not ends_in_code(before) else None
