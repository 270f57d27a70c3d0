"""The picture shown while the window's libraries load."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPixmap
from PySide6.QtWidgets import QSplashScreen

from app.look.icons import application_icon
from app.look.theme import Theme, interface_font

WIDTH, HEIGHT = 420, 220
MARK_SIDE = 64
PIXEL_RATIO = 2


def make_splash(theme: Theme) -> QSplashScreen:
    """The program's mark and name on the theme's panel colour."""
    picture = QPixmap(WIDTH * PIXEL_RATIO, HEIGHT * PIXEL_RATIO)
    picture.setDevicePixelRatio(PIXEL_RATIO)
    picture.fill(QColor(theme.panel))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    left = round((WIDTH - MARK_SIDE) / 2)
    painter.drawPixmap(left, 44, application_icon().pixmap(MARK_SIDE, MARK_SIDE))
    _write(painter, "Probescope", theme.text, y=122, points=17)
    _write(painter, "Loading the cortex…", theme.muted, y=162, points=9.5)
    painter.end()
    return QSplashScreen(picture, Qt.WindowType.FramelessWindowHint)


def _write(painter: QPainter, text: str, colour: str, *, y: float, points: float) -> None:
    font = QFont(interface_font())
    font.setPointSizeF(points)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.drawText(QRectF(0, y, WIDTH, 34), Qt.AlignmentFlag.AlignCenter, text)
