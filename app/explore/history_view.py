"""Plots the target's shift over the attack's steps, and lets one scrub and play them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_column, make_row, make_tool_button
from app.widgets.captions import Readout
from app.widgets.editors import Slider
from app.widgets.plot_view import LineView
from core.attacks.config import NORM_SIGNS, write_epsilon
from core.figures.curve import ATTACK, CurveData
from core.figures.probe_plots import plot_steps
from core.words import digits_for, format_signed

AXIS_WIDTH = 52
PLAY_SECONDS = 4.0
"""Playing all steps takes about this long."""

FASTEST_MS, SLOWEST_MS = 70, 300
PLAY, PAUSE = "\N{BLACK RIGHT-POINTING TRIANGLE}", "\N{DOUBLE VERTICAL BAR}"


class HistoryView(QWidget):
    """Shift by step with the budget in force along the top; slider, play button and a click on the plot scrub."""

    step_scrubbed = Signal(object)
    """The step the user moved to, from 0; None for what was delivered, the slider's last place."""

    def __init__(self) -> None:
        super().__init__()
        self._data: CurveData | None = None
        self._n_shown = 0
        self.plot = LineView("Shift at every attack step")
        self.plot.getPlotItem().getAxis("left").setWidth(AXIS_WIDTH)
        self.plot.getPlotItem().setContentsMargins(0, 0, 10, 0)  # the last number is written past the end of its axis
        self.play_button = make_tool_button(tip="Play the attack's steps", name="Play the steps")
        self.play_button.setText(PLAY)
        self.play_button.setCheckable(True)
        self.movie_button = make_tool_button(tip="Save a movie of the steps…", name="Save movie", icon="film")
        self.slider = Slider("Attack step")
        self.slider.setToolTip(
            "Drag through the attack's steps; image and cortex follow. At the right end: the delivered image."
        )
        self.readout = Readout(tip="The step shown: its number, its budget and the shift of the target")
        self._timer = QTimer(self)
        foot = make_row(self.play_button, self.slider, self.movie_button)
        self.setLayout(make_column(self.plot, foot, gap=0, stretch=0))
        self.slider.valueChanged.connect(self._scrub)
        self.play_button.toggled.connect(self.set_playing)
        self._timer.timeout.connect(self._advance)
        self.plot.picked.connect(self._jump)
        self._set_scrubbable(False)

    @property
    def n_steps(self) -> int:
        """Steps shown."""
        return 0 if self._data is None else len(self._data.epsilon)

    @property
    def step(self) -> int | None:
        """The step the slider stands at; None behind the last one, where the delivered image is shown."""
        step = self.slider.value()
        return step if step < self.n_steps else None

    def show_history(self, data: CurveData, *, n_planned: int | None = None) -> None:
        """Show steps; with `n_planned`, how many the run will take in all, they are live and cannot be scrubbed yet."""
        live = n_planned is not None
        self._data, self._n_shown = data, max(len(data.epsilon), n_planned or 0)
        if live:
            self.set_playing(False)
        self._set_scrubbable(not live and self.n_steps > 1)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, self.n_steps - live))
            self.slider.setValue(self.slider.maximum())
        self._redraw()

    def set_step(self, step: int | None) -> None:
        """Move to a step without telling anyone; None is what was delivered."""
        self.slider.set_value(self.slider.maximum() if step is None else step)
        self._draw_marker()

    def set_playing(self, on: bool) -> None:
        """Run through the steps once, from the start where the end is shown."""
        running = on and self.n_steps > 1
        with QSignalBlocker(self.play_button):
            self.play_button.setChecked(running)
        self.play_button.setText(PAUSE if running else PLAY)
        if not running:
            self._timer.stop()
            return
        if self.slider.value() >= self.slider.maximum():
            self.slider.setValue(0)
        self._timer.start(int(np.clip(1000 * PLAY_SECONDS / self.n_steps, FASTEST_MS, SLOWEST_MS)))

    def stop(self) -> None:
        """Stop playing, and let nobody scrub until steps are shown again."""
        self.set_playing(False)
        self._set_scrubbable(False)

    def describe_step(self) -> str:
        """The step shown, in words: "step 12 of 40 · L₂ ε 0.75 · +0.42"; a slash before the second encoder's shift."""
        step, data = self.step, self._data
        if data is None or not self.n_steps:
            return ""
        if step is None:
            return f"delivered image · after {self.n_steps} steps"
        digits = digits_for(float(np.abs(data.lines[ATTACK]).max()))
        budget = f"{NORM_SIGNS[data.norm]} ε {write_epsilon(float(data.epsilon[step]), data.norm)}"
        shifts = " / ".join(format_signed(float(one[step]), digits) for one in data.encoders)
        return f"step {step + 1} of {self._n_shown} · {budget} · {shifts}"

    def _set_scrubbable(self, on: bool) -> None:
        for widget in (self.slider, self.play_button, self.movie_button):
            widget.setEnabled(on)

    def _redraw(self) -> None:
        if self._data is None:
            return
        shown = plot_steps(self._data, n_planned=self._n_shown)
        self.plot.show_plot(replace(shown, legend=None))  # the curve names the same colours
        self._draw_marker()

    def _draw_marker(self) -> None:
        self.readout.setText(self.describe_step())
        if self._data is not None and self.step is not None:
            self.plot.show_place(self.step + 1, float(self._data.lines[ATTACK][self.step]))
        else:
            self.plot.show_place(math.nan)

    def _scrub(self) -> None:
        self._draw_marker()
        self.step_scrubbed.emit(self.step)

    def _advance(self) -> None:
        if self.slider.value() >= self.slider.maximum():
            self.set_playing(False)
            return
        self.slider.setValue(self.slider.value() + 1)

    def _jump(self, x: float) -> None:
        if self.slider.isEnabled():
            self.slider.setValue(int(np.clip(round(x) - 1, 0, self.n_steps - 1)))
