"""Draws the strip of a level set: one seed at every level, and below each picture what changed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.probe_words import describe_subject
from core.images.difference import MID_GREY, amplify, choose_factor
from core.reports.draw_plot import say_whose
from core.reports.inks import LIGHT, Inks, house_style, make_figure
from core.stimuli.level_strip import LevelCell, Strip
from core.stimuli.levels import LevelReading, write_size
from core.words import MINUS, format_signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ACROSS = 11
CELL_INCHES = 1.15
GAP_INCHES = 0.08


def draw_strip(strip: Strip, inks: Inks = LIGHT, *, dpi: float = 150) -> Figure:
    """The figure; call `core.reports.draw_plot.write_figure` to save it, or `draw_pixels`."""
    longest, first = math.ceil(len(strip) / math.ceil(len(strip) / MOST_ACROSS)), strip[0].reading
    rows = [strip[start : start + longest] for start in range(0, len(strip), longest)]
    across = max(4, longest)
    factor = choose_factor(np.concatenate([cell.change.reshape(-1, 3) for cell in strip]))
    with house_style(inks):
        figure = make_figure(CELL_INCHES * (across + 0.3), 2.5 * CELL_INCHES * len(rows) + 0.75, inks, dpi=dpi)
        engine: Any = figure.get_layout_engine()
        engine.set(h_pad=GAP_INCHES)
        grid: Any = figure.subplots(2 * len(rows), across, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                _draw_cell(grid[2 * number : 2 * number + 2, column], cell, factor, inks)
        figure.suptitle(f"{first.image} · {first.series}", x=0.01, ha="left", wrap=True)
        say_whose(figure, _caption(first, factor), inks)
    return figure


def _draw_cell(places: Any, cell: LevelCell, factor: int, inks: Inks) -> None:
    reading = cell.reading
    places[0].imshow(cell.picture, interpolation="none")
    word = "8-bit" if reading.reached else "not reached:"
    colour = inks.text if reading.survives else inks.warning
    places[0].set_title(f"{reading.wanted:+g} SD".replace("-", MINUS), fontweight="bold", pad=14)
    size = {"fontsize": 7, "ha": "center", "transform": places[0].transAxes}
    places[0].text(0.5, 1.03, f"{word} {format_signed(reading.saved)}", color=colour, **size)
    places[1].imshow(amplify(cell.change, factor), interpolation="none")
    size["transform"] = places[1].transAxes
    places[1].text(0.5, -0.14, write_size(reading.size, reading.norm), color=inks.muted, **size)


def _caption(reading: LevelReading, factor: int) -> str:
    limit = MID_GREY / factor
    return (
        "Bold: the level wanted; below it that of the 8-bit picture: the target's predicted response, in SDs of the "
        "clean reference responses from their mean. Lower row: what changed, grey for nothing, black and white for "
        f"{MINUS}{limit:.3g} and +{limit:.3g} grey levels of 255 (× {factor}). Below: size of the perturbation, "
        f"{reading.norm.capitalize()} in [0, 1] pixels at {reading.side} × {reading.side}. "
        f"{describe_subject(reading.subject)}."
    )
