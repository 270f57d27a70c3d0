"""A matrix of numbers as colours, source by recipient, with the tree of encoders above it; a click names a field.

Never computes a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from app.look.plotting import solid
from app.look.theme import Theme
from app.widgets.basics import make_column
from app.widgets.themed_plot import ThemedPlot
from core.surfaces.colormap import DEFAULT_DIVERGING, DEFAULT_SEQUENTIAL, find_colormap
from core.types import ByteArray, FloatArray

LABEL_WIDTH = 150
TREE_HEIGHT = 76
LUMA = np.asarray([0.299, 0.587, 0.114])
DARK_INK, LIGHT_INK = "#22252a", "#ffffff"
MIDDLE_LUMA = 140
LONGEST_HEAD = 13
"""Letters on one line of a column's name."""
SCIPY_FIRST, SCIPY_STEP = 5.0, 10.0
"""Where scipy draws the first leaf of a tree, and how far apart leaves are."""


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """What is shown: values (n_rows, n_columns) with NaN for no field; `low` to `high` are the ends of the colours.

    `framed` (row, column) fields are marked; `tree` is a scipy linkage of the first columns, in their order, or None.
    """

    values: FloatArray
    rows: Sequence[str]
    columns: Sequence[str]
    low: float
    high: float
    framed: Sequence[tuple[int, int]] = ()
    tree: FloatArray | None = None


class TransferMatrix(QWidget):
    """`picked(row, column)` counts as the `Matrix` does."""

    picked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = ThemedPlot("recipient", "source")
        self.tree = ThemedPlot("", "1 − mean T")
        for one in (self.plot, self.tree):
            one.legend.hide()
            axis = one.getPlotItem().getAxis("left")
            axis.setGrid(False)
            axis.setWidth(LABEL_WIDTH)
        self.tree.setFixedHeight(TREE_HEIGHT)
        self.tree.getPlotItem().showAxis("bottom", False)
        self.tree.getPlotItem().getViewBox().setXLink(self.plot.getPlotItem().getViewBox())
        self.image = pg.ImageItem(autoDownsample=False)
        self._theme: Theme | None = None
        self.shown: Matrix | None = None
        self._chosen = (0, 0)
        column = make_column(self.tree, self.plot, gap=0)
        column.setStretch(1, 1)
        self.setLayout(column)
        self.plot.scene().sigMouseClicked.connect(self._click)

    def show_matrix(self, matrix: Matrix, chosen: tuple[int, int]) -> None:
        """Draw a matrix with one field ringed."""
        self.shown, self._chosen = matrix, chosen
        n_rows, n_columns = matrix.values.shape
        self.plot.clear()
        levels = colour_fields(matrix)
        self.image.setImage(levels, levels=(0, 255))
        self.image.setRect(-0.5, -0.5, n_columns, n_rows)
        self.plot.addItem(self.image)
        for row, column in np.ndindex(n_rows, n_columns):
            self._write(row, column, levels[row, column])
        for row, column in matrix.framed:
            self._frame(row, column, Qt.PenStyle.DotLine, LIGHT_INK, inset=0.07)
        ink = self._theme.accent if self._theme is not None else LIGHT_INK
        self._frame(*chosen, Qt.PenStyle.SolidLine, ink, inset=0.0)
        self.plot.name_ticks([wrap_column(name) for name in matrix.columns])
        left = self.plot.getPlotItem().getAxis("left")
        left.setTicks([[(place, wrap_name(name)) for place, name in enumerate(matrix.rows)]])
        self.plot.getPlotItem().getViewBox().invertY(True)
        self.plot.setRange(xRange=(-0.5, n_columns - 0.5), yRange=(-0.5, n_rows - 0.5), padding=0.01)
        self._draw_tree(matrix)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self.plot.set_theme(theme)
        self.tree.set_theme(theme)
        if self.shown is not None:
            self.show_matrix(self.shown, self._chosen)

    def _write(self, row: int, column: int, colour: Any) -> None:
        value = self.shown.values[row, column] if self.shown is not None else np.nan
        if np.isfinite(value):
            ink = DARK_INK if float(colour[:3] @ LUMA) > MIDDLE_LUMA else LIGHT_INK
            text = pg.TextItem(f"{value + 0.0:.2f}".replace("-0.00", "0.00"), color=ink, anchor=(0.5, 0.5))
            text.setPos(column, row)
            self.plot.addItem(text)

    def _frame(self, row: int, column: int, style: Qt.PenStyle, ink: str, *, inset: float) -> None:
        near, far = 0.5 - inset, 0.5 - inset
        x = np.asarray([column - near, column + far, column + far, column - near, column - near])
        y = np.asarray([row - near, row - near, row + far, row + far, row - near])
        pen = pg.mkPen(ink, width=3 if style is Qt.PenStyle.SolidLine else 1)
        pen.setStyle(style)
        self.plot.addItem(pg.PlotCurveItem(x, y, pen=pen))

    def _draw_tree(self, matrix: Matrix) -> None:
        self.tree.clear()
        self.tree.setVisible(matrix.tree is not None)
        if matrix.tree is None:
            return
        from scipy.cluster.hierarchy import dendrogram  # kept from the window's start

        drawn = dendrogram(matrix.tree, no_plot=True)
        ink = self._theme.muted if self._theme is not None else LIGHT_INK
        for places, heights in zip(drawn["icoord"], drawn["dcoord"], strict=True):
            x = (np.asarray(places) - SCIPY_FIRST) / SCIPY_STEP
            self.tree.addItem(pg.PlotCurveItem(x, np.asarray(heights), pen=solid(ink, 1.4)))
        self.tree.setYRange(0, max(float(matrix.tree[:, 2].max()), 0.1), padding=0.04)

    @Slot(object)
    def _click(self, event: Any) -> None:
        if self.shown is None or event.button() != Qt.MouseButton.LeftButton:
            return
        place = self.plot.getPlotItem().getViewBox().mapSceneToView(event.scenePos())
        row, column = round(place.y()), round(place.x())
        n_rows, n_columns = self.shown.values.shape
        if 0 <= row < n_rows and 0 <= column < n_columns and np.isfinite(self.shown.values[row, column]):
            self.picked.emit(row, column)


def colour_fields(matrix: Matrix) -> ByteArray:
    """Colours (n_rows, n_columns, 4) uint8, diverging where the range has a sign, transparent where no value is."""
    colormap = find_colormap(DEFAULT_DIVERGING if matrix.low < 0 else DEFAULT_SEQUENTIAL)
    rgb = colormap.look_up((matrix.values - matrix.low) / (matrix.high - matrix.low))
    alpha = np.where(np.isfinite(matrix.values), 255, 0)[:, :, np.newaxis]
    return np.concatenate([rgb, alpha], axis=-1).astype(np.uint8)


def wrap_name(name: str) -> str:
    """Network above layer."""
    return name.replace(" ", "\n", 1) if not name.startswith("all but") else name.replace("all but ", "all but\n", 1)


def wrap_column(name: str) -> str:
    """The same for a narrow column: a long network's name is broken at its last underscore."""
    head, _, rest = wrap_name(name).partition("\n")
    if len(head) > LONGEST_HEAD and "_" in head:
        before, _, after = head.rpartition("_")
        head = f"{before}\n_{after}"
    return f"{head}\n{rest}" if rest else head
