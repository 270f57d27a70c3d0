"""The small frozen types every room shares: enumerations and plain tables. Never imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import compress
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

MAY_BE_NAN = "may be NaN"
MaybeNan = Annotated[float, MAY_BE_NAN]
"""A number of a record that a file may hold as NaN, for not known; all others are finite."""


class Worded(StrEnum):
    """A choice with words for people: NAME = "value", "its words"."""

    _value_: str
    words: str

    def __new__(cls, value: str, words: str = "") -> Self:
        """The choice of that value."""
        made = str.__new__(cls, value)
        made._value_, made.words = value, words
        return made


class Hemisphere(StrEnum):
    """A side of the brain; arrays hold left before right."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def index(self) -> int:  # type: ignore[override]  # a side is never searched as the text it is
        """0 for left, 1 for right."""
        return 0 if self is Hemisphere.LEFT else 1


_SIDE_WORDS = {"left": "left", "lh": "left", "right": "right", "rh": "right"}
"""Words for a hemisphere before or after an ROI's name."""


def split_side(roi: str) -> tuple[str, str]:
    """Hemisphere and name of "left FFA", "FFA left" or "lh FFA"; ("", name) where none is said."""
    first, _, rest = roi.strip().partition(" ")
    before, _, last = roi.strip().rpartition(" ")
    for word, name in ((first, rest), (last, before)):
        if name and word.casefold() in _SIDE_WORDS:
            return _SIDE_WORDS[word.casefold()], name.strip()
    return "", roi


class Direction(StrEnum):
    """Whether a probe raises or lowers the predicted response."""

    RAISE = "raise"
    LOWER = "lower"

    @property
    def sign(self) -> int:
        """+1 to raise, -1 to lower."""
        return 1 if self is Direction.RAISE else -1

    @property
    def opposite(self) -> Direction:
        """The other way."""
        return Direction.LOWER if self is Direction.RAISE else Direction.RAISE


class NormName(StrEnum):
    """How the size of a perturbation is measured, in [0, 1] pixel units."""

    L2 = "l2"
    LINF = "linf"


@lru_cache(maxsize=8)
def _group(names: tuple[str, ...]) -> dict[str, npt.NDArray[np.int64]]:
    """The places of every name but "", in the order of their first appearance."""
    number = {name: at for at, name in enumerate(dict.fromkeys(names))}
    codes = np.fromiter(map(number.__getitem__, names), dtype=np.int64, count=len(names))
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    return {name: one for name, one in zip(number, members, strict=False) if name}


NO_SIDE = -1
"""The hemisphere of a voxel that says none."""


@dataclass(frozen=True, slots=True)
class VoxelTable:
    """Where each voxel of a subject lies and how reliable it is.

    Parameters
    ----------
    hemisphere : (n_voxels,) int8. 0 left, 1 right, -1 not known.
    vertex : (n_voxels,) int32
        The vertex of that hemisphere's surface the voxel is drawn at; -1 for a voxel that lies on no surface.
    roi : tuple of str, n_voxels long. Name of the ROI of each voxel; "" for none.
    noise_ceiling : (n_voxels,) float32. Explainable part of the variance, in [0, 1]; compare with r2, never with r.
    paint : (n_painted, 3) int32. Rows (hemisphere, vertex, voxel): every vertex a voxel's value is painted on. For
        voxel-wise subjects one row per voxel; for ROI-level subjects the whole parcel.
    sets : Names and voxels of sets the user keeps; they may overlap each other and the ROIs.
    """

    hemisphere: npt.NDArray[np.int8]
    vertex: npt.NDArray[np.int32]
    roi: tuple[str, ...]
    noise_ceiling: npt.NDArray[np.float32]
    paint: npt.NDArray[np.int32]
    sets: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @property
    def n_voxels(self) -> int:
        """Number of voxels."""
        return len(self.vertex)

    @property
    def roi_names(self) -> tuple[str, ...]:
        """The ROI names in order of first appearance, without the empty one."""
        return tuple(_group(self.roi))

    @property
    def sides(self) -> npt.NDArray[np.str_]:
        """ "left" or "right" of each voxel, "" where its hemisphere is not known or it is painted on both."""
        names = np.array(["left", "right", ""])[self.hemisphere]
        painted = [np.bincount(self.paint[self.paint[:, 0] == side, 2], minlength=self.n_voxels) for side in (0, 1)]
        names[np.logical_and(*painted)] = ""
        return names

    def side_of(self, voxel: int) -> str:
        """The same of one voxel, in much less time where there are many."""
        painted = set(self.paint[self.paint[:, 2] == voxel, 0].tolist())
        return "" if painted == {0, 1} else ("left", "right", "")[self.hemisphere[voxel]]

    def keep(self, kept: BoolArray) -> VoxelTable:
        """The table of some of its voxels, (n_voxels,) bool, numbered anew."""
        number = np.cumsum(kept, dtype=np.int32) - 1
        paint = self.paint[kept[self.paint[:, 2]]].copy()
        paint[:, 2] = number[paint[:, 2]]
        roi = tuple(compress(self.roi, kept))
        return VoxelTable(self.hemisphere[kept], self.vertex[kept], roi, self.noise_ceiling[kept], paint)

    def voxels_in(self, roi: str) -> npt.NDArray[np.int64]:
        """Indices of the voxels of one ROI, ascending."""
        return _group(self.roi).get(roi, np.empty(0, dtype=np.int64)).copy()
