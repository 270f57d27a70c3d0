"""The probe loupe: the first-order probe of the voxel under the pointer, in a corner of the cortex; attacks nothing.

It shows while it is switched on, or while Ctrl is held over a voxel.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCursor, QGuiApplication, QPixmap
from PySide6.QtWidgets import QFrame, QLabel

from app.base.jobs import WhenBusy
from app.base.pictures import to_qimage
from app.base.services import Services
from app.cortex.picking import HoverInfo
from app.cortex.view import CortexView
from app.look.numbers import GREY_LEVELS, NORM_SIGNS, digits_for, format_signed, write_epsilon
from app.widgets.basics import make_column, make_label, show_text
from core.images.difference import amplify, choose_factor

if TYPE_CHECKING:
    from core.probes.first_order import FirstOrderProbe

JOB = "loupe"
SIDE, EDGE = 152, 12
"""Pixels of the picture, and from the loupe to the edges of the cortex."""

WATCH_MS = 80
"""Between two looks at whether the key is still held: its release is told to whatever has the focus."""

POINT = "Point at a voxel of the cortex."
COMES = "One moment…"
WAITS = "Follows when the probe has finished."
WHAT = "at {} · gradient of the clean image · difference × {}"


class Loupe(QFrame):
    """Lies over the cortex and lets the mouse through; the newest voxel wins, and a running probe goes first."""

    def __init__(self, services: Services, view: CortexView) -> None:
        super().__init__(view.canvas)
        self._services, self._canvas = services, view.canvas
        self.switched, self._held = False, False
        self._info: HoverInfo | None = None
        self._asked: tuple[object, ...] = ()
        self.setProperty("role", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Probe loupe")
        self.setFixedWidth(SIDE + 2 * EDGE)
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.picture.setFixedHeight(SIDE)
        self.title, self.shift, self.note = make_label("", "strong"), make_label(), make_label("", "muted", wraps=True)
        self.setLayout(make_column(self.picture, self.title, self.shift, self.note, gap=4, margin=EDGE))
        self.hide()
        self._watch = QTimer(self, interval=WATCH_MS)
        self._watch.timeout.connect(self._look_at_key)
        view.voxel_hovered.connect(self._follow)
        view.canvas.drawn.connect(self._place)
        for fact in ("subject", "encoder", "stimulus", "attack", "direction", "is_probing"):
            getattr(services.state, f"{fact}_changed").connect(self._refresh)

    def toggle(self) -> str:
        """Switch it on or off; returns what to say of it."""
        self.switched = not self.switched
        self._refresh()
        return "Probe loupe on: point at a voxel" if self.switched else "Probe loupe off"

    def _follow(self, info: HoverInfo | None) -> None:
        self._info = info if info is not None and info.voxel is not None else None
        self._held = bool(QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier)
        if self._held:
            self._watch.start()
        self._refresh()

    def _look_at_key(self) -> None:
        self._held = bool(QGuiApplication.queryKeyboardModifiers() & Qt.KeyboardModifier.ControlModifier)
        if not self._held:
            self._watch.stop()
            self._refresh()

    def _refresh(self) -> None:
        """Show the voxel pointed at, and ask for its probe unless it is the one asked for last."""
        shown = self.switched or (self._held and self._info is not None)
        self.setVisible(shown)
        if not shown:
            self._services.lane.drop(JOB)
            self._asked = ()
            return
        state, info = self._services.state, self._info
        subject, stimulus = state.subject, state.stimulus
        if info is None or info.voxel is None or subject is None or stimulus is None or not state.network:
            self._asked = ()
            self._say("", POINT)
            return
        title = f"Voxel {info.voxel}" + (f" · {info.roi}" if info.roi else "")
        if state.is_probing:
            self._asked = ()
            self._say(title, WAITS)
            return
        names, attack, direction = (subject.id, *state.encoder), state.attack, state.direction
        wanted = (*names, stimulus.sha256, info.voxel, attack.norm, attack.epsilon, direction)
        if wanted == self._asked:
            return
        self._say(title, COMES)
        made = partial(
            self._services.engine.first_order_probe,
            *names,
            stimulus,
            info.voxel,
            norm=attack.norm,
            epsilon=attack.epsilon,
            direction=direction,
            side=int(stimulus.pixels.shape[-1]),
        )
        self._asked = wanted
        self._services.lane.submit(
            JOB,
            lambda _stop: made(),
            on_done=partial(self._show, wanted, title),
            refuse=partial(self._refuse, wanted, title),
            title="First-order probe…",
            when_busy=WhenBusy.LATEST,
        )

    def _refuse(self, wanted: tuple[object, ...], title: str, reason: str) -> None:
        if wanted == self._asked:
            self._say(title, reason)

    def _show(self, wanted: tuple[object, ...], title: str, found: FirstOrderProbe) -> None:
        if wanted != self._asked:
            return
        delta = GREY_LEVELS * found.delta.transpose(1, 2, 0)
        factor = choose_factor(delta)
        pixmap = QPixmap.fromImage(to_qimage(amplify(delta, factor)))
        budget = f"{NORM_SIGNS[found.norm]} ε {write_epsilon(found.epsilon, found.norm)}"
        self.picture.setPixmap(pixmap.scaled(SIDE, SIDE, mode=Qt.TransformationMode.SmoothTransformation))
        self._say(title, WHAT.format(budget, factor), f"First order: {format_shift(found, self._unit())}")

    def _unit(self) -> str:
        card = self._services.state.card
        return "" if card is None else card.response_unit

    def _say(self, title: str, note: str, shift: str = "") -> None:
        self.picture.setVisible(bool(shift))
        show_text(self.title, title)
        show_text(self.shift, shift)
        self.note.setText(note)
        self.setAccessibleDescription(" · ".join(filter(None, (title, shift, note))))
        self._place()

    def _place(self) -> None:
        """In the upper corner that the pointer is farther from."""
        if self.isVisible():
            self.adjustSize()
            right = self._canvas.width() - self.width() - EDGE
            self.move(right if 2 * self._canvas.mapFromGlobal(QCursor.pos()).x() < self._canvas.width() else EDGE, EDGE)
            self.raise_()


def format_shift(found: FirstOrderProbe, unit: str) -> str:
    """The predicted shift in SDs, or in the response's unit where the SD is not known."""
    value, unit = (found.shift, unit) if math.isnan(found.shift_sd) else (found.shift_sd, "SD")
    return f"{format_signed(value, digits_for(abs(value)))} {unit}"
