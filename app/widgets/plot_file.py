"""One plot of an answer as a picture file, with a line that says what it shows. Never redraws the plot."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPaintDevice, QPainter
from PySide6.QtWidgets import QGraphicsView, QWidget

from app.base.pictures import save_drawing

SCALE = 3
"""Of a PNG: pixels for each pixel of the window."""
MARGIN = 8
MIDDLE_LIGHTNESS = 0.5


def save_plot(plot: QGraphicsView, caption: str, path: Path) -> str:
    """Write a plot as it looks, with a caption under it; the file's ending chooses the format. Returns what to say.

    Raises
    ------
    BadInputError
        If the ending is none of svg, pdf and png.
    StorageError
        If the file cannot be written.
    """
    line = _place(plot, caption)
    size = QSize(plot.width(), line.bottom() + MARGIN)
    save_drawing(lambda to: _paint(to, plot, caption, line=line), size, path, scale=SCALE, title=caption)
    return f"Saved {path}"


def _place(plot: QGraphicsView, caption: str) -> QRect:
    """Where the caption stands: under the plot, on as many lines as it takes."""
    room = QRect(MARGIN, plot.height() + MARGIN // 2, plot.width() - 2 * MARGIN, plot.height())
    return QFontMetrics(plot.font()).boundingRect(room, Qt.TextFlag.TextWordWrap, caption)


def _paint(to: QPaintDevice, plot: QGraphicsView, caption: str, *, line: QRect) -> None:
    """The plot, and below it the caption on the plot's own ground."""
    ground = plot.backgroundBrush().color()
    painter = QPainter(to)
    painter.fillRect(QRect(0, 0, plot.width(), line.bottom() + MARGIN), ground)
    QWidget.render(plot, painter, QPoint())  # of the widget, not of the scene a plot would render
    painter.setFont(plot.font())
    painter.setPen(Qt.GlobalColor.white if ground.lightnessF() < MIDDLE_LIGHTNESS else Qt.GlobalColor.black)
    painter.drawText(line, Qt.TextFlag.TextWordWrap, caption)
    painter.end()
