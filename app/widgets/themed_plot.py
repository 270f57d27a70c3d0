"""What plots of answers share: encoder colours, a themed plot, pictures as pixmaps."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QSizePolicy

from app.base.pictures import to_qimage
from app.look.plotting import colour_legend, make_axes, name_plot, quieten
from app.look.theme import Theme
from app.widgets.editors import ChoiceBox
from core.types import ByteArray, FloatArray

ENCODER_COLOURS = ("#4c9be8", "#e8804c", "#38dbb7", "#9a3187", "#c9c510", "#5c6c14", "#997482", "#3461c9")
"""Distinguished on dark and on light panels, by colour-blind eyes too; symbols change with them."""
SYMBOLS = ("o", "s", "d", "t", "x", "star", "p")
WIDEST_CHOICE = 240
"""Pixels of a choice."""
BOTTOM_HEIGHT, LINE_HEIGHT = 40, 14
"""Pixels of an axis with names at its ticks, and of each further line of a name."""


def colour_of(index: int) -> str:
    """The colour of encoder number `index`."""
    return ENCODER_COLOURS[index % len(ENCODER_COLOURS)]


def symbol_of(index: int) -> str:
    """Its symbol: no two encoders share colour and symbol before the 57th."""
    return SYMBOLS[index % len(SYMBOLS)]


class ThemedPlot(pg.PlotWidget):  # type: ignore[misc]
    """A quiet plot with this window's axes and a legend."""

    def __init__(self, x: str, y: str) -> None:
        self._axes = make_axes()
        super().__init__(axisItems=self._axes)
        name_plot(self, f"{y} against {x}")
        quieten(self.getPlotItem())
        self._axes["bottom"].set_title(x)
        self._axes["left"].set_title(y)
        self.legend = self.getPlotItem().addLegend(offset=(-8, 8), labelTextSize="9pt", verSpacing=-4)

    def set_titles(self, x: str, y: str) -> None:
        """Name the axes."""
        self._axes["bottom"].set_title(x)
        self._axes["left"].set_title(y)

    def name_ticks(self, names: list[str]) -> None:
        """Put names at 0, 1, 2 ... along the bottom."""
        self._axes["bottom"].setTicks([list(enumerate(names))])
        lines = max(name.count("\n") for name in names)
        self._axes["bottom"].setHeight(BOTTOM_HEIGHT + lines * LINE_HEIGHT)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.setBackground(theme.panel)
        for axis in self._axes.values():
            axis.set_theme(theme)
        colour_legend(self.legend, theme.muted)


def make_choice(name: str) -> ChoiceBox:
    """A choice of long texts that may be as narrow as its place; the list shows them whole."""
    box = ChoiceBox(name)
    box.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(10)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    box.setMaximumWidth(WIDEST_CHOICE)
    return box


def picture_of(levels: ByteArray, side: int) -> QPixmap:
    """Grey levels (height, width, 3) uint8 as a pixmap of at most `side` pixels."""
    return QPixmap.fromImage(to_qimage(levels)).scaledToHeight(side)


def picture_with_alpha(levels: ByteArray) -> QPixmap:
    """Colours (height, width, 4) uint8 as a pixmap, see-through where the last one is 0."""
    return QPixmap.fromImage(to_qimage(levels))


def amplify(change: FloatArray) -> tuple[ByteArray, float]:
    """A change in grey levels (height, width, 3) around mid grey, and the factor it was multiplied by."""
    factor = 127 / max(float(np.abs(change).max()), 1.0)
    return np.clip(127.5 + factor * change, 0, 255).astype(np.uint8), factor
