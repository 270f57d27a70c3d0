"""The page of every frame of a movie: words and axes that stay, drawn once, and what moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from core.reports.inks import Inks, make_figure
from core.types import ByteArray

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.text import Text

DPI = 100.0
POINTS_PER_PIXEL = 72.0 / DPI
DESIGN_HEIGHT = 720
LEAST_SCALE = 0.7
"""Letters never get smaller than this part of those at 720 pixels."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A part of the page in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Pane:
    """A picture (height, width, 3) uint8 at a place; resized to it if it has another size."""

    rect: Rect
    pixels: ByteArray


class Page:
    """A page of `width` x `height` pixels; call inside `house_style`.

    First everything that stays is put on it, then `freeze` draws that once, then `compose` gives one frame after
    another.
    """

    def __init__(self, width: int, height: int, inks: Inks) -> None:
        self.width, self.height, self.inks = width, height, inks
        self._figure = make_figure(width / DPI, height / DPI, inks, dpi=DPI, layout="none")
        self._canvas: Any = self._figure.canvas
        self._moving: list[Artist] = []
        self._background: Any = None

    @property
    def scale(self) -> float:
        """How much larger lengths and letters are than at a height of 720."""
        return page_scale(self.height)

    def pixels(self, length: float) -> int:
        """A length of the design in pixels of this page."""
        return round(length * self.scale)

    def add_text(
        self,
        text: str,
        left: float,
        top: float,
        *,
        size: float = 13,
        colour: str = "",
        bold: bool = False,
        moves: bool = False,
        align: str = "left",
    ) -> Text:
        """Words whose baseline is at `top` pixels; one that `moves` changes from frame to frame."""
        written = self._figure.text(
            left / self.width,
            1 - top / self.height,
            text,
            fontsize=size * self.scale * POINTS_PER_PIXEL,
            color=colour or self.inks.text,
            fontweight="bold" if bold else "normal",
            ha=align,
            va="baseline",
            animated=moves,
        )
        if moves:
            self._moving.append(written)
        return written

    def add_axes(self, rect: Rect) -> Axes:
        """Axes whose frame is the rectangle."""
        bottom = self.height - rect.top - rect.height
        shares = (rect.left / self.width, bottom / self.height, rect.width / self.width, rect.height / self.height)
        return self._figure.add_axes(shares)

    def let_move(self, *artists: Artist) -> None:
        """Draw these in every frame instead of once."""
        for artist in artists:
            artist.set_animated(True)
            self._moving.append(artist)

    def freeze(self) -> None:
        """Draw what stays."""
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(self._figure.bbox)

    def compose(self, panes: Sequence[Pane]) -> ByteArray:
        """One frame, (height, width, 3) uint8: what stays, what moves as it is now, and the pictures."""
        self._canvas.restore_region(self._background)
        for artist in self._moving:
            self._figure.draw_artist(artist)
        frame = np.array(np.asarray(self._canvas.buffer_rgba())[..., :3])
        for pane in panes:
            rect = pane.rect
            rows, columns = slice(rect.top, rect.top + rect.height), slice(rect.left, rect.left + rect.width)
            frame[rows, columns] = fit(pane.pixels, (rect.width, rect.height))
        return frame


def page_scale(height: int) -> float:
    """How much larger lengths and letters of a page are than at a height of 720."""
    return max(LEAST_SCALE, height / DESIGN_HEIGHT)


def fit(pixels: ByteArray, size: tuple[int, int]) -> ByteArray:
    """A picture resized to (width, height), bicubic; as it is where it has that size."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
