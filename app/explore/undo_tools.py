"""Undo and redo of what is chosen: watches the window, steps back and forth. Never decides what a change means."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.base.probe_request import request_probe
from app.explore.selection import TITLES, Selection, capture_selection, restore_selection
from app.explore.undo import ProbeCache, UndoHistory
from app.shell.commands import find_command
from core.errors import ProbeError
from core.probes.probe import Probe

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow


class UndoTools(QObject):
    """Notes the state of the window after every turn of the event loop in which something was chosen."""

    chosen = Signal()
    """Something was chosen, undone or redone."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.history = UndoHistory()
        self.probes = ProbeCache()
        self._busy = False
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._note)
        self._watch()

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of undo and redo."""
        return {"undo": partial(self.step, -1), "redo": partial(self.step, 1)}

    @Slot()
    def show_names(self) -> None:
        """Let the menu say what undo and redo change: "Undo target"."""
        for identity, what in zip(("undo", "redo"), self.describe(), strict=True):
            title = find_command(identity).title
            self._window.actions_table.action(identity).setText(f"{title} {what}".rstrip())

    def describe(self) -> tuple[str, str]:
        """What undo and redo would change: ("target", ""); "" for nothing."""
        history = self.history
        return _name(history.current, history.before), _name(history.current, history.after)

    def begin(self) -> None:
        """Start afresh from what is chosen now."""
        self.chosen.connect(self.show_names, Qt.ConnectionType.UniqueConnection)
        self.history.clear()
        self._note()

    @Slot(int)
    def step(self, step: int) -> None:
        """Undo (-1) or redo (+1)."""
        self._note()  # what was chosen in this very turn
        wanted = self.history.go(step)
        if wanted is None:
            return
        self._busy = True
        try:
            restore_selection(self._window, wanted, find_probe=self._find_known)
        finally:
            self._busy = False
        self.history.settle(capture_selection(self._window))
        self.chosen.emit()

    def _find_known(self) -> Probe | None:
        state = self._window.session.state
        if state.stimulus is None or state.target is None:
            return None
        try:
            return self.probes.find(request_probe(state), state.stimulus.sha256)
        except ProbeError:
            return None

    def _watch(self) -> None:
        state, window = self._window.session.state, self._window
        for signal in (
            state.subject_changed,
            state.encoder_changed,
            state.stimulus_changed,
            state.target_changed,
            state.direction_changed,
            state.attack_changed,
            state.aim_changed,
            window.controls.gate_changed,
            window.cortex.map_changed,
        ):
            signal.connect(self._mark)
        state.probe_changed.connect(self._keep_probe)

    @Slot()
    def _keep_probe(self) -> None:
        state = self._window.session.state
        if state.probe is not None and state.run is not None:
            self.probes.keep(state.run, state.probe)

    @Slot()
    def _mark(self) -> None:
        self._timer.start()

    @Slot()
    def _note(self) -> None:
        self._timer.stop()
        state = self._window.session.state
        if self._busy or state.subject is None or state.stimulus is None:
            return
        if self.history.note(capture_selection(self._window), now=time.monotonic()):
            self.chosen.emit()


def _name(current: Selection | None, other: Selection | None) -> str:
    if current is None or other is None:
        return ""
    return TITLES[other.changed_since(current)[0]]
