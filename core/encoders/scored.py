"""What a fit is given, the readouts it consists of, and what these give back.

The readouts in order: outer folds, left-out categories, the encoder itself. Each trains on some images and predicts
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.checks import check_choice, refusal
from core.encoders.card import FloatMatrix
from core.encoders.config import EncoderConfig, RoiRegion, ScoringConfig
from core.encoders.crossval import make_folds
from core.encoders.ridge import Reducer
from core.seeds import derive_seed
from core.types import BoolArray, FloatArray, IntArray, VoxelTable

Grid = tuple[int, int, int]
"""(channels, rows, columns) of the pooled feature map; columns and rows are 1 where a layer has no map."""


@dataclass(frozen=True, slots=True, eq=False)
class VoxelGroup:
    """Voxels that read the same features: `voxels` indices, `columns` of the inputs they read, None for all."""

    voxels: IntArray
    columns: IntArray | None


def pooled_grid(feature_shape: tuple[int, ...], pool: int) -> Grid:
    """The grid after pooling a map (channels, height, width) or a vector (channels,)."""
    if len(feature_shape) != 3:
        return (int(np.prod(feature_shape)), 1, 1)
    channels, height, width = feature_shape
    return (channels, pool, pool) if pool else (channels, height, width)


def group_voxels(config: EncoderConfig, voxels: VoxelTable, grid: Grid) -> tuple[VoxelGroup, ...]:
    """One group for every region of the config, and one for all voxels without a region.

    Raises BadInputError if a region's ROI does not exist or is named twice, or a region holds no cell of the grid.
    """
    names = [region.roi for region in config.regions]
    if len(set(names)) < len(names):
        raise refusal("regions", allowed="one for each ROI", got=names)
    groups, free = [], np.ones(voxels.n_voxels, dtype=bool)
    for region in config.regions:
        check_choice("region", region.roi, voxels.roi_names)
        members = voxels.voxels_in(region.roi)
        free[members] = False
        groups.append(VoxelGroup(members, choose_columns(region, grid)))
    rest = np.flatnonzero(free)
    return (*groups, VoxelGroup(rest, None)) if rest.size else tuple(groups)


def choose_columns(region: RoiRegion, grid: Grid) -> IntArray:
    """The pooled features (channel-major) whose cell's centre lies in a region, ascending.

    Raises BadInputError if there is no map, or no cell has its centre inside.
    """
    channels, rows, columns = grid
    if rows * columns == 1:
        advice = "Choose a layer with a map, and no pooling to one cell."
        raise refusal("regions", allowed="empty without a feature map", got=region.roi, advice=advice)
    across = -1 + (2 * np.arange(columns) + 1) / columns
    up = 1 - (2 * np.arange(rows) + 1) / rows
    inside = np.outer(
        (up >= region.bottom) & (up <= region.top), (across >= region.left) & (across <= region.right)
    ).ravel()
    if not inside.any():
        allowed = f"large enough to hold the centre of a cell of the {rows} x {columns} grid"
        raise refusal("regions", allowed=allowed, got=tuple(region), advice="Use a finer pooling.")
    return np.flatnonzero(np.tile(inside, channels))


LEAST_IMAGES = 3
"""A correlation over fewer images is always 1 or undefined."""
NESTED, CATEGORY, ENCODER = "nested", "category", "encoder"


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One readout.

    Parameters
    ----------
    kind : "nested", "category" or "encoder".
    name : The outer fold's number or the category; "" for the encoder.
    train, predict : arrays of row indices
    """

    kind: str
    name: str
    train: IntArray
    predict: IntArray

    @property
    def stem(self) -> str:
        """Names its batches in a partial store."""
        return f"{self.kind}-{''.join(letter if letter.isalnum() else '_' for letter in self.name)}"

    def describe(self) -> str:
        """What is being fitted, for a progress line."""
        if self.kind == NESTED:
            return f"outer fold {int(self.name) + 1}"
        return f"without {self.name}" if self.kind == CATEGORY else "encoder"


def plan_tasks(
    scoring: ScoringConfig, *, images: Sequence[str], test: BoolArray, categories: Sequence[str]
) -> tuple[Task, ...]:
    """Every readout to fit; the encoder's own come last.

    Parameters
    ----------
    images : sequence of str, n_images long. Equal texts are copies of one image.
    test : (n_images,) bool
    categories : sequence of str, n_images long or empty

    Raises BadInputError if nothing is held out and there is no outer fold, a category does not exist or has too few
    images.
    """
    train, held_out = np.flatnonzero(~test), np.flatnonzero(test)
    if not held_out.size and not scoring.n_outer:
        advice = "Hold images out, or score by a nested cross-validation (--nested)."
        raise refusal("test", allowed="some held-out images", got=0, advice=advice)
    tasks = []
    if scoring.n_outer:
        seed = derive_seed(scoring.seed, "outer folds")
        folds = make_folds([images[row] for row in train.tolist()], scoring.n_outer, seed=seed)
        tasks += [Task(NESTED, str(number), np.delete(train, fold), train[fold]) for number, fold in enumerate(folds)]
    names = np.asarray(images)
    for name in resolve_categories(scoring.categories, categories):
        inside = np.asarray(categories) == name
        copied = np.isin(names, names[inside])
        rows = np.flatnonzero(~test & ~copied)
        if not rows.size:
            raise refusal("holdout_category", allowed="a category that leaves some training images", got=name)
        # Trained on without copies of its images; scored are its own rows, then the other held-out ones.
        scored = np.concatenate([np.flatnonzero(inside), np.flatnonzero(test & ~copied)])
        tasks.append(Task(CATEGORY, name, rows, scored))
    return (*tasks, Task(ENCODER, "", train, held_out))


def resolve_categories(wanted: Sequence[str], categories: Sequence[str]) -> tuple[str, ...]:
    """The categories to leave out; "all" stands for each of `LEAST_IMAGES` images or more. Raises BadInputError."""
    names, counts = np.unique([name for name in categories if name], return_counts=True)
    known = dict(zip(names.tolist(), counts.tolist(), strict=True))
    if wanted and not known:
        allowed = "empty for images without categories"
        raise refusal("holdout_category", allowed=allowed, got=", ".join(wanted))
    chosen: list[str] = []
    for name in wanted:
        if name == "all":
            chosen += [one for one, count in known.items() if count >= LEAST_IMAGES]
            continue
        check_choice("holdout_category", name, known)
        if known[name] < LEAST_IMAGES:
            allowed = f"a category of at least {LEAST_IMAGES} images"
            raise refusal("holdout_category", allowed=allowed, got=f"{name} ({known[name]})")
        chosen.append(name)
    return tuple(dict.fromkeys(chosen))


@dataclass(frozen=True, slots=True, eq=False)
class ScoredImages:
    """What an encoder is fitted to and scored on.

    Parameters
    ----------
    features : (n_images, n_inputs) float32. Pooled, maybe projected, features of `network_sha256`.
    responses : (n_images, n_voxels)
        Mean over repeats, in `response_unit`; read a batch of voxels at a time, so a memory map is welcome.
    images : tuple of str, n_images long
        What identifies images (the hash of the pixels): copies of one image stay in one fold.
    test : (n_images,) bool. The held-out images.
    noise_ceiling : (n_voxels,). Of the scored responses.
    voxels : Needed for regions and ROI intervals.
    categories : Of each image, or empty.
    grid : (channels, rows, columns), optional. Of the pooled feature map; needed for regions.
    widths : Number of inputs of each of the joined layers, where they are balanced.
    """

    features: FloatMatrix
    responses: FloatArray
    images: tuple[str, ...]
    test: BoolArray
    noise_ceiling: FloatArray
    response_unit: str
    network_sha256: str
    voxels: VoxelTable | None = None
    categories: tuple[str, ...] = ()
    grid: Grid | None = None
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class SecondSet:
    """Other images with responses of the same voxels or ROIs, to be predicted by the encoder as it is.

    features (n_images, n_inputs), responses (n_images, n_voxels of `voxels`), images: what identifies them.
    """

    name: str
    features: FloatMatrix
    responses: FloatArray
    images: tuple[str, ...]
    voxels: VoxelTable


@dataclass(slots=True, eq=False)
class TaskResult:
    """A task's numbers.

    Parameters
    ----------
    predicted : (n_predict, n_voxels) float32
    alpha, cv_r, intercept, reference_sd : (n_voxels,)
    reducers, weights : Of each group of voxels its reducer and weights (rank, n_group).
    """

    task: Task
    predicted: FloatArray
    alpha: FloatArray
    cv_r: FloatArray
    intercept: FloatArray
    reference_sd: FloatArray
    reducers: list[Reducer] = field(default_factory=list)
    weights: list[FloatArray] = field(default_factory=list)
