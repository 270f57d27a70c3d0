"""The bottom line of the window: what runs, what the pointer is on, and the device."""

from __future__ import annotations

from PySide6.QtWidgets import QStatusBar, QWidget

from app.base.jobs import Cancelling, Idle, RunState
from app.base.services import Services
from app.widgets.basics import make_label

READY = "Ready"


class StatusLine(QStatusBar):
    """Job left, hover read-out in the middle, device right."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = services.state
        self.job = make_label(READY)
        self.hover = make_label()
        self.device = make_label()
        self.setSizeGripEnabled(False)
        self.job.setAccessibleDescription("Running job")
        self.hover.setAccessibleDescription("What is under the pointer or cursor")
        self.device.setAccessibleDescription("Computing device")
        self.addWidget(self.job)
        self.addWidget(self.hover, 1)
        self.addPermanentWidget(self.device)
        services.lane.state_changed.connect(self.set_run_state)
        services.state.device_changed.connect(self._show_device)

    def set_run_state(self, state: RunState) -> None:
        """Follow the lane."""
        if isinstance(state, Idle):
            self.job.setText(READY)
        elif isinstance(state, Cancelling):
            self.job.setText("Stopping…")
        else:
            self.job.setText(state.title or state.kind)

    def _show_device(self) -> None:
        self.device.setText(DEVICE_NAMES.get(self._state.device, self._state.device))


DEVICE_NAMES = {"cpu": "CPU", "cuda": "GPU (CUDA)", "mps": "GPU (Metal)", "": "engine not loaded yet"}
