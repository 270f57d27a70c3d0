"""What is written over the cortex, drawn crisply by Qt: ROI names, hemispheres, the marker's ring.

The picture is kept until something in it changes: Qt asks for it at every frame of the 3D view beneath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.look.fonts import bold, small
from app.look.theme import Theme, follow_theme, theme_in_use

HALO = 3.2
RING = 7.5
"""Pixels."""

FOCUS_WIDTH = 2.0

TEXT_DARK, TEXT_LIGHT = "#ffffff", "#14181d"
HALO_DARK, HALO_LIGHT = "#0d1013", "#ffffff"


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A name at a position in interface pixels; `weight` is how many vertices of it are in sight."""

    text: str
    x: float
    y: float
    weight: int


@dataclass(frozen=True, slots=True)
class Ring:
    """Where the selected voxel is on the screen, and whether it is on the far side."""

    x: float
    y: float
    hidden: bool


@dataclass(frozen=True, slots=True)
class Annotations:
    """All that is written over one picture, in interface pixels."""

    labels: Sequence[PlacedLabel] = ()
    captions: Sequence[PlacedLabel] = ()
    ring: Ring | None = None


class CortexOverlay(QWidget):
    """A see-through widget over the three-dimensional view."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._annotations = Annotations()
        self._picture: QPixmap | None = None
        self._focused = False
        follow_theme(self.set_theme)

    def set_focused(self, focused: bool) -> None:
        """Frame the view while the keys go to it."""
        self._focused = focused
        self.update()

    def set_theme(self, _theme: Theme) -> None:
        """Draw anew in the theme's colours."""
        self._picture = None
        self.update()

    def show_annotations(self, annotations: Annotations) -> None:
        """Write these."""
        if annotations != self._annotations:
            self._annotations = annotations
            self._picture = None
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Forget the picture of the old size."""
        super().resizeEvent(event)
        self._picture = None

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Show the picture, redrawn if something in it changed or the screen's density did."""
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatioF() != ratio:
            self._picture = self._draw(ratio)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        if self._focused:
            painter.setPen(QPen(QColor(theme_in_use().accent), FOCUS_WIDTH))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _draw(self, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        draw_annotations(painter, self._annotations, theme=theme_in_use(), font=self.font())
        painter.end()
        return picture


def label_font(font: QFont) -> QFont:
    """The font of ROI names."""
    return bold(small(font))


def measure_label(text: str, font: QFont) -> tuple[float, float]:
    """Width and height of a name in pixels."""
    metrics = QFontMetricsF(label_font(font))
    return metrics.horizontalAdvance(text), metrics.ascent()


def draw_annotations(painter: QPainter, annotations: Annotations, *, theme: Theme, font: QFont) -> None:
    """Draw all annotations; used for the window and for pictures."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ink, halo = (TEXT_DARK, HALO_DARK) if theme.is_dark else (TEXT_LIGHT, HALO_LIGHT)
    for label in annotations.labels:
        _draw_text(painter, label, font=label_font(font), ink=QColor(ink), halo=QColor(halo))
    for caption in annotations.captions:
        _draw_text(painter, caption, font=bold(font), ink=QColor(theme.muted), halo=None)
    if annotations.ring is not None:
        _draw_ring(painter, annotations.ring)


def _draw_text(painter: QPainter, label: PlacedLabel, *, font: QFont, ink: QColor, halo: QColor | None) -> None:
    metrics = QFontMetricsF(font)
    corner = (label.x - metrics.horizontalAdvance(label.text) / 2, label.y + metrics.capHeight() / 2)
    # On eighths of a pixel: what the camera's last digits do must not show in the edges of letters.
    path = _outline(label.text, font.toString()).translated(QPointF(*(round(8 * at) / 8 for at in corner)))
    if halo is not None:
        halo.setAlphaF(0.72)
        pen = QPen(halo, HALO, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(path, pen)
    painter.fillPath(path, ink)


@lru_cache(maxsize=1000)
def _outline(text: str, font: str) -> QPainterPath:
    """The outline of a name, kept: a second one differs by a hair with what the font was drawn at in between."""
    made, path = QFont(), QPainterPath()
    made.fromString(font)
    path.addText(QPointF(0, 0), made, text)
    return path


def _draw_ring(painter: QPainter, ring: Ring) -> None:
    style = Qt.PenStyle.DotLine if ring.hidden else Qt.PenStyle.SolidLine
    for colour, width in (("#0d1013", 4.0), ("#ffffff", 2.0)):
        painter.setPen(QPen(QColor(colour), width, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(ring.x, ring.y), RING, RING)
