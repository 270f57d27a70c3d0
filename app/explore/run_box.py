"""The button that starts or stops a probe, with how far it is and the time left."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from app.base.jobs import Idle, RunState
from app.widgets.basics import make_button, make_column, make_row, set_icon, set_look
from app.widgets.captions import Readout
from app.widgets.job_line import ProgressLine
from core.probes.probe import Probe, ProbeProgress
from core.words import write_duration

STAGE_NAMES = {
    "clean": "Clean response",
    "search": "Smallest budget",
    "attack": "Attack",
    "controls": "Controls",
    "done": "Done",
}


class RunBox(QWidget):
    """Probe, or Cancel while one runs."""

    probe_requested = Signal()
    cancel_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._running = self._stops = False
        self._reason = ""
        self.auto = QCheckBox("after every change")
        self.auto.setAccessibleName("Probe after every change")
        self.auto.setToolTip("Probe after every change, or only on request (A)")
        self.auto.setChecked(True)
        self.button = make_button("Probe", "big", self._press)
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.bar = ProgressLine()
        self.left, self.right = Readout(), Readout()
        self.right.setFixedWidth(self.fontMetrics().horizontalAdvance(f"at most {write_duration(59.0)} left "))
        self._made = ""
        account = make_column(self.bar, make_row(self.left, self.right, stretch=0), gap=2)
        self.setLayout(make_column(make_row(self.button, self.auto, stretch=0), account))
        self._show()

    def set_reason(self, reason: str) -> None:
        """Why no probe can be made now; empty if one can."""
        self._reason = reason
        self._show()

    def show_made(self, probe: Probe | None) -> None:
        """What the probe on screen took; None for none."""
        self._made = "No probe yet" if probe is None else f"Made in {probe.seconds:.1f} s"
        self._show()

    def set_run_state(self, state: RunState) -> None:
        """Follow the lane: a probe under way turns the button into Cancel."""
        self._running, self._stops = False, not isinstance(state, Idle) and state.stops
        if not isinstance(state, Idle) and state.kind == "probe":
            self._running = True
            self.left.setText("Stopping…" if self._stops else state.title)
        else:
            self.bar.set_share(0.0)
            self.right.setText("")
        self._show()

    def show_progress(self, progress: ProbeProgress, *, most: str = "") -> None:
        """Show how far a probe is; `most` is "at most " where it may end before its last step."""
        share = progress.step / progress.n_steps if progress.n_steps else 0.0
        self.bar.set_share(share)
        stage = STAGE_NAMES.get(progress.stage, progress.stage)
        self.left.setText(f"{stage} · step {progress.step} of {most}{progress.n_steps}")
        left = progress.seconds_left
        self.right.setText("" if left is None else f"{most}{write_duration(left)} left")

    def _show(self) -> None:
        running, reason = self._running, self._reason
        if not running:
            self.left.setText(reason or self._made)
        self.button.setText("Cancel" if running else "Probe")
        self.button.setToolTip("Stop the running probe (Esc)" if running else reason or "Run the probe (Space)")
        self.button.setEnabled(running or not reason)  # while it stops, too: a disabled button loses the keys
        set_icon(self.button, *(("cancel", "danger") if running else ("probe", "on_accent", "faint")))
        set_look(self.button, "kind", "big-stop" if running else "big")

    def _press(self) -> None:
        if not (self._running and self._stops):
            (self.cancel_requested if self._running else self.probe_requested).emit()
