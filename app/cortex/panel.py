"""The cortex under its slim toolbar: which map and geometry, from where, what lies over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.cortex.colour_bar import ColormapBox
from app.cortex.layout import VIEWS
from app.cortex.twin import TwinView
from app.cortex.view import CortexView
from app.look.numbers import digits_for, format_number
from app.widgets.basics import make_column, make_label, make_row, make_tool_button, set_icon
from app.widgets.editors import ChoiceBox, Slider
from app.widgets.segmented import Segmented
from core.surfaces.mesh import GEOMETRIES

MAPS = (
    ("shift", "Shift"),
    ("clean", "Response, clean"),
    ("perturbed", "Response, perturbed"),
    ("sensitivity", "Sensitivity"),
    ("r", "Encoder r"),
    ("noise_ceiling", "Noise ceiling"),
    ("roi", "ROIs"),
)
REGIONS = "roi"
HEMISPHERES = (
    ("left", "L", "Left hemisphere"),
    ("both", "Both", "Both hemispheres"),
    ("right", "R", "Right hemisphere"),
)
LEAST_HEMISPHERES = 112
"""Room for L, Both and R, in pixels."""
THRESHOLD_WIDTH = 72
THRESHOLD_STEPS = 100
UNBOUNDED = 2**24 - 1
"""Qt's own largest width."""
RESET_TIP = "Return to the chosen view (or double-click beside the cortex)"


class CortexPanel(QWidget):
    """The cortex view under its toolbar.

    Signals
    -------
    map_changed(str)
        The user chose another map: shift, clean, perturbed, sensitivity, r, noise_ceiling or roi.
    """

    map_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.view = CortexView()
        self.second: TwinView | None = None
        self._build()
        self._connect()
        self._follow_layout()
        self._follow_scale()
        self._colour_icons()

    def current_map(self) -> str:
        """The map chosen."""
        return str(self.map_box.value())

    def set_map(self, name: str) -> None:
        """Choose a map as if the user had."""
        self.map_box.setCurrentIndex(self.map_box.findData(name))

    @property
    def views(self) -> tuple[CortexView, ...]:
        """The view, and the second one beside it once there is one."""
        return (self.view,) if self.second is None else (self.view, self.second)

    def show_second(self, shown: bool) -> TwinView | None:
        """Show or hide a second cortex beside the first; it is made when it is first shown."""
        if shown and self.second is None:
            self.second = TwinView(self.view)
            self._sides.addWidget(self.second, 1)
            self.outlines_button.toggled.connect(self.second.set_outlined)
            self.labels_button.toggled.connect(self.second.set_labels)
            self.second.set_outlined(self.outlines_button.isChecked())
            self.second.set_labels(self.labels_button.isChecked())
        if self.second is not None:
            self.second.setVisible(shown)
            self.view.morph_slider.setMaximumWidth(0 if shown else UNBOUNDED)  # two colour bars need its room
            self.second.follow_layout()
            self.second.follow_scale()
        return self.second if shown else None

    def _build(self) -> None:
        self.map_box = _make_box(MAPS, "Map", least=84)
        self.geometry_box = _make_box([(name, name.capitalize()) for name in GEOMETRIES], "Geometry", least=86)
        self.view_box = _make_box([(name, name.capitalize()) for name in VIEWS], "View", least=80)
        self.hemispheres = Segmented(HEMISPHERES)
        self.hemispheres.setMinimumWidth(LEAST_HEMISPHERES)
        self.hemispheres.setAccessibleName("Hemispheres")
        self.threshold = Slider("Threshold")
        self.threshold.setRange(0, THRESHOLD_STEPS)
        self.threshold.setFixedWidth(THRESHOLD_WIDTH)
        self.threshold.setToolTip("Threshold: values nearer to zero are transparent")
        self.threshold_label = make_label("", "muted")
        self.threshold_label.setToolTip(self.threshold.toolTip())
        self.colormap_button = ColormapBox()
        self.outlines_button = make_tool_button(tip="Outline the ROIs", name="Outlines")
        self.labels_button = make_tool_button(tip="Name the ROIs", name="Labels")
        self.fit_button = make_tool_button(tip=RESET_TIP, name="Reset view")
        for button in (self.outlines_button, self.labels_button):
            button.setCheckable(True)
            button.setChecked(True)
        self._icons = {self.outlines_button: "outlines", self.labels_button: "labels", self.fit_button: "fit"}
        maps = (self.map_box, self.colormap_button, make_column(self.threshold_label, self.threshold, gap=0))
        looks = (self.geometry_box, self.hemispheres, self.view_box, *self._icons)
        bar = make_row(*maps, -1, *looks, gap=4, margin=(8, 6, 8, 6), stretch=2)
        self._sides = make_row(self.view, gap=0, shares=(1,))
        self.setLayout(make_column(bar, self._sides, gap=0, stretch=1))

    def _connect(self) -> None:
        view = self.view
        self.map_box.currentIndexChanged.connect(self._choose_map)
        self.geometry_box.currentIndexChanged.connect(self._choose_geometry)
        self.view_box.chosen.connect(view.set_named_view)
        self.hemispheres.chosen.connect(view.set_hemispheres)
        self.threshold.valueChanged.connect(self._apply_threshold)
        self.colormap_button.chosen.connect(view.set_colormap)
        self.outlines_button.toggled.connect(view.set_outlined)
        self.labels_button.toggled.connect(view.set_labels)
        for button in (self.outlines_button, self.labels_button):
            button.toggled.connect(self._colour_icons)
        self.fit_button.clicked.connect(view.arrange)
        view.layout_changed.connect(self._follow_layout)
        view.scale_changed.connect(self._follow_scale)

    def _choose_geometry(self) -> None:
        self.view.set_geometry(self.geometry_box.value())

    def _choose_map(self, _index: int) -> None:
        self.view.show_regions(self.current_map() == REGIONS)
        self.map_changed.emit(self.current_map())

    def _follow_layout(self) -> None:
        self.geometry_box.set_value(self.view.geometry_name)
        with QSignalBlocker(self.view_box):  # none of them is chosen once the cortex was turned
            self.view_box.setCurrentIndex(self.view_box.findData(self.view.named_view))
        self.hemispheres.set_value(self.view.hemispheres)
        self._follow_surface()

    def _follow_surface(self) -> None:
        """Switch off, with the reason, what the surface has no geometry for."""
        surface = self.view.surface
        if surface is None:
            return
        for box, names in ((self.geometry_box, GEOMETRIES), (self.view_box, ("flat",))):
            for name in names:
                item = cast("QStandardItemModel", box.model()).item(box.findData(name))
                reason = surface.reason_without(name)
                item.setEnabled(not reason)
                item.setToolTip(reason)

    def _follow_scale(self) -> None:
        """Another map or limit: the threshold keeps its share of the limit."""
        reading = self.view.colour_bar.reading
        self.colormap_button.show_colormap(None if reading is None else reading.colormap)
        for widget in (self.threshold, self.threshold_label):
            widget.setEnabled(reading is not None)
        self._apply_threshold(self.threshold.value())

    def _apply_threshold(self, position: int) -> None:
        reading = self.view.colour_bar.reading
        limit = 1.0 if reading is None else reading.limit
        threshold = limit * position / THRESHOLD_STEPS
        shown = f"≥ {format_number(threshold, min(2, digits_for(limit)))}"
        self.threshold_label.setText("" if reading is None else shown)
        if reading is None or reading.threshold != threshold:
            self.view.set_threshold(threshold)

    def _colour_icons(self) -> None:
        for button, icon in self._icons.items():
            set_icon(button, icon, "accent" if button.isChecked() else "muted")


def _make_box(choices: Sequence[tuple[str, str]], name: str, *, least: int) -> ChoiceBox:
    box = ChoiceBox(name)
    box.setMinimumWidth(least)  # narrower than its longest text, so that the cortex may be narrow too
    box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    box.set_choices(choices)
    return box
