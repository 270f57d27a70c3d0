"""The visual ROIs of the template: a name for each vertex, no two overlapping. Never resolves overlaps itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.checks import check_choice, refusal
from core.containers import load_arrays
from core.paths import resources_folder

ATLAS_FILE = "visual_atlas_fsaverage5.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """ROI labels of every vertex.

    Parameters
    ----------
    name, source : Its title and the works it was put together from.
    names : ROI names; label i is names[i - 1], label 0 is no ROI.
    labels_left, labels_right : (n_vertices,) int16. Label of each vertex.
    """

    name: str
    source: str
    names: tuple[str, ...]
    labels_left: npt.NDArray[np.int16]
    labels_right: npt.NDArray[np.int16]

    def labels(self, side: int) -> npt.NDArray[np.int16]:
        """The labels of the left (0) or right (1) hemisphere, (n_vertices,)."""
        if side not in (0, 1):
            raise refusal("side", allowed="0 (left) or 1 (right)", got=side)
        return (self.labels_left, self.labels_right)[side]

    def roi_of(self, side: int, vertex: int) -> str:
        """The ROI of a vertex, "" for none."""
        label = int(self.labels(side)[vertex])
        return self.names[label - 1] if label else ""

    def vertices_in(self, side: int, roi: str) -> npt.NDArray[np.int64]:
        """The vertices of one ROI on one side, ascending; empty if it has none there."""
        check_choice("roi", roi, self.names)
        return np.flatnonzero(self.labels(side) == self.names.index(roi) + 1)


def load_atlas() -> Atlas:
    """The shipped visual atlas of fsaverage5. Raises StorageError if its file is missing or damaged."""
    arrays = load_arrays(resources_folder() / "surfaces" / ATLAS_FILE)
    return Atlas(
        name=str(arrays["name"]),
        source=str(arrays["source"]),
        names=tuple(str(name) for name in arrays["names"]),
        labels_left=arrays["labels_left"],
        labels_right=arrays["labels_right"],
    )
