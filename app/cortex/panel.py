"""The cortex under its slim toolbar: which map and geometry, from where, what lies over it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QWidget

from app.cortex.colour import CortexStyle
from app.cortex.colour_bar import ColormapBox, RangeDialog
from app.cortex.layout import VIEWS
from app.cortex.over import OverMenu
from app.cortex.twin import TwinView
from app.cortex.view import CortexView
from app.widgets.basics import make_column, make_panel, make_row, make_tool_button, set_icon
from app.widgets.captions import Readout
from app.widgets.editors import ChoiceBox, Slider
from app.widgets.full_panel import make_full_button
from app.widgets.segmented import Segmented
from app.widgets.tool_line import ToolLine
from core.surfaces.colormap import ColormapKind, ColourRange
from core.surfaces.mesh import GEOMETRIES
from core.surfaces.placing import Placed
from core.words import digits_for, format_number

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
LAST = ("last", "Shift, last probe")
"""A second map only: what the probe before the present one did."""
BESIDE = (
    ("auto", "A | B"),
    ("none", "One cortex"),
    ("second", "Beside: second encoder"),
    ("pinned", "Beside: pinned probe"),
)
BESIDE_TIP = (
    "What a second cortex shows beside this one; A | B: the pinned probe or the second encoder, if there is one"
)
HEMISPHERES = (
    ("left", "L", "Left hemisphere"),
    ("both", "Both", "Both hemispheres"),
    ("right", "R", "Right hemisphere"),
)
THRESHOLD_WIDTH = 72
THRESHOLD_STEPS = 100
UNBOUNDED = 2**24 - 1
"""Qt's own largest width."""
PATH_TIP = "Draw the path of the centre of |shift| over each hemisphere, from the first attack step on"
LOCK_TIP = "Lock the colour range: it stays for the next probes (double click on the colour bar to type it)"
RESET_TIP = "Return to the chosen view (or double-click beside the cortex)"


class CortexPanel(QWidget):
    """The cortex view under its toolbar.

    Signals
    -------
    map_changed(str)
        The user chose another map: shift, clean, perturbed, sensitivity, r, noise_ceiling or roi.
    look_changed()
        The path, the range of some maps, or what shows beside or over the map was chosen or given up.
    """

    map_changed = Signal(str)
    look_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.view = CortexView()
        self.second: TwinView | None = None
        self.ranges: dict[str, ColourRange] = {}
        """Ranges that were chosen, by `name_kind` of the maps they are for."""
        self.range_dialog: RangeDialog | None = None
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

    def ask_range(self, view: CortexView | None = None) -> None:
        """Ask for the colour range of the map a view shows, the first one's where none is named."""
        reading = (view or self.view).colour_bar.reading
        if reading is None:
            self.view.refused.emit("ROIs have no colour range: choose a map with values")
            return
        self.range_dialog = RangeDialog(reading, self)
        self.range_dialog.wanted.connect(partial(self.set_range, name_kind(reading.unit, reading.is_diverging)))
        self.range_dialog.open()

    def set_range(self, kind: str, chosen: ColourRange | None) -> None:
        """Lock the range of all maps of a kind, or with None fit it to each map again."""
        self.ranges.pop(kind, None)
        if chosen is not None:
            self.ranges[kind] = chosen
        self.look_changed.emit()

    def lock_range(self) -> None:
        """Keep the present range for what is shown next, or give up the one that is kept."""
        if (reading := self.view.colour_bar.reading) is not None:
            kept = ColourRange(0.0, reading.limit / 2, reading.limit) if reading.chosen is None else None
            self.set_range(name_kind(reading.unit, reading.is_diverging), kept)

    @property
    def views(self) -> tuple[CortexView, ...]:
        """The view, and the second one beside it once there is one."""
        return (self.view,) if self.second is None else (self.view, self.second)

    def set_style(self, style: CortexStyle) -> None:
        """Draw and frame both cortices so from now on."""
        for view in self.views:
            view.set_style(style)

    def show_second(self, shown: bool, own: Placed | None = None, *, on_left: bool = False) -> TwinView | None:
        """Show or hide a second cortex, with voxels of its `own` if it has them; it is made when it is first shown."""
        if shown and self.second is None:
            self.second = TwinView(self.view)
            self._sides.addWidget(self.second, 1)
            self.second.set_style(self.view.canvas.scene.style)
            self.second.colour_bar.range_wanted.connect(partial(self.ask_range, self.second))
            self._show_lines()
        if self.second is not None:
            if (self._sides.indexOf(self.second) == 0) is not on_left:
                self._sides.insertWidget(0 if on_left else 1, self.second, 1)
            self.second.setVisible(shown)
            self.view.morph_slider.setMaximumWidth(0 if shown else UNBOUNDED)  # two colour bars need its room
            self.second.place(own)
            self.second.follow_scale()
        return self.second if shown else None

    def minimumSizeHint(self) -> QSize:
        """Room for the tools; a second view shares that of the first."""
        return QSize(self.tools.minimumSizeHint().width(), super().minimumSizeHint().height())

    def _build(self) -> None:
        self.map_box = _make_box(MAPS, "Map", letters=7)
        self.beside_box = _make_box(BESIDE, "Second cortex", letters=4)
        self.beside_box.setToolTip(BESIDE_TIP)
        self.geometry_box = _make_box([(name, name.capitalize()) for name in GEOMETRIES], "Geometry", letters=6)
        self.view_box = _make_box([(name, name.capitalize()) for name in VIEWS], "View", letters=6)
        self.hemispheres = Segmented(HEMISPHERES)
        self.hemispheres.setAccessibleName("Hemispheres")
        self.threshold = Slider("Threshold")
        self.threshold.setRange(0, THRESHOLD_STEPS)
        self.threshold.setFixedWidth(THRESHOLD_WIDTH)
        self.threshold.setToolTip("Threshold: values nearer to zero are transparent")
        self.threshold_label = Readout()
        self.threshold_label.setToolTip(self.threshold.toolTip())
        self.colormap_button = ColormapBox()
        over = [*(one for one in MAPS if one[0] != REGIONS), LAST]
        self.over = OverMenu(over, self.look_changed.emit)
        self.outlines_button = make_tool_button(tip="Outline the ROIs", name="Outlines")
        self.labels_button = make_tool_button(tip="Name the ROIs", name="Labels")
        self.path_button = make_tool_button(tip=PATH_TIP, name="Path of the shift")
        self.lock_button = make_tool_button(self.lock_range, tip=LOCK_TIP, name="Lock the colour range")
        self.lock_button.setCheckable(True)
        self.fit_button = make_tool_button(tip=RESET_TIP, name="Reset view")
        for button in (self.outlines_button, self.labels_button):
            button.setCheckable(True)
            button.setChecked(True)
        self.path_button.setCheckable(True)
        looks_of = {self.outlines_button: "outlines", self.labels_button: "labels"}
        looks_of |= {self.path_button: "path", self.fit_button: "fit"}
        self._icons = looks_of | {self.lock_button: "lock"}
        threshold = make_panel(make_column(self.threshold_label, self.threshold, gap=0))
        threshold.setAccessibleName("Threshold")
        maps = (self.map_box, self.beside_box, self.colormap_button, self.over.button, self.lock_button, threshold)
        looks = (self.geometry_box, self.hemispheres, self.view_box, *looks_of)
        rare = (self.path_button, self.lock_button, self.over.button, self.beside_box, self.labels_button)
        often = (self.fit_button, threshold, self.outlines_button, self.colormap_button, self.view_box)
        self.tools = ToolLine((*maps, *looks, make_full_button(self, "Cortex")), (*rare, *often))
        self._sides = make_row(self.view, gap=0, shares=(1,))
        self.setLayout(make_column(self.tools, self._sides, gap=0, stretch=1))

    def _connect(self) -> None:
        view = self.view
        self.map_box.currentIndexChanged.connect(self._choose_map)
        self.beside_box.chosen.connect(self.look_changed)
        self.path_button.toggled.connect(self.look_changed)
        self.geometry_box.currentIndexChanged.connect(lambda: view.set_geometry(self.geometry_box.value()))
        self.view_box.chosen.connect(view.set_named_view)
        self.hemispheres.chosen.connect(view.set_hemispheres)
        self.threshold.valueChanged.connect(self._apply_threshold)
        self.colormap_button.chosen.connect(view.set_colormap)
        for button in (self.outlines_button, self.labels_button, self.path_button):
            button.toggled.connect(self._show_lines)
        self.fit_button.clicked.connect(view.arrange)
        view.layout_changed.connect(self._follow_layout)
        view.scale_changed.connect(self._follow_scale)
        view.colour_bar.range_wanted.connect(self.ask_range)

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
        self.lock_button.setEnabled(reading is not None)
        self.lock_button.setChecked(reading is not None and reading.chosen is not None)
        self._colour_icons()
        self._apply_threshold(self.threshold.value())

    def _apply_threshold(self, position: int) -> None:
        reading = self.view.colour_bar.reading
        limit = 1.0 if reading is None else reading.limit
        threshold = limit * position / THRESHOLD_STEPS
        hidden = threshold if reading is None or reading.chosen is None else max(threshold, reading.chosen.fmin)
        shown = f"≥ {format_number(hidden, min(2, digits_for(limit)))}"
        self.threshold_label.setText("" if reading is None else shown)
        if reading is None or reading.threshold != hidden:
            self.view.set_threshold(threshold)

    def _show_lines(self) -> None:
        """Outline and name the ROIs of both cortices, or not."""
        for view in self.views:
            view.canvas.change(outlined=self.outlines_button.isChecked(), labelled=self.labels_button.isChecked())
        self._colour_icons()

    def _colour_icons(self) -> None:
        for button, icon in self._icons.items():
            set_icon(button, icon, "accent" if button.isChecked() else "muted")


def name_kind(unit: str, diverging: bool) -> str:
    """The kind of a map, which has one chosen range."""
    return f"{unit}, {ColormapKind.DIVERGING if diverging else ColormapKind.SEQUENTIAL}"


def _make_box(choices: Sequence[tuple[str, str]], name: str, *, letters: int) -> ChoiceBox:
    box = ChoiceBox(name)
    box.setMinimumContentsLength(letters)  # fewer than its longest text, so that the cortex may be narrow too
    box.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.set_choices(choices)
    return box
