"""Writes pictures and probes of the window to a file, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from core.errors import StorageError
from core.files import replace_file
from core.types import ByteArray

if TYPE_CHECKING:
    from core.engine import Engine
    from core.probes.probe import Probe


def export_stimuli(engine: Engine, probe: Probe, *, image: str, folder: Path) -> str:
    """Export a probe's images with their manifest, read back and scored again. Returns a message for the user."""
    from core.stimuli.make import open_item
    from core.stimuli.recipe import recipe_of
    from core.stimuli.write import export_item

    report = export_item(open_item(engine, recipe_of(probe, image or probe.stimulus_id), probe), folder)
    return f"Exported {len(report.files)} files to {report.folder}"


def write_probe(probe: Probe, path: Path) -> str:
    """Save a file that reproduces the probe. Returns a message for the user."""
    from core.probes.files import save_probe

    save_probe(probe, path)
    return f"Saved the probe to {path}"


def save_window_picture(window: QWidget, path: Path) -> str:
    """Save the window as it looks. Raises StorageError if the file cannot be written."""
    return f"Saved the window to {save_image(window.grab().toImage(), path)}"


def to_qimage(pixels: ByteArray) -> QImage:
    """A QImage with its own copy of (height, width, 3 or 4) uint8 pixels; a fourth value is the opacity."""
    height, width, n_values = pixels.shape
    kind = QImage.Format.Format_RGB888 if n_values == 3 else QImage.Format.Format_RGBA8888
    return QImage(np.ascontiguousarray(pixels).data, width, height, n_values * width, kind).copy()


def save_image(image: QImage, path: Path) -> Path:
    """Write an image as PNG, whatever its name. Raises StorageError, and leaves an older file, if it cannot."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise StorageError(f"The picture for {path} could not be compressed. Make it smaller, or close other programs.")
    replace_file(path, lambda partial: partial.write_bytes(buffer.data().data()))
    return path
