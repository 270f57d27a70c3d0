"""Shows the clean image, what was made of it, their difference and the budget."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QCursor, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QStackedWidget, QWidget

from app.base.state import Pinned
from app.explore.compare_tools import CompareTools
from app.explore.jury_strip import JuryStrip
from app.explore.picture_set import ROLES, PictureSet, Role, compare, compare_probe, describe_pixel, fade, pixels_of
from app.look.plotting import solid
from app.look.theme import Theme, follow_theme
from app.widgets.basics import make_column, make_label, make_panel, make_row, show_text
from app.widgets.budget_meter import BudgetMeter
from app.widgets.captions import EmptyState, Readout
from app.widgets.editors import ChoiceBox
from app.widgets.full_panel import make_full_button
from app.widgets.image_view import ImageView
from app.widgets.large_view import LargeView
from core.attacks.config import AttackConfig, write_budget
from core.images.difference import MANUAL_FACTORS, amplify, choose_factor
from core.probes.budget import read_budget, read_step_budget
from core.probes.probe import Preview, Probe
from core.types import ByteArray

FLICKER_MS = 167
"""Half a period of 3 Hz: the most flashes a second that is held to be safe for people with photosensitive epilepsy."""

ZOOM_TIP = "Double click to enlarge. Scroll to zoom, drag to move, Home fits. All panes follow."
DIFFERENCE_TIP = "127.5 + factor × 255 (shown − clean): mid grey means no change. " + ZOOM_TIP
CLEAN, PINNED = "clean", "pinned"
PAIR_TIP = "With a pinned probe (A): the perturbation of this one (B) less that of A, what they do not share"
LAST = "beginning · until the first step, the last probe is shown, faded"

FACTOR_TIP = "Auto brings the 99th percentile of |δ| to at most 110 grey levels."
AUTO = "auto"
MARGIN, GAP = 10, 8
WIDE = 1.5
"""Times wider than high, from which all pictures stand in one row."""
METER_WIDTH, LEAST_SIDE, HEAD_HEIGHT = 220, 60, 28
FACTOR_WIDTH = 104
"""Room for "×192 auto" and the arrow, in pixels."""


class ImagesPanel(QWidget):
    """Clean and perturbed side by side, their difference and the budget meter below; zoom and position are shared."""

    said = Signal(str)
    """A sentence for the status bar: a copy or save, or the pixel below the pointer."""

    compared = Signal(str)
    """While clean and perturbed are swapped, which of both the cortex shows the response of; "" when they are not."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._pictures: PictureSet | None = None
        self._probe: Probe | None = None
        self._preview: Preview | None = None
        self._step: tuple[ByteArray, AttackConfig] | None = None
        self._wish = Role.PERTURBED
        self._holds_clean = False
        self._flicker_phase = False
        self._manual_factor: int | None = None
        self._place: tuple[int, int] | None = None
        self.amplification = 1
        self.title = make_label("", "strong", wraps=True)
        self.caption = Readout()
        self.scale = make_label("", "faint", tip="Screen pixels for each pixel of the network's input")
        self.clean_view = ImageView("clean")
        self.made_view = ImageView("perturbed")
        self.difference_view = ImageView("difference")
        self.meter = BudgetMeter()
        self.jury = JuryStrip()
        self.tools = CompareTools()
        self._pinned: PictureSet | None = None
        self._fades = False
        self.first_choice = ChoiceBox("First image")
        self.role_choice = ChoiceBox("Second image")
        self.role_choice.set_choices([(role, *words) for role, words in ROLES.items()])
        self.factor_choice = ChoiceBox("Amplification of the difference")
        self.factor_choice.setToolTip(FACTOR_TIP)
        self.factor_choice.setMinimumWidth(FACTOR_WIDTH)
        self.factor_choice.set_choices([(None, AUTO), *((factor, f"×{factor}") for factor in MANUAL_FACTORS)])
        self._timer = QTimer(self)
        self._timer.setInterval(FLICKER_MS)
        self._line = pg.InfiniteLine(angle=90, movable=True)
        self._line.setVisible(False)
        self.made_view.add_overlay(self._line)
        self._build()
        self._connect()
        follow_theme(self.set_theme)
        self.clear()

    def show_images(self, clean: ByteArray, perturbed: ByteArray | None, *, caption: str, title: str = "") -> None:
        """Show a clean image, and a perturbed one where there is one.

        Parameters
        ----------
        clean, perturbed : (height, width, 3) uint8. Of a clean image that is shown already, a `show_step` follows.
        caption : Network and budget, one line.
        title : What the image is.
        """
        self._probe = None
        self.title.setText(title)
        self.caption.setText(caption)
        if perturbed is None or self._pictures is None or self._pictures.clean is not clean:
            self._take(compare(clean, perturbed))
        if perturbed is None:
            self._preview = self._step = None
            self.meter.set_reading(None)

    def show_probe(self, probe: Probe, *, is_last: bool = False) -> None:
        """Show everything a probe delivered: image, controls, difference, budget; the last one's picture is faded."""
        self._probe = probe
        config = probe.config
        self.title.setText(f"{probe.stimulus_id} · {config.direction} {config.target.label}")
        self._caption(probe, config.attack.epsilon, note="quick look" if config.attack.is_quick_look else "")
        if is_last:
            self.caption.setText(LAST)
        self._preview = self._step = None
        self._take(compare_probe(probe), fades=is_last)

    def show_preview(self, preview: Preview) -> None:
        """Show the last probe's perturbation at another budget. Without a probe there is nothing to preview."""
        if self._probe is None or self._pictures is None:
            return
        self._preview, self._step = preview, None
        self._caption(self._probe, preview.epsilon, note="quick look")
        self._take(compare(self._pictures.clean, preview.pixels, delta=preview.delta.transpose(1, 2, 0)))

    def show_step(self, pixels: ByteArray, attack: AttackConfig) -> None:
        """Show (height, width, 3) uint8 pixels of a step of an attack, which has the budget of then."""
        if self._pictures is None:
            return
        self._take(compare(self._pictures.clean, pixels))
        self._step = (pixels, attack)

    def read_budget(self) -> None:
        """Measure what the second pane shows, from the exact pixels of the step, the probe or its preview."""
        if self._step is not None and self._pictures is not None:
            self.meter.set_reading(read_step_budget(self._pictures.clean, *self._step), of_step=True)
        if self._step is not None or self._probe is None:
            return
        clean, attack = self._probe.clean_pixels, self._probe.config.attack
        made = pixels_of(self._probe)[self._role] if self._preview is None else clean + self._preview.delta
        attack = attack if self._preview is None else replace(attack, epsilon=self._preview.epsilon)
        self.meter.set_reading(read_budget(clean, made, attack))

    def set_pinned(self, pinned: Pinned | None) -> None:
        """Show a pinned probe's picture first, and how the perturbations differ; None takes it away."""
        self._pinned = None if pinned is None else compare_probe(pinned.probe)
        names = [] if pinned is None else [(PINNED, f"A · {pinned.label}", pinned.probe.config.describe())]
        self.first_choice.set_choices([*names, (CLEAN, "Clean")])
        self._refresh()

    def clear(self) -> None:
        """Show the empty state."""
        self._probe = None
        self._pictures = None
        self.set_flicker(False)
        self._preview = self._step = None
        self.meter.set_reading(None)
        self._stack.setCurrentIndex(0)

    def set_flicker(self, on: bool) -> None:
        """Swap clean and perturbed in the second pane about three times a second."""
        running = on and self._has_made()
        self.tools.flicker.setChecked(running)
        self._flicker_phase = False
        (self._timer.start if running else self._timer.stop)()
        self._refresh_made()
        self._tell_compared()

    def show_clean(self, on: bool) -> None:
        """Hold to compare: show the clean image in the second pane while true."""
        self._holds_clean = on
        self._refresh_made()
        self._tell_compared()

    def set_swipe(self, on: bool) -> None:
        """Show the clean image left of a line that can be dragged."""
        self.tools.swipe.setChecked(on)
        self._line.setVisible(on and self._has_made())
        self._refresh_made()

    def set_comparison(self, role: Role | str) -> None:
        """Choose what the second and third pane show: perturbed, control or sign flip."""
        self._wish = Role(role)
        self._refresh()
        if self._pictures is not None and len(self._pictures.made) > 1:
            self.read_budget()

    def set_amplification(self, factor: int | None) -> None:
        """Amplify the difference by a factor of one's own; None chooses it from the picture."""
        self._manual_factor = factor
        self._refresh_difference()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._line.setPen(solid(theme.accent, 2))
        self._line.setHoverPen(solid(theme.accent_hover, 3))

    def _build(self) -> None:
        self._grid = grid = QGridLayout()
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(2)
        self.first_choice.set_choices([(CLEAN, "Clean")])
        self.first_choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._difference_name = make_label("Difference", "muted", tip=PAIR_TIP)
        difference = make_panel(make_row(self._difference_name, -1, self.factor_choice, gap=4))
        first = make_panel(make_row(self.first_choice, self.scale, gap=4, shares=(1, 0)))
        heads = (first, self.role_choice, difference, make_label("Budget", "muted"))
        bodies = (self.clean_view, self.made_view, self.difference_view, self.meter)
        self._cells = tuple(zip(heads, bodies, strict=True))
        for head in heads:
            head.setFixedHeight(HEAD_HEIGHT)
        self.tools.row.addWidget(make_full_button(self, "Images"))
        words = make_column(self.title, self.caption, gap=0)
        self._stack = QStackedWidget()
        advice = "Choose a photograph in the controls, or drop an image file onto the window."
        self._stack.addWidget(EmptyState("No image yet", advice))
        parts = (words, self.tools, grid, -1, self.jury)
        self._stack.addWidget(make_panel(make_column(*parts, gap=4, margin=MARGIN, shares=(0, 0, 100))))
        self.setLayout(make_column(self._stack))
        self.made_view.set_hint("Pick a voxel or an ROI and run a probe to see the perturbed image.")
        for view, tip in zip(self._views(), (ZOOM_TIP, ZOOM_TIP, DIFFERENCE_TIP), strict=True):
            view.setToolTip(tip)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Square panes: in two rows of two, or in one row where the panel is wide."""
        super().resizeEvent(event)
        width, height = self.width() - 2 * MARGIN, self.height() - 2 * MARGIN
        columns = 4 if width > WIDE * height else 2
        for index, cell in enumerate(self._cells):
            row, column = divmod(index, columns)
            for line, widget in enumerate(cell):
                self._grid.addWidget(widget, 2 * row + line, column)
        self._grid.setRowStretch(1, 1)
        self._grid.setRowStretch(3, int(columns == 2))
        for column in range(4):
            self._grid.setColumnStretch(column, int(column < min(columns, 3)))
        self._grid.setColumnMinimumWidth(3, METER_WIDTH if columns == 4 else 0)
        side = (width - METER_WIDTH - 3 * GAP) // 3 if columns == 4 else (width - GAP) // 2
        for _, body in self._cells:
            body.setMaximumHeight(max(LEAST_SIDE, side))

    def _connect(self) -> None:
        for view in self._views():
            view.view_moved.connect(self._share_view)
            view.enlarged.connect(partial(self._enlarge, view))
            view.pixel_hovered.connect(self._say_pixel)
            view.said.connect(self.said)
        self.first_choice.chosen.connect(self._refresh)
        self.role_choice.chosen.connect(self.set_comparison)
        self.factor_choice.chosen.connect(self.set_amplification)
        self.tools.flicker.toggled.connect(self.set_flicker)
        self.tools.swipe.toggled.connect(self.set_swipe)
        self.tools.hold.pressed.connect(partial(self.show_clean, True))
        self.tools.hold.released.connect(partial(self.show_clean, False))
        self._timer.timeout.connect(self._swap)
        self._line.sigPositionChanged.connect(self._refresh_made)

    @property
    def _role(self) -> Role:
        """The wish where there is such an image, else the perturbed one."""
        made = {} if self._pictures is None else self._pictures.made
        return self._wish if self._wish in made else Role.PERTURBED

    def _views(self) -> tuple[ImageView, ImageView, ImageView]:
        return self.clean_view, self.made_view, self.difference_view

    def _has_made(self) -> bool:
        return self._pictures is not None and bool(self._pictures.made)

    def _caption(self, probe: Probe, epsilon: float, *, note: str = "") -> None:
        config = probe.config
        attack = config.attack
        steps = "auto" if attack.falls and not attack.n_steps else attack.steps_taken
        how = note or f"{attack.method.upper()} {steps} steps"
        self.caption.setText(f"{config.network} {config.layer} · {write_budget(epsilon, attack.norm)} · {how}")

    def _take(self, pictures: PictureSet, *, fades: bool = False) -> None:
        self._fades = fades
        is_first = self._pictures is None or self._pictures.clean.shape != pictures.clean.shape
        self._pictures = pictures
        self._stack.setCurrentIndex(1)
        if is_first:
            self._line.setValue(pictures.clean.shape[1] / 2)
        if not pictures.made:
            self.set_flicker(False)
        self._refresh()

    @property
    def _compared(self) -> PictureSet | None:
        """The pinned probe's pictures while they stand first."""
        return self._pinned if self.first_choice.value() == PINNED else None

    @property
    def _first(self) -> ByteArray | None:
        clean = None if self._pictures is None else self._pictures.clean
        return clean if self._compared is None else self._compared.made[Role.PERTURBED]

    def _refresh(self, *_: object) -> None:
        if self._pictures is None:
            return
        self._offer_roles(self._pictures)
        self.clean_view.set_pixels(self._first)
        self.clean_view.suggested_name = str(self.first_choice.value())
        self._refresh_made()
        self._refresh_difference()
        if self._place is not None:
            is_there = self.rect().contains(self.mapFromGlobal(QCursor.pos()))
            self._say_pixel(self._place if is_there else None)

    def _offer_roles(self, pictures: PictureSet) -> None:
        self.first_choice.setEnabled(self._pinned is not None)
        self.role_choice.setEnabled(len(pictures.made) > 1)
        self.role_choice.set_value(self._role)
        self.role_choice.setToolTip(ROLES[self._role][1])
        self.tools.set_usable(bool(pictures.made))
        self._line.setVisible(self.tools.swipe.isChecked() and bool(pictures.made))
        self.made_view.suggested_name = self._role.value
        self.difference_view.suggested_name = f"difference_{self._role.value}{'_less_pinned' if self._compared else ''}"

    def _refresh_made(self) -> None:
        if self._pictures is None:
            return
        made = self._pictures.made.get(self._role)
        first = None if self._holds_clean else self._first
        clean = self._pictures.clean if first is None or first.shape != self._pictures.clean.shape else first
        if made is None or self._holds_clean or self._flicker_phase:
            self.made_view.set_pixels(None if made is None else clean)
        elif self.tools.swipe.isChecked():
            column = int(np.clip(round(self._line.value()), 0, clean.shape[1]))
            self.made_view.set_pixels(np.concatenate([clean[:, :column], made[:, column:]], axis=1))
        else:
            self.made_view.set_pixels(fade(made) if self._fades else made)

    def _refresh_difference(self) -> None:
        delta, pinned = None if self._pictures is None else self._pictures.deltas.get(self._role), self._compared
        show_text(self._difference_name, "Difference" if pinned is None else "δB − δA")
        hint = "The difference appears here, amplified."
        if delta is not None and pinned is not None:
            other = pinned.deltas[Role.PERTURBED]
            delta = delta - other if other.shape == delta.shape else None
            hint = "A and B differ in size: their perturbations cannot be subtracted."
        self.difference_view.set_hint(hint)
        if delta is None:
            self.difference_view.set_pixels(None)
            return
        self.amplification = choose_factor(delta) if self._manual_factor is None else self._manual_factor
        self.factor_choice.setItemText(0, f"×{self.amplification} {AUTO}" if self._manual_factor is None else AUTO)
        self.factor_choice.set_value(self._manual_factor)
        self.difference_view.set_pixels(amplify(delta, self.amplification))

    def _share_view(self, rect: QRectF) -> None:
        moved = self.sender()
        for view in self._views():
            if view is not moved:
                view.show_rect(rect)
        self.scale.setText(self.clean_view.describe_scale())

    def _enlarge(self, chosen: ImageView) -> None:
        """Show the pictures one at a time over the window, beginning with the one chosen."""
        difference = f"{self._difference_name.text()} × {self.amplification}"
        names = (self.first_choice.currentText(), ROLES[self._role][0], difference)
        pictures = [(name, view.pixels) for name, view in zip(names, self._views(), strict=True)]
        if chosen.pixels is not None:
            LargeView(pictures, self._views().index(chosen), self).open()

    def _say_pixel(self, place: tuple[int, int] | None) -> None:
        self._place = place
        if place is None or self._pictures is None:
            self.said.emit("")
            return
        self.said.emit(describe_pixel(self._pictures, self._role, *place))

    def _swap(self) -> None:
        self._flicker_phase = not self._flicker_phase
        self._refresh_made()
        self._tell_compared()

    def _tell_compared(self) -> None:
        swaps = self._role is Role.PERTURBED and (self._holds_clean or (self._timer.isActive() and not self._compared))
        clean = self._holds_clean or self._flicker_phase
        self.compared.emit("" if not swaps else "clean" if clean else "perturbed")
