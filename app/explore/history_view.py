"""Plots the target's shift over the attack's steps, and lets one scrub and play them."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSlider, QWidget

from app.look.numbers import NORM_SIGNS, digits_for, format_signed, write_epsilon
from app.look.plotting import faded, make_axes, name_plot, quieten, solid, value_range
from app.look.theme import DARK, Theme, follow_theme
from app.widgets.basics import make_column, make_label, make_row, make_tool_button
from app.widgets.captions import ElidedLabel
from core.figures.curve import budget_stretches
from core.types import FloatArray, NormName

AXIS_WIDTH = 52
TICK_GAP = 6
"""Pixels between two labels."""
PLAY_SECONDS = 4.0
"""Playing all steps takes about this long."""

FASTEST_MS, SLOWEST_MS = 70, 300
PLAY, PAUSE = "\N{BLACK RIGHT-POINTING TRIANGLE}", "\N{DOUBLE VERTICAL BAR}"


class HistoryView(QWidget):
    """Shift by step with the budget in force along the top; slider, play button and a click on the plot scrub.

    Signals
    -------
    step_scrubbed(int)
        The step the user moved to, from 0.
    """

    step_scrubbed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = DARK
        self._norm = NormName.L2
        self._unit = ""
        self._epsilon = np.zeros(0)
        self._shift = np.zeros(0)
        self._n_shown = 0
        self.budget_ticks: list[tuple[float, str]] = []
        self._canvas = pg.GraphicsLayoutWidget()
        name_plot(self._canvas, "Shift at every attack step")
        self._canvas.ci.setContentsMargins(0, 0, 8, 4)
        self._axes = make_axes()
        self._plot = self._canvas.addPlot(row=0, col=0, axisItems=self._axes)
        quieten(self._plot)
        self._plot.showAxis("top")
        self._axes["left"].setWidth(AXIS_WIDTH)
        self._zero = pg.InfiniteLine(angle=0, pos=0)
        self._budgets = pg.PlotDataItem(connect="pairs")
        self._line = pg.PlotDataItem()
        self._guide = pg.InfiniteLine(angle=90)
        self._dot = pg.ScatterPlotItem(size=10)
        for item in (self._budgets, self._zero, self._guide, self._line, self._dot):
            self._plot.addItem(item)
        self.play_button = make_tool_button(tip="Play the attack's steps", name="Play the steps")
        self.play_button.setText(PLAY)
        self.play_button.setCheckable(True)
        self.movie_button = make_tool_button(tip="Save a movie of the steps…", name="Save movie", icon="film")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Attack step")
        self.slider.setToolTip("Drag through the attack's steps; the image and the cortex follow.")
        self.readout = ElidedLabel("muted", hint="The step shown: its number, its budget and the shift of the target")
        self._timer = QTimer(self)
        self._unit_label, self._budget_label = make_label("", "faint"), make_label("", "faint")
        head, foot = make_row(self._unit_label, -1, self._budget_label), make_row(self.play_button, self.slider)
        foot.addWidget(self.movie_button)
        self.setLayout(make_column(head, self._canvas, foot, gap=0))
        self.slider.valueChanged.connect(self._scrub)
        self.play_button.toggled.connect(self.set_playing)
        self._timer.timeout.connect(self._advance)
        self._canvas.scene().sigMouseClicked.connect(self._jump)
        follow_theme(self.set_theme)
        self._set_scrubbable(False)

    @property
    def n_steps(self) -> int:
        """Steps shown."""
        return len(self._shift)

    @property
    def pixels_a_step(self) -> float:
        """How far apart two steps are drawn."""
        return float(self._plot.getViewBox().width()) / max(2, self._n_shown)

    @property
    def step(self) -> int:
        """The step the slider stands at."""
        return self.slider.value()

    def show_history(
        self, epsilon: FloatArray, shift: FloatArray, *, norm: NormName, unit: str, n_planned: int | None = None
    ) -> None:
        """Show steps: budget in force and target's shift, (n_steps,) each.

        With `n_planned`, how many steps the run will take in all, they are live and cannot be scrubbed yet.
        """
        live = n_planned is not None
        self._n_shown = max(len(shift), n_planned or 0)
        self._epsilon, self._shift = np.asarray(epsilon), np.asarray(shift)
        self._norm, self._unit = norm, unit
        if live:
            self.set_playing(False)
        self._set_scrubbable(not live and self.n_steps > 1)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, self.n_steps - 1))
            self.slider.setValue(self.n_steps - 1)
        self._redraw()

    def set_step(self, step: int | None) -> None:
        """Move to a step without telling anyone; None is the last."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(self.n_steps - 1 if step is None else step)
        self._draw_marker()

    def set_playing(self, on: bool) -> None:
        """Run through the steps once, from the start where the last one is shown."""
        running = on and self.n_steps > 1
        with QSignalBlocker(self.play_button):
            self.play_button.setChecked(running)
        self.play_button.setText(PAUSE if running else PLAY)
        if not running:
            self._timer.stop()
            return
        if self.slider.value() >= self.n_steps - 1:
            self.slider.setValue(0)
        self._timer.start(int(np.clip(1000 * PLAY_SECONDS / self.n_steps, FASTEST_MS, SLOWEST_MS)))

    def describe_step(self) -> str:
        """The step shown, in words: "step 12 of 40 · L₂ ε 0.75 · +0.42"."""
        if not self.n_steps:
            return ""
        step = self.step
        digits = digits_for(float(np.abs(self._shift).max()))
        budget = f"{NORM_SIGNS[self._norm]} ε {write_epsilon(float(self._epsilon[step]), self._norm)}"
        return f"step {step + 1} of {self._n_shown} · {budget} · {format_signed(float(self._shift[step]), digits)}"

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self._canvas.setBackground(theme.panel)
        self._axes["top"].setPen(pg.mkPen(theme.panel))
        self._zero.setPen(pg.mkPen(theme.line_strong, width=1))
        self._budgets.setPen(pg.mkPen(theme.grid, width=1))
        self._guide.setPen(pg.mkPen(faded(theme.accent, 0.7), width=1))
        self._dot.setData(pen=pg.mkPen(theme.panel, width=1.5), brush=pg.mkBrush(theme.accent))
        self._redraw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width has room for other labels."""
        super().resizeEvent(event)
        self._redraw()

    def _set_scrubbable(self, on: bool) -> None:
        for widget in (self.slider, self.play_button, self.movie_button):
            widget.setEnabled(on)

    def _redraw(self) -> None:
        steps = np.arange(1, self.n_steps + 1)
        low, high = value_range([self._shift])
        self._line.setData(steps, self._shift)
        self._line.setPen(solid(self._theme.text, 1.6))
        self._plot.setXRange(0.5, max(2, self._n_shown) + 0.5, padding=0.015)
        self._plot.setYRange(low, high, padding=0)
        self._mark_budgets(low, high)
        self._unit_label.setText(f"shift ({self._unit})" if self._unit else "shift")
        self._budget_label.setText(f"top: ε ({NORM_SIGNS[self._norm]})")
        self._axes["bottom"].set_title("attack step")
        self._draw_marker()

    def _mark_budgets(self, low: float, high: float) -> None:
        """A thin line where the budget changes, and the budget above each stretch."""
        edges, ticks = budget_stretches(self._epsilon, self._norm)
        self._budgets.setData(np.repeat(edges, 2), np.tile([low, high], len(edges)))
        self.budget_ticks = self._apart(ticks)
        self._axes["top"].setTicks([self.budget_ticks])

    def _apart(self, ticks: list[tuple[float, str]]) -> list[tuple[float, str]]:
        """Those of the ticks that do not lie over one another; the last budget always stays."""
        pixels = self.pixels_a_step
        kept: list[tuple[float, str]] = []
        left = float("inf")
        for place, text in reversed(ticks):
            half = self.fontMetrics().horizontalAdvance(text) / 2
            if place * pixels + half + TICK_GAP <= left:
                kept.append((place, text))
                left = place * pixels - half
        return kept[::-1]

    def _draw_marker(self) -> None:
        shown = self.n_steps > 0
        for item in (self._guide, self._dot):
            item.setVisible(shown)
        self.readout.show_text(self.describe_step())
        if shown:
            self._guide.setPos(self.step + 1)
            self._dot.setData([self.step + 1], [self._shift[self.step]])

    def _scrub(self, step: int) -> None:
        self._draw_marker()
        self.step_scrubbed.emit(step)

    def _advance(self) -> None:
        if self.slider.value() >= self.n_steps - 1:
            self.set_playing(False)
            return
        self.slider.setValue(self.slider.value() + 1)

    def _jump(self, event: object) -> None:
        position = event.scenePos()  # type: ignore[attr-defined]
        if self.slider.isEnabled() and self._plot.sceneBoundingRect().contains(position):
            place = self._plot.getViewBox().mapSceneToView(position).x()
            self.slider.setValue(int(np.clip(round(place) - 1, 0, self.n_steps - 1)))
