"""The spill-over table: every ROI's shift with an inline bar, the target's row marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidgetItem,
)

from app.look.fonts import bold
from app.look.theme import theme_in_use
from app.widgets.plain_table import PlainTable
from core.probes.spill_over import SpillOver, SpillRow
from core.words import digits_for, format_number, format_signed

KEY, INITIAL_ORDER = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.InitialSortOrderRole
SORT_ROLE, ROW_ROLE, RANK_ROLE = KEY + 1, KEY + 2, KEY + 3
ROW_HEIGHT, BAR_HEIGHT, NUMBER_ROOM = 23, 9, 46
LEAST_BAR_SPAN = 0.5
"""The bars' half axis spans at least this many SDs, so that noise alone never fills it."""

CELL_PADDING = 20
"""Left and right of a number, from the style sheet, with some to spare."""

MARKS = ("", "○ ", "● ")
"""Of other ROIs, the contrast's and the target's, which stand above the others in reverse order."""

SHIFT, SHIFT_SD, SECOND, ABSOLUTE, CONTROL = 2, 3, 4, 5, 6
"""Places of some columns."""

LEAST_WIDTHS = {1: (372, 620), SHIFT: (0, 430), ABSOLUTE: (420, 690), CONTROL: (360, 560)}
"""Columns left out of a table narrower than so many pixels, with bars of one or two encoders, which keep their room."""


class Cells(NamedTuple):
    """One column: heading, width, tooltip, what a cell sorts by, and its text."""

    heading: str
    width: int
    tip: str
    value: Callable[[SpillRow], str | float]
    text: Callable[[SpillRow], str]


SHIFT_TIP = (
    "Mean over the voxels of (f(x + δ) − f(x)) / σ, σ the SD of that voxel's clean reference responses. The line above "
    "the curve has the target's mean shift ÷ the SD of that mean, which is larger: voxels vary less together than "
    "alone.\nThe thin mark is the random control's."
)
COLUMNS = (
    Cells(
        "ROI",
        70,
        "Region of interest, both hemispheres pooled. ● holds the target, ○ what it is contrasted with. A double click "
        "makes an ROI the target.",
        lambda row: row.roi,
        lambda row: row.roi,
    ),
    Cells("n", 52, "Number of voxels", lambda row: row.n_voxels, lambda row: str(row.n_voxels)),
    Cells(
        "Shift",
        60,
        "Mean over the voxels of f(x + δ) − f(x), in {unit}",
        lambda row: row.shift,
        lambda row: format_signed(row.shift, figures_for(row.shift)),
    ),
    Cells("Mean of SDs", 0, SHIFT_TIP, lambda row: row.shift_sd, lambda row: format_signed(row.shift_sd)),
    Cells("", 0, SHIFT_TIP, lambda row: row.shift_sd, lambda row: format_signed(row.shift_sd)),
    Cells(
        "|Shift|",
        60,
        "Mean over the voxels of |f(x + δ) − f(x)|, in {unit}: movement that cancels in the mean",
        lambda row: row.absolute_shift,
        lambda row: format_number(row.absolute_shift, figures_for(row.absolute_shift)),
    ),
    Cells(
        "Control",
        66,
        "Mean shift under a random perturbation of the same realised size, in {unit}",
        lambda row: row.control_shift,
        lambda row: format_signed(row.control_shift, figures_for(row.control_shift)),
    ),
)


class BarDelegate(QStyledItemDelegate):
    """Draws a shift in SDs as a number and a bar from the middle, with a thin mark for the control."""

    span = LEAST_BAR_SPAN

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one cell."""
        panel = QStyle.PrimitiveElement.PE_PanelItemViewItem
        option.widget.style().drawPrimitive(panel, option, painter, option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(8, 0, -8, 0)
        self._draw_bar(painter, box.adjusted(0, 0, -NUMBER_ROOM, 0), index.data(ROW_ROLE))
        painter.setPen(QColor(theme_in_use().text))
        painter.setFont(index.data(Qt.ItemDataRole.FontRole) or option.font)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(index.data()))
        painter.restore()

    def _draw_bar(self, painter: QPainter, box: QRectF, row: SpillRow) -> None:
        theme, middle, scale = theme_in_use(), box.center().x(), box.width() / 2 / self.span
        painter.setPen(QColor(theme.line_strong))
        painter.drawLine(round(middle), round(box.top() + 3), round(middle), round(box.bottom() - 3))
        if not math.isfinite(row.shift_sd):
            return
        length = row.shift_sd * scale
        bar = QRectF(min(middle, middle + length), box.center().y() - BAR_HEIGHT / 2, abs(length), BAR_HEIGHT)
        colour = QColor(theme.warm if row.shift_sd > 0 else theme.cool)
        colour.setAlphaF(1.0 if row.is_target else 0.6)
        painter.fillRect(bar, colour)
        if math.isfinite(row.control_shift_sd):
            mark = middle + row.control_shift_sd * scale
            painter.fillRect(QRectF(mark - 0.75, bar.center().y() - 7, 1.5, 14), QColor(theme.muted))


class Cell(QTableWidgetItem):
    """A text that is sorted by a value, unknown ones first; `fixed`: what of it does not change with the numbers."""

    fixed: tuple[object, ...] = ()

    def __lt__(self, other: QTableWidgetItem) -> bool:
        """Whether it stands before another; the target and its contrast stay above, whichever way it is sorted."""
        ascending = self.tableWidget().horizontalHeader().sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
        mine, theirs = ((-1 if ascending else 1) * one.data(RANK_ROLE) for one in (self, other))
        return (mine, self.data(SORT_ROLE)) < (theirs, other.data(SORT_ROLE))


def _align(spills: Sequence[SpillOver], rows: Sequence[SpillRow]) -> list[SpillRow]:
    """The rows of a table at most, one for the ROI of each given row; unknown where there is none."""
    known = {row.roi: row for one in spills for row in one.rows}
    return [known.get(row.roi, replace(row, shift_sd=math.nan, control_shift_sd=math.nan)) for row in rows]


class RoiTable(PlainTable):
    """A sortable table of ROIs."""

    roi_selected = Signal(str)
    """The user chose an ROI's row, or none any more ("")."""

    roi_wanted = Signal(str)
    """The user double-clicked an ROI's row: it is to be the target."""

    def __init__(self) -> None:
        super().__init__("Spill-over by ROI", stretches=False, numbers=True)
        self._bars, self._has_second = BarDelegate(self), False
        self._order: list[str] = []
        header = self.horizontalHeader()
        self.set_header([cells.heading for cells in COLUMNS])
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setMinimumSectionSize(36)
        for column, cells in enumerate(COLUMNS):
            self.setColumnWidth(column, cells.width)
        for column in (SHIFT_SD, SECOND):
            self.setItemDelegateForColumn(column, self._bars)
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.setSortIndicator(-1, Qt.SortOrder.DescendingOrder)  # the subject's own order of ROIs
        self.setSortingEnabled(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemSelectionChanged.connect(self._tell)
        self.cellDoubleClicked.connect(lambda *_: self.roi_wanted.emit(self.current_key()))
        for column in range(1, len(COLUMNS)):
            falling = Qt.SortOrder.DescendingOrder.value
            self.model().setHeaderData(column, Qt.Orientation.Horizontal, falling, INITIAL_ORDER)

    def show_rows(
        self,
        spills: Sequence[SpillOver],
        names: Sequence[str] = ("",),
        *,
        unit: str,
        live: bool = False,
        own: int = 0,
        partner: str | None = None,
    ) -> None:
        """Show a table; while `live` its rows keep their places, so that they do not jump about during a run.

        `names`: of the encoders; `spills`: of those of them whose responses are known. The columns beside the bars are
        of the one at `own`, whose ROIs have a row each. `partner`: the ROI of a contrast; it stands above the others,
        below the target's own.
        """
        rows, self._has_second = spills[own].rows, len(names) > 1
        ranks = {row.roi: 2 if row.is_target else int(row.roi == partner) for row in rows}
        firsts, seconds = (_align(spills[one : one + 1], rows) for one in (0, 1))
        sizes = [abs(row.shift_sd) for row in (*firsts, *seconds) if math.isfinite(row.shift_sd)]
        self._bars.span = max([LEAST_BAR_SPAN, *sizes])
        order = sorted(ranks, key=lambda roi: -ranks[roi])
        self.setSortingEnabled(False)
        if self._order != order:  # else it changes in place
            self.fill([(roi, [roi]) for roi in order])
            self._order = order
        places = {roi: place for place, roi in enumerate(self.row_keys())}
        for mine, first, second in zip(rows, firsts, seconds, strict=True):
            for column, cells in enumerate(COLUMNS):
                row, rank = {SHIFT_SD: first, SECOND: second}.get(column, mine), ranks[mine.roi]
                text = cells.text(row) if column else f"{MARKS[rank]}{row.roi}"
                self._fill(places[mine.roi], column, row, rank=rank, text=text, tip=cells.tip.format(unit=unit))
        headings = {SHIFT_SD: names[0], SECOND: names[-1]} if self._has_second else {}
        for column, cells in enumerate(COLUMNS):
            if (item := self.horizontalHeaderItem(column)) is not None:
                name = headings.get(column)
                item.setText(f"SD, {name}" if name else cells.heading)
                item.setToolTip("\n".join(filter(None, [name, cells.tip.format(unit=unit)])))
        self.setSortingEnabled(not live)
        self._make_room()
        self._choose_columns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the less needed columns where the table is narrow."""
        super().resizeEvent(event)
        self._choose_columns()

    def _choose_columns(self) -> None:
        self.setColumnHidden(SECOND, not self._has_second)
        for column, least in LEAST_WIDTHS.items():
            self.setColumnHidden(column, self.width() < least[self._has_second])

    def _fill(self, place: int, column: int, row: SpillRow, *, rank: int, text: str, tip: str) -> None:
        value, item = COLUMNS[column].value(row), self.item(place, column)
        if not isinstance(item, Cell):
            item = Cell()
            self.setItem(place, column, item)
        fixed = (row.roi, row.is_target, rank, tip, self.font().key())
        if item.fixed != fixed:  # whatever is given to a cell takes time, and numbers change many times a second
            item.fixed = fixed
            item.setTextAlignment(self._side(column))
            item.setToolTip(tip)
            item.setData(KEY, row.roi)
            item.setData(RANK_ROLE, rank)
            item.setData(Qt.ItemDataRole.FontRole, bold(self.font()) if row.is_target else None)
        item.setText(text)
        item.setData(SORT_ROLE, -math.inf if value != value else value)
        if column in (SHIFT_SD, SECOND):
            item.setData(ROW_ROLE, row)

    def _make_room(self) -> None:
        """Widen the columns of numbers that need more digits: a number cut short is a wrong number."""
        heavy = QFontMetrics(bold(self.font()))
        for column in (SHIFT, ABSOLUTE, CONTROL):
            texts = [str(self.model().index(row, column).data()) for row in range(self.rowCount())]
            needed = max((heavy.horizontalAdvance(text) for text in texts), default=0) + CELL_PADDING
            self.setColumnWidth(column, max(COLUMNS[column].width, needed))

    def _tell(self) -> None:
        self.roi_selected.emit(self.current_key())


def figures_for(value: float) -> int:
    """Decimals that give a number two figures, one at least."""
    return max(1, digits_for(abs(value)) - 1)
