"""The fields of how a cortex is shown in a movie or figure. Speaks `CortexLook`; never draws."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QWidget

from app.cortex.panel import MAPS as MAP_NAMES
from app.widgets.basics import make_row
from core.figures.movie_config import HEMISPHERES, MAPS, SIDES_SEEN, CortexLook, Motion
from core.surfaces.mesh import GEOMETRIES

TITLES = dict(MAP_NAMES) | {"control": "Shift, random control"}
MOTIONS = ((Motion.TURN, "Turn once around"), (Motion.UNFOLD, "Unfold to the flat map and back"))


class LookForm(QWidget):
    """Map, surface, hemispheres, view, motion; `changed` after any of them."""

    changed = Signal()

    def __init__(self, *, with_motion: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gate = 0.0
        self.map = make_combo("Map", [(name, TITLES[name]) for name in MAPS])
        self.surface = make_combo("Surface", [(name, name.capitalize()) for name in GEOMETRIES])
        self.hemispheres = make_combo("Hemispheres", [(name, name.capitalize()) for name in HEMISPHERES])
        self.view = make_combo("View", [(name, name.capitalize()) for name in SIDES_SEEN])
        self.motion = make_combo("Motion", MOTIONS)
        self.outlines, self.labels = QCheckBox("Outlines"), QCheckBox("Names")
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(6)
        form.addRow("Map", self.map)
        if with_motion:
            form.addRow("Motion", self.motion)
        form.addRow("Surface", self.surface)
        form.addRow("Hemispheres", self.hemispheres)
        form.addRow("View", self.view)
        form.addRow("ROIs", make_row(self.outlines, self.labels, -1, gap=12))
        for box in self._boxes():
            box.currentIndexChanged.connect(self.changed)
        for check in (self.outlines, self.labels):
            check.toggled.connect(self.changed)

    def value(self) -> CortexLook:
        """The look chosen."""
        return CortexLook(
            map=self.map.currentData(),
            geometry=self.surface.currentData(),
            hemispheres=self.hemispheres.currentData(),
            view=self.view.currentData(),
            motion=self.motion.currentData(),
            outlines=self.outlines.isChecked(),
            labels=self.labels.isChecked(),
            gate_r=self._gate,
        )

    def set_value(self, look: CortexLook) -> None:
        """Show a look without telling."""
        self._gate = look.gate_r
        pairs = (look.map, look.geometry, look.hemispheres, look.view, look.motion)
        for box, value in zip(self._boxes(), pairs, strict=True):
            with QSignalBlocker(box):
                box.setCurrentIndex(box.findData(value))
        for check, on in ((self.outlines, look.outlines), (self.labels, look.labels)):
            with QSignalBlocker(check):
                check.setChecked(on)

    def _boxes(self) -> tuple[QComboBox, ...]:
        return self.map, self.surface, self.hemispheres, self.view, self.motion


def make_combo(name: str, choices: object) -> QComboBox:
    """A list of (value, text) with an accessible name."""
    box = QComboBox()
    box.setAccessibleName(name)
    for value, text in choices:  # type: ignore[attr-defined]
        box.addItem(text, value)
    return box
