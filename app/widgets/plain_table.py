"""Read-only tables: texts in rows that have keys, and facts by name."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QGridLayout,
    QHeaderView,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.widgets.basics import make_label
from core.words import MINUS

Cell = str | tuple[str, float]
"""A text, or one with the number it is sorted by."""
BESIDE = 7
"""Pixels of a row above and below its text."""
KEY, NUMBER = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class _Item(QTableWidgetItem):
    def __lt__(self, other: QTableWidgetItem) -> bool:
        """By number, unknown ones last; else as texts."""
        first, second = self.data(NUMBER), other.data(NUMBER)
        if first is None or second is None:
            return self.text() < other.text()
        return bool(first < second or (math.isnan(second) and not math.isnan(first)))


class PlainTable(QTableWidget):
    """Rows of texts; the first column stretches unless told otherwise, the others fit what they hold.

    `numbers` puts the texts of all columns but the first at the right; `sorts` lets a click on a header sort. Ctrl+C
    copies the selected rows, or all, under their header.
    """

    def __init__(
        self,
        name: str,
        header: Sequence[str] = (),
        parent: QWidget | None = None,
        *,
        stretches: bool = True,
        numbers: bool = False,
        sorts: bool = False,
    ) -> None:
        super().__init__(parent)
        copy = QAction("Copy rows", self, shortcut=QKeySequence(QKeySequence.StandardKey.Copy))
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self.copy_rows)
        self.addAction(copy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.setAccessibleName(name)
        self._stretches, self._numbers, self._sorts = stretches, numbers, sorts
        self._right: Collection[int] = ()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + BESIDE)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideRight)  # a heading's first words tell most
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        if sorts:
            self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            self.horizontalHeader().setSortIndicatorClearable(True)
        self.set_header(header)

    def set_header(self, header: Sequence[str], tips: Sequence[str] = (), *, right: Collection[int] = ()) -> None:
        """Name the columns; `tips` has a text for each, or is empty; columns `right` hold numbers."""
        self._right = right
        self.setColumnCount(len(header))
        for column, name in enumerate(header):
            item = QTableWidgetItem(name)
            item.setToolTip(tips[column] if tips else "")
            item.setTextAlignment(self._side(column))
            self.setHorizontalHeaderItem(column, item)
        if header and self._stretches:
            self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def limit_last(self, width: int) -> None:
        """Give the last column a width of its own; longer texts are cut short there."""
        last = self.columnCount() - 1
        self.horizontalHeader().setSectionResizeMode(last, QHeaderView.ResizeMode.Interactive)
        self.setColumnWidth(last, width)

    def fill(self, rows: Sequence[tuple[str, Sequence[Cell]]], *, tips: Sequence[str] = ()) -> None:
        """Show rows of (key, cells); `tips` has a text for each row, or is empty."""
        self.setSortingEnabled(False)
        self.setRowCount(len(rows))
        for number, (key, cells) in enumerate(rows):
            for column, cell in enumerate(cells):
                text, value = (cell, None) if isinstance(cell, str) else cell
                item = _Item(text)
                item.setData(KEY, key)
                item.setData(NUMBER, value)
                item.setToolTip(tips[number] if tips else "")
                item.setTextAlignment(self._side(column))
                self.setItem(number, column, item)
        self.setSortingEnabled(self._sorts)

    def copy_rows(self) -> None:
        """Put the selected rows, or all, on the clipboard under their header, as a spreadsheet takes them."""
        chosen = {one.row() for one in self.selectionModel().selectedRows()} or range(self.rowCount())
        model, columns = self.model(), range(self.columnCount())
        lines = [[model.headerData(column, Qt.Orientation.Horizontal) for column in columns]]
        lines += [[model.index(row, column).data() for column in columns] for row in sorted(chosen)]
        text = "\n".join("\t".join(line) for line in lines)
        QGuiApplication.clipboard().setText(text.replace(MINUS, "-"))

    def row_keys(self) -> list[str]:
        """The keys of the rows, from top to bottom."""
        return [self._key_of(number) for number in range(self.rowCount())]

    def current_key(self) -> str:
        """The key of the selected row; "" if none is."""
        rows = self.selectionModel().selectedRows() if self.selectionModel() is not None else []
        return self._key_of(rows[0].row()) if rows else ""

    def select_key(self, key: str) -> None:
        """Select the row of a key; nothing if it is not shown."""
        self.clearSelection()
        if key in self.row_keys():
            row = self.row_keys().index(key)
            self.selectRow(row)
            self.scrollTo(self.model().index(row, 0))

    def _side(self, column: int) -> Qt.AlignmentFlag:
        side = (
            Qt.AlignmentFlag.AlignRight
            if (self._numbers and column) or column in self._right
            else Qt.AlignmentFlag.AlignLeft
        )
        return side | Qt.AlignmentFlag.AlignVCenter

    def _key_of(self, number: int) -> str:
        item = self.item(number, 0)
        return str(item.data(KEY)) if item is not None else ""


class FactTable(QScrollArea):
    """Rows of a name and a value that wraps and can be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows: list[tuple[str, str]] = []

    def set_rows(self, rows: Sequence[tuple[str, str]], tips: Mapping[str, str] = MappingProxyType({})) -> None:
        """Show other rows; `tips` are of names."""
        self.rows, inside = list(rows), QWidget()
        pairs = [(make_label(name, "muted"), make_label(value, wraps=True)) for name, value in rows]
        for (name, _), pair in zip(rows, pairs, strict=True):
            pair[1].setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            for label in pair:
                label.setToolTip(tips.get(name, ""))
        grid = make_grid(pairs, gap=12)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setRowStretch(len(rows), 1)
        inside.setLayout(grid)
        self.setWidget(inside)


def make_grid(rows: Sequence[tuple[QWidget, QWidget]], *, gap: int = 16) -> QGridLayout:
    """Pairs under each other; the second of each takes the room that is left."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(gap)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    for number, pair in enumerate(rows):
        for column, widget in enumerate(pair):
            grid.addWidget(widget, number, column, Qt.AlignmentFlag.AlignTop)
    return grid
