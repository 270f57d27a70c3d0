"""Both hemispheres from four sides as one picture, in a dialog that copies and saves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QDialog, QLabel

from app.base.pictures import save_image
from app.cortex.camera import CameraPose
from app.cortex.colour_bar import WIDTH, bar_height, draw_colour_bar
from app.cortex.layout import PREFERRED, VIEWS, Hemispheres, NamedView
from app.cortex.morph import MorphPath
from app.cortex.scene import Format, Scene
from app.cortex.view import CortexView
from app.widgets.ask_path import ask_path
from app.widgets.basics import available_size, fill_dialog, make_button, make_row
from app.widgets.desk import Desk, Feature, does
from core.surfaces.mesh import CorticalSurface

SIDES: tuple[NamedView, ...] = ("lateral", "medial", "ventral", "posterior")
TILE, EDGE, SCALE, MARGIN = (560, 380), 12, 2, 1.1
"""Pixels of one view; around the colour bar; of the picture in one of these pixels; room around a hemisphere."""


def draw_montage(view: CortexView) -> QImage:
    """The cortex as it is shown, from each of `SIDES`, two by two with names, over its colour bar."""
    scene, (width, height), strip = view.canvas.scene, TILE, bar_height(view.colour_bar.reading)
    image = QImage(2 * width * SCALE, (2 * height + strip + EDGE) * SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SCALE)
    image.fill(QColor(scene.theme.window))
    painter = QPainter(image)
    painter.setFont(view.font())
    painter.setPen(QColor(scene.theme.text))
    ground = (scene.theme.window, scene.theme.window)
    for place, side in enumerate(SIDES):
        corner = QPointF(place % 2 * width, place // 2 * height)
        if view.surface is not None:
            shape = Format((float(width), float(height)), float(SCALE), ground)
            painter.drawImage(
                QRectF(corner, QPointF(corner.x() + width, corner.y() + height)),
                view.canvas.studio.draw(seen_from(scene, view.surface, side), shape).image,
            )
        painter.drawText(corner + QPointF(EDGE, 2 * EDGE), side.capitalize())
    if view.colour_bar.reading is not None:
        area = QRectF(width - WIDTH / 2, 2 * height, WIDTH, strip)
        draw_colour_bar(painter, view.colour_bar.reading, area=area, theme=scene.theme)
    painter.end()
    return image


def seen_from(scene: Scene, surface: CorticalSurface, side: NamedView) -> Scene:
    """A scene's folded cortex, laid out and looked at from a named side, all of it in sight."""
    shown = scene.path.nearest(scene.position) if scene.path is not None else "flat"
    folded = next(name for name in (shown, *PREFERRED) if name != "flat" and name in surface.geometries)
    hemispheres = "both" if len(scene.sides) == 2 else ("left", "right")[scene.sides[0]]
    path = MorphPath(surface, (folded,), hemispheres=cast("Hemispheres", hemispheres), view=side)
    pose = CameraPose(VIEWS[side].azimuth, VIEWS[side].elevation)
    turned = replace(scene, path=path, position=0.0, pose=pose, framed=None)
    return replace(turned, pose=pose.fitted(turned.points(), aspect=TILE[0] / TILE[1], margin=MARGIN))


class Montage(Feature):
    """Shows the picture and keeps it."""

    def __init__(self, desk: Desk, view: CortexView) -> None:
        super().__init__(desk)
        self._view = view
        self.dialog: QDialog | None = None
        self.picture = QImage()

    @does("montage")
    def show_dialog(self) -> None:
        """Draw the cortex as it is now and show it."""
        self.picture = draw_montage(self._view)
        self.dialog = QDialog(self._desk.parent)
        shown, room = QLabel(), available_size() * 0.7 * self.picture.devicePixelRatio()
        shown.setAccessibleName("Both hemispheres from four sides")
        fit = (room, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
        shown.setPixmap(QPixmap.fromImage(self.picture).scaled(*fit))
        copy = make_button("Copy", do=self._copy, tip="Put the picture on the clipboard")
        save = make_button("Save…", "primary", self._save, tip="Save the picture as PNG")
        buttons = make_row(copy, -1, make_button("Close", do=self.dialog.close), save)
        fill_dialog(self.dialog, "Cortex from four sides", shown, buttons, margin=12)
        self.dialog.open()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setImage(self.picture)
        self._desk.say("Copied the picture of the cortex.", "info")

    def _save(self) -> None:
        settings, title = self._session.settings, "Save the cortex from four sides"
        path = ask_path(self.dialog, title, "cortex_views.png", "PNG (*.png)", settings=settings)
        if path is not None:
            with self._session.problems.shown():
                self._desk.say(f"Saved the cortex to {save_image(self.picture, Path(path))}", "info")
