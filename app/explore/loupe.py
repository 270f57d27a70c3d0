"""The probe loupe: the first-order probe of the voxel under the pointer, while it is switched on or Ctrl is held."""

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
from app.widgets.basics import make_column, make_label, show_text
from core.attacks.config import GREY_LEVELS, write_budget
from core.images.difference import amplify, choose_factor
from core.probes.probe import ProbeConfig
from core.probes.target import target_voxel
from core.words import digits_for, format_signed

if TYPE_CHECKING:
    from core.probes.first_order import FirstOrderProbe

JOB = "loupe"
SIDE, EDGE = 152, 12
"""Pixels of the picture, and from the loupe to the edges of the cortex."""

POINT, WAITS = "Point at a voxel of the cortex.", "Follows when the probe has finished."
WHAT = "{} at {}, gradient of the clean image{} · difference × {}"


class Loupe(QFrame):
    """Lies over the cortex and lets the mouse through; the newest voxel wins, and a running probe goes first."""

    def __init__(self, services: Services, view: CortexView) -> None:
        super().__init__(view.canvas)
        self._services, self._canvas = services, view.canvas
        self.switched = self._held = False
        self._voxel: int | None = None
        self._asked: tuple[ProbeConfig, str, str] | None = None  # with the hashes of image and encoder
        self.setProperty("role", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedWidth(SIDE + 2 * EDGE)
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.picture.setFixedHeight(SIDE)
        self.title, self.note = make_label("", "strong"), make_label("", "muted", wraps=True)
        self.setLayout(make_column(self.picture, self.title, self.note, gap=4, margin=EDGE))
        self.hide()
        self._watch = QTimer(self, interval=80, singleShot=True)  # the release of a key is told to the focus only
        self._watch.timeout.connect(self._look_at_key)
        view.voxel_hovered.connect(self._follow)
        view.canvas.drawn.connect(self._place)
        for fact in ("card", "stimulus", "attack", "direction", "is_probing"):
            getattr(services.state, f"{fact}_changed").connect(self._refresh)

    def toggle(self) -> None:
        """Switch it on or off."""
        self.switched = not self.switched
        self._refresh()

    def _follow(self, info: HoverInfo | None) -> None:
        self._voxel = None if info is None else info.voxel
        self._look_at_key()

    def _look_at_key(self) -> None:
        """Show it while the key is held, and look again until it is not."""
        self._held = bool(QGuiApplication.queryKeyboardModifiers() & Qt.KeyboardModifier.ControlModifier)
        if self._held:
            self._watch.start()
        self._refresh()

    def _config(self) -> ProbeConfig | None:
        """The probe of the voxel pointed at; None where there is nothing to make one of."""
        state = self._services.state
        if self._voxel is None or state.subject is None or state.stimulus is None or not state.network:
            return None
        target = target_voxel(state.subject.voxels, self._voxel)
        return ProbeConfig(state.subject.id, *state.encoder, target, state.direction, state.attack)

    def _refresh(self) -> None:
        """Show the voxel pointed at, and ask for its probe unless it is the one asked for last."""
        self.setVisible(self.switched or (self._held and self._voxel is not None))
        if self.isHidden() and self._asked is None:
            return
        config, state = self._config(), self._services.state
        stimulus, card = state.stimulus, state.card
        if self.isHidden() or config is None or stimulus is None or card is None or state.is_probing:
            self._services.lane.drop(JOB)
            self._asked = None
            self._say(POINT if config is None else WAITS)
        elif (asked := (config, stimulus.sha256, card.sha256)) != self._asked:
            self._asked = asked
            self._say(f"{config.target.label}: one moment…")
            self._services.lane.submit(
                JOB,
                lambda _stop: self._services.engine.first_order_probe(config, stimulus),
                on_done=partial(self._show, asked, card.response_unit),
                refuse=self._say,
                title="First-order probe…",
                when_busy=WhenBusy.LATEST,
            )

    def _show(self, asked: object, unit: str, found: FirstOrderProbe) -> None:
        if asked != self._asked:
            return
        delta, attack = GREY_LEVELS * found.delta.transpose(1, 2, 0), found.config.attack
        factor = choose_factor(delta)
        pixmap = QPixmap.fromImage(to_qimage(amplify(delta, factor)))
        self.picture.setPixmap(pixmap.scaled(SIDE, SIDE, mode=Qt.TransformationMode.SmoothTransformation))
        value, unit = (found.shift, unit) if math.isnan(found.shift_sd) else (found.shift_sd, "SD")
        moved = f"First order {format_signed(value, digits_for(abs(value)))} {unit}"
        within = "" if attack.mask is None else f" {attack.mask.describe()}"
        budget = write_budget(attack.epsilon, attack.norm)
        self._say(WHAT.format(found.config.target.label, budget, within, factor), moved)

    def _say(self, note: str, title: str = "") -> None:
        self.picture.setVisible(bool(title))
        show_text(self.title, title)
        self.note.setText(note)
        self.setAccessibleDescription(f"{title} {note}")
        self._place()

    def _place(self) -> None:
        """In the upper corner that the pointer is farther from."""
        if self.isHidden():
            return
        self.adjustSize()
        right, pointer = self._canvas.width() - self.width() - EDGE, self._canvas.mapFromGlobal(QCursor.pos()).x()
        self.move(right if 2 * pointer < self._canvas.width() else EDGE, EDGE)
