"""Draws the cortex as a picture at any scale, with its names and colour bar. Never touches what the window shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyvista as pv
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from app.cortex.colour_bar import HEIGHT, WIDTH, ColourBarReading, draw_colour_bar
from app.cortex.overlay import draw_annotations
from app.look.theme import Theme
from core.checks import check_count
from core.types import ByteArray

if TYPE_CHECKING:
    from app.cortex.canvas import CortexCanvas

OVERSAMPLING = 2
"""Drawn this much larger and averaged down: smooths lines too, which multisampling on a processor does not."""

EDGE = 12
"""Pixels from the colour bar to the edge of the picture."""


def draw_picture(
    canvas: CortexCanvas, reading: ColourBarReading | None, *, theme: Theme, scale: int, transparent: bool = False
) -> QImage:
    """The cortex with its names and colour bar at `scale` times the size on screen."""
    check_count("scale", scale)
    width, height = canvas.plotter.width(), canvas.plotter.height()
    strip = 0 if reading is None else HEIGHT + EDGE
    image = QImage(width * scale, (height + strip) * scale, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent if transparent else QColor(theme.window))
    scene = _render_smooth(canvas, (width * scale, height * scale), transparent=transparent)
    image.setDevicePixelRatio(scale)
    painter = QPainter(image)
    painter.setFont(canvas.overlay.font())
    painter.drawImage(QRectF(0, 0, width, height), scene)
    draw_annotations(painter, canvas.annotations(), theme=theme, font=canvas.overlay.font())
    if reading is not None:
        draw_colour_bar(painter, reading, area=QRectF(width - WIDTH - EDGE, height, WIDTH, HEIGHT), theme=theme)
    painter.end()
    return image


def render_scene(canvas: CortexCanvas, size: tuple[int, int], *, transparent: bool) -> ByteArray:
    """The scene without anything written, (height, width, 4) uint8, drawn off screen."""
    plotter = pv.Plotter(off_screen=True, window_size=list(size), lighting="none")
    try:
        plotter.renderer.GetRenderWindow().SetMultiSamples(0)
        plotter.camera_set = True  # else pyvista looks from its own direction at the first frame
        _copy_scene(canvas.scene.renderer, plotter.renderer, ratio=size[1] / max(1, canvas.plotter.height()))
        if transparent:
            plotter.renderer.GradientBackgroundOff()
        pixels = plotter.screenshot(None, transparent_background=transparent, return_img=True)
    finally:
        plotter.close()
    return with_alpha(np.asarray(pixels, dtype=np.uint8))


def _render_smooth(canvas: CortexCanvas, size: tuple[int, int], *, transparent: bool) -> QImage:
    width, height = size
    large = render_scene(canvas, (width * OVERSAMPLING, height * OVERSAMPLING), transparent=transparent)
    # Averaging needs premultiplied alpha, or see-through black bleeds into the edges.
    image = _as_image(large).convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    ratio, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image.scaled(width, height, ratio, smooth)


def with_alpha(pixels: ByteArray) -> ByteArray:
    """RGB (h, w, 3) made opaque RGBA; RGBA as it is."""
    if pixels.shape[2] == 4:
        return pixels
    return np.dstack([pixels, np.full(pixels.shape[:2], 255, dtype=np.uint8)])


def _copy_scene(source: Any, target: Any, *, ratio: float) -> None:
    target.SetGradientBackground(source.GetGradientBackground())
    target.SetBackground(source.GetBackground())
    target.SetBackground2(source.GetBackground2())
    for light in source.GetLights():
        target.AddLight(light)
    for actor in source.GetActors():
        if actor.GetVisibility():
            target.AddActor(_copy_actor(actor, ratio))
    target.GetActiveCamera().DeepCopy(source.GetActiveCamera())


def _copy_actor(actor: Any, ratio: float) -> vtkActor:
    """The same data in an actor of its own, since graphics resources belong to one window."""
    mapper = vtkPolyDataMapper()
    mapper.ShallowCopy(actor.GetMapper())
    copy = vtkActor()
    copy.ShallowCopy(actor)
    copy.SetMapper(mapper)
    look = copy.MakeProperty()
    look.DeepCopy(actor.GetProperty())
    look.SetLineWidth(actor.GetProperty().GetLineWidth() * ratio)
    copy.SetProperty(look)
    return copy


def _as_image(pixels: ByteArray) -> QImage:
    height, width, _ = pixels.shape
    return QImage(
        np.ascontiguousarray(pixels).tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888
    ).copy()
