"""The three-dimensional part of the cortex view: scene, camera, picks, annotations.

Renders only when something changed: all requests of one turn of the event loop become one frame. Where the processor
draws, frames are plain while things move and one is smoothed when they rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QTimer, QVariantAnimation, Signal
from PySide6.QtGui import QOffscreenSurface, QOpenGLContext, QResizeEvent
from PySide6.QtWidgets import QWidget
from pyvistaqt import QtInteractor

from app.cortex.annotate import Annotator
from app.cortex.camera import CameraPose
from app.cortex.inputs import CortexInput
from app.cortex.layout import VIEWS, Geometry, Hemispheres, NamedView
from app.cortex.morph import MorphPath
from app.cortex.overlay import Annotations, CortexOverlay
from app.cortex.picking import Pick
from app.cortex.scene import CortexScene, to_rgb
from app.look.theme import Theme, follow_theme, theme_in_use
from app.widgets.basics import make_column
from core.types import ByteArray, FloatArray

SMOOTH_SAMPLES = 4
REST_MS = 160
GLIDE_MS = 240
MARGIN = 1.1
"""Room around what is shown."""

FOCUS_SCALE = 38.0
"""mm from the middle to the upper edge after focusing a voxel."""


class CortexCanvas(QWidget):
    """Shows a surface in given colours; `input` says what the mouse and the keys mean, `pick_at` what lies there."""

    posed = Signal(object)
    """The camera's new `CameraPose`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._software = is_software_gl()
        self.plotter = QtInteractor(self, auto_update=False, multi_samples=0 if self._software else SMOOTH_SAMPLES)
        self.plotter.setAcceptDrops(False)
        self._renderer: Any = self.plotter.renderer
        self.scene = CortexScene(self._renderer)
        self.scene.changed = self.redraw
        self.annotator = Annotator(self.scene)
        self.overlay = CortexOverlay(self.plotter)
        self.pose = CameraPose(0.0, 0.0)
        self._opened = False
        self._fold_angles = (0.0, 0.0)
        self._untouched = True
        self._moved = True
        self._ratio = 0.0
        self._closed = False
        self._hurried = False
        self._glides = not self._software
        self.input = CortexInput(self.plotter)
        self._make_timers()
        self._connect_input()
        self.setLayout(make_column(self.plotter))
        follow_theme(self.set_theme)

    def set_hurried(self, hurried: bool) -> None:
        """Leave the smoothed frame out while other work needs the processor; the next draw follows it."""
        self._hurried = hurried

    def set_gliding(self, gliding: bool) -> None:
        """Whether the camera glides where it goes; where the processor draws it never does."""
        self._glides = gliding and not self._software

    def arrange(self, geometry: Geometry, *, hemispheres: Hemispheres, view: NamedView) -> None:
        """Lay the hemispheres out and look at them from a named view, all in sight."""
        self.scene.arrange(geometry, hemispheres=hemispheres, view=view)
        self.input.flat = geometry == "flat"
        angles = VIEWS["flat" if geometry == "flat" else view]
        self._opened = geometry == "flat"
        folded = VIEWS["visual" if view == "flat" else view]
        self._fold_angles = (folded.azimuth, folded.elevation)
        self.pose = CameraPose(angles.azimuth, angles.elevation)
        self.fit()

    def morph(self, path: MorphPath, position: float) -> None:
        """Show a place on the way from folded to flat; the camera goes along when the cortex opens."""
        before, after, _ = path.segment(position)
        was_opened, self._opened = self._opened, "flat" in (before, after)
        if not was_opened:
            self._fold_angles = (self.pose.azimuth, self.pose.elevation)
        self.scene.show_morph(path, position)
        self.input.flat = before == "flat"
        if was_opened or self._opened or self._untouched:
            sides, aspect = self.scene.sides, self._aspect()
            self._take_pose(path.pose(position, sides, self._fold_angles, aspect=aspect, margin=MARGIN))

    def set_colours(self, rgba: Sequence[ByteArray]) -> None:
        """Colour the vertices of both sides."""
        self.scene.set_colours(rgba)
        self._redraw_soon()

    def fit(self) -> None:
        """Bring all that is shown into sight."""
        points = self.scene.shown_points()
        if len(points):
            self._untouched = True
            self._take_pose(self.pose.fitted(points, aspect=self._aspect(), margin=MARGIN))

    def focus(self, place: tuple[int, int]) -> None:
        """Glide to (side, vertex) and come near; at once if it must not glide."""
        point = self.scene.meshes[place[0]].points[place[1]]
        goal = self.pose.moved_to(point).zoomed(max(1.0, self.pose.scale / FOCUS_SCALE))
        self._untouched = False
        if not self._glides:
            self._take_pose(goal)
            return
        self._from, self._to = self.pose, goal
        self._glide.start()

    def pick_at(self, position: QPointF) -> Pick | None:
        """The vertex under a position in interface pixels from the upper left corner."""
        ratio = self.plotter.devicePixelRatioF()
        self._match_size(ratio)
        return self.scene.picker.pick(position.x() * ratio, (self.plotter.height() - position.y()) * ratio)

    def screen_position(self, point: FloatArray) -> QPointF:
        """Where a scene point (3,) is, in interface pixels from the upper left corner."""
        x, y = self.pose.project(point, width=self.plotter.width(), height=self.plotter.height())
        return QPointF(float(x), float(y))

    def annotations(self, size: tuple[float, float] | None = None) -> Annotations:
        """What is written over the picture."""
        shown = size or (float(self.plotter.width()), float(self.plotter.height()))
        return self.annotator.find(self.pose, size=shown, font=self.overlay.font(), pick_at=self._point_at)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        upper, lower = background_of(theme)
        self._renderer.GradientBackgroundOn()
        self._renderer.SetBackground(*to_rgb(lower))
        self._renderer.SetBackground2(*to_rgb(upper))
        self._ratio = 0.0
        self.redraw()

    def redraw(self) -> None:
        """Draw once when the event loop is next free, and find the names' places anew."""
        self._moved = True
        self._redraw_soon()

    def settle(self) -> None:
        """Draw now what is pending, smoothed: for pictures of the window."""
        if not self._closed:
            self._soon.stop()
            self._rest.stop()
            self._annotate()
            self._renderer.SetUseFXAA(self._software)
            self.plotter.repaint()

    def close_canvas(self) -> None:
        """Stop all timers and give back the graphics resources; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._glide.stop()
        self._soon.stop()
        self._rest.stop()
        self.plotter.close()
        # It wraps a part of the widget that Qt frees without telling Python; kept, it would be taken for whatever Qt
        # builds next at its address, which crashes.
        self.plotter._surface = None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep everything in sight until the user has moved the camera."""
        super().resizeEvent(event)
        self.overlay.setGeometry(self.plotter.rect())
        if self._untouched and not self._closed:
            self.fit()
        self.redraw()  # names and ring stand where the old size had them

    def _redraw_soon(self) -> None:
        if not self._closed and not self._soon.isActive():
            self._soon.start()

    def _make_timers(self) -> None:
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._draw)
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._draw_smooth)
        self._from = self._to = self.pose
        self._glide = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=GLIDE_MS)
        self._glide.valueChanged.connect(self._glide_on)

    def _connect_input(self) -> None:
        self.input.double_clicked.connect(self._double_click)
        self.input.orbited.connect(self._orbit)
        self.input.panned.connect(self._pan)
        self.input.zoomed.connect(self._zoom)
        self.input.fit_asked.connect(self.fit)
        self.input.focused.connect(self.overlay.set_focused)

    def _draw(self) -> None:
        if self._software:
            self._renderer.SetUseFXAA(False)
            self._rest.stop()
            if not self._hurried:
                self._rest.start()
        self._annotate()
        self.plotter.update()

    def _annotate(self) -> None:
        self._match_ratio()
        if self._moved:
            self.overlay.show_annotations(self.annotations())
            self._moved = False

    def _draw_smooth(self) -> None:
        self._renderer.SetUseFXAA(True)
        self.plotter.update()

    def _take_pose(self, pose: CameraPose) -> None:
        self.pose = pose
        pose.apply(self._renderer.GetActiveCamera())
        self.redraw()
        self.posed.emit(pose)

    def _aspect(self) -> float:
        return max(1, self.plotter.width()) / max(1, self.plotter.height())

    def look_from(self, pose: CameraPose) -> None:
        """Put the camera there; it stays when the view is resized."""
        self._untouched = False
        self._take_pose(pose)

    def _glide_on(self, share: float) -> None:
        self._take_pose(self._from.between(self._to, share * share * (3 - 2 * share)))

    def _double_click(self, position: QPointF) -> None:
        pick = self.pick_at(position)
        if pick is None:
            self.fit()
        else:
            self.focus((pick.side, pick.vertex))

    def _orbit(self, across: float, down: float) -> None:
        self.look_from(self.pose.orbited(across, down))

    def _pan(self, across: float, down: float) -> None:
        self.look_from(self.pose.panned(across, down))

    def _zoom(self, factor: float, at: QPointF | None) -> None:
        width, height = self.plotter.width(), max(1, self.plotter.height())
        across, up = (0.0, 0.0) if at is None else ((at.x() - width / 2) / height, 0.5 - at.y() / height)
        self.look_from(self.pose.zoomed(factor, across=across, up=up))

    def _match_ratio(self) -> None:
        """Keep lines as wide on a dense screen; the window may have moved to another one."""
        ratio = self.plotter.devicePixelRatioF()
        if ratio != self._ratio:
            self._ratio = ratio
            self.scene.set_look(theme_in_use(), ratio)

    def _match_size(self, ratio: float) -> None:
        """Tell VTK the size now, which it else hears of only at the next paint, too late for a pick."""
        window = self._renderer.GetRenderWindow()
        size = (max(1, round(self.plotter.width() * ratio)), max(1, round(self.plotter.height() * ratio)))
        if tuple(window.GetSize()) != size:
            window.SetSize(*size)

    def _point_at(self, x: float, y: float) -> FloatArray | None:
        pick = self.pick_at(QPointF(x, y))
        return None if pick is None else np.asarray(pick.point)


def background_of(theme: Theme) -> tuple[str, str]:
    """The upper and lower colour behind the cortex."""
    return (theme.raised, theme.window) if theme.is_dark else (theme.field, theme.window)


GL_RENDERER = 0x1F01
SOFTWARE_NAMES = ("llvmpipe", "softpipe", "swiftshader", "software", "microsoft basic render")


@lru_cache(maxsize=1)
def gl_renderer() -> str:
    """The name OpenGL gives its renderer, "" where there is no OpenGL. Needs a QGuiApplication."""
    surface, context = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return ""
    name = str(context.functions().glGetString(GL_RENDERER) or "")
    context.doneCurrent()
    return name


def is_software_gl() -> bool:
    """Whether pictures are computed on the processor, where multisampling would cost 3 to 5 times the frame."""
    name = gl_renderer().lower()
    return not name or any(part in name for part in SOFTWARE_NAMES)
