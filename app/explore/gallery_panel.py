"""Thumbnails of the images available, by group, with the user's own files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.explore.image_list import CORNER_RADIUS, THUMBNAIL_SIDE, AnyIndex, GalleryItem, ImageList
from app.look.theme import theme_in_use
from app.widgets.basics import make_column, make_heading, make_row, make_tool_button
from app.widgets.editors import ChoiceBox
from core.datasets.photos import ImageInfo

STARTERS = ""
MINE = "mine"
OWN = "own"
OWN_TITLE = "This subject"


class _Painter(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        rect = QRect(0, 0, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        rect.moveCenter(option.rect.center())
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(picture, QPixmap):
            painter.drawPixmap(rect.topLeft(), picture)
        ring = self._ring(state)
        if ring:
            painter.setPen(QPen(QColor(ring), 2))
            painter.drawRoundedRect(rect.adjusted(-2, -2, 1, 1), CORNER_RADIUS + 2, CORNER_RADIUS + 2)
        painter.restore()

    def _ring(self, state: QStyle.StateFlag) -> str:
        if state & QStyle.StateFlag.State_Selected:
            return theme_in_use().accent
        return theme_in_use().line_strong if state & QStyle.StateFlag.State_MouseOver else ""


class GalleryPanel(QFrame):
    """`chosen` tells the key of an image: a catalogue id or a path."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self._items: list[GalleryItem] = []
        self._mine: list[GalleryItem] = []
        self._own: list[GalleryItem] = []
        self._own_title = ""
        self._current = ""
        self.list = ImageList()
        self.view = QListView()
        self.group = ChoiceBox("Group of images")
        self.group.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToContents)
        tip = "Open images of your own (Ctrl+O); files and folders can be dropped on the window too"
        self.open = make_tool_button(tip=tip, icon="add")
        self.ranking = [make_tool_button(tip=name) for name in ("Rank images", "Synthesise images")]
        self._set_up_view()
        head = make_row(make_heading("Image"), -1, self.group, *self.ranking, self.open, 4)
        self.setLayout(make_column(head, self.view, gap=6, margin=(16, 10, 4, 8)))
        self.group.activated.connect(self._show_group)
        self.view.selectionModel().currentChanged.connect(self._take_row)
        self.list.read.connect(self.view.viewport().update)

    def set_images(self, images: Sequence[ImageInfo], group: str = STARTERS) -> None:
        """List the catalogue's images, showing one group."""
        self._items = [
            GalleryItem(info.id, info.id.replace("_", " "), info.group, str(info.path), starter=info.curated)
            for info in images
        ]
        self._fill_groups(group)
        self._show_group()

    def set_own(self, items: Sequence[GalleryItem], title: str) -> None:
        """List the images an imported subject saw as a group of their own; none takes the group away."""
        if not items and not self._own:
            return
        had = self.group.value()
        self._own, self._own_title = list(items), title
        self._fill_groups(had if had != OWN or items else STARTERS)
        self._show_group()

    def follow(self, key: str) -> None:
        """Show the image now on screen as chosen, in its own group where the one shown lacks it.

        A file of the user is added to the group of such files first.
        """
        if key not in {item.key for item in self.everything()}:
            self.add([key])
        self._current = key
        if self.list.row_of(key) < 0:
            groups = {item.key: item.group for item in (*self._items, *self._mine)}
            self.group.set_value(groups.get(key, OWN))
            self._show_group()
        self._select_current()

    def add(self, files: Sequence[str]) -> None:
        """Put files of the user after those there, and show them."""
        known = {item.key for item in self._mine}
        self._mine += [GalleryItem(key, Path(key).name, MINE, key) for key in files if key not in known]
        self._fill_groups(MINE)
        self._show_group()

    def everything(self) -> list[GalleryItem]:
        """Every image available, of all groups."""
        return [*self._items, *self._mine, *self._own]

    def step(self, by: int) -> None:
        """Choose the image `by` places further, round the end."""
        if self.list.rowCount():
            row = (self.view.currentIndex().row() + by) % self.list.rowCount()
            self.view.setCurrentIndex(self.list.index(row, 0))

    def first_key(self) -> str:
        """The first image available, "" if there is none."""
        return self.list.item(0).key if self.list.rowCount() else ""

    def _set_up_view(self) -> None:
        self.view.setModel(self.list)
        self.view.setItemDelegate(_Painter(self.view))
        self.view.setViewMode(QListView.ViewMode.IconMode)
        self.view.setResizeMode(QListView.ResizeMode.Adjust)
        self.view.setMovement(QListView.Movement.Static)
        self.view.setUniformItemSizes(True)
        self.view.setLayoutMode(QListView.LayoutMode.Batched)  # thousands are laid out a part at a time
        self.view.setSpacing(0)
        self.view.setGridSize(QSize(THUMBNAIL_SIDE + 7, THUMBNAIL_SIDE + 7))
        self.view.setIconSize(QSize(THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        self.view.setMouseTracking(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName("Images")
        self.view.setFrameShape(QFrame.Shape.NoFrame)

    def _fill_groups(self, group: str) -> None:
        names = dict.fromkeys(item.group for item in [*self._items, *self._mine])
        own = [(OWN, OWN_TITLE, f"The images seen by {self._own_title}")] if self._own else []
        self.group.set_choices([(STARTERS, "Starters"), *((name, name.capitalize()) for name in names), *own], group)

    def _show_group(self) -> None:
        group = self.group.value()
        everything = [*self._items, *self._mine]
        shown = [item for item in everything if (item.starter if group == STARTERS else item.group == group)]
        shown = self._own if group == OWN else shown
        with QSignalBlocker(self.view.selectionModel()):
            self.list.set_items(shown or everything)
        self._select_current()

    def _select_current(self) -> None:
        row = self.list.row_of(self._current)
        index = self.list.index(row, 0) if row >= 0 else QModelIndex()
        with QSignalBlocker(self.view.selectionModel()):
            self.view.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if index.isValid():
            self.view.scrollTo(index)
        self.view.viewport().update()

    def _take_row(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid() and self.list.item(index.row()).key != self._current:
            self._current = self.list.item(index.row()).key
            self.chosen.emit(self._current)
