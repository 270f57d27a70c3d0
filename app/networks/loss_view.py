"""The losses of a training as two lines that grow."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from app.look.plotting import NumberAxis, colour_legend, make_axes, name_plot, quieten, solid, value_range
from app.look.theme import Theme
from app.widgets.basics import make_column

HEIGHT = 190
MOST_POINTS = 2000
"""Beyond this every second point is dropped: the screen has no more columns."""


class LossView(QWidget):
    """Relative squared distance to the original's features: of perturbed photographs, and of clean ones."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[tuple[int, float, float]] = []
        self._axes: dict[str, NumberAxis] = make_axes()
        self.plot = pg.PlotWidget(axisItems=self._axes)
        self.plot.setFixedHeight(HEIGHT)
        name_plot(self.plot, "Loss against photographs seen")
        item = self.plot.getPlotItem()
        quieten(item)
        self._legend = item.addLegend(offset=(-8, 8))
        self._perturbed = item.plot(name="perturbed")
        self._clean = item.plot(name="clean")
        self._axes["bottom"].set_title("photographs seen")
        self._axes["left"].set_title("loss")
        self.setLayout(make_column(self.plot))

    @property
    def has_points(self) -> bool:
        """Whether there is a curve to look at; one point is none."""
        return len(self._points) > 1

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.plot.setBackground(theme.panel)
        for axis in self._axes.values():
            axis.set_theme(theme)
        self._perturbed.setPen(solid(theme.warm))
        self._clean.setPen(solid(theme.cool))
        colour_legend(self._legend, theme.text)

    def clear(self) -> None:
        """Forget every point."""
        self._points.clear()
        self._draw()

    def add(self, n_seen: int, perturbed: float, clean: float) -> None:
        """Draw one more point."""
        self._points.append((n_seen, perturbed, clean))
        if len(self._points) > MOST_POINTS:
            self._points = self._points[::2]
        self._draw()

    def _draw(self) -> None:
        seen = [point[0] for point in self._points]
        perturbed, clean = ([point[index] for point in self._points] for index in (1, 2))
        self._perturbed.setData(seen, perturbed)
        self._clean.setData(seen, clean)
        if seen:
            box = self.plot.getViewBox()
            box.setXRange(seen[0], max(seen[-1], seen[0] + 1), padding=0.02)
            low, high = value_range([np.array(perturbed), np.array(clean)])
            box.setYRange(max(0.0, low), high, padding=0)
