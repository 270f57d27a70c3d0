"""Draws texts and bars in the colours of the theme, for widgets that paint themselves."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter


def draw_text(
    painter: QPainter,
    box: QRect | QRectF,
    text: str,
    colour: str,
    *,
    bold: bool = False,
    scale: float = 1.0,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> None:
    """Write one line in the middle of a box, cut short where it does not fit, `scale` times as large as the font."""
    painter.save()
    font, room = QFont(painter.font()), QRectF(box)
    font.setPointSizeF(font.pointSizeF() * scale)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, align | Qt.AlignmentFlag.AlignVCenter, shown)
    painter.restore()


def draw_bar(painter: QPainter, box: QRectF, share: float, colour: str, ground: str) -> None:
    """A rounded bar, filled up to a share of it."""
    painter.setPen(Qt.PenStyle.NoPen)
    filled = QRectF(box)
    filled.setWidth(box.width() * min(1.0, share))
    for part, tone in ((box, ground), (filled, colour)):
        painter.setBrush(QColor(tone))
        painter.drawRoundedRect(part, box.height() / 2, box.height() / 2)
