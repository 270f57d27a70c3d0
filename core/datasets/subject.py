"""The subjects, shipped and imported: voxels, the images they saw, responses.

Shipped ones lie under `resources/demo/subjects`, imported ones under `data_folder()/subjects`; each is a folder with
subject.json, voxels.npz and its responses: responses.npz (repeats) or responses.npy (means, memory-mapped).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.checks import check_choice, refusal
from core.containers import Arrays, list_arrays, load_arrays, reading
from core.datasets.photos import list_images
from core.datasets.surface_choice import place_on_surface, shown_surface
from core.datasets.voxel_sets import load_sets
from core.errors import StorageError
from core.headers import HeaderKind, read_record
from core.paths import data_folder, demo_folder
from core.progress import ShouldStop, check_stop, never_stop
from core.surfaces.store import surface_stamp
from core.types import IntArray, VoxelTable

HEADER_NAME, VOXELS_NAME = "subject.json", "voxels.npz"
TEXTS = ("id", "title", "kind", "note", "citation", "licence", "surface", "response_unit")
REPEATS_NAME, MEANS_NAME = "responses.npz", "responses.npy"
DRAWN_AT_ONCE = 64
"""Images whose noise is drawn between two looks at whether to stop."""


@dataclass(frozen=True, slots=True)
class SubjectInfo:
    """What a list of subjects shows; `kind` is "simulated" or "measured"."""

    id: str
    title: str
    kind: str
    note: str


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Where the images of an imported subject lie; they are read there, never copied.

    Parameters
    ----------
    kind : "files" or "hdf5".
    path : The folder the files lie in, or the HDF5 file.
    members : tuple of str, n_images long. File names below the folder, or rows of the array as digits.
    key : The array in the HDF5 file, (n, height, width, 3) uint8.
    """

    kind: str
    path: Path
    members: tuple[str, ...]
    key: str = ""


@dataclass(frozen=True, slots=True)
class SubjectHeader(SubjectInfo):
    """What subject.json says; the fields are those of `Subject`.

    `rois` names the labels of voxels.npz from 1 on; shipped subjects have no `categories` and no `image_source`;
    `imported` says which importer read what.
    """

    kind: Literal["simulated", "measured"]
    citation: str
    licence: str
    surface: str
    response_unit: str
    rois: tuple[str, ...]
    images: tuple[str, ...]
    categories: tuple[str, ...] = ()
    image_source: ImageSource | None = None
    imported: Mapping[str, str] | None = None

    @property
    def info(self) -> SubjectInfo:
        """The short form for lists."""
        return SubjectInfo(self.id, self.title, self.kind, self.note)


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One subject.

    Parameters
    ----------
    id, title : Its catalogue id, and how it is named wherever it is shown.
    kind : "simulated" or "measured".
    note : What a reader must know about the data, in one or two sentences.
    citation, licence : Whom to cite and under which terms the data are shared.
    surface : The surface `voxels` lie on: "fsaverage5".
    response_unit : Unit of the responses.
    image_ids : tuple of str, n_images long. The image of each row of the responses.
    test : (n_images,) bool. Held out: never used to fit.
    categories : tuple of str, n_images long. What each image shows: "face"; "" where unknown.
    n_trials : (n_images,) int. Repeats behind the mean of each image's responses.
    images : Where the images lie; None for those of the shipped catalogue.
    """

    id: str
    title: str
    kind: str
    note: str
    citation: str
    licence: str
    surface: str
    response_unit: str
    voxels: VoxelTable
    image_ids: tuple[str, ...]
    test: npt.NDArray[np.bool_]
    categories: tuple[str, ...] = ()
    n_trials: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    images: ImageSource | None = None

    def __post_init__(self) -> None:
        """Unknown categories and single trials where nothing else was said."""
        n_images = len(self.image_ids)
        if not self.categories:
            object.__setattr__(self, "categories", ("",) * n_images)
        if not len(self.n_trials):
            object.__setattr__(self, "n_trials", np.ones(n_images, dtype=np.int64))

    @property
    def named(self) -> str:
        """Its title, and its kind where the title does not say it."""
        return self.title if self.kind in self.title.lower() else f"{self.title} ({self.kind})"


def list_subjects() -> tuple[SubjectInfo, ...]:
    """Every subject: the simulated one first, the other shipped ones, then the imported ones by id.

    An imported subject whose header is damaged is left out, so that it never keeps the program from starting; loading
    it by its id says what is wrong.

    Raises StorageError if a shipped one is damaged.

    Examples
    --------
    >>> list_subjects()[0].id
    'simulated'
    """
    shipped = [_read_info(folder, _stamp(folder)) for folder in _folders(_shipped_folder())]
    ordered = sorted(shipped, key=lambda info: (info.kind != "simulated", info.id))
    taken = {info.id for info in ordered}
    return (*ordered, *(info for info in _list_imported() if info.id not in taken))


def load_subject(identity: str) -> Subject:
    """The subject of that id, without its responses.

    Raises BadInputError if there is no such subject, and the nearest id is named; StorageError if its files are missing
    or damaged.

    Examples
    --------
    >>> subject = load_subject("simulated")
    >>> subject.voxels.n_voxels, len(subject.image_ids), int(subject.test.sum())
    (1844, 1432, 298)
    """
    folder = _find(identity)
    recorded = _load(folder, _stamp(folder))
    surface = shown_surface(identity, own=recorded.surface)
    shown = _load_on_surface(folder, _stamp(folder), surface, surface_stamp(surface))
    sets = load_sets(identity, shown.voxels)
    return replace(shown, voxels=replace(shown.voxels, sets=sets)) if sets else shown


def load_as_recorded(identity: str) -> Subject:
    """The subject on the surface it came with, whatever surface was chosen for it. Raises as `load_subject`."""
    folder = _find(identity)
    return _load(folder, _stamp(folder))


def load_responses(identity: str, *, should_stop: ShouldStop = never_stop) -> npt.NDArray[np.float32]:
    """The responses of a subject, (n_images, n_repeats, n_voxels) in its unit; NaN for a repeat that was not run.

    Of a simulated subject the noiseless signal is stored, and the noise is drawn again from the stored seed. Of an
    imported one the means over repeats are stored: a read-only memory map (n_images, 1, n_voxels), to be read in parts.

    Raises BadInputError if there is no such subject, StorageError if its files are missing or damaged, and Cancelled.

    Examples
    --------
    >>> load_responses("simulated").shape  # images, repeats, voxels
    (1432, 3, 1844)
    """
    folder = _find(identity)
    if (folder / MEANS_NAME).is_file():
        return _map_means(folder)
    if not (folder / REPEATS_NAME).is_file() and not read_subject_header(folder).images:
        advice = "It was made from an imported encoder: it can be probed, not fitted to."
        raise refusal("subject", allowed="one with recordings", got=identity, advice=advice)
    arrays = load_arrays(folder / REPEATS_NAME)
    if "responses" in arrays:
        return arrays["responses"].astype(np.float32)
    try:
        signal = arrays["signal"].astype(np.float32)[:, np.newaxis]
        shape = (signal.shape[0], int(arrays["n_repeats"]), signal.shape[2])
        noise = draw_noise(int(arrays["seed"]), shape=shape, should_stop=should_stop)
        return signal + noise * arrays["noise_sd"]
    except KeyError as error:
        raise StorageError(f"{folder} is damaged: {error} is missing. {_advice(folder)}") from error


def user_subjects_folder() -> Path:
    """Where imported subjects lie."""
    return data_folder() / "subjects"


def is_shipped(identity: str) -> bool:
    """Whether that subject came with the program."""
    return (_shipped_folder() / identity / HEADER_NAME).is_file()


def _shipped_folder() -> Path:
    return demo_folder() / "subjects"


def _folders(parent: Path) -> list[Path]:
    # glob("*") gives names that start with a dot too: half-written folders are called so, and are no subjects.
    return [file.parent for file in sorted(parent.glob(f"*/{HEADER_NAME}")) if not file.parent.name.startswith(".")]


def _list_imported() -> list[SubjectInfo]:
    infos = []
    for folder in _folders(user_subjects_folder()):
        try:
            infos.append(_read_info(folder, _stamp(folder)))
        except StorageError:
            continue
    return sorted(infos, key=lambda info: info.id)


def _find(identity: str) -> Path:
    known = {
        folder.name: folder for parent in (user_subjects_folder(), _shipped_folder()) for folder in _folders(parent)
    }
    check_choice("subject", identity, dict(sorted(known.items())))
    return known[identity]


def _advice(folder: Path) -> str:
    imported = folder.parent == user_subjects_folder()
    return "Remove the subject and import it again." if imported else "Install the program again."


def read_subject_header(folder: Path) -> SubjectHeader:
    """What a subject's folder says of it. Raises StorageError if that is missing or damaged."""
    kind = HeaderKind("the header of a subject", _advice(folder), error=StorageError)
    return read_record(folder / HEADER_NAME, SubjectHeader, kind)


def _stamp(folder: Path) -> int:
    try:
        return (folder / HEADER_NAME).stat().st_mtime_ns
    except OSError as error:
        raise StorageError(f"{folder / HEADER_NAME} cannot be read ({error}). {_advice(folder)}") from error


@lru_cache(maxsize=256)
def _read_info(folder: Path, _stamp: int) -> SubjectInfo:
    return read_subject_header(folder).info


@lru_cache(maxsize=4)
def _load(folder: Path, _stamp: int) -> Subject:
    """Read a subject; the stamp makes one that was imported again another one."""
    header, arrays = read_subject_header(folder), load_arrays(folder / VOXELS_NAME)
    with reading(folder, "folder of a subject", error=StorageError, advice=_advice(folder)):
        return _build(header, arrays, folder)


@lru_cache(maxsize=4)
def _load_on_surface(folder: Path, stamp: int, surface: str, _surface_stamp: int) -> Subject:
    """A subject on the surface it is shown on; worked out anew when either was replaced."""
    recorded = _load(folder, stamp)
    voxels = place_on_surface(recorded.voxels, own=recorded.surface, name=surface)
    if surface == recorded.surface and voxels is recorded.voxels:
        return recorded
    return replace(recorded, surface=surface, voxels=voxels)


def _map_means(folder: Path) -> npt.NDArray[np.float32]:
    with reading(folder / MEANS_NAME, ".npy file", error=StorageError, advice=_advice(folder)):
        means = np.load(folder / MEANS_NAME, mmap_mode="r", allow_pickle=False)
    if means.ndim != 2 or means.dtype != np.float32:
        raise StorageError(f"{folder} is damaged: its responses are {means.dtype} {means.shape}. {_advice(folder)}")
    mapped: npt.NDArray[np.float32] = means[:, np.newaxis]
    return mapped


def _build(header: SubjectHeader, arrays: Arrays, folder: Path) -> Subject:
    voxels = VoxelTable(
        hemisphere=arrays["hemisphere"].astype(np.int8),
        vertex=arrays["vertex"].astype(np.int32),
        roi=tuple(header.rois[label - 1] if label else "" for label in arrays["roi"].tolist()),
        noise_ceiling=arrays["noise_ceiling"].astype(np.float32),
        paint=arrays["paint"].astype(np.int32),
    )
    texts = {name: getattr(header, name) for name in TEXTS}
    images, imported = header.images, header.image_source is not None
    groups = {} if imported else {info.id: info.group for info in list_images()}
    return Subject(
        **texts,
        voxels=voxels,
        image_ids=images,
        test=arrays["test"].astype(bool),
        categories=header.categories if imported else tuple(groups.get(one, "") for one in images),
        n_trials=arrays["n_trials"].astype(np.int64) if imported else _count_trials(folder, len(images)),
        images=header.image_source,
    )


def _count_trials(folder: Path, n_images: int) -> IntArray:
    """Repeats of each image of a shipped subject; all of a simulated one were run."""
    path, advice = folder / REPEATS_NAME, _advice(folder)
    with reading(path, "file of repeats", error=StorageError, advice=advice):
        if "n_repeats" in list_arrays(path):
            return np.full(n_images, int(load_arrays(path, only=["n_repeats"])["n_repeats"]), dtype=np.int64)
        responses = load_arrays(path, only=["responses"], advice=advice)["responses"]
        return np.asarray(np.isfinite(responses).all(axis=2).sum(axis=1), dtype=np.int64)


def draw_noise(seed: int, *, shape: tuple[int, ...], should_stop: ShouldStop = never_stop) -> npt.NDArray[np.float32]:
    """Independent standard normal numbers of a shape, the same for a seed for ever. Raises Cancelled.

    numpy promises an unchanging stream for RandomState only; the newer Generator may change with a release, and with it
    every noise ceiling and score that was stored for the simulated subject.
    """
    draw, noise = np.random.RandomState(seed), np.empty(shape, dtype=np.float32)
    for start in range(0, len(noise), DRAWN_AT_ONCE):
        check_stop(should_stop)
        part = noise[start : start + DRAWN_AT_ONCE]
        part[...] = draw.standard_normal(part.shape)
    return noise
