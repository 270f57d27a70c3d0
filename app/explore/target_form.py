"""Chooses what a probe moves: a voxel picked on the cortex, an ROI, or a drawn set."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal

from app.cortex.brush import BRUSH_SIZES
from app.explore.target_options_form import TargetOptionsForm
from app.widgets.basics import (
    make_button,
    make_column,
    make_heading,
    make_label,
    make_panel,
    make_row,
    set_icon,
    set_look,
)
from app.widgets.captions import Fold
from app.widgets.editors import Slider
from app.widgets.form import Choice, Form, Pick
from core.probes.target import TargetKind
from core.types import split_side

HINTS = {
    TargetKind.VOXEL: "Click a voxel on the cortex",
    TargetKind.ROI: "Choose an ROI",
    TargetKind.SET: "Press Draw, then paint voxels on the cortex",
}
DRAW, STOP = "Draw on the cortex", "Stop drawing"
BRUSHES = (
    ("add", "Add", "The brush adds voxels to the set (Shift: takes them out)"),
    ("erase", "Erase", "The brush takes voxels out of the set (Shift: adds them)"),
)


SIZE_STEPS = 30
"""Of the slider for a factor of e."""

KINDS = (
    (TargetKind.VOXEL, "Voxel", "Probe the voxel you click on the cortex"),
    (TargetKind.ROI, "ROI", "Probe the mean of a region of interest"),
    (TargetKind.SET, "Set", "Probe the mean of a set of voxels you draw"),
)


SIDES = (
    ("left", "L", "The ROI in the left hemisphere alone"),
    ("", "Both", "The ROI in both hemispheres"),
    ("right", "R", "The ROI in the right hemisphere alone"),
)


class TargetForm(Form):
    """Voxel, ROI or set, and a summary of what is chosen."""

    roi_chosen = Signal(str)

    kind = Pick("", choices=KINDS, name="Target")
    roi = Choice("", name="ROI", letters=6)
    brush = Pick("", choices=BRUSHES, name="Brush")
    side = Pick("", choices=SIDES, name="Hemisphere of the ROI", width=112)

    def __init__(self) -> None:
        super().__init__()
        self._kind, self._chosen = TargetKind.VOXEL, ("", "")
        self.roi.setPlaceholderText("Choose an ROI")
        self.draw = make_button(DRAW, tip="Paint voxels with the left button held down; a right drag zooms meanwhile")
        self.draw.setCheckable(True)
        self.draw.toggled.connect(self._show_drawing)
        self.clear = make_button("Clear", tip="Clear the drawn set")
        self.keep = make_button("Keep as ROI…", tip="Give the set a name: it becomes an ROI of this subject")
        self.brush_size = Slider("Brush size")
        self.brush_size.setRange(*(round(SIZE_STEPS * math.log(radius)) for radius in BRUSH_SIZES))
        self.brush_size.setMinimumWidth(40)
        self.brush_size.setToolTip("Radius of the brush on the cortex ([ and ], or Ctrl+wheel)")
        self.size_label = make_label("", "muted")
        self.summary = make_label("", "strong", wraps=True)
        self.details = make_label("", "muted", wraps=True)
        self.summary.setText(HINTS[TargetKind.VOXEL])
        self.options = TargetOptionsForm()
        self.more = Fold("Contrast, pattern, smallest budget", self.options)
        self._strokes = make_panel(make_row(self.brush, self.brush_size, self.size_label, gap=8))
        self._drawing = make_panel(make_column(make_row(self.draw, self.clear), self._strokes, self.keep, gap=6))
        self.show_size(BRUSH_SIZES[0])
        self._show_drawing(False)
        texts = make_column(self.summary, self.details, gap=2)
        choices = (make_heading("Target"), self.kind, make_row(self.roi, self.side, stretch=0), self._drawing)
        self.setLayout(make_column(*choices, texts, self.more, gap=6))
        self._show_kind(TargetKind.VOXEL)

    def set_rois(self, rois: Sequence[tuple[str, int]]) -> None:
        """List the ROIs of a subject, each with its number of voxels; none is chosen."""
        counted = [(name, n_voxels, "" if n_voxels == 1 else "s") for name, n_voxels in rois]
        self.roi.set_choices([(name, f"{name}  ·  {count} voxel{plural}") for name, count, plural in counted])
        self._show_roi("")

    def set_summary(self, title: str, details: str) -> None:
        """Show the chosen target; an empty title shows what to do instead."""
        self._chosen = (title, details)
        self._show_summary()

    def _show_summary(self) -> None:
        """The target, or how to choose one of the kind in front, which may be another."""
        (title, details), kind = self._chosen, self.kind.value()
        if title and kind != self._kind:
            title, details = "", f"Until then: {title}"
        self.summary.setText(title or HINTS[TargetKind(kind)])
        self.details.setText(details)
        self.details.setVisible(bool(details))

    def set_kind(self, kind: TargetKind, roi: str = "") -> None:
        """Show a kind of target as chosen; emits no signal."""
        self._kind = shown = kind if kind in HINTS else TargetKind.SET
        self.kind.set_value(shown)
        self._show_kind(shown)
        self._show_roi(roi)

    def _show_roi(self, roi: str) -> None:
        side, name = ("", roi) if self.roi.findData(roi) >= 0 else split_side(roi)
        with QSignalBlocker(self.roi):
            self.roi.setCurrentIndex(self.roi.findData(name) if name else -1)
        self.side.set_value(side)

    def _show_kind(self, kind: str) -> None:
        for box in (self.roi, self.side):
            box.setVisible(kind == TargetKind.ROI)
        self._drawing.setVisible(kind == TargetKind.SET)
        if kind != TargetKind.SET:
            self.draw.setChecked(False)

    def radius(self) -> float:
        """The brush's radius in mm."""
        return math.exp(self.brush_size.value() / SIZE_STEPS)

    def show_size(self, radius: float) -> None:
        """Show the brush's radius in mm; emits no signal."""
        self.brush_size.set_value(round(SIZE_STEPS * math.log(radius)))
        self.size_label.setText(f"{radius:.1f} mm")

    def _show_drawing(self, drawing: bool) -> None:
        self.draw.setText(STOP if drawing else DRAW)
        set_look(self.draw, "kind", "primary" if drawing else "")
        set_icon(self.draw, "brush", "on_accent" if drawing else "text")
        self._strokes.setVisible(drawing)

    def take_kind(self, kind: str) -> None:
        """Another kind of target was chosen."""
        self._show_kind(kind)
        self._show_summary()
        if kind == TargetKind.SET:
            self.draw.setChecked(True)
        if kind == TargetKind.ROI and self.roi.currentIndex() < 0:
            self.roi.showPopup()

    def take_roi(self, *_: object) -> None:
        """An ROI was chosen, or its hemisphere."""
        if self.roi.currentIndex() >= 0:
            self.roi_chosen.emit(f"{self.side.value()} {self.roi.value()}".strip())

    take_side = take_roi
