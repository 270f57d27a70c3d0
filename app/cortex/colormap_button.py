"""A button that shows the current colour map and opens a menu of those of its kind."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QIcon, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app.cortex.colour_bar import colormap_image
from core.surfaces.colormap import DEFAULT_DIVERGING, Colormap, ColormapKind, find_colormap, list_colormaps

SWATCH = QSize(44, 12)
SCALE = 2
"""Device pixels per pixel of a swatch: crisp on dense screens, fine on others."""


class ColormapButton(QToolButton):
    """Choose a colour map."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip("Colour map")
        self.setAccessibleName("Colour map")
        self.setAutoRaise(True)
        self.setIconSize(SWATCH)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._kind: ColormapKind | None = None
        self._menu = QMenu(self)
        self._group = QActionGroup(self)
        self._group.triggered.connect(self._choose)
        self.setMenu(self._menu)
        self.show_colormap(find_colormap(DEFAULT_DIVERGING))

    def show_colormap(self, colormap: Colormap | None) -> None:
        """Show a colour map as chosen; None where there is nothing to colour."""
        self.setEnabled(colormap is not None)
        if colormap is None:
            return
        if colormap.kind is not self._kind:
            self._fill(colormap.kind)
        self.setIcon(colormap_icon(colormap))
        for action in self._group.actions():
            action.setChecked(action.data() == colormap.name)

    def _fill(self, kind: ColormapKind) -> None:
        self._kind = kind
        for action in self._group.actions():
            self._group.removeAction(action)
        self._menu.clear()
        for colormap in list_colormaps(kind):
            action = self._menu.addAction(colormap_icon(colormap), colormap.title)
            action.setData(colormap.name)
            action.setCheckable(True)
            self._group.addAction(action)

    @Slot(QAction)
    def _choose(self, action: QAction) -> None:
        name = str(action.data())
        self.show_colormap(find_colormap(name))
        self.chosen.emit(name)


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
