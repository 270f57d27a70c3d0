"""One plot of an answer as a picture file, with a line that says what it shows. Never redraws the plot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMarginsF, QPoint, QRect, QSize, QSizeF, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPageLayout, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsView, QWidget

from core.checks import check_choice
from core.files import replace_file

SCALE = 3
"""Of a PNG: pixels for each pixel of the window."""
MARGIN = 8
MIDDLE_LIGHTNESS = 0.5
POINTS_PER_INCH = 72
FORMATS = ("svg", "pdf", "png")


def save_plot(plot: QGraphicsView, caption: str, path: Path) -> str:
    """Write a plot as it looks, with a caption under it; the file's ending chooses the format. Returns what to say.

    Raises
    ------
    BadInputError
        If the ending is none of svg, pdf and png.
    StorageError
        If the file cannot be written.
    """
    kind = check_choice("format", path.suffix.lstrip(".").lower(), FORMATS)
    write = {"svg": _write_svg, "pdf": _write_pdf, "png": _write_png}[kind]
    line = _place(plot, caption)
    size = QSize(plot.width(), line.bottom() + MARGIN)
    replace_file(path, lambda partial: write(partial, size, lambda to: _paint(to, plot, caption, line=line)))
    return f"Saved {path}"


def _place(plot: QGraphicsView, caption: str) -> QRect:
    """Where the caption stands: under the plot, on as many lines as it takes."""
    room = QRect(MARGIN, plot.height() + MARGIN // 2, plot.width() - 2 * MARGIN, plot.height())
    return QFontMetrics(plot.font()).boundingRect(room, Qt.TextFlag.TextWordWrap, caption)


def _write_svg(path: Path, size: QSize, paint: Callable[[QPaintDevice], None]) -> None:
    to = QSvgGenerator()
    to.setFileName(str(path))
    to.setSize(size)
    to.setViewBox(QRect(QPoint(), size))
    paint(to)


def _write_pdf(path: Path, size: QSize, paint: Callable[[QPaintDevice], None]) -> None:
    to = QPdfWriter(str(path))
    to.setResolution(POINTS_PER_INCH)
    page = QPageSize(QSizeF(size), QPageSize.Unit.Point)
    to.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, QMarginsF()))
    paint(to)


def _write_png(path: Path, size: QSize, paint: Callable[[QPaintDevice], None]) -> None:
    to = QImage(size * SCALE, QImage.Format.Format_RGB32)
    to.setDevicePixelRatio(SCALE)
    paint(to)
    to.save(str(path), "PNG")  # type: ignore[call-overload]


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
