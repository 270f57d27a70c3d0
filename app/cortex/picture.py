"""Draws the cortex as a picture at any scale, with its names and colour bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from app.cortex.colour_bar import HEIGHT, WIDTH, draw_colour_bar
from core.checks import check_count
from core.figures.colour_key import ColourKey

if TYPE_CHECKING:
    from app.cortex.canvas import CortexCanvas

EDGE = 12
"""Pixels from the colour bar to the edge of the picture."""


def prepare_picture(
    canvas: CortexCanvas, reading: ColourKey | None, *, scale: int, transparent: bool = False
) -> Callable[[], QImage]:
    """What draws the cortex as it is now, with its names and colour bar at `scale` times the size on screen.

    It waits for the drawing, and may be called in any thread.
    """
    check_count("scale", scale)
    theme, font, width, height = canvas.scene.theme, canvas.font(), canvas.width(), canvas.height()
    draw = canvas.order(ratio=scale, transparent=transparent)
    strip = 0 if reading is None else HEIGHT + EDGE

    def make() -> QImage:
        image = QImage(width * scale, (height + strip) * scale, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent if transparent else QColor(theme.window))
        image.setDevicePixelRatio(scale)
        cortex = draw().image
        painter = QPainter(image)
        painter.setFont(font)
        painter.drawImage(QRectF(0, 0, width, height), cortex)
        if reading is not None:
            draw_colour_bar(painter, reading, area=QRectF(width - WIDTH - EDGE, height, WIDTH, HEIGHT), theme=theme)
        painter.end()
        return image

    return make
