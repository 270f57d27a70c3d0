"""The figures of the encoder card: plots side by side that are saved as one picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from app.encoders.card_data import ALL, ScoreChoice, choose_voxels, plot_alphas, plot_layers, plot_scores, plot_voxels
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
    """Plots in rows of two; a point means its voxel. `made` tells of a plot's view when it is first needed."""

    made = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.caption = ""
        self.plots: list[PlotView] = []
        self._grid = QGridLayout()
        self._grid.setContentsMargins(6, 4, 14, 4)
        self._grid.setSpacing(14)
        self.setLayout(self._grid)

    def iter_draw(self, plots: Iterable[Plot]) -> Iterator[None]:
        """Draw plots, or make the view for one, a step each."""
        for place, plot in enumerate(plots):
            if place == len(self.plots):
                self.plots.append(PlotView())
                self._grid.addWidget(self.plots[place], place // 2, place % 2)
                self._grid.setRowStretch(place // 2, STRETCHES[place // 2])
                self.made.emit(self.plots[place])
                yield
            self.plots[place].show_plot(plot)
            yield

    def save_picture(self, path: Path) -> str:
        """Save as .svg, .pdf or .png with whose responses they are; returns a message for the user.

        Raises StorageError if it cannot be written.
        """
        shown = [plot.shown for plot in self.plots]
        file, inks = path if path.suffix else path.with_suffix(".png"), find_inks(theme_in_use().name)
        return save_plots(shown, file, inks, caption=self.caption, across=min(2, len(shown)))


def plot_card(
    card: EncoderCard,
    voxels: VoxelTable,
    *,
    score: ScoreChoice | None,
    roi: str,
    cards: Sequence[EncoderCard],
    order: Sequence[str],
) -> Iterator[Plot]:
    """Scores by ROI, r² against the noise ceiling, chosen alphas, median r by layer.

    `cards` are those of the network's other layers, `order` its layers, early to late.
    """
    chosen = choose_voxels(voxels, roi)
    titles = "noise ceiling (share of variance)", "r², held out"
    words = {"title": "r² against noise ceiling", "tip": CEILING_TIP, "empty": "Scores or noise ceiling unknown"}
    yield plot_scores(card, voxels, score, roi)
    yield plot_voxels(card.noise_ceiling, card.r2, chosen, titles, **words)
    yield plot_alphas(card, chosen)
    yield plot_layers(card, cards, voxels, order, roi=roi)


def plot_pair(first: EncoderCard, second: EncoderCard | None, voxels: VoxelTable, *, roi: str) -> Plot:
    """The scores of two encoders of the same voxels, voxel by voxel; empty without a second one."""
    if second is None:
        return Plot("", "", title="r of two encoders", empty="Choose an encoder above")
    first_title, second_title = (f"r, {one.config.network} {one.config.layer}" for one in (first, second))
    words = {
        "title": f"held-out r, voxel by voxel ({roi.lower() if roi == ALL else roi} in front)",
        "tip": FORMULAS["r"],
        "empty": "The scores of one encoder are unknown",
    }
    return plot_voxels(first.r, second.r, choose_voxels(voxels, roi), (first_title, second_title), **words)
