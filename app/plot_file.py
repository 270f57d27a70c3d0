"""One plot of an answer as a picture file, with a line that says what it shows. Never redraws the plot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMarginsF, QPoint, QRect, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QPageLayout, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from core.checks import check_choice
from core.files import replace_file

SCALE = 3
"""Of a PNG: pixels for each pixel of the window."""
CAPTION_HEIGHT = 22
POINTS_PER_INCH = 72
FORMATS = ("svg", "pdf", "png")


def save_plot(widget: QWidget, caption: str, path: Path) -> str:
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
    replace_file(path, lambda partial: write(partial, _size_of(widget), lambda to: _paint(to, widget, caption)))
    return f"Saved {path}"


def _size_of(widget: QWidget) -> QSize:
    return widget.size() + QSize(0, CAPTION_HEIGHT)


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


def _paint(to: QPaintDevice, widget: QWidget, caption: str) -> None:
    """The plot, and below it the caption in the colours of the theme."""
    size, palette = _size_of(widget), widget.palette()
    painter = QPainter(to)
    painter.fillRect(QRect(QPoint(), size), palette.window())
    QWidget.render(widget, painter, QPoint())  # of the widget, not of the scene a plot would render
    line = QRect(8, widget.height(), size.width() - 16, CAPTION_HEIGHT)
    painter.setPen(palette.windowText().color())
    painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, caption)
    painter.end()
