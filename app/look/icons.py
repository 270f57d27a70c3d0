"""Draws the program's own SVG icons in any colour."""

from __future__ import annotations

import atexit
import tempfile
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from core.paths import resources_folder

ICON_SIDE = 20
SCALES = (1, 2)


def icon_file(name: str) -> Path:
    """The SVG of one icon, drawn in `currentColor`."""
    return resources_folder() / "icons" / f"{name}.svg"


@lru_cache(maxsize=256)
def load_icon(name: str, colour: str, disabled: str = "") -> QIcon:
    """The icon in one colour ("#rrggbb"), with a second one for its disabled state."""
    icon = QIcon()
    for scale in SCALES:
        icon.addPixmap(_draw(name, colour, scale), QIcon.Mode.Normal)
        if disabled:
            icon.addPixmap(_draw(name, disabled, scale), QIcon.Mode.Disabled)
    return icon


@lru_cache(maxsize=1)
def application_icon() -> QIcon:
    """The program's own mark."""
    return QIcon(str(icon_file("probescope")))


def coloured_svg(name: str, colour: str) -> bytes:
    """The SVG text of an icon with its colour filled in."""
    return icon_file(name).read_bytes().replace(b"currentColor", colour.encode())


@lru_cache(maxsize=16)
def glyph_file(name: str, colour: str) -> str:
    """A coloured copy of an icon as a file, since style sheets take images only from files; "/" in its path."""
    path = _private_folder() / f"{name}-{colour.lstrip('#')}.svg"
    path.write_bytes(coloured_svg(name, colour))
    return path.as_posix()


@lru_cache(maxsize=1)
def _private_folder() -> Path:
    """A new folder that only this user can write, for as long as the program runs."""
    folder = tempfile.TemporaryDirectory(prefix="probescope-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _draw(name: str, colour: str, scale: int) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(coloured_svg(name, colour)))
    pixmap = QPixmap(QSize(ICON_SIDE * scale, ICON_SIDE * scale))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, pixmap.width(), pixmap.height()))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return pixmap
