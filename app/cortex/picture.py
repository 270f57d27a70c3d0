"""Draws the cortex as a picture at any scale, with its names and colour bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyvista as pv
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkWindowToImageFilter

from app.cortex.colour_bar import HEIGHT, WIDTH, draw_colour_bar
from app.cortex.overlay import draw_annotations
from app.look.theme import theme_in_use
from core.checks import check_count
from core.figures.colour_key import ColourKey
from core.types import ByteArray

if TYPE_CHECKING:
    from app.cortex.canvas import CortexCanvas

OVERSAMPLING = 2
"""Drawn this much larger and averaged down: smooths lines too, which multisampling on a processor does not."""

EDGE = 12
"""Pixels from the colour bar to the edge of the picture."""


def draw_picture(canvas: CortexCanvas, reading: ColourKey | None, *, scale: int, transparent: bool = False) -> QImage:
    """The cortex with its names and colour bar at `scale` times the size on screen."""
    check_count("scale", scale)
    theme = theme_in_use()
    width, height = canvas.plotter.width(), canvas.plotter.height()
    strip = 0 if reading is None else HEIGHT + EDGE
    image = QImage(width * scale, (height + strip) * scale, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent if transparent else QColor(theme.window))
    whole = (width * scale, height * scale)
    large = render_scene(canvas, (whole[0] * OVERSAMPLING, whole[1] * OVERSAMPLING), transparent=transparent)
    image.setDevicePixelRatio(scale)
    painter = QPainter(image)
    painter.setFont(canvas.overlay.font())
    painter.drawImage(QRectF(0, 0, width, height), shrink(large, whole))
    draw_annotations(painter, canvas.annotations(), theme=theme, font=canvas.overlay.font())
    if reading is not None:
        draw_colour_bar(painter, reading, area=QRectF(width - WIDTH - EDGE, height, WIDTH, HEIGHT), theme=theme)
    painter.end()
    return image


def render_scene(canvas: CortexCanvas, size: tuple[int, int], *, transparent: bool) -> ByteArray:
    """The scene without anything written, (height, width, 4) uint8, drawn off screen."""
    plotter = open_off_screen(size)
    try:
        _copy_scene(canvas.scene.renderer, plotter.renderer, ratio=size[1] / max(1, canvas.plotter.height()))
        if transparent:
            plotter.renderer.GradientBackgroundOff()
        return grab(plotter.renderer, transparent=transparent)
    finally:
        plotter.close()


def open_off_screen(size: tuple[int, int]) -> pv.Plotter:
    """A renderer of its own that needs no display; close it."""
    plotter = pv.Plotter(off_screen=True, window_size=list(size), lighting="none")
    window = plotter.renderer.GetRenderWindow()
    window.SetMultiSamples(0)
    window.SetAlphaBitPlanes(1)  # else nothing can be see-through
    plotter.camera_set = True  # else pyvista looks from its own direction at the first frame
    return plotter


def grab(renderer: Any, *, transparent: bool) -> ByteArray:
    """Render once and take what was drawn, (height, width, 4) uint8; pyvista's screenshot would render twice."""
    renderer.SetBackgroundAlpha(0.0 if transparent else 1.0)
    window = renderer.GetRenderWindow()
    window.Render()
    grabber = vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.SetInputBufferTypeToRGBA()
    grabber.ReadFrontBufferOff()
    grabber.ShouldRerenderOff()
    grabber.Update()
    image = grabber.GetOutput()
    width, height, _ = image.GetDimensions()
    to_numpy: Callable[[Any], Any] = vtk_to_numpy
    pixels = to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 4)
    return np.asarray(pixels[::-1], dtype=np.uint8)  # VTK's first row is the lowest


def shrink(pixels: ByteArray, size: tuple[int, int]) -> QImage:
    """A picture (height, width, 4) averaged down to (width, height)."""
    height, width, _ = pixels.shape
    packed = np.ascontiguousarray(pixels)
    image = QImage(packed.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    # Averaging needs premultiplied alpha, or see-through black bleeds into the edges.
    image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    return image.scaled(*size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


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
