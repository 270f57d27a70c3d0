"""A colour bar with title, unit, limits and the transparent part under the threshold."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.look.fonts import bold, small, tabular
from app.look.numbers import digits_for, format_number, format_signed
from app.look.theme import Theme
from core.figures.colour_key import ColourKey
from core.surfaces.colormap import Colormap

BAR_WIDTH, BAR_HEIGHT = 208, 10
WIDTH, HEIGHT = 236, 46
RADIUS = 3.0


class ColourBar(QWidget):
    """Shows one reading, or nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reading: ColourKey | None = None
        self._theme: Theme | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Room for the bar, its caption and its numbers."""
        return QSize(WIDTH, HEIGHT)

    def reading(self) -> ColourKey | None:
        """What is shown."""
        return self._reading

    def show_reading(self, reading: ColourKey | None) -> None:
        """Show a reading; None shows nothing."""
        self._reading = reading
        self.setAccessibleName("" if reading is None else f"Colour bar: {reading.caption()}")
        self.setToolTip("" if reading is None else _explain(reading))
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the reading."""
        if self._reading is None or self._theme is None:
            return
        painter = QPainter(self)
        draw_colour_bar(painter, self._reading, area=QRectF(self.rect()), theme=self._theme)
        painter.end()


def find_ticks(key: ColourKey) -> tuple[tuple[float, str], ...]:
    """Places along the bar in [0, 1] and the numbers under them."""
    digits = min(2, digits_for(key.limit))
    if key.is_diverging:
        high, low = format_signed(key.limit, digits), format_signed(-key.limit, digits)
        return ((0.0, low), (0.5, "0"), (1.0, high))
    return ((0.0, "0"), (0.5, format_number(key.limit / 2, digits)), (1.0, format_number(key.limit, digits)))


def draw_colour_bar(painter: QPainter, reading: ColourKey, *, area: QRectF, theme: Theme) -> None:
    """Draw a colour bar into an area; used for the window and for pictures."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    base = painter.font()
    left = area.center().x() - BAR_WIDTH / 2
    bar = QRectF(left, area.top() + 18, BAR_WIDTH, BAR_HEIGHT)
    painter.setFont(bold(small(base)))
    painter.setPen(QColor(theme.text))
    caption = QFontMetricsF(painter.font()).elidedText(reading.caption(), Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(QRectF(area.left(), area.top(), area.width(), 15), Qt.AlignmentFlag.AlignCenter, caption)
    _draw_gradient(painter, reading, bar=bar, theme=theme)
    painter.setFont(tabular(small(base)))
    painter.setPen(QColor(theme.muted))
    for place, text in find_ticks(reading):
        _draw_number(painter, text, at=QPointF(bar.left() + place * bar.width(), bar.bottom()), area=area)
    painter.setFont(base)


def colormap_image(colormap: Colormap) -> QImage:
    """The colours of a map as one row of pixels."""
    rgba = np.full((1, len(colormap.table), 4), 255, dtype=np.uint8)
    rgba[0, :, :3] = colormap.table
    return QImage(rgba.tobytes(), rgba.shape[1], 1, 4 * rgba.shape[1], QImage.Format.Format_RGBA8888).copy()


def _draw_gradient(painter: QPainter, reading: ColourKey, *, bar: QRectF, theme: Theme) -> None:
    shape = QPainterPath()
    shape.addRoundedRect(bar, RADIUS, RADIUS)
    painter.save()
    painter.setClipPath(shape)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(bar, colormap_image(reading.colormap))
    low, high = reading.hidden_span()
    hidden = QRectF(bar.left() + low * bar.width(), bar.top(), (high - low) * bar.width(), bar.height())
    painter.fillRect(hidden, QColor(theme.raised))
    painter.restore()
    painter.setPen(QPen(QColor(theme.line_strong), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(shape)


def _draw_number(painter: QPainter, text: str, *, at: QPointF, area: QRectF) -> None:
    width = QFontMetricsF(painter.font()).horizontalAdvance(text)
    left = min(max(at.x() - width / 2, area.left()), area.right() - width)
    painter.drawText(QRectF(left, at.y() + 2, width + 1, 14), Qt.AlignmentFlag.AlignCenter, text)


def _explain(reading: ColourKey) -> str:
    beyond = "Values beyond the limits take the colour of the end."
    if reading.threshold <= 0:
        return beyond
    return f"{beyond} Values under {reading.threshold:.3g} are transparent."
