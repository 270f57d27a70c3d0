"""Reads GIFTI surfaces, shapes and labels.

Coordinates of FreeSurfer's own GIFTI files are in tkRAS, with the volume geometry in their metadata (fMRIPrep adds it
to the coordinates and sets it to zero); where they are in a space they name, as after `mris_convert --to-scanner`, the
geometry has been applied, though it stands there still. All end in scanner RAS.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.containers import inflate, reading
from core.errors import BadInputError
from core.surfaces.freesurfer import NO_TRANSFORM, Triangles, surface_to_scanner

DATA = re.compile(rb"<Data>([^<]+)</Data>")
IN_ASCII = re.compile(rb"""^[^>]*\bEncoding\s*=\s*["']ASCII["']""")
UNKNOWN, SCANNER = 0, 1
"""NIfTI's codes for coordinates of no named space, as tkRAS is, and of the scanner."""

VOLUME_KEYS = {
    "volume": ("VolGeomWidth", "VolGeomHeight", "VolGeomDepth"),
    "voxelsize": ("VolGeomXsize", "VolGeomYsize", "VolGeomZsize"),
    "xras": ("VolGeomX_R", "VolGeomX_A", "VolGeomX_S"),
    "yras": ("VolGeomY_R", "VolGeomY_A", "VolGeomY_S"),
    "zras": ("VolGeomZ_R", "VolGeomZ_A", "VolGeomZ_S"),
    "cras": ("VolGeomC_R", "VolGeomC_A", "VolGeomC_S"),
}


def read_gifti_surface(path: Path) -> Triangles:
    """Read a .surf.gii. Raises BadInputError if it holds no points and triangles, or is damaged."""
    image = _load(path)
    points = image.agg_data("NIFTI_INTENT_POINTSET")
    faces = image.agg_data("NIFTI_INTENT_TRIANGLE")
    if not isinstance(points, np.ndarray) or not isinstance(faces, np.ndarray) or points.ndim != 2:
        raise BadInputError(f"{path.name} holds no points and triangles. Give a .surf.gii file.")
    array = image.get_arrays_from_intent("NIFTI_INTENT_POINTSET")[0]
    return Triangles(points.astype(np.float32), faces.astype(np.int32), _find_transform(image, array))


def read_gifti_shape(path: Path) -> npt.NDArray[np.float32]:
    """Read one number a vertex of a .shape.gii, (n_vertices,). Raises BadInputError if there is none."""
    arrays = _load(path).darrays
    if not arrays or arrays[0].data is None or arrays[0].data.ndim != 1:
        raise BadInputError(f"{path.name} holds no number a vertex. Give a .shape.gii file.")
    return np.asarray(arrays[0].data, dtype=np.float32)


def read_gifti_labels(path: Path, notes: list[str]) -> tuple[npt.NDArray[np.int64], dict[int, str]]:
    """Read a .label.gii: the key of each vertex (n_vertices,), and the name of each key. Raises BadInputError.

    Of several maps the first is taken, which goes into the notes.
    """
    image = _load(path)
    arrays = image.get_arrays_from_intent("NIFTI_INTENT_LABEL") or image.darrays
    if not arrays or arrays[0].data is None or arrays[0].data.ndim != 1 or not image.labeltable.labels:
        raise BadInputError(f"{path.name} holds no labels with names. Give a .label.gii file.")
    if len(arrays) > 1:
        notes.append(f"{path.name} holds {len(arrays)} maps of labels; the first is used.")
    names = {int(label.key): str(label.label or "") for label in image.labeltable.labels}
    return np.asarray(arrays[0].data).astype(np.int64), names


def _load(path: Path) -> Any:
    import nibabel
    from nibabel.gifti.gifti import GiftiImage

    with reading(path, "GIFTI file", advice="Copy the file again."):
        for array in inflate(path.read_bytes()).split(b"<DataArray")[1:]:  # which may be packed once more
            block = DATA.search(array)
            if block and not IN_ASCII.search(array, 0, block.start()):
                inflate(base64.b64decode(block[1]))
        image = nibabel.load(path)
    if not isinstance(image, GiftiImage):
        raise BadInputError(f"{path.name} is no GIFTI file. Give .surf.gii, .shape.gii or .label.gii files.")
    return image


def _find_transform(image: Any, array: Any) -> npt.NDArray[np.float64]:
    space = array.coordsys
    if space is not None and int(space.xformspace) == SCANNER and int(space.dataspace) != SCANNER:
        return np.asarray(space.xform, dtype=np.float64)
    if space is not None and int(space.dataspace) != UNKNOWN:
        return NO_TRANSFORM
    meta = {**dict(image.meta), **dict(array.meta)}
    try:
        fields = {name: np.array([float(meta[key]) for key in keys]) for name, keys in VOLUME_KEYS.items()}
        return surface_to_scanner(fields)
    except (KeyError, ValueError):  # BadInputError is a ValueError: a geometry of zeros means none
        return NO_TRANSFORM
