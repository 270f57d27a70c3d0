"""The colour bar of a cortical map as a record, and its drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.reports.inks import Inks
from core.surfaces.colormap import N_STEPS, Colormap, ColormapKind, ColourRange
from core.types import BoolArray, ByteArray, FloatArray
from core.words import MINUS, name_with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_ROWS = 16
"""Steps of opacity in the bar of a 2-D map."""


@dataclass(frozen=True, slots=True)
class ColourKey:
    """What the colours of a map mean.

    Parameters
    ----------
    limit : Value of the last colour, in `unit`; a diverging map runs from -limit, a sequential one from 0.
    threshold : Values nearer to zero are not shown.
    chosen : The range that was chosen, whose end is `limit`; without one the colours run evenly from zero.
    clipped : How many voxels shown lie below and above the ends, and take their colours.
    note : What the caption says of a second map.
    is_2d : The second map is the opacity of the first.
    fade : Share of the limit over which the colours of a diverging map rise from see-through at zero to full.
    """

    colormap: Colormap
    title: str
    unit: str
    limit: float
    threshold: float = 0.0
    chosen: ColourRange | None = None
    clipped: tuple[int, int] = (0, 0)
    fade: float = 0.0
    note: str = ""
    is_2d: bool = False

    @property
    def is_diverging(self) -> bool:
        """Whether zero is in the middle."""
        return self.colormap.kind is ColormapKind.DIVERGING

    @property
    def lowest(self) -> float:
        """The value of the first colour."""
        return -self.limit if self.is_diverging else 0.0

    def position(self, values: FloatArray) -> FloatArray:
        """Place of values (n,) along the colour map, in [0, 1] unless beyond the limit."""
        share = np.asarray(values) / self.limit
        if self.chosen is not None:
            knots = (self.chosen.fmin, self.chosen.fmid, self.chosen.fmax)
            size = np.interp(np.abs(values) if self.is_diverging else values, knots, (0.0, 0.5, 1.0))
            share = np.copysign(size, values) if self.is_diverging else size
        return np.asarray((share + 1) / 2 if self.is_diverging else share)

    def bar(self) -> ByteArray:
        """The colours (256, 3) from the lowest value to the highest, evenly spaced in value."""
        return self.colormap.look_up(self.position(np.linspace(self.lowest, self.limit, N_STEPS)))

    def count_clipped(self, values: FloatArray) -> tuple[int, int]:
        """How many of the values (n,) that are shown lie below the first colour and above the last."""
        shown = np.asarray(values)[self.is_shown(values)]
        return int((shown < self.lowest).sum()), int((shown > self.limit).sum())

    def is_shown(self, values: FloatArray) -> BoolArray:
        """Which values (n,) are not transparent: known, and at or beyond the threshold."""
        size = np.abs(values) if self.is_diverging else np.asarray(values)
        return np.isfinite(values) & ((size >= self.threshold) | (self.threshold <= 0))

    def cover(self, values: FloatArray) -> FloatArray:
        """How far values (n,) hide what lies under them, float32 in [0, 1]: 0 where they are not shown."""
        shown = self.is_shown(values).astype(np.float32)
        if not (self.is_diverging and self.fade > 0):
            return shown
        return shown * np.clip(np.abs(np.nan_to_num(values)) / (self.fade * self.limit), 0, 1).astype(np.float32)

    def over(self, ground: str) -> ByteArray:
        """The colours of the bar (k, 256, 3), evenly spaced in value, as they look over a ground "#rrggbb".

        The second value of a 2-D map falls from its full opacity in the first row to none in the last; else k = 1.
        """
        values = np.linspace(self.lowest, self.limit, N_STEPS)
        rows = np.linspace(1, 0, N_ROWS if self.is_2d else 1)[:, None, None]
        cover, colours = self.cover(values)[:, None], self.colormap.look_up(self.position(values))
        under = np.frombuffer(bytes.fromhex(ground.removeprefix("#")), dtype=np.uint8)
        return np.round(rows * cover * colours + (1 - rows * cover) * under).astype(np.uint8)

    def caption(self) -> str:
        """Title with its unit, and what a second map shows."""
        return name_with_unit(self.title, self.unit) + self.note


def draw_key(axes: Axes, key: ColourKey, inks: Inks) -> None:
    """Fill axes with a horizontal colour bar: title and unit above, numbers below. Vector in vector formats."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import ListedColormap, Normalize

    mappable = ScalarMappable(Normalize(key.lowest, key.limit), ListedColormap(key.over(inks.line)[0] / 255.0))
    below, above = key.clipped
    extend: Any = ("both" if above else "min") if below else "max" if above else "neither"
    bar = Colorbar(axes, mappable, orientation="horizontal", extend=extend)
    if bar.solids is not None:
        bar.solids.set_rasterized(False)
        bar.solids.set_edgecolor("face")  # else viewers show seams between the steps
    bar.outline.set_linewidth(0.6)
    bar.outline.set_edgecolor(inks.line)
    ticks = [key.lowest, (key.lowest + key.limit) / 2, key.limit]
    bar.set_ticks(ticks, labels=[_write(value, key) for value in ticks])
    axes.tick_params(length=0, pad=2)
    axes.set_title(key.caption(), pad=4)


def _write(value: float, key: ColourKey) -> str:
    sign = "+" if key.lowest < 0 < value else ""
    return f"{sign}{value:.3g}".replace("-", MINUS)
