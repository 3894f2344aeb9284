"""Colours that can be read, by the measure of WCAG 2."""

from __future__ import annotations

import pytest

from client.desktop.theme import PALETTES, Palette, sender_tag


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_all_text_stands_out_from_its_background(palette: Palette) -> None:
    on_background = (
        palette.text, palette.quiet, palette.link, palette.good, palette.warning, palette.error,
        *palette.senders,
    )  # fmt: skip
    for colour in on_background:
        assert contrast(colour, palette.background) >= 4.5, colour
    assert contrast(palette.text, palette.surface) >= 4.5
    assert contrast(palette.text, palette.selection) >= 4.5


def test_both_themes_have_a_colour_for_everybody_and_it_stays() -> None:
    assert len({len(palette.senders) for palette in PALETTES.values()}) == 1
    assert sender_tag("Alice") == sender_tag("alice") == "sender-7"
