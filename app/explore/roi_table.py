"""The spill-over table: every ROI's shift with an inline bar, the target's row marked."""

from __future__ import annotations

import math
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSignalBlocker,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.look.numbers import digits_for, format_number, format_signed
from app.look.theme import DARK, Theme
from core.probes.spill_over import SpillOver, SpillRow

Index = QModelIndex | QPersistentModelIndex
SORT_ROLE = int(Qt.ItemDataRole.UserRole)
ROW_HEIGHT = 23
BAR_HEIGHT = 9
NUMBER_ROOM = 46
LEAST_BAR_SPAN = 0.5
"""The bars' half axis spans at least this many SDs, so that noise alone never fills it."""

COLUMN_WIDTHS = {0: 70, 1: 52, 2: 60, 4: 60, 5: 66}
CELL_PADDING = 20
"""Left and right of a number, from the style sheet, with some to spare."""
LEAST_WIDTHS = {1: 372, 4: 420}
"""Columns left out of a table narrower than this many pixels, so that the bars keep their room."""


class Column(IntEnum):
    """The columns, left to right."""

    ROI = 0
    VOXELS = 1
    SHIFT = 2
    SHIFT_SD = 3
    ABSOLUTE = 4
    CONTROL = 5


HEADINGS = {
    Column.ROI: "ROI",
    Column.VOXELS: "n",
    Column.SHIFT: "Shift",
    Column.SHIFT_SD: "Shift (SD)",
    Column.ABSOLUTE: "|Shift|",
    Column.CONTROL: "Control",
}
TIPS = {
    Column.ROI: "Region of interest, both hemispheres pooled. A filled dot marks the one that holds the target.",
    Column.VOXELS: "Number of voxels",
    Column.SHIFT: "Mean over the voxels of f(x + δ) − f(x), in {unit}",
    Column.SHIFT_SD: "Mean over the voxels of (f(x + δ) − f(x)) / σ, σ the SD of its clean reference responses.\n"
    "The thin mark is the random control's.",
    Column.ABSOLUTE: "Mean over the voxels of |f(x + δ) − f(x)|, in {unit}: movement that cancels in the mean",
    Column.CONTROL: "Mean shift under a random perturbation of the same realised size, in {unit}",
}


def value_of(row: SpillRow, column: Column) -> str | float:
    """What a cell sorts by."""
    values: dict[Column, str | float] = {
        Column.ROI: row.roi,
        Column.VOXELS: row.n_voxels,
        Column.SHIFT: row.shift,
        Column.SHIFT_SD: row.shift_sd,
        Column.ABSOLUTE: row.absolute_shift,
        Column.CONTROL: row.control_shift,
    }
    return values[column]


class SpillModel(QAbstractTableModel):
    """The rows for Qt; changes in place, so that a selection and the sorting live through a run."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[SpillRow, ...] = ()
        self.digits = 2
        self.unit = ""

    def set_rows(self, rows: tuple[SpillRow, ...], unit: str) -> None:
        """Show other numbers; only another list of ROIs resets the model."""
        self.unit = unit
        largest = max((abs(row.shift) for row in rows if math.isfinite(row.shift)), default=0.0)
        self.digits = max(1, digits_for(largest) - 1)
        if [row.roi for row in rows] != [row.roi for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        self.rows = rows
        if rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(Column) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One row an ROI."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Six."""
        return 0 if parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text, sort value, alignment or weight of a cell."""
        row, column = self.rows[index.row()], Column(index.column())
        if role == SORT_ROLE:
            value = value_of(row, column)
            return -math.inf if isinstance(value, float) and math.isnan(value) else value
        if role == Qt.ItemDataRole.DisplayRole:
            return self._write(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if column is Column.ROI else Qt.AlignmentFlag.AlignRight
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.FontRole and row.is_target:
            heavy = QFont()
            heavy.setWeight(QFont.Weight.DemiBold)
            return heavy
        return TIPS[column].format(unit=self.unit) if role == Qt.ItemDataRole.ToolTipRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Headings, with the formula as tooltip."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = Column(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if column is Column.ROI else Qt.AlignmentFlag.AlignRight
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return TIPS[column].format(unit=self.unit) if role == Qt.ItemDataRole.ToolTipRole else None

    def _write(self, row: SpillRow, column: Column) -> str:
        if column is Column.ROI:
            return f"● {row.roi}" if row.is_target else row.roi
        if column is Column.VOXELS:
            return str(row.n_voxels)
        value = float(value_of(row, column))
        if column is Column.ABSOLUTE:
            return format_number(value, self.digits)
        return format_signed(value, 2 if column is Column.SHIFT_SD else self.digits)


class BarDelegate(QStyledItemDelegate):
    """Draws a shift in SDs as a number and a bar from the middle, with a thin mark for the control."""

    def __init__(self, source: SpillModel, proxy: QSortFilterProxyModel) -> None:
        super().__init__()
        self._source = source
        self._proxy = proxy
        self.theme: Theme = DARK

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        row = self._source.rows[self._proxy.mapToSource(self._proxy.index(index.row(), index.column())).row()]
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(8, 0, -8, 0)
        self._draw_bar(painter, box.adjusted(0, 0, -NUMBER_ROOM, 0), row)
        painter.setPen(QColor(self.theme.text))
        painter.setFont(index.data(Qt.ItemDataRole.FontRole) or option.font)
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, align, str(index.data()))
        painter.restore()

    def _draw_bar(self, painter: QPainter, box: QRectF, row: SpillRow) -> None:
        middle, half = box.center().x(), box.width() / 2
        painter.setPen(QColor(self.theme.line_strong))
        painter.drawLine(round(middle), round(box.top() + 3), round(middle), round(box.bottom() - 3))
        if not math.isfinite(row.shift_sd):
            return
        scale = half / self._span()
        length = row.shift_sd * scale
        bar = QRectF(min(middle, middle + length), box.center().y() - BAR_HEIGHT / 2, abs(length), BAR_HEIGHT)
        colour = QColor(self.theme.warm if row.shift_sd > 0 else self.theme.cool)
        colour.setAlphaF(1.0 if row.is_target else 0.6)
        painter.fillRect(bar, colour)
        if math.isfinite(row.control_shift_sd):
            mark = middle + row.control_shift_sd * scale
            painter.fillRect(QRectF(mark - 0.75, bar.center().y() - 7, 1.5, 14), QColor(self.theme.muted))

    def _span(self) -> float:
        shifts = [abs(row.shift_sd) for row in self._source.rows if math.isfinite(row.shift_sd)]
        return max([LEAST_BAR_SPAN, *shifts])


class RoiTable(QTableView):
    """A sortable table of ROIs; choosing a row tells which.

    Signals
    -------
    roi_selected(str)
        The user chose an ROI's row, or none any more ("").
    """

    roi_selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = SpillModel()
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self._source)
        self._proxy.setSortRole(SORT_ROLE)
        self.setModel(self._proxy)
        self._bars = BarDelegate(self._source, self._proxy)
        self.setItemDelegateForColumn(Column.SHIFT_SD, self._bars)
        self._lay_out()
        self.setSortingEnabled(True)
        self.sort_as_found()
        self.selectionModel().selectionChanged.connect(self._tell)
        self.setAccessibleName("Spill-over by ROI")

    def show_rows(self, spill: SpillOver, *, unit: str, live: bool = False) -> None:
        """Show a table; while `live` its rows keep their places, so that they do not jump about during a run."""
        self._proxy.setDynamicSortFilter(not live)
        self._source.set_rows(spill.rows, unit)
        self._make_room()

    def sort_as_found(self) -> None:
        """The subject's own order of ROIs, early to late."""
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.DescendingOrder)
        self._proxy.sort(-1)

    def select_roi(self, roi: str | None) -> None:
        """Mark an ROI's row without telling anyone; None marks none."""
        with QSignalBlocker(self.selectionModel()):
            self.clearSelection()
            for row, shown in enumerate(self.shown_rois()):
                if shown == roi:
                    self.selectRow(row)
        self.viewport().update()

    def shown_rois(self) -> list[str]:
        """The ROIs from top to bottom."""
        indices = [self._proxy.index(row, 0) for row in range(self._proxy.rowCount())]
        return [str(index.data(SORT_ROLE)) for index in indices]

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._bars.theme = theme
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the less needed columns where the table is narrow."""
        super().resizeEvent(event)
        for column, least in LEAST_WIDTHS.items():
            self.setColumnHidden(column, self.width() < least)

    def _lay_out(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(36)
        for column, width in COLUMN_WIDTHS.items():
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(Column.SHIFT_SD, QHeaderView.ResizeMode.Stretch)

    def _make_room(self) -> None:
        """Widen the columns of numbers that need more digits: a number cut short is a wrong number."""
        heavy = QFont(self.font())
        heavy.setWeight(QFont.Weight.DemiBold)
        for column in (Column.SHIFT, Column.ABSOLUTE, Column.CONTROL):
            texts = [str(self._source.index(row, column).data()) for row in range(self._source.rowCount())]
            needed = max((QFontMetrics(heavy).horizontalAdvance(text) for text in texts), default=0) + CELL_PADDING
            self.setColumnWidth(column, max(COLUMN_WIDTHS[column], needed))

    @Slot(QItemSelection, QItemSelection)
    def _tell(self, selected: QItemSelection, _deselected: QItemSelection) -> None:
        rows = [index.row() for index in selected.indexes()]
        self.roi_selected.emit(self.shown_rois()[rows[0]] if rows else "")
