"""A thin bar that shows how far work is. Never repaints by itself: it is drawn with the window's next frame.

QProgressBar draws at once in `setValue`, and beside a 3D view each such drawing composes the whole window anew.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

THICKNESS = 4
UNKNOWN_OPACITY = 0.4
"""Of the whole bar, while something runs and nobody knows how far it is."""


class ProgressLine(QWidget):
    """Shows a share of 1, in the palette's highlight colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._share: float | None = 0.0
        self.setFixedHeight(THICKNESS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Progress")

    @property
    def share(self) -> float:
        """How far the work is, from 0 to 1; 0 where nobody knows."""
        return self._share or 0.0

    def set_share(self, share: float | None) -> None:
        """Show another share, in [0, 1]; what lies outside goes to the nearer end. None: nobody knows."""
        inside = None if share is None else min(max(share, 0.0), 1.0)
        if inside != self._share:
            self._share = inside
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the groove and the done part."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(self.rect())
        done = QRectF(whole.x(), whole.y(), whole.width() * self.share, whole.height())
        for role, part in ((QPalette.ColorRole.Mid, whole), (QPalette.ColorRole.Highlight, done)):
            painter.setBrush(self.palette().color(role))
            painter.drawRoundedRect(part, THICKNESS / 2, THICKNESS / 2)
        if self._share is None:
            painter.setOpacity(UNKNOWN_OPACITY)
            painter.drawRoundedRect(whole, THICKNESS / 2, THICKNESS / 2)
        painter.end()
