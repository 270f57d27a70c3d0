"""Undo and redo of what is chosen: watches it, steps back and forth. Never decides what a change means."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.base.probe_request import request_probe
from app.base.state import AppState
from app.explore.selection import Selection
from app.explore.undo import ProbeCache, UndoHistory
from core.errors import ProbeError
from core.probes.probe import Probe


class UndoTools(QObject):
    """Notes the selection after every turn of the event loop in which something was chosen.

    Parameters
    ----------
    state : AppState
    selection : function
        What is chosen now.
    show : function
        Chooses it again.
    parent : QObject
    """

    chosen = Signal()
    """Something was chosen, undone or redone."""

    def __init__(
        self,
        state: AppState,
        *,
        selection: Callable[[], Selection],
        show: Callable[[Selection], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._selection = selection
        self._show = show
        self.history = UndoHistory()
        self.probes = ProbeCache()
        self._busy = False
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._note)
        for signal in (
            state.subject_changed,
            state.encoder_changed,
            state.stimulus_changed,
            state.target_changed,
            state.direction_changed,
            state.attack_changed,
            state.aim_changed,
        ):
            signal.connect(self.mark)
        state.probe_changed.connect(self._keep_probe)

    @Slot()
    def mark(self) -> None:
        """Something was chosen."""
        self._timer.start()

    def describe(self) -> tuple[str, str]:
        """What undo and redo would change: ("target", ""); "" for nothing."""
        history = self.history
        current = history.current
        if current is None:
            return "", ""
        return current.name_change(history.before), current.name_change(history.after)

    def begin(self) -> None:
        """Start afresh from what is chosen now."""
        self.history.clear()
        self._note()

    def step(self, step: int) -> None:
        """Undo (-1) or redo (+1)."""
        self._note()  # what was chosen in this very turn
        wanted = self.history.go(step)
        if wanted is None:
            return
        self._busy = True
        try:
            self._show(wanted)
        finally:
            self._busy = False
        self.history.settle(self._selection())
        self.chosen.emit()

    def find_known(self) -> Probe | None:
        """The finished probe of what is chosen now, if it is kept."""
        state = self._state
        if state.stimulus is None or state.target is None or state.subject is None:
            return None
        try:
            return self.probes.find(request_probe(state), state.stimulus.sha256)
        except ProbeError:
            return None

    @Slot()
    def _keep_probe(self) -> None:
        if self._state.probe is not None and self._state.run is not None:
            self.probes.keep(self._state.run, self._state.probe)

    @Slot()
    def _note(self) -> None:
        self._timer.stop()
        if self._busy or self._state.subject is None or self._state.stimulus is None:
            return
        if self.history.note(self._selection(), now=time.monotonic()):
            self.chosen.emit()
