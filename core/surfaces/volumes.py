"""Reads volumes and overlays (NIfTI, MGH) in parts, of any byte order, by the place their affine gives them.

Never loads what it was not asked for, never resamples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.containers import check_growth, inflate, reading
from core.errors import BadInputError, StorageError
from core.types import FloatArray, IntArray

TRIALS_AT_ONCE = 50
MGH_DATA_AT = 284
COMPRESSED = (".gz", ".bz2", ".zst")
AGAIN = "Copy the file again."
SAME_MM = 1e-3
"""Affines that differ by less are the same."""


def _nibabel() -> Any:
    """Whose parts have no types; imported when it is needed."""
    import nibabel

    return nibabel


def open_brain(path: Path) -> Any:
    """An image of nibabel whose data stay on disk; a compressed one is read through once, in order.

    Raises BadInputError if it is missing, or its header is no valid one.
    """
    if not path.is_file():
        raise refusal("file", allowed="a volume or overlay that is there", got=str(path))
    nibabel = _nibabel()
    is_mgh = path.suffix in (".mgh", ".mgz")
    handle = {"keep_file_open": True} if path.name.endswith((".nii", ".nii.gz")) else {}
    with reading(path, "FreeSurfer MGH file" if is_mgh else "NIfTI or MGH file", advice=AGAIN):
        image = _open_mgh(path) if is_mgh else nibabel.load(path, **handle)
        if image.get_data_dtype().kind not in "biuf":
            raise ValueError(f"its values are {image.get_data_dtype()}, no numbers")
        if path.suffix in COMPRESSED:
            check_growth(path, image.dataobj.offset + math.prod(image.shape) * image.get_data_dtype().itemsize)
        return image


def _open_mgh(path: Path) -> Any:
    """A plain file mapped, a compressed one whole: nibabel would leave it open, and not see that data are cut short."""
    kind = _nibabel().freesurfer.MGHImage
    content = inflate(path.read_bytes()) if path.suffix == ".mgz" else np.memmap(path, mode="r")
    if len(content) < MGH_DATA_AT:
        raise ValueError(f"{len(content):,} bytes are too few")
    header = kind.header_class(bytes(content[:MGH_DATA_AT]), check=False)
    version, shape = int(header["version"]), tuple(int(side) for side in header.get_data_shape())
    if version != 1 or min(shape) < 1:
        raise ValueError(f"version {version}, shape {shape}")
    dtype, count = header.get_data_dtype(), math.prod(shape)
    if len(content) < MGH_DATA_AT + dtype.itemsize * count:
        raise ValueError(f"{len(content):,} bytes are too few for shape {shape}")
    data = np.frombuffer(content, dtype, count, MGH_DATA_AT).reshape(shape, order="F")
    return kind(data, header.get_best_affine(), header)


def load_volume(path: Path) -> Any:
    """The one volume in a file, an image (x, y, z). Raises BadInputError if it holds none, or more, or has no place."""
    nibabel = _nibabel()
    opened = open_brain(path)
    with reading(path, "NIfTI volume", advice="Give a .nii or .nii.gz file."):
        image = nibabel.squeeze_image(opened)
        image = type(image)(np.asanyarray(image.dataobj), image.affine, image.header)
        dimensions, header = len(image.shape), image.header
    if dimensions != 3:
        raise BadInputError(f"{path.name} must have 3 dimensions, it has {dimensions}. Give one volume.")
    if isinstance(header, nibabel.Nifti1Header) and not (header["qform_code"] or header["sform_code"]):
        raise BadInputError(
            f"{path.name} does not say where it lies: its qform and sform are both unset. Set one of them."
        )
    return image


def grid_of(path: Path) -> tuple[tuple[int, ...], npt.NDArray[np.float64]]:
    """The spatial shape and the affine (4, 4) of a volume."""
    image = open_brain(path)
    return tuple(int(side) for side in image.shape[:3]), np.asarray(image.affine, dtype=np.float64)


def count_trials(path: Path) -> int:
    """How many maps a file holds: its fourth dimension."""
    shape = open_brain(path).shape
    return int(shape[3]) if len(shape) > 3 else 1


def read_map(path: Path, *, shape: tuple[int, ...], affine: FloatArray | None = None) -> npt.NDArray[np.float64]:
    """One map as (n,) numbers in C order, its axes turned as those of `affine`, if given, run.

    Raises BadInputError if it lies on another grid.
    """
    image = open_brain(path)
    turn = _nibabel().orientations
    if affine is not None:
        with reading(path, "volume with a place", advice=AGAIN):
            orientations = turn.io_orientation(image.affine), turn.io_orientation(affine)
            image = image.as_reoriented(turn.ornt_transform(*orientations))
    moved = affine is not None and not np.allclose(image.affine, affine, rtol=0, atol=SAME_MM)
    if moved or tuple(image.shape[:3]) != shape or math.prod(image.shape) != math.prod(shape):
        advice = "It belongs to another space; use the file of the same space and subject."
        raise refusal(path.name, allowed=f"a map of shape {shape}", got=tuple(image.shape), advice=advice)
    with reading(path, "whole volume", error=StorageError, advice=AGAIN):
        return np.asarray(image.dataobj, dtype=np.float64).ravel()


def read_labels(path: Path, *, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Whole-number labels (n,) in C order. Raises BadInputError for another grid or for fractions."""
    values = read_map(path, shape=shape)
    values = np.where(np.isfinite(values), values, 0.0)
    if (values != np.rint(values)).any():
        raise refusal(path.name, allowed="a map of whole numbers", got=float(values[values != np.rint(values)][0]))
    return values.astype(np.int64)


def iter_trials(path: Path, flat: IntArray, *, scale: float = 1.0) -> Iterator[npt.NDArray[np.float32]]:
    """Chosen voxels (by C-order index) of every map of a file, in blocks (n, n_voxels) float32, each times `scale`."""
    image = open_brain(path)
    n_trials = int(image.shape[3]) if len(image.shape) > 3 else 1
    for start in range(0, n_trials, TRIALS_AT_ONCE):
        stop = min(start + TRIALS_AT_ONCE, n_trials)
        with reading(path, "whole volume", error=StorageError, advice=AGAIN):
            block = np.asarray(image.dataobj[..., start:stop] if len(image.shape) > 3 else image.dataobj[...])
        yield block.reshape(-1, stop - start)[flat].T.astype(np.float32) * np.float32(scale)
