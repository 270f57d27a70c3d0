"""Reads volumes and overlays (NIfTI, MGH) in parts, of any byte order and orientation, onto one grid of voxels.

A file whose axes are turned against the grid's is turned by both affines; one of another grid is refused, or, if the
user says so, a map is resampled onto it. Never loads what it was not asked for, never resamples responses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.containers import check_growth, inflate, reading
from core.device import iter_chunks
from core.errors import BadInputError, StorageError
from core.types import FloatArray, IntArray

TRIALS_AT_ONCE = 50
MGH_DATA_AT = 284
COMPRESSED = (".gz", ".bz2", ".zst")
AGAIN = "Copy the file again."
SAME_VOXELS = 0.02
"""Grids whose voxels lie less apart, in voxels, are the same: qform and sform round differently."""
MOSTLY = 0.5
"""A resampled voxel has a value if voxels with one make up more of it."""
OTHER_GRID = (
    "It belongs to another space. Mask and betas must lie on one grid: use that one's, or have masks and maps, never "
    "betas, resampled (`--resample`, or Resample in the window)."
)
LABEL_ROUNDING = 1e-6
"""Share of itself by which a label may miss a whole number: a scale in the header is rounded to float32."""
VOXEL_MM = (0.02, 50.0)
"""Sizes of a voxel that can be meant, whatever unit the header tells."""
NOWHERE = np.full((4, 4), np.nan)
"""The affine of what has no known place."""
UNITS_MM = {1: 1e3, 3: 1e-3}
"""Codes of metres and microns in the lower three bits of NIfTI's xyzt_units; those above are of time."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The voxels of a volume, (n_x, n_y, n_z), and the affine (4, 4) from their indices to scanner RAS in mm.

    The affine is NaN where the file does not say where it lies, and of vertices of a surface, (n, 1, 1). `resampled`
    gathers which maps of other grids were resampled onto it, a sentence each; None where none may be.
    """

    shape: tuple[int, ...]
    affine: FloatArray
    resampled: list[str] | None = None

    @property
    def is_placed(self) -> bool:
        """Whether it is known where it lies."""
        return bool(np.isfinite(self.affine).all())


def grid_of(path: Path) -> Grid:
    """The grid of a volume. Raises as `open_brain`."""
    return _grid(open_brain(path))


def shared_grid(first: Path, betas: Path, *, resample: bool) -> Grid:
    """The grid of the first of several volumes; of the betas where the two differ and maps may be resampled."""
    grid, own = grid_of(first), grid_of(betas)
    if not resample:
        return grid
    differ = grid.is_placed and own.is_placed and _find_turn(own, grid) is None
    if differ:
        return replace(own, resampled=list(filter(None, [describe_forms(betas)])))
    return replace(grid, resampled=[])


def _grid(image: Any) -> Grid:
    if len(image.shape) < 3:
        raise refusal("file", allowed="a volume of three axes", got=tuple(image.shape))
    nibabel, header = _nibabel(), image.header
    affine = np.asarray(image.affine, dtype=np.float64)
    if isinstance(header, nibabel.Nifti1Header):
        told, size = UNITS_MM.get(int(header["xyzt_units"]) % 8, 1.0), np.linalg.norm(affine[:3, :3], axis=0).max()
        factors = (told, 1.0, *UNITS_MM.values())
        affine[:3] *= next((one for one in factors if VOXEL_MM[0] <= one * size <= VOXEL_MM[1]), 1.0)
        unset = not (header["qform_code"] or header["sform_code"])
    else:  # SPM's file beside an Analyze one says it
        is_analyze = isinstance(header, nibabel.AnalyzeHeader)
        unset = is_analyze and not Path(image.get_filename()).with_suffix(".mat").is_file()
    unset = unset or not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0
    return Grid(tuple(int(side) for side in image.shape[:3]), NOWHERE if unset else affine)


def describe_forms(path: Path) -> str:
    """A sentence where qform and sform of a file lie more than half a voxel apart, else "". Raises as `grid_of`."""
    image = open_brain(path)
    header = image.header
    if not isinstance(header, _nibabel().Nifti1Header) or not (header["qform_code"] and header["sform_code"]):
        return ""
    with reading(path, "NIfTI volume", advice=AGAIN):
        sform, qform = (np.asarray(form, dtype=np.float64) for form in (header.get_sform(), header.get_qform()))
    corners = np.argwhere(np.ones((2, 2, 2))) * (np.array(image.shape[:3]) - 1)
    apart = np.linalg.norm(corners @ (sform - qform)[:3, :3].T + (sform - qform)[:3, 3], axis=1).max()
    if apart <= np.linalg.norm(sform[:3, :3], axis=0).min() / 2:
        return ""
    codes = f"the sform (code {int(header['sform_code'])}) is used, not the qform (code {int(header['qform_code'])})"
    return f"{path.name} says twice where it lies, up to {apart:.3g} apart: {codes}."


def load_volume(path: Path) -> Any:
    """The one volume in a file, an image (x, y, z). Raises BadInputError if it holds none, or more, or has no place."""
    image = open_brain(path)
    with reading(path, "NIfTI volume", advice="Give a .nii or .nii.gz file."):
        values = np.asarray(image.dataobj, dtype=np.float64)
    if values.ndim < 3 or math.prod(values.shape[3:]) != 1:
        raise BadInputError(f"{path.name} must have 3 dimensions, it has {values.ndim}. Give one volume.")
    grid = _grid(image)
    if not grid.is_placed:
        raise BadInputError(
            f"{path.name} does not say where it lies: its qform and sform are both unset. Set one of them."
        )
    return _nibabel().Nifti1Image(values.reshape(grid.shape), grid.affine)


def count_trials(path: Path) -> int:
    """How many maps a file holds, along its fourth or a later axis. Raises BadInputError for several such axes."""
    image = open_brain(path)
    return int(image.shape[_trial_axis(image, path)]) if len(image.shape) > 3 else 1


def _trial_axis(image: Any, path: Path) -> int:
    """The axis of the maps: of those behind the third, the one longer than 1."""
    longer = [axis for axis in range(3, len(image.shape)) if image.shape[axis] > 1]
    if len(longer) > 1:
        raise refusal(path.name, allowed="volumes along one axis", got=tuple(image.shape))
    return longer[0] if longer else 3


def read_map(path: Path, grid: Grid, *, order: int = 0, numbered: bool = False) -> npt.NDArray[np.float64]:
    """The one map of a file on a grid, (n,) in C order.

    `order`: how it is resampled where it lies on another grid and may be: 0 takes the nearest voxel, for masks and
    labels, 1 is linear; NaN outside. `numbered`: a mask's voxels above 0 get their numbers in its own file, from 1.

    Raises BadInputError if it holds several, or lies elsewhere; or a mask or labels hold fractions.
    """
    image = open_brain(path)
    if math.prod(image.shape[3:]) != 1:
        raise refusal(path.name, allowed="one map", got=tuple(image.shape))
    own = _grid(image)
    differ = grid.is_placed and own.is_placed and _find_turn(own, grid) is None
    is_resampled = differ and grid.resampled is not None
    at = slice(None) if is_resampled else _find_voxels(path, image, grid, np.arange(math.prod(grid.shape)))
    with reading(path, "whole volume", error=StorageError, advice=AGAIN):
        values = np.asarray(image.dataobj, dtype=np.float64).reshape(-1)
    known = values[np.isfinite(values)]
    parts = known[np.abs(known - np.rint(known)) > LABEL_ROUNDING * np.maximum(np.abs(known), 1)]
    if order == 0 and parts.size:
        advice = "A map of probabilities or of a statistic is no mask before a threshold is applied."
        raise refusal(path.name, allowed="a mask or labels of whole numbers", got=float(parts[0]), advice=advice)
    if numbered:
        values = np.where(values > 0, np.cumsum(values > 0), 0)
    return _resample(path, values.reshape(own.shape), own, grid, order) if is_resampled else values[at]


def _resample(path: Path, values: FloatArray, own: Grid, grid: Grid, order: int) -> npt.NDArray[np.float64]:
    """A map on another grid, (n,); of voxels without a value the others' share counts."""
    from nibabel import processing

    def bring(part: FloatArray) -> npt.NDArray[np.float64]:
        image, resample = _nibabel().Nifti1Image(part, own.affine), cast(Any, processing).resample_from_to
        moved = resample(image, (grid.shape, grid.affine), order=order, mode="grid-constant")
        return np.asarray(moved.dataobj, dtype=np.float64).reshape(-1)

    known = np.isfinite(values)
    share, found = bring(known.astype(np.float64)), bring(np.where(known, values, 0.0))
    found = np.where(share > MOSTLY, found / np.maximum(share, MOSTLY), np.nan)
    if (values > 0).any() and not (found > 0).any():
        raise refusal(
            path.name, allowed="a map that overlaps the grid it is resampled onto", got="no voxel above 0 there"
        )
    counts = f"{int((values > 0).sum()):,} voxels above 0 became {int((found > 0).sum()):,}"
    how = "the nearest voxel counts" if order == 0 else "linear"
    moved = f"({_describe(own)}) and was resampled onto that of the betas ({how}): {counts}."
    for said in (f"{path.name} lies on another grid {moved}", describe_forms(path)):
        if grid.resampled is not None and said not in ("", *grid.resampled):
            grid.resampled.append(said)
    return found


def order_voxels(numbers: FloatArray | IntArray) -> IntArray:
    """The voxels (n,) whose numbers, of `read_map`, are above 0, in the order of these: that of the mask's own file."""
    inside = np.flatnonzero(numbers > 0)
    return inside[np.argsort(numbers[inside], kind="stable")]


def read_labels(path: Path, grid: Grid) -> npt.NDArray[np.int64]:
    """Whole-number labels (n,) on a grid, in C order, 0 outside. Raises as `read_map`."""
    values = read_map(path, grid)
    return np.rint(np.where(np.isfinite(values), values, 0.0)).astype(np.int64)


def iter_trials(path: Path, grid: Grid, flat: IntArray, *, scale: float = 1.0) -> Iterator[npt.NDArray[np.float32]]:
    """Chosen voxels of a grid (by C-order index) of every map of a file, in blocks (n, n_voxels), each times `scale`.

    Raises BadInputError if the file lies on another grid, and StorageError if its data are damaged.
    """
    image, n_trials = open_brain(path), count_trials(path)
    at, axis = _find_voxels(path, image, grid, flat), _trial_axis(image, path)

    def read(start: int, stop: int) -> npt.NDArray[np.float32]:
        part = tuple(slice(start, stop) if place == axis else slice(None) for place in range(len(image.shape)))
        with reading(path, "whole volume", error=StorageError, advice=AGAIN):
            block = np.asarray(image.dataobj[part])
        return block.reshape(-1, stop - start)[at].T.astype(np.float32) * np.float32(scale)

    yield from iter_chunks(read, n_trials, chunk=TRIALS_AT_ONCE, what="trial")


def check_grid(path: Path, grid: Grid) -> None:
    """Raise BadInputError if a file does not lie on a grid, whichever way its axes run."""
    _find_voxels(path, open_brain(path), grid, np.zeros(1, dtype=np.int64))


def _find_voxels(path: Path, image: Any, grid: Grid, flat: IntArray) -> IntArray:
    """The C-order indices in a file of voxels of a grid: from grid to scanner, and from there to the file's indices."""
    own = _grid(image)
    on_surface = grid.shape[1:] == (1, 1) and not grid.is_placed
    if not on_surface and own.is_placed is not grid.is_placed:
        got = f"qform and sform {'unset' if grid.is_placed else 'set here, and unset in the mask or betas'}"
        advice = "Which side is left cannot be known; set one of them in all."
        raise refusal(path.name, allowed="in a known place beside the others", got=got, advice=advice)
    if not grid.is_placed:
        if own.shape != grid.shape:
            raise refusal(path.name, allowed=f"a map of shape {grid.shape}", got=own.shape)
        return flat
    whole = _find_turn(own, grid)
    if whole is None:
        raise refusal(path.name, allowed=f"a map of {_describe(grid)}", got=_describe(own), advice=OTHER_GRID)
    if (whole == np.eye(4)).all():
        return flat
    index = np.stack(np.unravel_index(flat, grid.shape), axis=1) @ whole[:3, :3].T + whole[:3, 3]
    return np.asarray(np.ravel_multi_index(tuple(index.astype(np.int64).T), own.shape))


def _find_turn(own: Grid, grid: Grid) -> FloatArray | None:
    """From indices of a grid to those of the same voxels on another one, (4, 4) of whole numbers; None if they differ.

    They do where their voxels do not meet, or one of them has more.
    """
    turn = np.linalg.inv(own.affine) @ grid.affine
    whole = np.rint(turn)
    corners = np.argwhere(np.ones((2, 2, 2))) * (np.array(grid.shape) - 1)
    apart = np.abs(corners @ (turn - whole)[:3, :3].T + (turn - whole)[:3, 3]).max()
    ends = corners @ whole[:3, :3].T + whole[:3, 3]
    differ = apart > SAME_VOXELS or (ends.min(axis=0) != 0).any() or (ends.max(axis=0) + 1 != own.shape).any()
    return None if differ else whole


def _describe(grid: Grid) -> str:
    return f"shape {grid.shape}, affine {np.round(grid.affine[:3], 3).tolist()}"
