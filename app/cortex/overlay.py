"""What is written over the cortex, drawn crisply by Qt: ROI names, hemispheres, the marker's ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from app.look.fonts import bold, small
from app.look.theme import Theme
from core.types import FloatArray

HALO = 3.2
RING, DOT = 7.5, 3.5
"""Pixels."""
FAINT = 0.3
"""Opacity of the part of a path on the far side."""

TEXT_DARK, TEXT_LIGHT = "#ffffff", "#14181d"
HALO_DARK, HALO_LIGHT = "#0d1013", "#ffffff"


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A name at a position in interface pixels.

    Parameters
    ----------
    x, y : The middle of the name.
    weight : How many vertices of it are in sight.
    home : Where it belongs, if another name stood there; a line leads to it.
    """

    text: str
    x: float
    y: float
    weight: int
    home: tuple[float, float] | None = None


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
    paths: Sequence[FloatArray] = ()
    """(n, 3) each: x, y, and 1 where the surface faces the viewer."""


def measure_label(text: str, font: QFont) -> tuple[float, float]:
    """Width and height of a name in pixels."""
    metrics = QFontMetricsF(bold(small(font)))
    return metrics.horizontalAdvance(text), metrics.ascent()


def draw_annotations(painter: QPainter, annotations: Annotations, *, theme: Theme, font: QFont) -> None:
    """Draw all annotations; used for the window and for pictures."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ink, halo = (TEXT_DARK, HALO_DARK) if theme.is_dark else (TEXT_LIGHT, HALO_LIGHT)
    for label in annotations.labels:
        if label.home is not None:
            _draw_leader(painter, label, ink=ink, halo=halo, room=measure_label(label.text, font))
    for label in annotations.labels:
        _draw_text(painter, label, font=bold(small(font)), ink=QColor(ink), halo=QColor(halo))
    for caption in annotations.captions:
        _draw_text(painter, caption, font=bold(font), ink=QColor(theme.muted), halo=None)
    for path in annotations.paths:
        _draw_path(painter, path, QColor(theme.accent))
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


def _draw_leader(painter: QPainter, label: PlacedLabel, *, ink: str, halo: str, room: tuple[float, float]) -> None:
    """A line from the edge of a name to the place it belongs to, with a dot there."""
    home, middle = QPointF(*(label.home or (label.x, label.y))), QPointF(label.x, label.y)
    way = home - middle
    reach = max(abs(way.x()) / (room[0] / 2 + 2), abs(way.y()) / (room[1] / 2 + 2))
    start = middle + way / max(1.0, reach)
    for colour, width in ((halo, HALO), (ink, 1.2)):
        painter.setPen(QPen(QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(start, home)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(home, width / 2, width / 2)


@lru_cache(maxsize=1000)
def _outline(text: str, font: str) -> QPainterPath:
    """The outline of a name, kept: a second one differs by a hair with what the font was drawn at in between."""
    made, path = QFont(), QPainterPath()
    made.fromString(font)
    path.addText(QPointF(0, 0), made, text)
    return path


def _draw_path(painter: QPainter, path: FloatArray, ink: QColor) -> None:
    """A line with a dot at its end, faint where the surface turns away."""
    points = [QPointF(x, y) for x, y, _ in path]
    for colour, width in ((QColor(HALO_DARK), 5.0), (QColor(HALO_LIGHT), 3.5), (ink, 2.0)):
        for before, after, seen in zip(points, points[1:], path[1:, 2], strict=False):
            colour.setAlphaF(1.0 if seen else FAINT)
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(before, after)
    painter.setBrush(ink)
    painter.setPen(QPen(QColor(HALO_LIGHT), 1.5))
    painter.drawEllipse(points[-1], DOT, DOT)


def _draw_ring(painter: QPainter, ring: Ring) -> None:
    style = Qt.PenStyle.DotLine if ring.hidden else Qt.PenStyle.SolidLine
    for colour, width in (("#0d1013", 4.0), ("#ffffff", 2.0)):
        painter.setPen(QPen(QColor(colour), width, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(ring.x, ring.y), RING, RING)
