"""Colour maps as tables, and distinct colours for ROIs.

The defaults (polar, viridis) have even steps and stay apart for colour-blind eyes: raise and lower weigh the same in
polar, and viridis rises in lightness all the way. The others are offered because the field knows them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

import numpy as np

from core.checks import check_choice, check_count, refusal, to_number
from core.containers import load_arrays
from core.paths import resources_folder
from core.surfaces.map_names import DIVERGING, OLD_NAMES, SEQUENTIAL
from core.types import ByteArray, FloatArray

N_STEPS = 256
COLOURS_FILE, TABLES_FILE = "colours.toml", "colormaps.npz"
DEFAULT_DIVERGING, DEFAULT_SEQUENTIAL = DIVERGING[0][0], SEQUENTIAL[0][0]


class ColormapKind(StrEnum):
    """Whether a map has a middle."""

    DIVERGING = "diverging"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True, eq=False)
class Colormap:
    """A table of colours.

    Parameters
    ----------
    name, title : The field's name, and what the interface writes.
    table : (256, 3) uint8. From the lowest value to the highest; a diverging map's zero lies between rows 127 and 128.
    """

    name: str
    title: str
    kind: ColormapKind
    table: ByteArray

    def look_up(self, position: FloatArray) -> ByteArray:
        """Colours (n, 3) uint8 of positions (n,) in [0, 1]; what lies outside takes the end's colour, NaN the first."""
        rows = np.nan_to_num(np.asarray(position, dtype=np.float32) * N_STEPS, nan=0.0, posinf=N_STEPS, neginf=0.0)
        return self.table[np.clip(rows, 0, N_STEPS - 1).astype(np.intp)]


@dataclass(frozen=True, slots=True)
class ColourRange:
    """A range that was chosen, in the map's unit, as MNE has it; of a diverging map for both signs.

    Parameters
    ----------
    fmin : At least 0. Values nearer to zero are transparent; the colours begin here.
    fmid : The colour half way to the end.
    fmax : The last colour.

    Raises BadInputError unless 0 <= fmin < fmid < fmax.
    """

    fmin: float
    fmid: float
    fmax: float

    def __post_init__(self) -> None:
        if not 0 <= self.fmin < self.fmid < self.fmax < np.inf:
            allowed, got = "three rising numbers, the first at least 0", (self.fmin, self.fmid, self.fmax)
            raise refusal("colour range", allowed=allowed, got=got)

    def describe(self) -> str:
        """One line: "fmin 0, fmid 1, fmax 3"."""
        return f"fmin {self.fmin:g}, fmid {self.fmid:g}, fmax {self.fmax:g}"


def read_range(texts: Mapping[str, str]) -> ColourRange:
    """A range of what was typed for fmin, fmid and fmax. Raises BadInputError for what is no number or no range."""
    numbers = {}
    for name, text in texts.items():
        try:
            numbers[name] = to_number(text.replace(",", "."))
        except ValueError:
            raise refusal(name, allowed="a number such as 1.5", got=text) from None
    return ColourRange(**numbers)


@lru_cache(maxsize=32)
def find_colormap(name: str) -> Colormap:
    """The colour map of a name, also of one that version 0.3 used.

    Raises BadInputError if there is none, and with the nearest name.

    Examples
    --------
    >>> find_colormap("coolwarm").look_up(np.array([0.0, 1.0]))
    array([[ 59,  76, 192],
           [180,   4,  38]], dtype=uint8)
    """
    titles = dict(DIVERGING + SEQUENTIAL)
    known = OLD_NAMES.get(name, name)
    check_choice("colormap", known, list(titles))
    kind = ColormapKind.DIVERGING if known in dict(DIVERGING) else ColormapKind.SEQUENTIAL
    return Colormap(known, titles[known], kind, _tabulate(known))


def list_colormaps(kind: ColormapKind) -> tuple[Colormap, ...]:
    """All maps of a kind, the default first."""
    names = DIVERGING if kind is ColormapKind.DIVERGING else SEQUENTIAL
    return tuple(find_colormap(name) for name, _ in names)


def distinct_colours(n: int) -> ByteArray:
    """`n` colours (n, 3) uint8 for ROIs, the first k of which do not depend on n; after 256 they begin again.

    Raises BadInputError for n < 1.
    """
    check_count("n", n)
    colours = _read_colours("distinct")
    return colours[np.arange(n) % len(colours)]


def _tabulate(name: str) -> ByteArray:
    if name != "polar":
        return load_arrays(resources_folder() / "surfaces" / TABLES_FILE, only=[name])[name]
    points = _read_colours("polar")
    rows, knots = np.arange(N_STEPS), np.linspace(0, N_STEPS - 1, len(points))
    return np.stack([np.interp(rows, knots, channel) for channel in points.T], axis=1).round().astype(np.uint8)


@cache
def _read_colours(name: str) -> ByteArray:
    """The colours (n, 3) of a list in `COLOURS_FILE`."""
    listed = tomllib.loads((resources_folder() / "surfaces" / COLOURS_FILE).read_text(encoding="utf-8"))
    return np.frombuffer(bytes.fromhex(listed[name]), dtype=np.uint8).reshape(-1, 3)
