"""The scores of an encoder as tables: by ROI, and on images unlike the training images."""

from __future__ import annotations

import csv
import io

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.look.numbers import MISSING, format_number
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from core.encoders.card import EncoderCard, OutsideScore
from core.encoders.card_table import FORMULAS, roi_table
from core.types import VoxelTable

TITLES = {
    "roi": ("ROI", ""),
    "n_voxels": ("Voxels", "Number of voxels"),
    "r_median": ("r, median", FORMULAS["r"]),
    "r_q25": ("r, 25 %", "Lower quartile over the voxels"),
    "r_q75": ("r, 75 %", "Upper quartile over the voxels"),
    "r2_ceiling_median": ("r² / NC, median", FORMULAS["r2_ceiling"]),
    "noise_ceiling_median": ("NC, median", FORMULAS["noise_ceiling"]),
    "r_low": ("r, low", "Lower end of the bootstrap interval over images of the median r"),
    "r_high": ("r, high", "Upper end of that interval"),
}
OUTSIDE_KINDS = {"category": "Left-out category", "second-set": "Second set of images"}


class CardTableView(QWidget):
    """Two tables and the buttons that copy and save them.

    Signals
    -------
    save_requested(str)
        "roi" or "voxel".
    """

    save_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.table, self.outside = _make_table("Scores by ROI"), _make_table("Scores out of distribution")
        self.copy_button = make_button("Copy", tip="Copy the table by ROI to the clipboard, as CSV")
        self.save_rois = make_button("Save table by ROI…", tip="Save what is shown as CSV")
        self.save_voxels = make_button("Save table by voxel…", tip="Save every score of every voxel as CSV")
        self._heading = make_heading("Out of distribution")
        self._hint = make_label(
            "r on images unlike the training images, beside r on held-out images like them", "faint"
        )
        buttons = make_row(self.copy_button, self.save_rois, self.save_voxels, -1)
        column = make_column(self.table, self._heading, self._hint, self.outside, buttons, gap=8, margin=6)
        column.setStretch(0, 3)
        column.setStretch(3, 1)
        self.setLayout(column)
        self.copy_button.clicked.connect(self._copy)
        self.save_rois.clicked.connect(self._ask_rois)
        self.save_voxels.clicked.connect(self._ask_voxels)

    def show_card(self, card: EncoderCard, voxels: VoxelTable) -> None:
        """Show a card."""
        self._text = roi_table(card, voxels)
        header, *rows = csv.reader(io.StringIO(self._text))
        _fill(self.table, [TITLES[name] for name in header], [list(map(_show, header, row)) for row in rows])
        outside = [_describe(part) for part in card.outside]
        _fill(
            self.outside,
            [("Images", ""), ("n", "Images outside"), ("r, outside", FORMULAS["r"]), ("r, like training", "")],
            outside,
        )
        for widget in (self._heading, self._hint, self.outside):
            widget.setVisible(bool(outside))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)

    @Slot()
    def _ask_rois(self) -> None:
        self.save_requested.emit("roi")

    @Slot()
    def _ask_voxels(self) -> None:
        self.save_requested.emit("voxel")


def _describe(part: OutsideScore) -> list[str]:
    name = f"{OUTSIDE_KINDS.get(part.kind, part.kind)}: {part.name}"
    medians = [
        float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan for values in (part.r, part.r_within)
    ]
    return [name, f"{part.n_images:,}", *(format_number(value) for value in medians)]


def _show(name: str, cell: str) -> str:
    if name == "roi" or not cell:
        return cell or MISSING
    return f"{int(cell):,}" if name == "n_voxels" else format_number(float(cell))


def _make_table(name: str) -> QTableWidget:
    table = QTableWidget()
    table.setAccessibleName(name)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.verticalHeader().setVisible(False)
    return table


def _fill(table: QTableWidget, header: list[tuple[str, str]], rows: list[list[str]]) -> None:
    table.setColumnCount(len(header))
    table.setRowCount(len(rows))
    for column, (title, tip) in enumerate(header):
        item = QTableWidgetItem(title)
        item.setToolTip(tip)
        item.setTextAlignment(_side(column))
        table.setHorizontalHeaderItem(column, item)
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setTextAlignment(_side(column))
            table.setItem(row, column, item)
    mode = QHeaderView.ResizeMode
    table.horizontalHeader().setSectionResizeMode(mode.ResizeToContents)
    if header:
        table.horizontalHeader().setSectionResizeMode(0, mode.Stretch)


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignVCenter | (Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft)
