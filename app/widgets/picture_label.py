"""A picture of numpy pixels, fitted into the room there is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.image_view import to_qimage
from core.types import ByteArray


class PictureLabel(QWidget):
    """Shows (height, width, 3) uint8 pixels, or a sentence while there are none."""

    def __init__(self, name: str, *, least: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setMinimumSize(*least)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pixels: ByteArray | None = None
        self._image = QImage()
        self._text = ""

    @property
    def image(self) -> QImage:
        """The picture shown, null while there is none."""
        return self._image

    @property
    def pixels(self) -> ByteArray | None:
        """What is shown."""
        return self._pixels

    def show_pixels(self, pixels: ByteArray) -> None:
        """Show a picture."""
        self._pixels = pixels
        self.show_image(to_qimage(pixels))

    def show_image(self, image: QImage) -> None:
        """Show a picture of Qt's."""
        self._image, self._text = image, ""
        self.update()

    def show_text(self, text: str) -> None:
        """Say something over the picture shown, or in its place."""
        self._text = text
        self.update()

    def sizeHint(self) -> QSize:
        """As small as allowed; it takes what is left."""
        return self.minimumSize()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the picture as large as it fits."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if not self._image.isNull():
            ratio = self.devicePixelRatioF()
            kept, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            fitted = self._image.scaled(self.size() * ratio, kept, smooth)
            width, height = fitted.width() / ratio, fitted.height() / ratio
            painter.drawImage(QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height), fitted)
        if self._text:
            painter.setPen(self.palette().placeholderText().color())
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()
