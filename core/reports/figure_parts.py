"""What all figures share: a figure without a screen, encoders' colours, a matrix with its numbers. Never computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.types import ByteArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2a6fbb", "#d1642e", "#2cd4b1", "#7e0360", "#e8ab3e", "#605215", "#c68bff", "#719683", "#3f309e", "#8f5c7c")
"""Told apart with the common colour blindnesses, in this order; beyond ten, markers change."""
MARKERS = "osD^vP"
WIDTH = 3.6
"""Inches of one panel."""


def make_figure(n_rows: int, n_columns: int, *, width: float = WIDTH, height: float = 3.2) -> tuple[Figure, Any]:
    """A figure with its own canvas and a grid of axes, (n_rows, n_columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for one in axes.ravel():
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=8)
    return figure, axes


def colour_of(index: int) -> str:
    """The colour of the encoder number `index`."""
    return COLOURS[index % len(COLOURS)]


def marker_of(index: int) -> str:
    """Its marker: no two encoders share colour and marker before the 31st."""
    return MARKERS[index % len(MARKERS)]


def draw_matrix(
    axis: Axes,
    matrix: FloatArray,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    limits: tuple[float, float],
    colours: str,
) -> None:
    """A matrix as colours with its numbers; NaN is an empty field."""
    import matplotlib as mpl

    low, high = limits
    table = mpl.colormaps[colours]
    axis.imshow(matrix, vmin=low, vmax=high, cmap=table, aspect="auto")
    for row, column in np.ndindex(*matrix.shape):
        if np.isfinite(matrix[row, column]):
            red, green, blue, _ = table((matrix[row, column] - low) / (high - low))
            ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
            axis.text(
                column,
                row,
                f"{matrix[row, column]:.2f}".replace("-0.00", "0.00"),
                ha="center",
                va="center",
                fontsize=7,
                color=ink,
            )
    axis.set_xticks(range(len(columns)), columns, rotation=35, ha="right", fontsize=7)
    axis.set_yticks(range(len(rows)), rows, fontsize=7)
    axis.spines[:].set_visible(False)


def show_picture(axis: Axes, levels: ByteArray) -> None:
    """A picture (height, width, 3 or 4) uint8 without an axis around it."""
    axis.imshow(levels)
    strip_axis(axis)


def strip_axis(axis: Axes) -> None:
    """No ticks and no frame."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def amplify(change: FloatArray) -> tuple[ByteArray, float]:
    """A change in grey levels (height, width, 3) around mid grey, and the factor it was multiplied by."""
    factor = 127 / max(float(np.abs(change).max()), 1.0)
    return np.clip(127.5 + factor * change, 0, 255).astype(np.uint8), factor
