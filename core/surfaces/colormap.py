"""Colour maps as tables, and distinct colours for ROIs.

The defaults (polar, viridis) have even steps and stay apart for colour-blind eyes: raise and lower weigh the same in
polar, and viridis rises in lightness all the way. The others are offered because the field knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from core.checks import check_choice, check_count
from core.surfaces.map_names import DIVERGING, OLD_NAMES, SEQUENTIAL
from core.types import ByteArray, FloatArray

N_STEPS = 256
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
    colours = np.frombuffer(bytes.fromhex(_DISTINCT), dtype=np.uint8).reshape(-1, 3)
    return colours[np.arange(n) % len(colours)]


def _tabulate(name: str) -> ByteArray:
    if name == "cold_hot":  # nilearn's: hot, and mirrored below zero with red and blue exchanged
        hot = _tabulate("hot")[1::2]
        return np.concatenate([hot[::-1, ::-1], hot])
    if name == "polar":
        points = np.frombuffer(bytes.fromhex(_POLAR), dtype=np.uint8).reshape(-1, 3)
        rows, knots = np.arange(N_STEPS), np.linspace(0, N_STEPS - 1, len(points))
        return np.stack([np.interp(rows, knots, channel) for channel in points.T], axis=1).round().astype(np.uint8)
    import matplotlib as mpl

    colours = mpl.colormaps[name](np.linspace(0, 1, N_STEPS))[:, :3]
    return np.round(255 * colours).astype(np.uint8)


_POLAR = (
    "1844b91752c2165fca166cd31779db2085e23291e6439dea52a8ed61b3f06fbff381c9f598d2f4afd9f3c5e1f2dbe8f0eeeeee"
    "f1e3d8f3d6c0f5caa8f6bd8ff6af75f4a062f19054ed8046e97139e56028e04d14d63c04c83108ba240bac150d9e000e"
)
"""Colours at even distances in Oklab, from blue by white to orange, of one lightness on either side of the middle."""

_DISTINCT = (
    "99f617445bfec212a8ed7ef8fd2e1cfdc3e66e1b7758cd788a0700ddedb1b65f85658f3ea46fd83d27d2c21b0deeb3184566ae5496b2"
    "cba0ced87974482f9786577ad397478eceae894ed64eed80a227506aa9ed8c32879e62588dffd56f5b21784133bcfb87782445afbaf2"
    "bed95568426bce70c7358476dd4ba18a70fc9be4fef575956724ad958cde8571c07eb66b5e41eba341be2eb639689a72587341a2790d"
    "2f557db0815a8fe1a10a6c696b60934bd7c9694b96ca8acfb8b7567380ebe09d989c6f97c044448b94334646cbb8e6b7f9b5c2e2b487"
    "fd82b875fef982b8df1abcb85c83afa5cffe9e47666435545afe63eb881f9e56dce5b9e896d35f383e87137f1f69a8896c3532241bc5"
    "8ca5077a2eb48a89f7f3c530822ddac66b89563a678736117268f28c648f7dccda5418a54d673680f1c856a7af7c5dc83a5aa1bd6065"
    "9065d0b0945da9f7e6aa6c73b790e0ff64ad8f3c6219affe9047015a38a0915557abc9941ea8cd8e4d89fa9dc382c1a28e38ba275f3f"
    "a3e06c8adcd8cc54c58cb180c58580a10d7cc929709ebf6892f392d1f39a4249937c25267fca23e2df500e6ee6a87eebbb85a63f8c9f"
    "f8267670c2be9bb05474e791b76a32edaaa5b45fe270b59b53347e723877e4a3e92b97ca6937c0438644961a91b1cc46fda578a6eca5"
    "965a9c80325e7c0f5fdc5f4efae859ac5c2e80b3fd66f1ecfc585855e1ee31c7d4612ad9a32b9eb445855dcdfa830b8eaf41e4b96ea8"
    "fa59dc724720b17895197cb34f92507a976366b5accbf2be7af87cf468c7673c145181c7e1699fc27cbb6172097445ce7649f59fe9d3"
    "542eb7a888227457a34a3e6eee1401f49923535bc39b60726863ceaa376fa0dbb5b337382278702c6c5062df1be536b482074dbb9133"
    "926cb976c7884024addc3860bd42669837e05c8e67b7787f69e4c5268b2df57bec822aace38a671b5435d4f73ed02e1ec01249e44fdd"
    "a995e88747aa8660ac43a447c8039bdcabd6a4283a747c12a366a86391ba69cd405814cbf86111ca40a1ca68e6f3957b6422847734e1"
    "842373853050c52c7c6fec34"
)
"""Colours as far apart as they can be to usual and to colour-blind eyes, and far from the greys of the cortex.

Found once by greedy farthest-point choice in Oklab over vivid colours; the distance of two colours is the least over
usual sight (weighed 0.6) and the three colour blindnesses of Machado et al. (2009), doi:10.1109/TVCG.2009.113.
"""
