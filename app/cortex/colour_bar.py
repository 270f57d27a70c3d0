"""A colour bar with title, unit, limits and threshold, and the button that chooses its colours."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QIcon, QImage, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.base.pictures import to_qimage
from app.look.fonts import bold, small
from app.look.numbers import digits_for, format_number, format_signed
from app.look.theme import Theme, theme_in_use
from app.widgets.editors import ChoiceBox
from core.figures.colour_key import ColourKey
from core.surfaces.colormap import DEFAULT_DIVERGING, Colormap, ColormapKind, find_colormap, list_colormaps

BAR_WIDTH, BAR_HEIGHT = 208, 10
WIDTH, HEIGHT = 236, 46
GROWN = 3
"""Pixels by which the bar of a 2-D map is higher."""

RADIUS = 3.0
HINTING = 1.15
"""How much wider a smaller font may be than its size says."""

SWATCH = QSize(44, 12)
ARROW_WIDTH, LIST_WIDTH = 32, 190
SCALE = 2
"""Device pixels per pixel of a swatch: crisp on dense screens, fine on others."""


class ColourBar(QWidget):
    """Shows one reading, or nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reading: ColourKey | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Room for the bar, its caption and its numbers."""
        return QSize(WIDTH, HEIGHT)

    def show_reading(self, reading: ColourKey | None) -> None:
        """Show a reading; None shows nothing."""
        self.reading = reading
        self.setAccessibleName("" if reading is None else f"Colour bar: {reading.caption()}")
        self.setToolTip("" if reading is None else _explain(reading))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the reading."""
        if self.reading is None:
            return
        painter = QPainter(self)
        draw_colour_bar(painter, self.reading, area=QRectF(self.rect()), theme=theme_in_use())
        painter.end()


def find_ticks(key: ColourKey) -> tuple[tuple[float, str], ...]:
    """Places along the bar in [0, 1] and the numbers under them."""
    digits = min(2, digits_for(key.limit))
    if key.is_diverging:
        high, low = format_signed(key.limit, digits), format_signed(-key.limit, digits)
        return ((0.0, low), (0.5, "0"), (1.0, high))
    return ((0.0, "0"), (0.5, format_number(key.limit / 2, digits)), (1.0, format_number(key.limit, digits)))


def draw_colour_bar(painter: QPainter, reading: ColourKey, *, area: QRectF, theme: Theme) -> None:
    """Draw a colour bar into an area; used for the window and for pictures."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    base = painter.font()
    left = area.center().x() - BAR_WIDTH / 2
    grown = GROWN if reading.is_2d else 0
    bar = QRectF(left, area.top() + 18 - grown, BAR_WIDTH, BAR_HEIGHT + grown)
    font, caption = bold(small(base)), reading.caption()
    room = area.width() / max(area.width(), HINTING * QFontMetricsF(font).horizontalAdvance(caption))
    font.setPointSizeF(room * font.pointSizeF())  # a long unit is written smaller, never cut
    painter.setFont(font)
    painter.setPen(QColor(theme.text))
    painter.drawText(QRectF(area.left(), area.top(), area.width(), 15), Qt.AlignmentFlag.AlignCenter, caption)
    _draw_gradient(painter, reading, bar=bar, theme=theme)
    painter.setFont(small(base))
    painter.setPen(QColor(theme.muted))
    for place, text in find_ticks(reading):
        _draw_number(painter, text, at=QPointF(bar.left() + place * bar.width(), bar.bottom()), area=area)
    painter.setFont(base)


def colormap_image(colormap: Colormap) -> QImage:
    """The colours of a map as one row of pixels."""
    return to_qimage(colormap.table[None])


def _draw_gradient(painter: QPainter, reading: ColourKey, *, bar: QRectF, theme: Theme) -> None:
    shape = QPainterPath()
    shape.addRoundedRect(bar, RADIUS, RADIUS)
    painter.save()
    painter.setClipPath(shape)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(bar, to_qimage(reading.over(theme.raised)))
    painter.restore()
    painter.setPen(QPen(QColor(theme.line_strong), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(shape)


def _draw_number(painter: QPainter, text: str, *, at: QPointF, area: QRectF) -> None:
    width = QFontMetricsF(painter.font()).horizontalAdvance(text)
    left = min(max(at.x() - width / 2, area.left()), area.right() - width)
    painter.drawText(QRectF(left, at.y() + 2, width + 1, 14), Qt.AlignmentFlag.AlignCenter, text)


def _explain(reading: ColourKey) -> str:
    told = "Values beyond the limits take the colour of the end."
    if reading.is_diverging and reading.fade > 0:
        told += f" Values nearer to zero than {reading.fade * reading.limit:.3g} fade into the cortex."
    return told if reading.threshold <= 0 else f"{told} Values under {reading.threshold:.3g} are transparent."


class ColormapBox(ChoiceBox):
    """Choose a colour map; closed it shows a swatch of the one chosen."""

    def __init__(self) -> None:
        super().__init__("Colour map")
        self.setIconSize(SWATCH)
        self.setFixedWidth(SWATCH.width() + ARROW_WIDTH)
        self.view().setMinimumWidth(LIST_WIDTH)
        self._kind: ColormapKind | None = None
        self.show_colormap(find_colormap(DEFAULT_DIVERGING))

    def show_colormap(self, colormap: Colormap | None) -> None:
        """Show a colour map as chosen, among those of its kind; None where there is nothing to colour."""
        self.setEnabled(colormap is not None)
        if colormap is None:
            return
        if colormap.kind is not self._kind:
            self._kind, offered = colormap.kind, list_colormaps(colormap.kind)
            self.set_choices([(one.name, one.title) for one in offered])
            for row, one in enumerate(offered):
                self.setItemIcon(row, colormap_icon(one))
        self.set_value(colormap.name)


def colormap_icon(colormap: Colormap) -> QIcon:
    """A small rounded swatch of a colour map."""
    pixmap = QPixmap(SWATCH * SCALE)
    pixmap.setDevicePixelRatio(SCALE)
    pixmap.fill(Qt.GlobalColor.transparent)
    area = QRectF(0, 0, SWATCH.width(), SWATCH.height())
    shape = QPainterPath()
    shape.addRoundedRect(area, 3, 3)
    painter = QPainter(pixmap)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    painter.setClipPath(shape)
    painter.drawImage(area, colormap_image(colormap))
    painter.end()
    return QIcon(pixmap)
