"""Chooses what is asked of a target besides raising it: contrast, sparing, pattern, smallest budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy

from app.widgets.basics import allow, make_button, make_column, make_label
from app.widgets.form import Choice, Flag, Form, Pick, Weight
from core.attacks.objective_config import FORMULAS, ObjectiveKind
from core.probes.choice import TargetOptions

NO_CONTRAST = ("", "none")
CONTRAST_TIP = "Hold or lower this ROI: raises target − weight × mean of this ROI"
SPARE_TIP = (
    "Take the mean squared change of all other voxels, in SDs, times this weight off what is raised, "
    "so that the target moves and the rest stays"
)
PATTERN_TIP = "Load a response to approach for each voxel from a .npy or text file (nan: any response)"
WANTED_SHIFT_TIP = (
    "Find the smallest budget, up to the one above, that moves the target by this many SDs; off: use the budget"
)
NO_SD_TIP = "The shift towards a pattern cannot be given in SDs"
IS_PATTERN_TIP = "The target is a pattern: pick a voxel or an ROI to use this"
ALONE_TIP = "No other network of this image size has an encoder for this subject"
TOGETHER_TIP = "Attack the encoders of these networks together: raises the mean of their shifts in SDs"
MODES = (
    (ObjectiveKind.DISTANCE, "Distance", f"Raise {FORMULAS[ObjectiveKind.DISTANCE]}"),
    (ObjectiveKind.COSINE, "Cosine", f"Raise {FORMULAS[ObjectiveKind.COSINE]}; it has no linearity"),
)


class TargetOptionsForm(Form):
    """Edits `TargetOptions`: `value`, `set_value`, `changed`."""

    changed = Signal(object)

    contrast_roi = Choice("Contrast ROI", CONTRAST_TIP, choices=(NO_CONTRAST,), letters=4)
    contrast_weight = Weight("", "Weight of the ROI held or lowered", least=0.01, name="Contrast weight")
    spares_others = Flag("Spare other voxels", SPARE_TIP)
    spare_weight = Weight("", SPARE_TIP, name="Weight of other voxels")
    wanted_shift_sd = Weight("", WANTED_SHIFT_TIP, most=100, zero="off", unit=" SD", name="Shift to reach")
    pattern_mode = Pick("", choices=MODES, name="Pattern")

    def __init__(self) -> None:
        super().__init__()
        self._options, self._is_pattern = TargetOptions(), False
        self.pattern = make_button("Load a pattern…", tip=PATTERN_TIP)
        self.together = QPushButton()
        self.together.setAccessibleName("Networks attacked together")
        self._menu = QMenu(self.together)
        self.together.setMenu(self._menu)
        self.together.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.contrast_roi.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        rows = self.make_rows(
            ("Contrast ROI", "contrast_roi", make_label("×", "muted"), "contrast_weight"),
            ("", "spares_others", -1, "spare_weight"),
            ("Smallest ε to shift by", -1, "wanted_shift_sd"),
            ("Also attack", self.together),
            ("", make_column(self.pattern, self.pattern_mode)),
            gap=8,
        )
        rows.setContentsMargins(0, 4, 0, 4)
        self.setLayout(rows)
        self.set_networks(())
        self.set_value(TargetOptions(), is_pattern=False)

    def value(self) -> TargetOptions:
        """What is asked."""
        ticked = tuple(action.data() for action in self._ticked())
        return self.make_config(TargetOptions, ensemble=ticked, against=self._options.against)

    def set_value(self, options: TargetOptions, *, is_pattern: bool) -> None:
        """Show what is asked, of a pattern or of anything else; emits no signal."""
        self._options, self._is_pattern = options, is_pattern
        self.show_config(options)
        for action in self._menu.actions():
            with QSignalBlocker(action):
                action.setChecked(action.data() in options.ensemble)
        self._show_together()
        self.refresh()

    def set_rois(self, rois: Sequence[str]) -> None:
        """List the ROIs of a subject as contrasts; emits no signal."""
        self.contrast_roi.set_choices([NO_CONTRAST, *((name, name) for name in rois)], self._options.contrast_roi)

    def set_networks(self, networks: Sequence[tuple[str, str]]) -> None:
        """List networks, each (id, title), to be attacked together with the open one; emits no signal."""
        self._menu.clear()
        for identity, title in networks:
            action = QAction(title, self._menu)
            action.setData(identity)
            action.setCheckable(True)
            action.setChecked(identity in self._options.ensemble)
            action.toggled.connect(self.take_edit)
            self._menu.addAction(action)
        allow(self.together, "" if networks else ALONE_TIP, TOGETHER_TIP)
        self._show_together()

    def tell(self) -> None:
        """Say what is asked now."""
        self.changed.emit(self.value())

    def reasons(self) -> Mapping[str, str]:
        """What a pattern has no use for, and what needs a choice first."""
        pattern = IS_PATTERN_TIP if self._is_pattern else ""
        return {
            "contrast_roi": pattern,
            "contrast_weight": pattern or ("" if self.contrast_roi.value() else "Choose a contrast ROI first"),
            "spares_others": pattern,
            "spare_weight": pattern or ("" if self.spares_others.value() else "Tick Spare other voxels first"),
            "wanted_shift_sd": NO_SD_TIP if self._is_pattern else "",
            "pattern_mode": "" if self._is_pattern else "Load a pattern first",
        }

    def _ticked(self) -> list[QAction]:
        return [action for action in self._menu.actions() if action.isChecked()]

    def _show_together(self) -> None:
        ticked = [action.text() for action in self._ticked()]
        self.together.setText("no other network" if not ticked else f"{len(ticked)} more: {', '.join(ticked)}"[:28])
