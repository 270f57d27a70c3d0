"""Chooses what a probe moves: a voxel picked on the cortex, an ROI, or a drawn set."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QWidget

from app.explore.target_options_form import TargetOptionsForm
from app.widgets.basics import make_button, make_column, make_heading, make_panel, make_row, set_icon
from app.widgets.captions import Caption, Fold
from app.widgets.form import Choice, Form, Pick
from core.probes.target import TargetKind

HINTS = {
    TargetKind.VOXEL: "Click a voxel on the cortex",
    TargetKind.ROI: "Choose an ROI",
    TargetKind.SET: "Press Draw, then paint voxels on the cortex",
}


KINDS = (
    (TargetKind.VOXEL, "Voxel", "Probe the voxel you click on the cortex"),
    (TargetKind.ROI, "ROI", "Probe the mean of a region of interest"),
    (TargetKind.SET, "Set", "Probe the mean of a set of voxels you draw"),
)


class TargetForm(Form):
    """Voxel, ROI or set, and a summary of what is chosen."""

    roi_chosen = Signal(str)

    kind = Pick("", choices=KINDS, name="Target")
    roi = Choice("", name="ROI")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind, self._chosen = TargetKind.VOXEL, ("", "")
        self.roi.setPlaceholderText("Choose an ROI")
        self.draw = make_button("Draw on the cortex", tip="Paint voxels with the left button held down")
        self.draw.setCheckable(True)
        set_icon(self.draw, "brush", "text")
        self.clear = make_button("Clear", tip="Clear the drawn set")
        self.summary = Caption("strong")
        self.details = Caption("muted")
        self.summary.show_text(HINTS[TargetKind.VOXEL])
        self.options = TargetOptionsForm()
        self.more = Fold("Contrast, pattern, smallest budget", self.options)
        self._drawing = make_panel(make_row(self.draw, self.clear))
        texts = make_column(self.summary, self.details, gap=2)
        choices = (make_heading("Target"), self.kind, self.roi, self._drawing)
        self.setLayout(make_column(*choices, texts, self.more))
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
        self.summary.show_text(title or HINTS[TargetKind(kind)])
        self.details.show_text(details)
        self.details.setVisible(bool(details))

    def set_kind(self, kind: TargetKind, roi: str = "") -> None:
        """Show a kind of target as chosen; emits no signal."""
        self._kind = shown = kind if kind in HINTS else TargetKind.SET
        self.kind.set_value(shown)
        self._show_kind(shown)
        self._show_roi(roi)

    def _show_roi(self, roi: str) -> None:
        with QSignalBlocker(self.roi):
            self.roi.setCurrentIndex(self.roi.findData(roi) if roi else -1)

    def _show_kind(self, kind: str) -> None:
        self.roi.setVisible(kind == TargetKind.ROI)
        self._drawing.setVisible(kind == TargetKind.SET)
        if kind != TargetKind.SET:
            self.draw.setChecked(False)

    def take_kind(self, kind: str) -> None:
        """Another kind of target was chosen."""
        self._show_kind(kind)
        self._show_summary()
        if kind == TargetKind.SET:
            self.draw.setChecked(True)
        if kind == TargetKind.ROI and self.roi.currentIndex() < 0:
            self.roi.showPopup()

    def take_roi(self, *_: object) -> None:
        """An ROI was chosen."""
        self.roi_chosen.emit(self.roi.value())
