"""Pictures of numpy pixels: fitted into the room there is, or zoomed, moved, copied and saved. Never changes values.

A whole picture is shown at a whole number of screen pixels a pixel wherever that leaves little room unused.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QObject, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QCursor,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QGraphicsView, QSizePolicy, QWidget

from app.base.pictures import save_image, to_qimage
from app.look.theme import Theme, follow_theme
from app.widgets.ask_path import ask_path
from app.widgets.basics import make_column, make_label
from core.errors import StorageError
from core.types import ByteArray

SCALE = 2
"""Copied at twice its size on screen, so that it is crisp in a document."""


class PictureMenu(QObject):
    """Two rows in the context menu of one widget.

    Signals
    -------
    said(str)
        A sentence about a copy that went well.
    figure_wanted()
        The user asked for a figure of it.
    """

    said = Signal(str)
    figure_wanted = Signal()

    def __init__(self, widget: QWidget, name: str = "") -> None:
        super().__init__(widget)
        self._widget = widget
        self._name = name
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for canvas in widget.findChildren(QGraphicsView):
            canvas.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        copy, save = QAction("Copy picture", widget), QAction("Save figure…", widget)
        copy.triggered.connect(self.copy)
        save.triggered.connect(self.figure_wanted)
        widget.addActions([copy, save])

    def copy(self) -> None:
        """Put the widget as it looks on the clipboard."""
        picture = QPixmap(self._widget.size() * SCALE)
        picture.setDevicePixelRatio(SCALE)
        picture.fill(self._widget.palette().window().color())
        QWidget.render(self._widget, picture)  # a plot would render its scene instead
        QGuiApplication.clipboard().setPixmap(picture)
        self.said.emit(f"Copied: {self._name or self._widget.accessibleName()}.")


class PictureLabel(QWidget):
    """Shows (height, width, 3) uint8 pixels, or a sentence while there are none; tells of a click."""

    clicked = Signal()

    def __init__(self, name: str, *, least: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setMinimumSize(*least)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.pixels: ByteArray | None = None
        self.image = QImage()
        self._text = ""

    def show_pixels(self, pixels: ByteArray) -> None:
        """Show a picture."""
        self.pixels = pixels
        self.show_image(to_qimage(pixels))

    def show_image(self, image: QImage) -> None:
        """Show a picture of Qt's."""
        self.image, self._text = image, ""
        self.update()

    def show_text(self, text: str) -> None:
        """Say something over the picture shown, or in its place."""
        self._text = text
        self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Tell."""
        self.clicked.emit()

    def sizeHint(self) -> QSize:
        """As small as allowed; it takes what is left."""
        return self.minimumSize()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the picture as large as it fits."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if not self.image.isNull():
            ratio = self.devicePixelRatioF()
            kept, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            fitted = self.image.scaled(self.size() * ratio, kept, smooth)
            width, height = fitted.width() / ratio, fitted.height() / ratio
            painter.drawImage(QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height), fitted)
        if self._text:
            painter.setPen(self.palette().placeholderText().color())
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()


LEAST_FILLED = 0.8
"""Share of the room along a side from which a whole number of screen pixels a pixel is taken."""

CRISP_FROM = 3.0
"""Screen pixels per image pixel from which pixels are drawn as squares instead of smoothed."""

ROUNDING = 0.004
"""What a whole number of screen pixels a pixel may be off by."""

SMALLEST_VIEW = 8
"""Image pixels across at the closest zoom."""

LARGEST_VIEW = 1.25
"""How much wider than the picture the view may get."""


class PictureBox(pg.ViewBox):  # type: ignore[misc]
    """A view box that tells of a double click."""

    double_clicked = Signal()

    def __init__(self) -> None:
        super().__init__(lockAspect=True, invertY=True, enableMenu=False, defaultPadding=0.0)
        self.disableAutoRange()

    def mouseClickEvent(self, event: object) -> None:
        """Tell of a double click; no menu of pyqtgraph's own."""
        if event.double():  # type: ignore[attr-defined]
            event.accept()  # type: ignore[attr-defined]
            self.double_clicked.emit()


FRAME = 1
"""Pixels left for the mark of the focus."""

KEY_SHARE = 0.1
"""Share of the part shown that an arrow key moves by."""

KEYS_HELP = "Plus and minus zoom, arrow keys move, Home fits, the menu key copies or saves."
ZOOMS = {Qt.Key.Key_Plus: 1.25, Qt.Key.Key_Equal: 1.25, Qt.Key.Key_Minus: 0.8}
ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


class ImageView(QWidget):
    """A picture of (height, width, 3) uint8; scroll zooms, drag moves.

    Signals
    -------
    view_moved(QRectF)
        The user zoomed or moved; the rectangle shown, in image pixels.
    pixel_hovered(object)
        (row, column) below the pointer, or None.
    picture_changed()
        Another picture, or none, is shown.
    said(str)
        A sentence about a copy or save that went well or failed.
    enlarged()
        A double click: the user wants it larger, or as it was.
    """

    view_moved = Signal(QRectF)
    pixel_hovered = Signal(object)
    said = Signal(str)
    picture_changed = Signal()
    enlarged = Signal()

    def __init__(self, name: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pixels: ByteArray | None = None
        self._wanted = QRectF()
        self.suggested_name = name
        self._box = PictureBox()
        self._item = pg.ImageItem(autoDownsample=False)
        self._box.addItem(self._item)
        self._scene = pg.GraphicsView(useOpenGL=False)
        self._scene.setCentralItem(self._box)
        self._scene.setMinimumSize(60, 60)
        self._scene.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("role", "pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setLayout(make_column(self._scene, margin=FRAME))
        self._hint = make_label("", "faint", wraps=True)
        self._hint.setParent(self)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._box.sigRangeChangedManually.connect(self._tell_view)
        self._box.sigResized.connect(self._follow_size)
        self._box.double_clicked.connect(self.enlarged)
        self._scene.scene().sigMouseMoved.connect(self._tell_pixel)
        self._make_actions()
        self.setAccessibleName(f"{name} image")
        self.setAccessibleDescription(KEYS_HELP)
        follow_theme(self.set_theme)

    @property
    def view_rect(self) -> QRectF:
        """The part of the picture on screen, in image pixels."""
        return QRectF(self._box.viewRect())

    def set_pixels(self, pixels: ByteArray | None) -> None:
        """Show a picture, or nothing. Keeps the zoom unless the size changed."""
        if pixels is not None and pixels is self.pixels:
            return
        size_before = None if self.pixels is None else self.pixels.shape
        self.pixels = pixels
        self._item.setVisible(pixels is not None)
        self._hint.setVisible(pixels is None)
        for action in self.actions():
            action.setEnabled(pixels is not None)
        if pixels is not None:
            self._item.setImage(pixels, autoLevels=False)
            if size_before != pixels.shape:
                self._limit()
                self.fit()
        self.picture_changed.emit()

    def set_hint(self, text: str) -> None:
        """What the pane says while it has no picture."""
        self._hint.setText(text)

    def add_overlay(self, item: pg.GraphicsObject) -> None:
        """Draw an item over the picture, in image pixels."""
        self._box.addItem(item)

    def show_rect(self, rect: QRectF) -> None:
        """Show one part of the picture, without telling anyone."""
        self._wanted = QRectF(rect)
        self._box.setRange(rect=self._frame(rect), padding=0.0, disableAutoRange=True)
        self._choose_smoothing()

    def describe_scale(self) -> str:
        """Screen pixels a pixel of the picture, and whether it is smoothed."""
        scale = self._scale()
        if _is_whole(scale):
            return f"{round(scale)}:1"
        return f"{scale:.2f}:1{', smoothed' if scale < CRISP_FROM else ''}"

    def _frame(self, rect: QRectF) -> QRectF:
        """The part to show for a part wanted: around a whole picture, what makes its pixels whole on the screen."""
        if self.pixels is None or rect.size() != QSizeF(self.pixels.shape[1], self.pixels.shape[0]):
            return rect
        ratio = self.devicePixelRatioF()
        across, down = self._box.width() * ratio, self._box.height() * ratio
        scale = min(across / rect.width(), down / rect.height())
        whole = math.floor(scale + ROUNDING)
        if whole < max(1.0, LEAST_FILLED * scale):
            return rect
        left, top = ((room - whole * side) // 2 for room, side in ((across, rect.width()), (down, rect.height())))
        return QRectF(-left / whole, -top / whole, across / whole, down / whole)

    def _follow_size(self) -> None:
        """Keep showing the same part of the picture."""
        if not self._wanted.isEmpty():
            self._limit()
            self.show_rect(self._wanted)
            self.view_moved.emit(self._wanted)

    def _scale(self) -> float:
        shown = self._box.viewRect().width()
        return float(self._box.width() * self.devicePixelRatioF() / shown) if shown > 0 else 1.0

    def fit(self) -> None:
        """Show the whole picture."""
        if self.pixels is not None:
            height, width = self.pixels.shape[:2]
            self.show_rect(QRectF(0, 0, width, height))
            self.view_moved.emit(self._wanted)

    def copy(self) -> None:
        """Put the picture's 8-bit pixels on the clipboard."""
        if self.pixels is not None:
            QGuiApplication.clipboard().setImage(to_qimage(self.pixels))
            self.said.emit(f"Copied the {self.suggested_name} image.")

    def save(self, path: Path) -> bool:
        """Write the picture's 8-bit pixels to a .png file; says so, or why not."""
        if self.pixels is None:
            return False
        try:
            save_image(to_qimage(self.pixels), path)
        except StorageError as error:
            self.said.emit(error.plain)
            return False
        self.said.emit(f"Saved {path.name}.")
        return True

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._scene.setBackground(theme.panel)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the hint in the middle."""
        super().resizeEvent(event)
        self._hint.setGeometry(self.rect().adjusted(12, 12, -12, -12))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom with + and -, move with the arrows, fit with Home."""
        if self.pixels is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
            return
        shown, key = self.view_rect, Qt.Key(event.key())
        if key == Qt.Key.Key_Home:
            self.fit()
        elif key in ZOOMS:
            self._box.scaleBy((1 / ZOOMS[key], 1 / ZOOMS[key]))
            self._tell_view()
        elif key in ARROWS:
            across, down = ARROWS[key]
            self._box.translateBy(x=KEY_SHARE * across * shown.width(), y=KEY_SHARE * down * shown.height())
            self._tell_view()
        else:
            super().keyPressEvent(event)

    def _limit(self) -> None:
        """Bound the zoom so that the whole picture always fits, in a wide pane too: a cut one would hide its edges."""
        if self.pixels is not None:
            height, width = self.pixels.shape[:2]
            aspect = self._scene.width() / max(1, self._scene.height())
            widest = LARGEST_VIEW * max(width, height, height * aspect)
            self._box.setLimits(minXRange=SMALLEST_VIEW, maxXRange=widest)

    def _make_actions(self) -> None:
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self._scene.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        offered = {"Copy image": self.copy, "Save image as PNG…": self._ask_and_save, "Fit to pane": self.fit}
        for text, slot in offered.items():
            action = QAction(text, self)
            action.triggered.connect(slot)
            action.setEnabled(False)
            self.addAction(action)

    def _ask_and_save(self) -> None:
        if chosen := ask_path(self, "Save image", f"{self.suggested_name}.png", "PNG (*.png)"):
            self.save(chosen.with_suffix(".png"))

    def _tell_view(self) -> None:
        self._wanted = self.view_rect
        self._choose_smoothing()
        self.view_moved.emit(self._wanted)

    def _tell_pixel(self, position: object) -> None:
        """Unless the pointer is elsewhere: a scene that changes repeats its last movement."""
        if self.pixels is None or not self.rect().contains(self.mapFromGlobal(QCursor.pos())):
            return
        point = self._box.mapSceneToView(position)
        column, row = int(np.floor(point.x())), int(np.floor(point.y()))
        height, width = self.pixels.shape[:2]
        self.pixel_hovered.emit((row, column) if 0 <= row < height and 0 <= column < width else None)

    def _choose_smoothing(self) -> None:
        scale = self._scale()
        smooth = scale < CRISP_FROM and not _is_whole(scale)
        self._scene.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)


def _is_whole(scale: float) -> bool:
    return scale > 1 - ROUNDING and abs(scale - round(scale)) < ROUNDING
