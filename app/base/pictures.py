"""Writes every picture, plot and probe of the window to a file, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QPoint, QRect, QSize, QSizeF, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPageLayout, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsView, QWidget

from core.checks import check_choice
from core.datasets.subject import load_subject
from core.engine import Engine
from core.errors import StorageError
from core.files import replace_file
from core.images.stimulus import Stimulus
from core.probes.probe import Probe
from core.types import ByteArray


def export_stimuli(engine: Engine, probe: Probe, stimulus: Stimulus, *, image: str, folder: Path) -> str:
    """Export a probe's images with their manifest, read back and scored again. Returns a message for the user."""
    from core.stimuli.one_probe import export_probe

    config = probe.config
    rescore = partial(engine.rescore, config.subject, config.network, config.layer)
    card = engine.encoder_card(config.subject, config.network, config.layer)
    space = load_subject(config.subject).surface
    report = export_probe(probe, stimulus, folder, rescore=rescore, image=image, card=card, space=space)
    return f"Exported {len(report.files)} files to {report.folder}"


def write_probe(probe: Probe, path: Path) -> str:
    """Save a file that reproduces the probe. Returns a message for the user."""
    from core.probes.files import save_probe

    save_probe(probe, path)
    return f"Saved the probe to {path}"


def save_window_picture(window: QWidget, path: Path) -> str:
    """Save the window as it looks. Raises StorageError if the file cannot be written."""
    return f"Saved the window to {save_image(window.grab().toImage(), path)}"


FORMATS = ("svg", "pdf", "png")
POINTS_PER_INCH = 72
PLOT_SCALE = 3
"""Of a PNG of a plot: pixels for each pixel of the window."""
MARGIN = 8
MIDDLE_LIGHTNESS = 0.5


def to_qimage(pixels: ByteArray) -> QImage:
    """A QImage with its own copy of (height, width, 3 or 4) uint8 pixels; a fourth value is the opacity."""
    height, width, n_values = pixels.shape
    kind = QImage.Format.Format_RGB888 if n_values == 3 else QImage.Format.Format_RGBA8888
    return QImage(np.ascontiguousarray(pixels).data, width, height, n_values * width, kind).copy()


def save_image(image: QImage, path: Path) -> Path:
    """Write an image as PNG, whatever its name. Raises StorageError, and leaves an older file, if it cannot."""
    buffer = _open_buffer()
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise StorageError(f"The picture for {path} could not be compressed. Make it smaller, or close other programs.")
    return _write(buffer, path)


def save_drawing(paint: Callable[[QPaintDevice], None], size: QSize, path: Path, *, scale: int, title: str) -> Path:
    """Write what `paint` draws on `size` pixels; the file's ending chooses the format.

    Parameters
    ----------
    scale : int
        Of a PNG: pixels for each of `size`.
    title : str
        What an SVG is called.

    Raises
    ------
    BadInputError
        If the ending is none of svg, pdf and png.
    StorageError
        If the file cannot be written; an older one then stays.
    """
    kind = check_choice("format", path.suffix.lstrip(".").lower(), FORMATS)
    if kind == "png":
        image = QImage(size * scale, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(scale)
        paint(image)
        return save_image(image, path)
    buffer = _open_buffer()
    paint(_make_svg(buffer, size, title) if kind == "svg" else _make_pdf(buffer, size))
    return _write(buffer, path)


def save_plot(plot: QWidget, caption: str, path: Path, *, scale: int = PLOT_SCALE) -> str:
    """Write a plot, or a widget of several, as it looks with a caption under it, as `save_drawing` does.

    Returns a message for the user.
    """
    room = QRect(MARGIN, plot.height() + MARGIN // 2, plot.width() - 2 * MARGIN, plot.height())
    line = QFontMetrics(plot.font()).boundingRect(room, Qt.TextFlag.TextWordWrap, caption)
    size = QSize(plot.width(), line.bottom() + MARGIN)

    def paint(to: QPaintDevice) -> None:
        ground = (plot.backgroundBrush() if isinstance(plot, QGraphicsView) else plot.palette().window()).color()
        painter = QPainter(to)
        painter.fillRect(QRect(QPoint(), size), ground)
        QWidget.render(plot, painter, QPoint())  # of the widget, not of the scene a plot would render
        painter.setFont(plot.font())
        painter.setPen(Qt.GlobalColor.white if ground.lightnessF() < MIDDLE_LIGHTNESS else Qt.GlobalColor.black)
        painter.drawText(line, Qt.TextFlag.TextWordWrap, caption)
        painter.end()

    return f"Saved {save_drawing(paint, size, path, scale=scale, title=caption)}"


def _make_svg(buffer: QBuffer, size: QSize, title: str) -> QSvgGenerator:
    to = QSvgGenerator()
    to.setOutputDevice(buffer)
    to.setTitle(title)
    to.setSize(size)
    to.setViewBox(QRect(QPoint(), size))
    return to


def _make_pdf(buffer: QBuffer, size: QSize) -> QPdfWriter:
    to = QPdfWriter(buffer)
    to.setResolution(POINTS_PER_INCH)
    page = QPageSize(QSizeF(size), QPageSize.Unit.Point)
    to.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, QMarginsF()))
    return to


def _open_buffer() -> QBuffer:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer


def _write(buffer: QBuffer, path: Path) -> Path:
    replace_file(path, lambda partial: partial.write_bytes(buffer.data().data()))
    return path
