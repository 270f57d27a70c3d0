"""The figures of the encoder card: plots side by side that are saved as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QGridLayout, QWidget

from app.encoders.card_data import (
    ALL,
    ScoreChoice,
    choose_voxels,
    describe_difference,
    plot_alphas,
    plot_layers,
    plot_scores,
    plot_voxels,
)
from app.look.theme import theme_in_use
from app.widgets.plot_view import PlotView
from core.encoders.card import EncoderCard
from core.encoders.card_table import FORMULAS
from core.reports.draw_plot import save_plots
from core.reports.inks import find_inks
from core.reports.plot import Plot
from core.types import VoxelTable

STRETCHES = (3, 2)
CEILING_TIP = f"{FORMULAS['noise_ceiling']}. Points on the line reach the noise ceiling."


class Figure(QWidget):
    """Plots in rows of two; a point means its voxel."""

    def __init__(self, name: str, n_plots: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.caption = ""
        self.plots = [PlotView() for _ in range(n_plots)]
        grid = QGridLayout()
        grid.setContentsMargins(6, 4, 14, 4)
        grid.setSpacing(14)
        for place, plot in enumerate(self.plots):
            grid.addWidget(plot, place // 2, place % 2)
            grid.setRowStretch(place // 2, STRETCHES[place // 2])
        self.setLayout(grid)

    def save_picture(self, path: Path) -> str:
        """Save as .svg, .pdf or .png with whose responses they are; returns a message for the user.

        Raises StorageError if it cannot be written.
        """
        shown = [plot.shown for plot in self.plots]
        file, inks = path if path.suffix else path.with_suffix(".png"), find_inks(theme_in_use().name)
        return save_plots(shown, file, inks, caption=self.caption, across=min(2, len(shown)))


class CardFigure(Figure):
    """Scores by ROI, r² against the noise ceiling, chosen alphas, median r by layer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Scores of the encoder", 4, parent)
        self.scores, self.ceiling, self.alphas, self.layers = self.plots

    def show_card(
        self,
        card: EncoderCard,
        voxels: VoxelTable,
        *,
        score: ScoreChoice | None,
        roi: str,
        cards: Sequence[EncoderCard],
        order: Sequence[str],
    ) -> None:
        """Show a card; `cards` are those of the network's other layers, `order` its layers, early to late."""
        chosen = choose_voxels(voxels, roi)
        titles = "noise ceiling (share of variance)", "r², held out"
        words = {"title": "r² against noise ceiling", "tip": CEILING_TIP, "empty": "Scores or noise ceiling unknown"}
        self.scores.show_plot(plot_scores(card, voxels, score, roi))
        self.ceiling.show_plot(plot_voxels(card.noise_ceiling, card.r2, chosen, titles, **words))
        self.alphas.show_plot(plot_alphas(card, chosen))
        self.layers.show_plot(plot_layers(card, cards, voxels, order, roi=roi))


class CompareFigure(Figure):
    """The scores of two encoders, voxel by voxel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Two encoders, voxel by voxel", 1, parent)
        self.scatter = self.plots[0]
        self.show_nothing()

    def show_nothing(self) -> None:
        """Say that there is no encoder to compare with yet."""
        self.scatter.show_plot(Plot("", "", title="r of two encoders", empty="Choose an encoder above"))

    def show_pair(self, first: EncoderCard, second: EncoderCard, voxels: VoxelTable, *, roi: str) -> str:
        """Show two cards of the same voxels; returns how they compare, in words."""
        chosen = choose_voxels(voxels, roi)
        first_title, second_title = (f"r, {one.config.network} {one.config.layer}" for one in (first, second))
        words = {
            "title": f"held-out r, voxel by voxel ({roi.lower() if roi == ALL else roi} in front)",
            "tip": FORMULAS["r"],
            "empty": "The scores of one encoder are unknown",
        }
        self.scatter.show_plot(plot_voxels(first.r, second.r, chosen, (first_title, second_title), **words))
        return describe_difference(first.r[chosen], second.r[chosen])
