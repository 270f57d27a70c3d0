"""Names of the ROI codes of the Natural Scenes Dataset, and one name for each voxel from several label maps.

Codes after the NSD data manual (Allen et al. 2022, doi:10.1038/s41593-021-00962-x); 0 is cortex outside every ROI, -1
is not cortex.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.checks import check_choice, refusal
from core.types import BoolArray, IntArray

NSD_CODES: dict[str, dict[int, str]] = {
    "prf-visualrois": {1: "V1v", 2: "V1d", 3: "V2v", 4: "V2d", 5: "V3v", 6: "V3d", 7: "hV4"},
    "floc-faces": {1: "OFA", 2: "FFA-1", 3: "FFA-2", 4: "mTL-faces", 5: "aTL-faces"},
    "floc-bodies": {1: "EBA", 2: "FBA-1", 3: "FBA-2", 4: "mTL-bodies"},
    "floc-places": {1: "OPA", 2: "PPA", 3: "RSC"},
    "floc-words": {1: "OWFA", 2: "VWFA-1", 3: "VWFA-2", 4: "mfs-words", 5: "mTL-words"},
    "streams": dict(
        enumerate(("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal"), start=1)
    ),
}
"""ROIs by map and code. A voxel in several maps takes its name from the first of them, in this order."""


def name_voxels(
    labels: Mapping[str, IntArray], codes: Mapping[str, Mapping[int, str]], n_voxels: int
) -> tuple[str, ...]:
    """One ROI name for each voxel, "" for none; of overlapping maps the earlier wins.

    Raises BadInputError if a map holds a code that has no name.
    """
    named = np.full(n_voxels, "", dtype=object)
    for name, values in labels.items():
        known = codes[name]
        for code in np.unique(values[values > 0]).tolist():
            if code not in known:
                raise refusal(name, allowed=f"codes {min(known)} to {max(known)}", got=int(code))
            named[(named == "") & (values == code)] = known[code]
    return tuple(named.tolist())


def keep_rois(roi: tuple[str, ...], wanted: tuple[str, ...]) -> BoolArray:
    """Which voxels lie in one of the wanted ROIs, all if none is named. Raises BadInputError for an unknown one."""
    if not wanted:
        return np.ones(len(roi), dtype=bool)
    known = list(dict.fromkeys(name for name in roi if name))
    for name in wanted:
        check_choice("rois", name, known, advice="" if known else "No voxel of the mask lies in an ROI.")
    return np.isin(np.asarray(roi, dtype=object).astype(str), wanted)
