"""A small histogram of noise ceilings."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.look.theme import DARK, Theme

HEIGHT, FOOT, GAP = 96, 18, 3


class CeilingBars(QWidget):
    """Ten bars over [0, 1], the number of voxels above the highest."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = DARK
        self._counts: tuple[int, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Histogram of noise ceilings")

    def sizeHint(self) -> QSize:
        """Wide as its column."""
        return QSize(200, HEIGHT)

    def set_counts(self, counts: tuple[int, ...]) -> None:
        """Show voxels in ten bins of [0, 1]; none says that the ceiling is unknown."""
        self._counts = counts
        spoken = ", ".join(f"{count:,} from {bin_ / 10:.1f}" for bin_, count in enumerate(counts))
        self.setToolTip(f"Voxels by noise ceiling: {spoken}" if counts else "No noise ceiling is known")
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bars, foot line and end labels."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(self._theme.muted))
        whole = QRectF(self.rect())
        if not self._counts:
            painter.drawText(whole, Qt.AlignmentFlag.AlignCenter, "No noise ceiling is known")
            return
        foot = QRectF(0, whole.height() - FOOT, whole.width(), FOOT)
        for text, place in (("0", "AlignLeft"), ("noise ceiling", "AlignHCenter"), ("1", "AlignRight")):
            painter.drawText(foot, Qt.AlignmentFlag[place] | Qt.AlignmentFlag.AlignBottom, text)
        highest, width = max(*self._counts, 1), whole.width() / len(self._counts)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.accent))
        for number, count in enumerate(self._counts):
            height = (whole.height() - FOOT - 4) * count / highest
            bar = QRectF(number * width + GAP / 2, foot.top() - height, width - GAP, height)
            painter.drawRoundedRect(bar, 2, 2)
