"""Variants of the interface's font for painted widgets."""

from __future__ import annotations

from PySide6.QtGui import QFont

SMALLER = 0.9


def bold(font: QFont) -> QFont:
    """The same font in semi-bold."""
    heavy = QFont(font)
    heavy.setWeight(QFont.Weight.DemiBold)
    return heavy


def small(font: QFont) -> QFont:
    """The same font a little smaller."""
    less = QFont(font)
    if font.pointSizeF() > 0:
        less.setPointSizeF(font.pointSizeF() * SMALLER)
    else:
        less.setPixelSize(round(font.pixelSize() * SMALLER))
    return less
