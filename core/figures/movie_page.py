"""The page of every frame of a movie: words and axes that stay, drawn once, and what moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from core.reports.inks import Inks, house_style, make_figure
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


class Page:
    """A page of `width` x `height` pixels.

    First everything that stays is put on it inside `style`, then `freeze` draws that once, then `compose` gives one
    frame after another. `scale` is how much larger lengths and letters are than at a height of 720.
    """

    def __init__(self, width: int, height: int, inks: Inks) -> None:
        self.width, self.height, self.inks = width, height, inks
        self.scale = max(LEAST_SCALE, height / DESIGN_HEIGHT)
        self.style = partial(house_style, inks, font_size=12 * self.scale * POINTS_PER_PIXEL)
        self._figure = make_figure(width / DPI, height / DPI, inks, dpi=DPI, layout="none")
        self._canvas: Any = self._figure.canvas
        self._moving: list[Artist] = []
        self._background: Any = None

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
        align: str = "left",
    ) -> Text:
        """Words whose baseline is at `top` pixels."""
        return self._figure.text(
            left / self.width,
            1 - top / self.height,
            text,
            fontsize=size * self.scale * POINTS_PER_PIXEL,
            color=colour or self.inks.text,
            fontweight="bold" if bold else "normal",
            ha=align,
            va="baseline",
        )

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

    def compose(self, pictures: Iterable[tuple[Rect, ByteArray]]) -> ByteArray:
        """One frame, (height, width, 3) uint8: what stays, what moves as it is now, and pictures fitted to places."""
        self._canvas.restore_region(self._background)
        with self.style():
            for artist in self._moving:
                self._figure.draw_artist(artist)
        frame = np.array(np.asarray(self._canvas.buffer_rgba())[..., :3])
        for rect, picture in pictures:
            rows, columns = slice(rect.top, rect.top + rect.height), slice(rect.left, rect.left + rect.width)
            frame[rows, columns] = fit(picture, (rect.width, rect.height))
        return frame


def fit(pixels: ByteArray, size: tuple[int, int]) -> ByteArray:
    """A picture resized to (width, height), bicubic; as it is where it has that size."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
