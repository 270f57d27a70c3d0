"""The list of images behind the gallery; each is read on a lane once it was to be painted, the newest wish first."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QImageReader, QPainter, QPainterPath, QPixmap

from app.base.jobs import JobLane
from app.base.pictures import to_qimage
from core.datasets.image_store import SEPARATOR, ImageStore, open_image_store
from core.datasets.subject import Subject
from core.errors import ProbeError
from core.kept import Kept
from core.types import ByteArray

THUMBNAIL_SIDE = 64
CORNER_RADIUS = 6
PIXEL_RATIO = 2
THUMBNAIL_BYTES = 4 * (PIXEL_RATIO * THUMBNAIL_SIDE) ** 2
MOST_BYTES = 64 * 2**20
"""Of the thumbnails kept, about a thousand."""

READING = "thumbnails"
BATCH = 12
"""Images read in one job: what came into sight meanwhile goes before the rest."""

AnyIndex = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """One image available; `key` is its catalogue id, or the path of a file of the user."""

    key: str
    title: str
    group: str
    path: str
    starter: bool = False
    read: Callable[[int], ByteArray] | None = None
    """Gives the picture at a size, for one that is no file of its own."""


class ImageList(QAbstractListModel):
    """Items with a square thumbnail each; `lane` reads them, and `read` tells that more are there."""

    read = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.lane: JobLane | None = None
        self._items: list[GalleryItem] = []
        self._pictures: Kept[str, QPixmap] = Kept(MOST_BYTES, measure=lambda _picture: THUMBNAIL_BYTES)
        self._wanted: dict[str, GalleryItem] = {}
        self._blank = QPixmap()
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._read_next)

    def set_items(self, items: list[GalleryItem]) -> None:
        """List other images; thumbnails already read are kept."""
        self.beginResetModel()
        self._items = list(items)
        self.endResetModel()

    def item(self, row: int) -> GalleryItem:
        """The image in one row."""
        return self._items[row]

    def row_of(self, key: str) -> int:
        """The row of an image, -1 if it is not available."""
        return next((row for row, item in enumerate(self._items) if item.key == key), -1)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Number of images."""
        return 0 if parent.isValid() else len(self._items)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Thumbnail, tooltip and spoken name."""
        item = self._items[index.row()]
        match role:
            case Qt.ItemDataRole.DecorationRole:
                return self._picture(item)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{item.title}\n{item.group}"
            case Qt.ItemDataRole.AccessibleTextRole:
                return item.title
            case Qt.ItemDataRole.SizeHintRole:
                return QSize(THUMBNAIL_SIDE + 6, THUMBNAIL_SIDE + 6)
        return None

    def _picture(self, item: GalleryItem) -> QPixmap:
        found = self._pictures.get(item.key)
        if found is None:
            self._wanted[item.key] = self._wanted.pop(item.key, item)  # the last to be read first
            self._soon.start()
        return found or self._blank

    def _read_next(self) -> None:
        """Have the images read that came into sight last."""
        if self.lane is None or self.lane.is_busy(READING) or not self._wanted:
            return
        batch = [item for _, item in zip(range(BATCH), reversed(self._wanted.values()), strict=False)]
        read = partial(lambda items, _stop: {item.key: read_thumbnail(item) for item in items}, batch)
        self.lane.submit(READING, read, on_done=self._take, title="Reading thumbnails…")

    def _take(self, images: dict[str, QImage]) -> None:
        for key, image in images.items():
            self._wanted.pop(key, None)
            self._pictures.put(key, QPixmap.fromImage(image))
        self.read.emit()
        self._soon.start()


def read_thumbnail(item: GalleryItem) -> QImage:
    """The centre square of an image, small and with rounded corners; a blank one if it cannot be read."""
    side = THUMBNAIL_SIDE * PIXEL_RATIO
    image = QImage()
    if item.read is None:
        reader = QImageReader(item.path)
        reader.setAutoTransform(True)
        size = reader.size()
        if size.isValid():
            reader.setScaledSize(size.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatioByExpanding))
        image = reader.read()
    else:
        with suppress(ProbeError):  # opening the image says why; a list of blank squares needs no sentence for each
            image = to_qimage(item.read(side))
    picture = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(Qt.GlobalColor.transparent)
    if not image.isNull():
        _paint_rounded(picture, image)
    picture.setDevicePixelRatio(PIXEL_RATIO)
    return picture


def _paint_rounded(picture: QImage, image: QImage) -> None:
    outline = QPainterPath()
    radius = CORNER_RADIUS * PIXEL_RATIO
    outline.addRoundedRect(QRectF(picture.rect()), radius, radius)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipPath(outline)
    left, top = (picture.width() - image.width()) // 2, (picture.height() - image.height()) // 2
    painter.drawImage(left, top, image)
    painter.end()


def list_own_images(subject: Subject | None) -> list[GalleryItem]:
    """One item an image, in the order of the recording; none for a subject whose images are the catalogue's."""
    if subject is None or subject.images is None:
        return []
    source, store = subject.images, open_image_store(subject)
    is_file = source.kind == "files"
    rows = zip(subject.image_ids, source.members, subject.categories, strict=True)
    return [
        GalleryItem(
            f"{subject.id}{SEPARATOR}{identity}",
            identity.replace("_", " "),
            category or subject.title,
            os.path.join(source.path, member) if is_file else "",  # noqa: PTH118 - a tenth of a Path's time
            read=None if is_file else partial(_read, store, identity),
        )
        for identity, member, category in rows
    ]


def _read(store: ImageStore, identity: str, side: int) -> ByteArray:
    return store.load(identity, side).levels
