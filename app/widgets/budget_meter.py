"""Draws how large a perturbation is and whether it survives being saved in 8 bits."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.look.plotting import plot_font
from app.look.theme import theme_in_use
from app.widgets.drawing import draw_bar, draw_text
from core.attacks.config import GREY_LEVELS, NORM_SIGNS, write_epsilon
from core.probes.budget import LARGEST_ROUNDING_SHARE, BudgetReading
from core.types import NormName
from core.words import format_number

NO_READING = "No perturbation yet"
GAUGE_TIP = (
    "Budget used: the realised size of δ = perturbed − clean, against the ε that was allowed; it stays below under a "
    "soft mask m, since δ = m z and ε bounds z"
)
STEP_TIP = "Known of the delivered image only: the pictures of attack steps are kept in 8 bits."
MARGIN = 2
ROW_HEIGHT = 19
LEAST_ROW = 14.0
BAR_HEIGHT = 4
HEAD_HEIGHT, HEAD_SCALE = 46, 1.25
LITTLE_LOST = 0.2
"""Share of the perturbation that rounding may change without being marked."""

SLACK = 1e-4
"""Single-precision pixels overshoot a budget by this share at most; beyond it the bar turns red."""


@dataclass(frozen=True, slots=True)
class MeterRow:
    """One line of the meter: what, how much, how it is defined, and the colour of the theme it is written in."""

    name: str
    value: str
    formula: str
    ink: str = "text"


def describe_budget(reading: BudgetReading) -> tuple[MeterRow, ...]:
    """The lines of the meter below its bar."""
    kept = "yes" if reading.survives_8bit else "no"
    ink = "danger" if not reading.survives_8bit else "good" if reading.rounding_share <= LITTLE_LOST else "warning"
    masked = reading.rms_inside != reading.rms_grey_levels
    inside = f", {format_number(reading.rms_inside)} inside the mask" if masked else ""
    lost = f"{100 * min(reading.rounding_share, 9.99):.0f} % lost"
    return (
        MeterRow("L₂", format_number(reading.l2, 3), "‖δ‖₂ = √Σ δ², in [0, 1] pixel units"),
        MeterRow("L∞", write_epsilon(reading.linf, NormName.LINF), "‖δ‖∞ = max |δ|, in [0, 1] pixel units"),
        MeterRow(
            "RMS",
            f"{format_number(reading.rms_grey_levels)} grey levels{inside}",
            "255 ‖δ‖₂ / √(3 N²): root-mean-square change of a colour value, in grey levels of 255; inside a mask, over "
            "the pixels that it lets change",
        ),
        MeterRow(
            "Pixels changed",
            f"{100 * reading.changed_pixels:.1f} %",
            "Share of the pixels whose colour differs from the clean image once both are rounded to 8 bits",
        ),
        MeterRow(
            "Saturated",
            f"{reading.n_saturated:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
            "Colour values that the perturbation pushed onto 0 or 1, out of 3 N²",
        ),
        MeterRow(
            "Survives 8 bits",
            f"{kept} · {lost}",
            f"Yes while ‖round(255 x)/255 − x‖₂ ≤ {LARGEST_ROUNDING_SHARE:g} ‖δ‖₂, x the perturbed image: rounding "
            f"changes the perturbation by at most half of its own size.\n"
            f"‖δ‖₂ of the saved file: {reading.l2_after_8bit:.3f}",
            ink,
        ),
    )


class BudgetMeter(QWidget):
    """A gauge of the budget used and six lines below it; each line's tooltip gives its formula."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.set_reading(None)

    def set_reading(self, reading: BudgetReading | None, *, of_step: bool = False, empty: str = NO_READING) -> None:
        """Show a reading; without one `empty` says that there is no perturbation.

        An attack step is kept in 8 bits: its size is shown as about that, and what rounding loses is not known.
        """
        self._reading, self._about, self._empty = reading, "≈ " if of_step else "", empty
        self.rows = () if reading is None else describe_budget(reading)
        if of_step and reading is not None:
            self.rows = (*self.rows[:-1], MeterRow("Survives 8 bits", "–", STEP_TIP))
        lines = "; ".join(f"{row.name} {row.value}" for row in self.rows)
        self.setAccessibleName(f"Budget: {lines or empty}")
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the gauge and six lines."""
        return QSize(190, HEAD_HEIGHT + 6 * ROW_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the gauge and the lines, or one line saying that there is nothing to measure."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(plot_font())
        if self._reading is None:
            draw_text(painter, self.rect(), self._empty, theme_in_use().faint, align=Qt.AlignmentFlag.AlignCenter)
            return
        self._draw_gauge(painter, self._reading)
        for row, box in self.placed_rows():
            self._draw_row(painter, row, box)

    def event(self, event: QEvent) -> bool:
        """Show the formula of the line below the pointer."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.explain_at(event.pos().y()), self)
            return True
        return super().event(event)

    def explain_at(self, y: float) -> str:
        """The formula of the line at a height in pixels; the gauge's own above the lines."""
        for row, box in self.placed_rows():
            if box.top() <= y < box.bottom():
                return f"{row.name}: {row.formula}"
        return GAUGE_TIP if self.rows else ""

    def placed_rows(self) -> list[tuple[MeterRow, QRectF]]:
        """The lines there is room for, and where: the last, whether 8 bits keep the perturbation, is never left out."""
        room, width = self.height() - HEAD_HEIGHT, self.width() - 2 * MARGIN
        fitting = max(1, int(room / LEAST_ROW))
        rows = self.rows if fitting >= len(self.rows) else (*self.rows[: fitting - 1], self.rows[-1])
        height = min(ROW_HEIGHT + 4.0, max(LEAST_ROW, room / max(1, len(rows))))
        return [(row, QRectF(MARGIN, HEAD_HEIGHT + at * height, width, height)) for at, row in enumerate(rows)]

    def _draw_gauge(self, painter: QPainter, reading: BudgetReading) -> None:
        theme, box = theme_in_use(), QRectF(MARGIN, 0, self.width() - 2 * MARGIN, HEAD_HEIGHT)
        line = QRectF(box.left(), 4, box.width(), 20)
        sign = NORM_SIGNS[reading.norm]
        is_l2 = reading.norm is NormName.L2
        used = format_number(reading.realised) if is_l2 else f"{format_number(reading.realised * GREY_LEVELS)}/255"
        draw_text(painter, line, f"{sign} {self._about}{used}", theme.text, bold=True, scale=HEAD_SCALE)
        allowed = f"of ε {write_epsilon(reading.epsilon, reading.norm)}"
        draw_text(painter, line, allowed, theme.muted, align=Qt.AlignmentFlag.AlignRight)
        bar = QRectF(box.left(), 28, box.width(), BAR_HEIGHT)
        share = reading.realised / reading.epsilon if reading.epsilon > 0 else 0.0
        colour = theme.accent if share <= 1 + SLACK or self._about else theme.danger
        draw_bar(painter, bar, share, colour, theme.line)

    def _draw_row(self, painter: QPainter, row: MeterRow, box: QRectF) -> None:
        theme = theme_in_use()
        draw_text(painter, box, row.name, theme.muted)
        draw_text(painter, box, row.value, getattr(theme, row.ink), align=Qt.AlignmentFlag.AlignRight)
