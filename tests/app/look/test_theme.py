from __future__ import annotations

from dataclasses import fields

import pytest
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.look.theme import DARK, LIGHT, Theme, interface_font, make_palette, make_style_sheet

READABLE = 4.5
"""Least contrast of text (WCAG AA)."""


def luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue, _ = QColor(colour).getRgbF()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_text_can_be_read(theme: Theme) -> None:
    pairs = [(theme.text, ground) for ground in (theme.panel, theme.field, theme.raised)] + [(theme.muted, theme.panel)]
    pairs += [(theme.on_accent, theme.accent), (theme.text, theme.danger_soft), (theme.warning, theme.warning_soft)]
    for ink, ground in pairs:
        assert contrast(ink, ground) >= READABLE, (ink, ground)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_every_colour_is_one_and_the_sheet_leaves_no_name_open(theme: Theme, qtbot: QtBot) -> None:
    for field in fields(theme):
        value = getattr(theme, field.name)
        assert not isinstance(value, str) or field.name == "name" or QColor(value).isValid()
    assert "$" not in make_style_sheet(theme)
    assert make_palette(theme).window().color().name() == theme.panel


def test_the_bundled_font_is_first(qtbot: QtBot) -> None:
    assert interface_font().families()[0] == "Inter"
