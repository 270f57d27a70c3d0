"""The three-dimensional part of the cortex view: a plain widget that paints the frames its studio draws.

It knows scene and camera itself: what lies under the pointer is found without waiting for a frame. Whatever changes in
one turn of the event loop becomes one frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QColor, QCursor, QLinearGradient, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QStyle, QWidget

from app.cortex.camera import CameraPose
from app.cortex.inputs import CortexInput
from app.cortex.layout import VIEWS, Geometry, Hemispheres, NamedView, sides_of
from app.cortex.mesh import FACING, points_in_frame
from app.cortex.morph import MorphPath
from app.cortex.picking import Pick, pick_vertex
from app.cortex.scene import Format, Scene, background_of
from app.cortex.studio import Frame, Studio
from app.look.fonts import small
from app.look.theme import Theme, follow_theme, theme_in_use
from core.surfaces.mesh import CorticalSurface
from core.types import BoolArray, FloatArray

GLIDE_MS, FADE_MS = 240, 180
MARGIN = 1.1
"""Room around what is shown."""

FOCUS_SCALE = 38.0
"""mm from the middle to the upper edge after focusing a voxel."""

FOCUS_WIDTH = 2.0
FIRST_SIZE = QSize(400, 400)


class CortexCanvas(QWidget):
    """Shows a `scene`; `input` says what the mouse and the keys mean, `pick_at` what lies there.

    Signals
    -------
    posed(CameraPose)
        The camera went there.
    drawn()
        Another frame is shown.
    """

    posed = Signal(object)
    drawn = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.scene = Scene()
        self.frame: Frame | None = None
        """The frame shown."""

        self.studio = Studio(self)
        self.studio.drawn.connect(self._take_frame, Qt.ConnectionType.QueuedConnection)
        self._asked: tuple[Scene, Format] | None = None
        self._opened = False
        self._fold_angles = (0.0, 0.0)
        self._untouched = True
        self._glides = False
        self._brush = 0.0
        self.input = CortexInput(self)
        self._from = self._to = self.pose
        self._glide = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=GLIDE_MS)
        self._glide.valueChanged.connect(self._glide_on)
        self._fade = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=FADE_MS)
        self._fade.valueChanged.connect(lambda _share: self.update())
        self._connect_input()
        follow_theme(self.set_theme)

    @property
    def pose(self) -> CameraPose:
        """Where the camera is."""
        return self.scene.pose

    def sizeHint(self) -> QSize:
        """A middling size."""
        return FIRST_SIZE

    def set_hurried(self, hurried: bool) -> None:
        """Leave the fine frame out while other work needs the processor; it follows when that is over."""
        if self.studio.hurried and not hurried:
            self._asked = None
            self.update()
        self.studio.hurried = hurried

    def set_gliding(self, gliding: bool) -> None:
        """Whether the camera glides where it goes, and the cortex fades in, unless the system asks for less motion."""
        lasting = self.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration, None, self)
        self._glides = gliding and lasting > 0

    def change(self, **parts: Any) -> None:
        """Show another value of some fields of the scene."""
        self.scene = replace(self.scene, **parts)
        self.update()

    def arrange(
        self, surface: CorticalSurface, geometry: Geometry, *, hemispheres: Hemispheres, view: NamedView
    ) -> None:
        """Lay the hemispheres of a surface out and look at them from a named view, all in sight."""
        path = MorphPath(surface, (geometry,), hemispheres=hemispheres, view=view)
        angles = VIEWS["flat" if geometry == "flat" else view]
        folded = VIEWS["visual" if view == "flat" else view]
        self._opened, self._fold_angles = geometry == "flat", (folded.azimuth, folded.elevation)
        pose = CameraPose(angles.azimuth, angles.elevation)
        self.change(path=path, position=0.0, sides=sides_of(hemispheres), pose=pose)
        self.input.flat = geometry == "flat"
        self.fit()

    def morph(self, path: MorphPath, position: float) -> None:
        """Show a place on the way from folded to flat; the camera goes along when the cortex opens."""
        before, after, _ = path.segment(position)
        was_opened, self._opened = self._opened, "flat" in (before, after)
        if not was_opened:
            self._fold_angles = (self.pose.azimuth, self.pose.elevation)
        self.change(path=path, position=position)
        self.input.flat = before == "flat"
        if was_opened or self._opened or self._untouched:
            sides, framed, aspect = self.scene.sides, self.scene.framed, self._aspect()
            pose = path.pose(position, sides, self._fold_angles, aspect=aspect, margin=MARGIN, framed=framed)
            self._take_pose(pose)

    def fit(self) -> None:
        """Bring all that is shown into sight."""
        points = points_in_frame(self.scene.shown, self.scene.framed, forward=self.pose.axes()[2])
        if len(points):
            self._untouched = True
            self._take_pose(self.pose.fitted(points, aspect=self._aspect(), margin=MARGIN))

    def set_frame(self, framed: tuple[BoolArray, BoolArray] | None) -> None:
        """Bring these vertices (n,) of both sides into sight from now on, None for all of the cortex."""
        self.change(framed=framed)
        if self._untouched:
            self.fit()

    def set_brush(self, radius: float) -> None:
        """Brush with a radius in mm, shown around the pointer; 0 puts the brush away."""
        self._brush, self.input.brushing = radius, radius > 0
        self.update()

    def focus(self, place: tuple[int, int]) -> None:
        """Glide to (side, vertex) and come near; at once if it must not glide."""
        point = self.scene.meshes[place[0]].points[place[1]]
        self._glide_to(self.pose.moved_to(point).zoomed(max(1.0, self.pose.scale / FOCUS_SCALE)))

    def face(self, place: tuple[int, int]) -> None:
        """Turn, if it must, to where (side, vertex) faces the viewer, and bring it into the picture."""
        mesh, pose, vertex = self.scene.meshes[place[0]], self.pose, place[1]
        normal, at = mesh.normals[vertex], self.screen_position(mesh.points[vertex])
        if not self.scene.is_flat and float(normal @ pose.axes()[2]) > -FACING:
            azimuth, elevation = np.rad2deg([np.arctan2(-normal[0], -normal[1]), np.arcsin(normal[2])]).tolist()
            pose = replace(pose, azimuth=azimuth % 360.0, elevation=elevation).moved_to(mesh.points[vertex])
        elif not self.rect().contains(at.toPoint()):
            pose = pose.moved_to(mesh.points[vertex])
        if pose != self.pose:
            self._glide_to(pose)

    def _glide_to(self, goal: CameraPose) -> None:
        self._untouched = False
        if not self._glides:
            self._take_pose(goal)
            return
        self._from, self._to = self.pose, goal
        self._glide.start()

    def look_from(self, pose: CameraPose) -> None:
        """Put the camera there; it stays when the view is resized."""
        self._untouched = False
        self._take_pose(pose)

    def pick_at(self, position: QPointF) -> Pick | None:
        """The vertex under a position in interface pixels from the upper left corner."""
        return pick_vertex(self.scene, (self.width(), self.height()), (position.x(), position.y()))

    def screen_position(self, point: FloatArray) -> QPointF:
        """Where a scene point (3,) is, in interface pixels from the upper left corner."""
        x, y = self.pose.project(point, width=self.width(), height=self.height())
        return QPointF(float(x), float(y))

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.change(theme=theme)

    def order(self, *, ratio: float | None = None, transparent: bool = False) -> Callable[[], Frame]:
        """What draws the scene as it is now finely, with as many pixels an interface pixel as asked for or on screen.

        It waits for the picture, in whatever thread.
        """
        shape = self._format()
        ground = None if transparent else shape.ground
        return partial(self.studio.draw, self.scene, replace(shape, ratio=ratio or shape.ratio, ground=ground))

    def draw(self) -> Frame:
        """A fine picture of the scene as on screen, waited for."""
        return self.order()()

    def settle(self) -> None:
        """Show now what is pending, drawn finely: for pictures of the window."""
        self._asked = (self.scene, self._format())
        self._take_frame(self.draw())
        self._fade.stop()
        self.repaint()

    def close_canvas(self) -> None:
        """Stop all timers and give back the graphics resources; safe to call twice."""
        self._glide.stop()
        self._fade.stop()
        self.studio.close()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep everything in sight until the user has moved the camera."""
        super().resizeEvent(event)
        if self._untouched:
            self.fit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ask for a frame if another is due, and show the last one, as high as the view, until it is there.

        So whatever cannot be seen is not drawn, and a window that comes back or moves to another screen catches up.
        """
        asked = (self.scene, self._format())
        if asked != self._asked and self.isVisible():
            self._asked = asked
            self.studio.ask(*asked)
        painter, frame, area = QPainter(self), self.frame, QRectF(self.rect())
        upper, lower = background_of(theme_in_use())
        is_fading = self._fade.state() is QVariantAnimation.State.Running
        if frame is None or frame.shape != asked[1] or is_fading:
            ground = QLinearGradient(area.topLeft(), area.bottomLeft())
            ground.setStops([(0.0, QColor(upper)), (1.0, QColor(lower))])
            painter.fillRect(area, ground)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if frame is not None:
            painter.setOpacity(self._fade.currentValue() if is_fading else 1.0)
            painter.drawImage(frame.area_in(area), frame.image)
            painter.setOpacity(1.0)
            painter.setPen(QColor(theme_in_use().warning))
            painter.setFont(small(self.font()))
            words = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(area.adjusted(12, 8, -12, -8), words, frame.note)
        if self._brush and self.underMouse():
            reach = self._brush * self.height() / (2 * self.pose.scale)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for ink, width in (("#0d1013", 3.0), ("#ffffff", 1.4)):
                painter.setPen(QPen(QColor(ink), width))
                painter.drawEllipse(QPointF(self.mapFromGlobal(QCursor.pos())), reach, reach)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme_in_use().accent), FOCUS_WIDTH))
            painter.drawRect(area.adjusted(1, 1, -1, -1))
        painter.end()

    def _format(self) -> Format:
        size = (float(max(1, self.width())), float(max(1, self.height())))
        return Format(size, self.devicePixelRatioF(), background_of(self.scene.theme))

    def _take_frame(self, frame: Frame) -> None:
        is_first = frame.scene.path is not None and (self.frame is None or self.frame.scene.path is None)
        self.frame = frame
        if is_first and self._glides:
            self._fade.start()
        self.update()
        self.drawn.emit()

    def _connect_input(self) -> None:
        self.input.double_clicked.connect(self._double_click)
        self.input.orbited.connect(self._orbit)
        self.input.panned.connect(lambda across, down: self.look_from(self.pose.panned(across, down)))
        self.input.zoomed.connect(self._zoom)
        self.input.fit_asked.connect(self.fit)
        for moved in (self.input.hovered, self.input.brushed, self.input.left):
            moved.connect(self._follow_brush)

    def _follow_brush(self, *_: object) -> None:
        if self._brush:
            self.update()

    def _take_pose(self, pose: CameraPose) -> None:
        self.change(pose=pose)
        self.posed.emit(pose)

    def _aspect(self) -> float:
        return max(1, self.width()) / max(1, self.height())

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

    def _zoom(self, factor: float, at: QPointF | None) -> None:
        width, height = self.width(), max(1, self.height())
        across, up = (0.0, 0.0) if at is None else ((at.x() - width / 2) / height, 0.5 - at.y() / height)
        self.look_from(self.pose.zoomed(factor, across=across, up=up))
