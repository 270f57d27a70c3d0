"""Reads an encoder given as plain arrays in a .npz or .safetensors file. Never unpickles.

    responses = ((features - mean) / scale) @ components @ weights + intercept

Names: `weights` (n_features or rank, n_voxels), or `coef_` (n_voxels, ...) as scikit-learn keeps it; `intercept`,
`mean`, `scale` and `components` (n_features, rank) may be left out, and a `_` at the end of a name is allowed:
`components_` is (rank, n_features). `bias` and `std` are other names of intercept and scale. Of each voxel:
`vertex` and `hemisphere` (0 left, 1 right), `roi` (text), `alpha`, `r`, `cv_r`, `noise_ceiling`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from core.containers import load_arrays, reading
from core.encoders.importers.readout import Project, Readout, centre, check_readout
from core.encoders.importers.voxel_tables import make_table
from core.errors import WeightsError
from core.types import VoxelTable
from core.words import name_some

KIND = "arrays"
MOST_NAMED = 6
ENDINGS = (".npz", ".safetensors")
SCORES = ("alpha", "r", "cv_r", "noise_ceiling")
OTHER_NAMES = {"intercept": "bias", "scale": "std"}
FACTORS = ("weights", "coef", "intercept", "mean", "scale", "components", *OTHER_NAMES.values())
USED = {*FACTORS, "vertex", "hemisphere", "roi", *SCORES}

Table = dict[str, np.ndarray[Any, Any]]


def read_arrays(path: Path) -> Readout:
    """The encoder of a .npz or .safetensors file of plain arrays.

    Raises WeightsError if the file is truncated, holds objects, lacks the weights, or its arrays do not fit or are not
    finite.
    """
    if path.suffix == ".safetensors":
        with reading(path, ".safetensors file", error=WeightsError):
            table = dict(load_file(path))
    else:
        table = load_arrays(path, error=WeightsError, advice="Get it again.")
    return build_readout(table, path.name, title=f"arrays of {path.suffix}")


def build_readout(table: Table, name: str, *, title: str) -> Readout:
    """The encoder of arrays by name. Raises WeightsError as `read_arrays` does."""
    if not {"weights", "coef", "coef_"} & set(table):
        found = ", ".join(sorted(table)) or "nothing"
        raise WeightsError(f"{name} holds no `weights` (n_features, n_voxels) and no `coef_`; it holds {found}.")
    second = {other for name, other in OTHER_NAMES.items() if {name, f"{name}_"} & set(table)}
    unused = [key for key in table if key in second or key.removesuffix("_") not in USED]
    weights = table.get("weights")
    if weights is None:
        weights = np.atleast_2d(table["coef_" if "coef_" in table else "coef"]).T
    weights = weights[:, np.newaxis] if weights.ndim == 1 else weights
    steps = centre(_take(table, "mean"), _take(table, "scale"))
    if "components" in table or "components_" in table:
        steps.append(Project(table["components"] if "components" in table else table["components_"].T))
    held = _take(table, "intercept")
    intercept = np.ravel(0.0 if held is None else held)
    intercept = np.repeat(intercept, weights.shape[-1]) if len(intercept) == 1 else intercept
    readout = Readout(
        kind=KIND,
        steps=tuple(steps),
        weights=weights,
        intercept=intercept,
        title=title,
        note=f"Arrays that are not used: {name_some(unused, MOST_NAMED)}." if unused else "",
        voxels=_find_voxels(table, n_voxels=weights.shape[-1]),
        scores={key: table[key] for key in SCORES if key in table},
    )
    return check_readout(readout, name)


def _take(table: Table, name: str) -> np.ndarray[Any, Any] | None:
    names = (name, f"{name}_", OTHER_NAMES.get(name, name))
    return next((table[one] for one in names if one in table), None)


def _find_voxels(table: Table, *, n_voxels: int) -> VoxelTable | None:
    if "vertex" not in table and "roi" not in table:
        return None
    roi = tuple(str(name) for name in table["roi"].tolist()) if "roi" in table else ()
    more = {name: table.get(name) for name in ("vertex", "hemisphere", "noise_ceiling")}
    return make_table(n_voxels, roi=roi, **more)
