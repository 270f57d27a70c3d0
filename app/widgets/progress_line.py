"""A thin bar that shows how far work is. Never repaints by itself: it is drawn with the window's next frame.

QProgressBar draws at once in `setValue`, and beside a 3D view each such drawing composes the whole window anew.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

THICKNESS = 4


class ProgressLine(QWidget):
    """Shows a share of 1, in the palette's highlight colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._share = 0.0
        self.setFixedHeight(THICKNESS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Progress")

    @property
    def share(self) -> float:
        """How far the work is, from 0 to 1."""
        return self._share

    def set_share(self, share: float) -> None:
        """Show another share, in [0, 1]; what lies outside goes to the nearer end."""
        inside = min(max(share, 0.0), 1.0)
        if inside != self._share:
            self._share = inside
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the groove and the done part."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(self.rect())
        done = QRectF(whole.x(), whole.y(), whole.width() * self._share, whole.height())
        for role, part in ((QPalette.ColorRole.Mid, whole), (QPalette.ColorRole.Highlight, done)):
            painter.setBrush(self.palette().color(role))
            painter.drawRoundedRect(part, THICKNESS / 2, THICKNESS / 2)
        painter.end()
