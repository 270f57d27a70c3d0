"""Draws a mask on the clean picture: a box, an ellipse, strokes of a brush, or a grey picture from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QFileDialog

from app.look.plotting import solid
from app.look.theme import Theme, follow_theme
from app.widgets.basics import make_column
from app.widgets.form import Choice, Form, Number
from app.widgets.image_view import ImageView
from core.attacks.mask import Mask, MaskShape, paint_mask, read_mask
from core.errors import ProbeError
from core.types import ByteArray

FILE = "file"
SHAPES = (
    ("", "everywhere"),
    (MaskShape.BOX, "box", "Drag the box and its corner on the clean image"),
    (MaskShape.ELLIPSE, "ellipse", "Drag the ellipse and its handle on the clean image"),
    (MaskShape.PICTURE, "painted", "Paint on the clean image where it may change; Shift takes away"),
    (FILE, "picture…", "A grey picture of the network's input size, white where the image may change"),
)
SHAPE_TIP = "Where the image may change; outside, not a pixel does, in the controls neither"
EDGE_TIP = "Width of the soft edge as a part of the image's side, inward from the outline"
HARD = "Whole grey levels leave no soft edge"
FIRST_BOX = (0.25, 0.25, 0.75, 0.75)
BRUSH, INSIDE, COVER = 9, 255, 90
"""Radius of the brush in image pixels; a painted value; how far the paint hides the image, of 255."""


class Paint(pg.ImageItem):  # type: ignore[misc]
    """A layer of grey levels (side, side) uint8 that a left drag paints; Shift takes away. `began`, then `ended`."""

    began = Signal()
    ended = Signal()

    def __init__(self) -> None:
        super().__init__(np.zeros((1, 1), dtype=np.uint8), levels=(0, 255))
        rows, columns = np.mgrid[-BRUSH : BRUSH + 1, -BRUSH : BRUSH + 1]
        disk = (rows**2 + columns**2 <= BRUSH**2).astype(np.uint8)
        self.setDrawKernel(INSIDE * disk, mask=disk, center=(BRUSH, BRUSH), mode=self._put)

    def _put(self, _kernel: ByteArray, levels: ByteArray, disk: ByteArray, source: Any, place: Any, event: Any) -> None:
        value = 0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else INSIDE
        levels[place] = np.where(disk[source] > 0, value, levels[place])
        self.updateImage()

    def mouseDragEvent(self, event: Any) -> None:
        """Paint along the drag; tell of its two ends."""
        if event.isStart():
            self.began.emit()
        super().mouseDragEvent(event)
        if event.isAccepted() and event.isFinish():
            self.ended.emit()

    def mouseClickEvent(self, event: Any) -> None:
        """Paint one dot."""
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.drawAt(event.pos(), event)
            self.ended.emit()


class MaskTool(Form):
    """Edits a `Mask`, or None, which is everywhere: `set_value`, `changed`; it is drawn on a picture view.

    `refused` says why there is none, as for a picture that is no mask.
    """

    changed = Signal(object)
    refused = Signal(str)

    shape = Choice("Mask", SHAPE_TIP, choices=SHAPES)
    edge = Number("Soft edge", EDGE_TIP, most=0.5, step=0.01, zero="none", settled=True)

    def __init__(self) -> None:
        super().__init__()
        self.chosen: Mask | None = None
        self.is_hard = False
        self._view: ImageView | None = None
        self._is_drawing = False
        self._rois = {MaskShape.BOX: pg.RectROI((0, 0), (1, 1)), MaskShape.ELLIPSE: pg.EllipseROI((0, 0), (1, 1))}
        self._paint = Paint()
        for roi in self._rois.values():
            roi.sigRegionChangeStarted.connect(self._hold)
            roi.sigRegionChangeFinished.connect(self._take_region)
        self._paint.began.connect(self._hold)
        self._paint.ended.connect(self._take_paint)
        self.setLayout(make_column(self.make_rows("shape", "edge")))
        follow_theme(self.set_theme)
        self.set_value(None)

    def draw_on(self, view: ImageView) -> None:
        """Draw on this view from now on."""
        self._view = view
        for item in (*self._rois.values(), self._paint):
            view.add_overlay(item)
        view.picture_changed.connect(self._draw)
        self._draw()

    def set_value(self, mask: Mask | None) -> None:
        """Show a mask; emits no signal."""
        if mask is not None or self.chosen is not None or not self._paints:
            self.shape.set_value("" if mask is None else mask.shape)
        self.chosen = mask
        self.edge.set_value(0.0 if mask is None else mask.edge)
        self.refresh()
        self._draw()

    def set_hard(self, hard: bool) -> None:
        """Leave out soft edges, which an attack in whole grey levels cannot have."""
        self.is_hard = hard
        self.refresh()

    def reasons(self) -> dict[str, str]:
        """Why the edge cannot be chosen now."""
        return {"edge": HARD if self.is_hard else "" if self.chosen is not None else "Choose a mask first"}

    def take_shape(self, *_: object) -> None:
        """Another shape: the first of its kind, or a file."""
        chosen = self.shape.value()
        if chosen == FILE:
            self._take(self._ask())
        elif chosen in self._rois:
            self._take(Mask(MaskShape(chosen), FIRST_BOX, self.edge.value()))
        elif chosen == "" or self.chosen is not None:
            self._take(None)
            if chosen:  # nothing is painted yet
                self.shape.set_value(chosen)
                self._draw()
        else:
            self._draw()

    def take_edge(self, *_: object) -> None:
        """Another soft edge of the same mask."""
        if (mask := self.chosen) is not None:
            self._take(Mask(mask.shape, mask.box, self.edge.value(), mask.picture))

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        for roi in self._rois.values():
            roi.setPen(solid(theme.accent, 2))
        ink = pg.mkColor(theme.accent)
        clear, full = ((ink.red(), ink.green(), ink.blue(), cover) for cover in (0, COVER))
        self._paint.setLookupTable(np.linspace(clear, full, 256).astype(np.uint8))

    @property
    def _paints(self) -> bool:
        return bool(self.shape.value() == MaskShape.PICTURE)

    @property
    def _side(self) -> int:
        pixels = None if self._view is None else self._view.pixels
        return 0 if pixels is None else len(pixels)

    def _take(self, mask: Mask | None) -> None:
        is_new = mask != self.chosen
        self.set_value(mask)
        if is_new:
            self.changed.emit(mask)

    def _ask(self) -> Mask | None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Mask", "", "Pictures (*.png *.jpg *.jpeg *.tif *.tiff *.bmp)")
        if not chosen:
            return self.chosen
        try:
            mask = read_mask(Path(chosen), edge=self.edge.value())
            if self._side:
                mask.render(self._side)
        except ProbeError as problem:
            self.refused.emit(problem.plain)
            return self.chosen
        return mask

    def _hold(self, *_: object) -> None:
        """Until the button is up, what is drawn is the user's: a probe that ends meanwhile does not put it back."""
        self._is_drawing = True

    def _take_region(self, roi: pg.ROI) -> None:
        self._is_drawing = False
        if self.chosen is None or not (side := self._side):
            return
        corner, size = roi.pos(), roi.size()
        edges = np.array([corner.x(), corner.y(), corner.x() + size.x(), corner.y() + size.y()]) / side
        left, top, right, bottom = np.clip(np.round(edges, 4), 0, 1).tolist()
        if left < right and top < bottom:
            self._take(Mask(self.chosen.shape, (left, top, right, bottom), self.chosen.edge))
        else:
            self._draw()  # outside the image: back to where it was

    def _take_paint(self) -> None:
        self._is_drawing = False
        levels = np.asarray(self._paint.image, dtype=np.uint8)
        if levels.any():
            self._take(paint_mask(levels, edge=self.edge.value()))
        else:
            self.refused.emit(
                "A mask needs some paint. The last stroke is taken back; choose “everywhere” for no mask."
            )
            self._draw()

    def _draw(self) -> None:
        mask, side = self.chosen, self._side
        for shape, roi in self._rois.items():
            shown = mask is not None and mask.shape is shape and side > 0
            roi.setVisible(shown)
            if mask is not None and shown and not self._is_drawing:
                left, top, right, bottom = (side * one for one in mask.box)
                with QSignalBlocker(roi):
                    roi.setPos(QPointF(left, top), finish=False)
                    roi.setSize(QPointF(right - left, bottom - top), finish=False)
                roi.stateChanged(finish=False)
        self._paint.setVisible(self._paints and side > 0)
        if self._paints and side and not self._is_drawing:
            fits = mask is not None and mask.picture and len(levels := mask.levels) == side
            self._paint.setImage(levels.copy() if fits else np.zeros((side, side), np.uint8), autoLevels=False)
