"""The scores of an encoder as tables: by ROI, and on images unlike the training images."""

from __future__ import annotations

import csv
import io

import numpy as np
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from app.widgets.plain_table import PlainTable
from core.encoders.card import EncoderCard, OutsideScore
from core.encoders.card_table import FORMULAS
from core.words import MISSING, format_number

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
OUTSIDE_TITLES = ("Images", "n", "r, outside", "r, like training")
OUTSIDE_KINDS = {"category": "Left-out category", "second-set": "Second set of images"}


class CardTableView(QWidget):
    """Two tables and the buttons that copy and save them."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.table = PlainTable("Scores by ROI", numbers=True)
        self.outside = PlainTable("Scores out of distribution", OUTSIDE_TITLES, numbers=True)
        tip = "Copy the table by ROI to the clipboard, as CSV"
        self.copy_button = make_button("Copy", do=self._copy, tip=tip)
        self.save_rois = make_button("Save table by ROI…", tip="Save what is shown as CSV")
        self.save_voxels = make_button("Save table by voxel…", tip="Save every score of every voxel as CSV")
        self._heading = make_heading("Out of distribution")
        self._hint = make_label(
            "r on images unlike the training images, beside r on held-out images like them", "faint"
        )
        buttons = make_row(self.copy_button, self.save_rois, self.save_voxels, -1)
        parts = (self.table, self._heading, self._hint, self.outside, buttons)
        self.setLayout(make_column(*parts, gap=8, margin=6, shares=(3, 0, 0, 1)))

    def show_card(self, card: EncoderCard, by_roi: str) -> None:
        """Show a card; `by_roi` is its table by ROI (`core.encoders.card_table.roi_table`)."""
        self._text = by_roi
        header, *rows = csv.reader(io.StringIO(self._text))
        self.table.set_header([TITLES[name][0] for name in header], [TITLES[name][1] for name in header])
        self.table.fill([(row[0], list(map(_show, header, row))) for row in rows])
        self.outside.fill([(part.name, _describe(part)) for part in card.outside])
        for widget in (self._heading, self._hint, self.outside):
            widget.setVisible(bool(card.outside))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)


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
