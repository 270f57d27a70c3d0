"""Undo and redo of what is chosen, with finished probes that come back."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from app.base.state import AppState, request_probe
from app.explore.selection import Selection
from core.errors import ProbeError
from core.headers import split_arrays
from core.probes.probe import Probe, ProbeConfig

MOST_STATES = 200
COALESCED = {"attack", "aim", "gate_r"}
"""What is changed by sliders and spin boxes: a run of changes of the same field is one step."""

COALESCE_SECONDS = 1.0
"""Two changes nearer in time belong together."""

MOST_BYTES = 400_000_000
"""Of the finished probes kept, about thirty; the oldest go."""


class UndoHistory:
    """States in their order, with the place one is at."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._states: list[Selection] = []
        self._at = -1
        self._last: tuple[tuple[str, ...], float] = ((), float("-inf"))

    def state(self, step: int = 0) -> Selection | None:
        """The state one is at, the one undo (-1) or redo (1) goes to; None if there is none."""
        place = self._at + step
        return self._states[place] if 0 <= place < len(self._states) else None

    def note(self, state: Selection, *, now: float) -> bool:
        """Take the state of the window at a time in seconds; whether it is a new one."""
        current = self.state()
        if current is None or state == current:
            self._states[self._at : self._at + 1] = [state]
            self._at = max(self._at, 0)
            return current is None
        changed = state.changed_since(current)
        fields, when = self._last
        del self._states[self._at + 1 :]
        is_same_act = changed == fields and set(changed) <= COALESCED and now - when < COALESCE_SECONDS
        if not is_same_act or state.aim.against != current.aim.against:
            self._states = [*self._states, state][-MOST_STATES:]
            self._at = len(self._states) - 1
        elif state == self.state(-1):  # back where it began: no change is left
            del self._states[self._at]
            self._at, changed = self._at - 1, ()
        else:
            self._states[self._at] = state
        self._last = (changed, now)
        return True

    def go(self, step: int) -> Selection | None:
        """Step back (-1) or forth (+1); the state now at, None if there is none."""
        target = self.state(step)
        if target is not None:
            self._at += step
            self._last = ((), float("-inf"))
        return target

    def settle(self, state: Selection) -> None:
        """What the window made of the state one went to: the same, or less where something has gone."""
        if self._states:
            self._states[self._at] = state


class ProbeCache:
    """The last finished probes by what was asked for, up to a number of bytes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[ProbeConfig, str], tuple[Probe, int]] = OrderedDict()

    def keep(self, asked: ProbeConfig, probe: Probe) -> None:
        """Keep a probe; a smallest budget that was searched for is kept under what was asked."""
        size = sum(array.nbytes for array in split_arrays(probe)[1].values())
        self._kept[asked, probe.stimulus_sha256] = (probe, size)
        self._kept.move_to_end((asked, probe.stimulus_sha256))
        while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > self._most:
            self._kept.popitem(last=False)

    def find(self, asked: ProbeConfig, stimulus_sha256: str) -> Probe | None:
        """The probe of that question and image."""
        found = self._kept.get((asked, stimulus_sha256))
        return None if found is None else found[0]


class Undo(QObject):
    """Notes the selection after every turn of the event loop in which something was chosen; `show` chooses it again."""

    chosen = Signal()
    """Something was chosen, undone or redone."""

    def __init__(
        self, state: AppState, *, selection: Callable[[], Selection], show: Callable[[Selection], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state, self._selection, self._show = state, selection, show
        self.history = UndoHistory()
        self.probes = ProbeCache()
        self._busy = False
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._note)
        for fact in ("subject", "encoder", "stimulus", "target", "direction", "attack", "aim"):
            getattr(state, f"{fact}_changed").connect(self.mark)
        state.probe_changed.connect(self._keep_probe)

    def mark(self) -> None:
        """Something was chosen."""
        self._timer.start()

    def describe(self) -> tuple[str, str]:
        """What undo and redo would change: ("target", ""); "" for nothing."""
        current, history = self.history.state(), self.history
        if current is None:
            return "", ""
        return current.name_change(history.state(-1)), current.name_change(history.state(1))

    def begin(self) -> None:
        """Start again from what is chosen now."""
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

    def _keep_probe(self) -> None:
        if self._state.probe is not None and self._state.run is not None:
            self.probes.keep(self._state.run, self._state.probe)

    def _note(self) -> None:
        self._timer.stop()
        if self._busy or self._state.subject is None or self._state.stimulus is None:
            return
        if self.history.note(self._selection(), now=time.monotonic()):
            self.chosen.emit()
