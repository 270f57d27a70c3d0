"""The figure of the encoder card: four plots in one scene, so that it is saved as one picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Signal, Slot
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QToolTip, QWidget

from app.base.pictures import save_plot
from app.encoders.card_data import (
    ALL,
    ScoreChoice,
    alpha_bars,
    describe_difference,
    layer_lines,
    ridge_rows,
    roi_groups,
)
from app.encoders.card_plots import AlphaPlot, CardPlot, LayerPlot, RidgePlot, ScatterPlot
from app.look.plotting import name_plot
from app.look.theme import Theme
from core.encoders.card import EncoderCard
from core.encoders.card_table import FORMULAS
from core.types import IntArray, VoxelTable


def _no_name(_voxel: int) -> str:
    """Nothing is known of the voxels yet."""
    return ""


SCALE = 2
"""Pixels of a saved PNG for each on screen."""

CEILING_TIP = f"{FORMULAS['noise_ceiling']}. Points on the line reach the noise ceiling."


class Figure(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """A scene of plots that can be saved, whose points can be clicked.

    Signals
    -------
    voxel_picked(int)
        The voxel whose point was clicked.
    """

    voxel_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        name_plot(self, "Figure")
        self.ci.setContentsMargins(6, 4, 14, 4)
        self.ci.setSpacing(14)
        self.caption = ""
        self.plots: list[CardPlot] = []
        self._names: Callable[[int], str] = _no_name
        self.scene().sigMouseClicked.connect(self._click)
        self.scene().sigMouseMoved.connect(self._explain)

    def set_names(self, describe: Callable[[int], str]) -> None:
        """How the voxel of a point is described while the pointer rests on it."""
        self._names = describe

    def explain(self, scene_position: QPointF) -> str:
        """The words for the point at a place of the scene; "" where there is none."""
        voxel = self._voxel_at(scene_position)
        return "" if voxel is None else self._names(voxel)

    def leaveEvent(self, event: QEvent) -> None:
        """No read-out once the pointer is gone."""
        QToolTip.hideText()
        super().leaveEvent(event)

    def save_picture(self, path: Path) -> str:
        """Save as .svg, .pdf or .png with whose responses they are; returns a message for the user.

        Raises StorageError if it cannot be written.
        """
        return save_plot(self, self.caption, path if path.suffix else path.with_suffix(".png"), scale=SCALE)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours; draw again afterwards."""
        self.setBackground(theme.panel)
        for plot in self.plots:
            plot.set_theme(theme)

    def mark(self, voxel: int | None) -> None:
        """Ring the voxel that is the target."""
        for scatter in self._scatters():
            scatter.mark(voxel)

    @Slot(object)
    def _click(self, event: object) -> None:
        self.pick_at(event.scenePos())  # type: ignore[attr-defined]

    def pick_at(self, scene_position: QPointF) -> None:
        """Tell which voxel lies at a place of the scene, if any."""
        voxel = self._voxel_at(scene_position)
        if voxel is not None:
            self.voxel_picked.emit(voxel)

    def _scatters(self) -> list[ScatterPlot]:
        return [plot for plot in self.plots if isinstance(plot, ScatterPlot)]

    def _voxel_at(self, scene_position: QPointF) -> int | None:
        found = (scatter.voxel_at(scene_position) for scatter in self._scatters())
        return next((voxel for voxel in found if voxel is not None), None)

    @Slot(object)
    def _explain(self, scene_position: object) -> None:
        if not isinstance(scene_position, QPointF):
            return
        text = self.explain(scene_position)
        if text:
            QToolTip.showText(QCursor.pos(), text, self)
        else:
            QToolTip.hideText()


class CardFigure(Figure):
    """Scores by ROI, r² against the noise ceiling, chosen alphas, median r by layer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ridges = RidgePlot(self.ci, 0, 0)
        self.ceiling = ScatterPlot(self.ci, 0, 1, title="r² against noise ceiling", tip=CEILING_TIP)
        self.alphas = AlphaPlot(self.ci, 1, 0, tip=FORMULAS["alpha"])
        self.layers = LayerPlot(self.ci, 1, 1)
        self.plots = [self.ridges, self.ceiling, self.alphas, self.layers]
        self.ci.layout.setRowStretchFactor(0, 3)
        self.ci.layout.setRowStretchFactor(1, 2)
        self.setAccessibleName("Scores of the encoder")

    def show_card(
        self,
        card: EncoderCard,
        voxels: VoxelTable,
        *,
        score: ScoreChoice | None,
        roi: str,
        cards: tuple[EncoderCard, ...],
        order: tuple[str, ...],
    ) -> None:
        """Show a card; `cards` are those of the network's other layers, `order` its layers, early to late."""
        chosen = choose_voxels(voxels, roi)
        rows = ridge_rows(getattr(card, score.name), voxels) if score is not None else ()
        has_intervals = score is not None and score.name == "r"
        intervals = {part.roi: (part.r_low, part.r_high) for part in card.roi_intervals} if has_intervals else {}
        title = f"{score.title}, by ROI" if score is not None else "Scores by ROI"
        if intervals:
            title += f" · bars: {card.confidence:.0%} interval of the median"
        tip = score.formula if score is not None else ""
        self.ridges.show_rows(rows, title=title, tip=tip, intervals=intervals, chosen=roi)
        self.ceiling.show_points(
            card.noise_ceiling,
            card.r2,
            x_title="noise ceiling (share of variance)",
            y_title="r², held out",
            chosen=chosen,
            empty="Scores or noise ceiling unknown",
        )
        self.alphas.show_bars(alpha_bars(card, chosen))
        fitting = tuple(one for one in cards if one.config.layer != card.config.layer)
        self.layers.show_lines(layer_lines((*fitting, card), voxels, order), chosen=roi, current=card.config.layer)


class CompareFigure(Figure):
    """The scores of two encoders, voxel by voxel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scatter = ScatterPlot(self.ci, 0, 0, title="r of two encoders", tip=FORMULAS["r"])
        self.plots = [self.scatter]
        self.setAccessibleName("Two encoders, voxel by voxel")

    def show_pair(self, first: EncoderCard, second: EncoderCard, voxels: VoxelTable, *, roi: str) -> str:
        """Show two cards of the same voxels; returns how they compare, in words."""
        chosen = choose_voxels(voxels, roi)
        self.scatter.show_points(
            first.r,
            second.r,
            x_title=f"r, {first.config.network} {first.config.layer}",
            y_title=f"r, {second.config.network} {second.config.layer}",
            chosen=chosen,
            empty="The scores of one encoder are unknown",
        )
        self.scatter.set_title(f"held-out r, voxel by voxel ({roi.lower() if roi == ALL else roi} in front)")
        return describe_difference(first.r[chosen], second.r[chosen])


def choose_voxels(voxels: VoxelTable, roi: str) -> IntArray:
    """The voxels of an ROI, or all of them."""
    return np.arange(voxels.n_voxels) if roi == ALL else roi_groups(voxels)[roi]
