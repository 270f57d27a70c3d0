"""A colour bar with title, unit, limits and threshold, the choice of its colours, and the dialog of its range."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QIcon, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QDialog, QSizePolicy, QWidget

from app.base.pictures import to_qimage
from app.look.fonts import bold, small
from app.look.theme import Theme, theme_in_use
from app.widgets.basics import fill_dialog, make_button, make_label, make_row, show_text
from app.widgets.editors import ChoiceBox
from app.widgets.form import Fields, Text, why_not
from core.figures.colour_key import ColourKey
from core.surfaces.colormap import (
    DEFAULT_DIVERGING,
    Colormap,
    ColormapKind,
    ColourRange,
    find_colormap,
    list_colormaps,
    read_range,
)
from core.words import digits_for, format_number, format_signed, name_with_unit

BAR_WIDTH, BAR_HEIGHT = 208, 10
WIDTH, HEIGHT, LINE = 236, 58, 15
"""Pixels of a bar under one line of caption, and of such a line."""
GROWN = 3
"""Pixels by which the bar of a 2-D map is higher."""

RADIUS = 3.0
ARROW, ARROW_GAP = 8, 3
"""Pixels of the triangle that marks an end beyond which values lie, and from the bar to it."""

HINTING = 1.15
"""How much wider a smaller font may be than its size says."""

SWATCH = QSize(44, 12)
ARROW_WIDTH, LIST_WIDTH = 32, 190
SCALE = 2
"""Device pixels per pixel of a swatch: crisp on dense screens, fine on others."""


class ColourBar(QWidget):
    """Shows one reading, or nothing; a double or right click asks for its range."""

    range_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reading: ColourKey | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Room for the bar, its caption and its numbers."""
        return QSize(WIDTH, bar_height(self.reading))

    def show_reading(self, reading: ColourKey | None) -> None:
        """Show a reading; None shows nothing."""
        before, self.reading = bar_height(self.reading), reading
        self.setAccessibleName("" if reading is None else f"Colour bar: {reading.caption()}")
        self.setToolTip("" if reading is None else _explain(reading))
        if bar_height(reading) != before:
            self.updateGeometry()
        self.update()

    def event(self, event: QEvent) -> bool:
        """A double or right click asks for the range."""
        if event.type() in (QEvent.Type.MouseButtonDblClick, QEvent.Type.ContextMenu):
            self.range_wanted.emit()
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the reading."""
        if self.reading is None:
            return
        painter = QPainter(self)
        draw_colour_bar(painter, self.reading, area=QRectF(self.rect()), theme=theme_in_use())
        painter.end()


def find_ticks(key: ColourKey) -> tuple[tuple[float, str], ...]:
    """Places along the bar in [0, 1] and the numbers under them, over how many voxels lie beyond the ends."""
    digits = min(2, digits_for(key.limit))
    low, middle, high = "0", format_number(key.limit / 2, digits), format_number(key.limit, digits)
    if key.is_diverging:
        low, middle, high = format_signed(-key.limit, digits), "0", format_signed(key.limit, digits)
    below, above = key.clipped
    low += f"\n{below:,} below" if below else ""
    high += f"\n{above:,} above" if above else ""
    return ((0.0, low), (0.5, middle), (1.0, high))


def caption_lines(reading: ColourKey) -> list[str]:
    """The caption; what a second map shows stands on a line of its own."""
    return [name_with_unit(reading.title, reading.unit), *filter(None, [reading.note.removeprefix(" · ").strip()])]


def bar_height(reading: ColourKey | None) -> int:
    """Pixels that a colour bar takes."""
    return HEIGHT if reading is None else HEIGHT + LINE * (len(caption_lines(reading)) - 1)


def draw_colour_bar(painter: QPainter, reading: ColourKey, *, area: QRectF, theme: Theme) -> None:
    """Draw a colour bar into an area; used for the window and for pictures."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    base = painter.font()
    left = area.center().x() - BAR_WIDTH / 2
    grown = GROWN if reading.is_2d else 0
    captions = caption_lines(reading)
    top = area.top() + LINE * len(captions) + 3 - grown
    bar = QRectF(left, top, BAR_WIDTH, BAR_HEIGHT + grown)
    painter.setPen(QColor(theme.text))
    for number, caption in enumerate(captions):
        font = bold(small(base))
        room = area.width() / max(area.width(), HINTING * QFontMetricsF(font).horizontalAdvance(caption))
        font.setPointSizeF(room * font.pointSizeF())  # a long unit is written smaller, never cut
        painter.setFont(font)
        line = QRectF(area.left(), area.top() + LINE * number, area.width(), LINE)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, caption)
    _draw_gradient(painter, reading, bar=bar, theme=theme)
    _draw_arrows(painter, reading, bar=bar)
    painter.setFont(small(base))
    painter.setPen(QColor(theme.muted))
    for place, text in find_ticks(reading):
        _draw_number(painter, text, at=QPointF(bar.left() + place * bar.width(), bar.bottom()), area=area)
    painter.setFont(base)


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


def _draw_arrows(painter: QPainter, reading: ColourKey, *, bar: QRectF) -> None:
    """Mark the ends beyond which values lie with arrows in the colours these values have."""
    ends = ((bar.left() - ARROW_GAP, -ARROW, 0), (bar.right() + ARROW_GAP, ARROW, -1))
    for count, (x, reach, row) in zip(reading.clipped, ends, strict=True):
        arrow = QPainterPath(QPointF(x, bar.top()))
        arrow.lineTo(x + reach, bar.center().y())
        arrow.lineTo(x, bar.bottom())
        if count:
            painter.fillPath(arrow, QColor(*reading.bar()[row].tolist()))


def _draw_number(painter: QPainter, text: str, *, at: QPointF, area: QRectF) -> None:
    size = QFontMetricsF(painter.font()).size(0, text)
    left = min(max(at.x() - size.width() / 2, area.left()), area.right() - size.width())
    painter.drawText(QRectF(left, at.y() + 2, size.width() + 1, size.height()), Qt.AlignmentFlag.AlignHCenter, text)


def _explain(reading: ColourKey) -> str:
    below, above = reading.clipped
    told = [f"Values beyond the ends ({below:,} voxels below, {above:,} above) take their colours."]
    if reading.is_diverging and reading.fade > 0:
        told.append(f"Values nearer to zero than {reading.fade * reading.limit:.3g} fade into the cortex.")
    told += [f"Values under {reading.threshold:.3g} are transparent."] if reading.threshold > 0 else []
    told += [f"Locked: {reading.chosen.describe()}."] if reading.chosen is not None else []
    return " ".join([*told, "Double click: set the range."])


class RangeDialog(QDialog, Fields):
    """Asks for fmin, fmid and fmax of the maps of one unit; `wanted` gives a `ColourRange`, or None for automatic."""

    wanted = Signal(object)
    fmin = Text("fmin, transparent below")
    fmid = Text("fmid, the middle colour")
    fmax = Text("fmax, the last colour")

    def __init__(self, reading: ColourKey, parent: QWidget) -> None:
        super().__init__(parent)
        self.make_fields()
        shown = reading.chosen or ColourRange(0.0, reading.limit / 2, reading.limit)
        self.lines = {"fmin": self.fmin, "fmid": self.fmid, "fmax": self.fmax}
        for name, line in self.lines.items():
            line.set_value(f"{getattr(shown, name):.4g}")
        self.problem = make_label("", "field-error", wraps=True)
        self.problem.hide()
        kind = "centred on zero" if reading.is_diverging else "from zero up"
        told = f"For every map in {reading.unit} {kind}, on both cortices, until it is unlocked; both signs alike."
        automatic = make_button("Automatic", do=partial(self._end, None), tip="Fit the range to every map again")
        use = make_button("Use this range", "primary", self.take)
        use.setDefault(True)
        buttons = make_row(automatic, -1, make_button("Cancel", do=self.reject), use)
        parts = (make_label(told, "muted", wraps=True), self.make_rows(*self.lines), self.problem, buttons)
        fill_dialog(self, "Colour range", *parts, width=420)

    def take(self) -> None:
        """Use what stands in the fields, or say what is wrong with it."""
        texts = {name: line.value() for name, line in self.lines.items()}
        show_text(self.problem, why_not(lambda: self._end(read_range(texts))))

    def _end(self, chosen: ColourRange | None) -> None:
        self.wanted.emit(chosen)
        self.accept()


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
    painter.drawImage(area, to_qimage(colormap.table[None]))
    painter.end()
    return QIcon(pixmap)
