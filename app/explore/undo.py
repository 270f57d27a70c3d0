"""Undo and redo of what is chosen, with finished probes that come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from app.base.state import AppState, request_probe
from app.explore.selection import Selection
from core.errors import ProbeError
from core.headers import split_arrays
from core.kept import Kept
from core.probes.probe import Probe, ProbeConfig

MOST_STATES = 200
COALESCED = {"attack", "aim", "gate_r"}
"""What is changed by sliders and spin boxes: a run of changes of the same field is one step."""

COALESCE_SECONDS = 1.0
"""Two changes nearer in time belong together."""

MOST_BYTES = 400_000_000
"""Of the finished probes kept, about thirty; those used longest ago go."""

STIMULUS_BYTES = 100_000_000
"""Of the images and pinned probes that the states to go back to hold, beside the newest; the oldest states go."""


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
            self._states = _newest([*self._states, state])
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


def _newest(states: Sequence[Selection]) -> list[Selection]:
    """The newest states, whose images and pinned probes take no more than is allowed."""
    held: dict[int, int] = {}
    kept: list[Selection] = []
    for state in reversed(states[-MOST_STATES:]):
        if (image := state.stimulus) is not None:
            held[id(image)] = image.pixels.nbytes
        if (pinned := state.pinned) is not None and id(pinned) not in held:
            held[id(pinned)] = measure_probe(pinned.probe)
        if kept and sum(held.values()) > STIMULUS_BYTES:
            break
        kept.append(state)
    return kept[::-1]


def measure_probe(probe: Probe) -> int:
    """Bytes of a probe's arrays."""
    return sum(array.nbytes for array in split_arrays(probe)[1].values())


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
        self.probes: Kept[tuple[ProbeConfig, str], Probe] = Kept(MOST_BYTES, measure=measure_probe)
        self._busy = False
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._note)
        for fact in ("subject", "encoder", "stimulus", "target", "direction", "attack", "aim", "pinned"):
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
            return self.probes.get((request_probe(state), state.stimulus.sha256))
        except ProbeError:
            return None

    def _keep_probe(self) -> None:
        """Keep a finished probe; a smallest budget that was searched for is kept under what was asked."""
        probe, asked = self._state.probe, self._state.run
        if probe is not None and asked is not None:
            self.probes.put((asked, probe.stimulus_sha256), probe)

    def _note(self) -> None:
        self._timer.stop()
        if self._busy or self._state.subject is None or self._state.stimulus is None:
            return
        if self.history.note(self._selection(), now=time.monotonic()):
            self.chosen.emit()
