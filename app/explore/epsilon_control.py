"""The budget: a field that reads "8/255" and a logarithmic slider, always of one mind. Never clamps what was typed."""

from __future__ import annotations

import math
from contextlib import suppress

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLineEdit, QStyle, QWidget

from app.widgets.basics import make_column, make_label, make_row, set_look
from app.widgets.editors import Slider
from core.attacks.config import GREY_LEVELS, describe_grey_levels, parse_epsilon, write_epsilon
from core.attacks.mask import Mask
from core.errors import BadInputError
from core.types import NormName

SPANS = {NormName.L2: (0.05, 30.0), NormName.LINF: (0.25 / 255, 32 / 255)}
"""Ends of the slider; the field takes any legal budget. Percepts move within L2 30 at 224 x 224."""

STARTS = {NormName.L2: 3.0, NormName.LINF: 4 / 255}
SETTLE_MS = 350
"""A budget stepped by key or wheel counts as settled after this pause."""

TIP = "The largest size of the perturbation, in pixel values of 0 to 1. L∞ takes fractions: 8/255."
TICKS = 600
HANDLE_PIXELS = 14


class LogSlider(Slider):
    """Positions 0 to 600 stand for values `least` to `most`, evenly spaced in the logarithm."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__("Budget epsilon")
        self._least, self._most = least, most
        self.setRange(0, TICKS)
        self.setSingleStep(TICKS // 60)
        self.setPageStep(TICKS // 10)

    def set_span(self, least: float, most: float) -> None:
        """Change the values of both ends."""
        self._least, self._most = least, most

    def number(self) -> float:
        """The value the handle stands at."""
        share = self.sliderPosition() / TICKS
        return float(self._least * (self._most / self._least) ** share)

    def set_number(self, number: float) -> None:
        """Move the handle to a value; one outside the span goes to the nearer end."""
        inside = min(max(number, self._least), self._most)
        self.setValue(round(TICKS * math.log(inside / self._least) / math.log(self._most / self._least)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the handle under the pointer, then drag it."""
        if event.button() is Qt.MouseButton.LeftButton:
            reach = self.width() - HANDLE_PIXELS
            at = round(event.position().x()) - HANDLE_PIXELS // 2
            self.setSliderDown(True)
            self.setSliderPosition(QStyle.sliderValueFromPosition(0, TICKS, at, reach))
        super().mousePressEvent(event)


class EpsilonControl(QWidget):
    """A budget `epsilon`, in [0, 1] pixel units, under a `norm`, of changes `within` a mask; None is everywhere.

    `dragged` follows every move; `committed` says that a budget was settled on.
    """

    dragged = Signal(float)
    committed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.norm = NormName.L2
        self.epsilon = STARTS[self.norm]
        self._kept = dict(STARTS)
        self._side = 224
        self.within: Mask | None = None
        self.field = QLineEdit()
        self.field.setFixedWidth(88)
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setAccessibleName("Budget epsilon")
        self.field.setToolTip(TIP)
        self.slider = LogSlider(*SPANS[self.norm])
        self._hint = make_label(role="faint", wraps=True)
        self._error = make_label(role="field-error", wraps=True)
        self._error.hide()
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        top = make_row(make_label("Budget ε"), self._hint, self.field, stretch=1)
        self.setLayout(make_column(top, self.slider, self._error, gap=4))
        self.field.editingFinished.connect(self._take_text)
        self.slider.valueChanged.connect(self._take_slider)
        self.slider.sliderReleased.connect(self._commit)
        self._settle.timeout.connect(self._commit)
        self._show()

    def set_norm(self, norm: NormName) -> None:
        """Change the norm and go back to the budget last used with it; emits no signal."""
        self._kept[self.norm] = self.epsilon
        self.norm = norm
        self.set_epsilon(self._kept[norm])

    def set_side(self, side: int) -> None:
        """Pixels of the images' side, for the hint in grey levels."""
        self._side = side
        self._show_text()

    def set_epsilon(self, epsilon: float) -> None:
        """Show a budget; emits no signal."""
        self.epsilon = epsilon
        self._show()

    def _take_text(self) -> None:
        try:
            epsilon = parse_epsilon(self.field.text().strip(), self.norm)
        except BadInputError as error:
            self._show_error(error.plain)
            return
        self._show_error("")
        if not math.isclose(epsilon, self.epsilon, rel_tol=1e-4):
            self.epsilon = epsilon
            self._show()
            self.committed.emit(epsilon)

    def _take_slider(self) -> None:
        self.epsilon = _round_budget(self.slider.number(), self.norm)
        self._show_error("")
        self._show_text()
        self.dragged.emit(self.epsilon)
        if not self.slider.isSliderDown():
            self._settle.start()

    def _commit(self) -> None:
        self._settle.stop()
        self.committed.emit(self.epsilon)

    def _show(self) -> None:
        with QSignalBlocker(self.slider):
            self.slider.set_span(*SPANS[self.norm])
            self.slider.set_number(max(self.epsilon, SPANS[self.norm][0]))
        self._show_error("")
        self._show_text()

    def _show_text(self) -> None:
        self.field.setText(write_epsilon(self.epsilon, self.norm))
        self._hint.setText("")
        with suppress(BadInputError):  # a mask that does not fit is refused where it is used
            told = describe_grey_levels([self.epsilon], self.norm, side=self._side, mask=self.within)
            self._hint.setText(told.replace(" × ", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}"))

    def _show_error(self, text: str) -> None:
        set_look(self.field, "invalid", "true" if text else "false")
        self._error.setText(text)
        self._error.setVisible(bool(text))


def _round_budget(epsilon: float, norm: NormName) -> float:
    """Slider budgets as people name them: Linf in quarter grey levels, L2 with two digits."""
    if norm is NormName.LINF:
        return max(1.0, round(4 * GREY_LEVELS * epsilon)) / (4 * GREY_LEVELS)
    return float(f"{epsilon:.2g}")
