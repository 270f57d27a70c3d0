"""Colour maps for cortical maps, made from a few colours at even perceptual steps. Never touches a mesh or a screen.

Diverging maps mirror in lightness about their middle, so that raise and lower weigh the same; sequential maps rise in
lightness all the way. Their hues (blue or violet against orange, never red against green) stay apart for colour-blind
eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from core.checks import check_choice, check_count
from core.surfaces.colour_vision import ALL_VISIONS, see_as
from core.surfaces.oklab import fit_chroma, is_showable, oklab_to_srgb, oklch_to_oklab, srgb_to_oklab
from core.types import ByteArray, FloatArray

N_STEPS = 256
CORTEX_GREYS = (0.45, 0.7)
"""Oklab lightness of sulci and gyri."""

USUAL_WEIGHT = 0.6
"""Usual eyes tell far more colours apart; weighed less, so that colour-blind eyes decide first."""

DENSE = 4096
"""Samples of a path before it is cut into even steps."""


class ColormapKind(StrEnum):
    """Whether a map has a middle."""

    DIVERGING = "diverging"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True, eq=False)
class Colormap:
    """A table of colours.

    Parameters
    ----------
    name, title : str
        Key of settings, and what the interface writes.
    kind : ColormapKind
    table : (256, 3) uint8
        From the lowest value to the highest; a diverging map's zero lies between rows 127 and 128.
    """

    name: str
    title: str
    kind: ColormapKind
    table: ByteArray

    def look_up(self, position: FloatArray) -> ByteArray:
        """Colours (n, 3) uint8 of positions (n,) in [0, 1]; what lies outside takes the end's colour, NaN the first."""
        rows = np.nan_to_num(np.asarray(position, dtype=np.float32) * N_STEPS, nan=0.0, posinf=N_STEPS, neginf=0.0)
        return self.table[np.clip(rows, 0, N_STEPS - 1).astype(np.intp)]


Anchor = tuple[float, float, float]
"""Oklab lightness, chroma, hue in degrees."""

_SEQUENTIAL: dict[str, tuple[str, tuple[Anchor, ...]]] = {
    "ember": (
        "Ember",
        ((0.27, 0.10, 300), (0.42, 0.17, 340), (0.58, 0.20, 20), (0.74, 0.17, 55), (0.86, 0.16, 85), (0.96, 0.10, 105)),
    ),
    "lagoon": (
        "Lagoon",
        ((0.29, 0.12, 295), (0.44, 0.11, 262), (0.58, 0.11, 210), (0.73, 0.15, 160), (0.92, 0.19, 112)),
    ),
    "glacier": (
        "Glacier",
        ((0.28, 0.10, 270), (0.45, 0.15, 260), (0.64, 0.13, 240), (0.81, 0.09, 215), (0.97, 0.03, 200)),
    ),
}
_DIVERGING: dict[str, tuple[str, tuple[Anchor, ...], tuple[Anchor, ...]]] = {
    "polar": (
        "Polar",
        ((0.44, 0.19, 264), (0.60, 0.17, 252), (0.80, 0.10, 236)),
        ((0.44, 0.18, 27), (0.60, 0.20, 37), (0.80, 0.12, 60)),
    ),
    "aurora": (
        "Aurora",
        ((0.92, 0.10, 200), (0.74, 0.14, 235), (0.52, 0.17, 260)),
        ((0.92, 0.16, 100), (0.74, 0.17, 62), (0.52, 0.19, 30)),
    ),
    "heath": (
        "Heath",
        ((0.38, 0.16, 285), (0.56, 0.17, 285), (0.77, 0.10, 285)),
        ((0.38, 0.09, 60), (0.56, 0.13, 60), (0.77, 0.13, 75)),
    ),
}
_MIDDLE: dict[str, Anchor] = {"polar": (0.95, 0.0, 0), "aurora": (0.30, 0.0, 0), "heath": (0.95, 0.0, 0)}

DEFAULT_DIVERGING = "polar"
DEFAULT_SEQUENTIAL = "ember"


@lru_cache(maxsize=32)
def find_colormap(name: str) -> Colormap:
    """The colour map of a name. Raises BadInputError with the nearest name if there is none."""
    check_choice("colormap", name, [*_DIVERGING, *_SEQUENTIAL])
    if name in _SEQUENTIAL:
        title, anchors = _SEQUENTIAL[name]
        return Colormap(name, title, ColormapKind.SEQUENTIAL, _to_bytes(_walk(anchors, N_STEPS)))
    title, lower, upper = _DIVERGING[name]
    half = N_STEPS // 2
    sides = (_walk((*lower, _MIDDLE[name]), half), _walk((*upper, _MIDDLE[name]), half)[::-1])
    return Colormap(name, title, ColormapKind.DIVERGING, _to_bytes(np.concatenate(sides)))


def list_colormaps(kind: ColormapKind) -> tuple[Colormap, ...]:
    """All maps of a kind, the default first."""
    names = _DIVERGING if kind is ColormapKind.DIVERGING else _SEQUENTIAL
    return tuple(find_colormap(name) for name in names)


@lru_cache(maxsize=16)
def distinct_colours(n: int) -> ByteArray:
    """`n` colours (n, 3) uint8 as far apart as they can be to every kind of eye, and far from the greys of the cortex.

    Greedy farthest-point choice in Oklab over vivid colours: the first k of n colours do not depend on n. The distance
    of two colours is the least over usual and colour-blind sight. Raises BadInputError for n < 1.
    """
    check_count("n", n)
    candidates = _vivid_colours()
    seen = _seen_by_all(candidates)
    greys = _seen_by_all(np.stack([oklch_to_oklab(lightness, 0.0, 0.0) for lightness in CORTEX_GREYS]))
    chosen: list[int] = []
    nearest: FloatArray = np.min([_gaps(seen, greys[:, index]) for index in range(len(CORTEX_GREYS))], axis=0)
    for _ in range(n):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.asarray(np.minimum(nearest, _gaps(seen, seen[:, chosen[-1]])))
    return _to_bytes(candidates[chosen])


def _gaps(seen: FloatArray, colour: FloatArray) -> FloatArray:
    """Distances (n,) of colours as seen (visions, n, 3) from one (visions, 3): the least over all visions."""
    gaps = np.linalg.norm(seen - colour[:, None], axis=2)
    gaps[0] *= USUAL_WEIGHT
    return np.asarray(gaps.min(axis=0))


def _seen_by_all(lab: FloatArray) -> FloatArray:
    """Oklab colours (n, 3) as usual and colour-blind eyes see them, (visions, n, 3)."""
    rgb = oklab_to_srgb(lab)
    return np.stack([lab, *(srgb_to_oklab(see_as(vision, rgb)) for vision in ALL_VISIONS)])


@lru_cache(maxsize=1)
def _vivid_colours() -> FloatArray:
    grid = [
        oklch_to_oklab(lightness, chroma, hue)
        for lightness in np.arange(0.40, 0.95, 0.04)
        for chroma in (0.08, 0.12, 0.16, 0.20, 0.24)
        for hue in np.arange(0.0, 360.0, 6.0)
    ]
    return np.stack([lab for lab in grid if is_showable(lab)])


def _walk(anchors: tuple[Anchor, ...], n_steps: int) -> FloatArray:
    """Oklab colours (n_steps, 3) at equal distances along the smooth path through the anchors."""
    points = np.stack([fit_chroma(oklch_to_oklab(*anchor)) for anchor in anchors])
    knots = np.linspace(0.0, 1.0, len(points))
    dense = np.linspace(0.0, 1.0, DENSE)
    path = _round_corners(np.stack([np.interp(dense, knots, points[:, axis]) for axis in range(3)], axis=1))
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    even = np.linspace(0.0, travelled[-1], n_steps)
    return np.stack([np.interp(even, travelled, path[:, axis]) for axis in range(3)], axis=1)


def _round_corners(path: FloatArray, share: float = 0.08) -> FloatArray:
    """A moving average over `share` of the path; its ends stay where they are by reflecting through them."""
    width = int(len(path) * share) // 2
    before = 2 * path[0] - path[width:0:-1]
    after = 2 * path[-1] - path[-2 : -width - 2 : -1]
    padded = np.concatenate([before, path, after])
    total = np.cumsum(np.vstack([np.zeros((1, 3)), padded]), axis=0)
    window = 2 * width + 1
    return np.asarray((total[window:] - total[:-window]) / window)


def _to_bytes(lab: FloatArray) -> ByteArray:
    return np.round(oklab_to_srgb(lab) * 255).astype(np.uint8)
