"""What every importer returns: a recording whose headers were read, but not its responses.

An importer reads headers, the design and the ROI labels (seconds), and gives a `Recording`: who saw what in which
trial, where the voxels lie, and for each session a function that reads it. `core.datasets.importer` does the rest,
the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import compress
from pathlib import Path

import numpy as np

from core.checks import refusal
from core.containers import reading
from core.datasets.subject import ImageSource
from core.errors import StorageError
from core.headers import HeaderKind, read_record
from core.paths import resources_folder
from core.surfaces.paint import Places
from core.types import BoolArray, FloatArray, IntArray
from core.words import name_some

KINDS = HeaderKind("the list of kinds of recordings", "Install the program again.", error=StorageError, syntax="toml")
SHOWN = 4
"""Names told of many."""
LARGE_NCSNR = 10
"""A noise ceiling of 99 % for a single trial, which no recording has in most of its voxels."""
UNUSED = -1
"""The image of a trial that is not used."""


@dataclass(frozen=True, slots=True)
class RecordingKind:
    """A kind of recordings: its title, what to point to, whom to cite and under which terms where that is known."""

    title: str
    hint: str
    citation: str = ""
    licence: str = ""


@cache
def list_kinds() -> dict[str, RecordingKind]:
    """What is known of each kind, by its name, in the order a folder is tried."""
    return read_record(resources_folder() / "recordings.toml", dict[str, RecordingKind], KINDS)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSession:
    """One part of a recording that is read at once.

    Parameters
    ----------
    name : How messages call it: "session 7".
    images : (n_trials,) int. The image of each trial as a row of `Recording.image_ids`; -1 for a trial not used.
    read : Reads the chosen voxels of all its trials, in order: one array (n_trials, n_voxels) of its own (it is changed
        later), or blocks (n, n_voxels) one after another, between which an import can be stopped.
    """

    name: str
    images: IntArray
    read: Callable[[], FloatArray | Iterator[FloatArray]]


def split_sessions(
    labels: Sequence[object], images: IntArray, read: Callable[[IntArray], FloatArray | Iterator[FloatArray]]
) -> tuple[RecordedSession, ...]:
    """A part for each session, in order of first appearance; `labels` and `images` are those of each trial.

    `read` gives the responses of chosen trials, by number ascending, (n_trials, n_voxels), or blocks of them.
    """
    rows = {name: np.flatnonzero(np.asarray(labels) == name) for name in dict.fromkeys(labels)}
    return tuple(RecordedSession(f"session {name}", images[at], partial(read, at)) for name, at in rows.items())


@dataclass(frozen=True, slots=True, eq=False)
class VoxelPlan:
    """The chosen voxels before a response was read.

    Parameters
    ----------
    roi : tuple of str, n_voxels long
    ncsnr : (n_voxels,) float, optional. Signal SD over noise SD of a single trial, as published with the data.
    noise_ceiling : (n_voxels,) float, optional. Noise ceiling in [0, 1] as published with the data; wins over `ncsnr`.

    Raises BadInputError if an ncsnr is below 0, or half of them are no ratios of SDs.
    """

    places: Places
    roi: tuple[str, ...]
    ncsnr: FloatArray | None = None
    noise_ceiling: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.ncsnr is not None and (self.ncsnr < 0).any():
            advice = "It is the SD of the signal over that of the noise: give such a map, or take the file away."
            raise refusal("ncsnr", allowed="at least 0", got=float(np.nanmin(self.ncsnr)), advice=advice)
        if self.ncsnr is not None and (self.ncsnr > LARGE_NCSNR).mean() > 0.5:
            advice = "Percent of variance p are a ratio of sqrt(p / (100 - p)), where they are of single trials."
            got = f"over {LARGE_NCSNR} in most voxels"
            raise refusal("ncsnr", allowed="the SD of the signal over that of the noise", got=got, advice=advice)

    @property
    def n_voxels(self) -> int:
        """Number of voxels."""
        return len(self.roi)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recording ready to be imported.

    Parameters
    ----------
    kind : The importer it came from: "nsd".
    source : What the user pointed to.
    participant : Which of the people in the source; "" where there is one.
    people : All of them.
    title, note, citation, licence : As in `Subject`; the last two are the kind's where they are "".
    is_simulated : Whether the data are simulated, as their description says.
    missing : Sessions that belong to the recording and are not there.
    zscore : Whether each voxel is brought to mean 0 and SD 1 over the trials of each session.
    image_ids, categories : tuple of str, n_images long
    held_out : (n_images,) bool. The images the recording itself sets aside for testing; None if it sets aside none.
    averaged : How many repeats each trial already is the mean of, as the source says.
    remarks : What a reader should know about this import, one sentence each; that of the voxels' places comes last.
    """

    kind: str
    source: Path
    title: str
    note: str
    response_unit: str
    voxels: VoxelPlan
    sessions: tuple[RecordedSession, ...]
    image_ids: tuple[str, ...]
    categories: tuple[str, ...]
    images: ImageSource
    zscore: bool
    participant: str = ""
    people: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    held_out: BoolArray | None = None
    held_out_name: str = ""
    is_simulated: bool = False
    averaged: int = 1
    remarks: tuple[str, ...] = ()
    citation: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        remarks = dict.fromkeys((*self.remarks, self.voxels.places.remark))
        object.__setattr__(self, "remarks", tuple(text for text in remarks if text))
        for name in ("citation", "licence"):
            object.__setattr__(self, name, getattr(self, name) or getattr(list_kinds()[self.kind], name))

    @property
    def surface(self) -> str:
        """Name of the surface the voxels lie on; "" for none."""
        return self.voxels.places.surface

    @property
    def n_trials(self) -> IntArray:
        """Trials of each image, (n_images,)."""
        counts = np.zeros(len(self.image_ids), dtype=np.int64)
        for session in self.sessions:
            used = session.images[session.images != UNUSED]
            counts += np.bincount(used, minlength=len(counts))
        return counts


def describe_order(what: str, names: Sequence[str]) -> str:
    """A remark on an order that names alone give: "Sessions in the order of their names: s1, s2, s10."."""
    shown = [*names[:SHOWN], "...", *names[-1:]] if len(names) > SHOWN + 1 else names
    return f"{what} in the order of their names: {', '.join(shown)}."


def leave_out(recording: Recording, trials: Sequence[BoolArray], *, why: str) -> Recording:
    """The recording without some trials of each session, and images that have no other, with remarks that name them."""
    given = zip(recording.sessions, trials, strict=True)
    sessions = [replace(one, images=np.where(out, UNUSED, one.images)) for one, out in given]
    named = [
        f"{trial + 1} of {session.name}"
        for session, out in zip(recording.sessions, trials, strict=True)
        for trial in np.flatnonzero(out & (session.images != UNUSED))
    ]
    remarks = [f"{why} are left out, {len(named):,}: {name_some(named, SHOWN)}."] if named else []
    shown = replace(recording, sessions=tuple(sessions)).n_trials > 0
    gone = list(compress(recording.image_ids, (recording.n_trials > 0) & ~shown))
    if not gone:
        return replace(recording, sessions=tuple(sessions), remarks=(*recording.remarks, *remarks))
    remarks.append(f"Images without another trial are left out, {len(gone):,}: {name_some(gone, SHOWN)}.")
    rows = np.append(np.where(shown, np.cumsum(shown) - 1, UNUSED), UNUSED)  # the last one is that of UNUSED
    return replace(
        recording,
        sessions=tuple(replace(one, images=rows[one.images]) for one in sessions),
        image_ids=tuple(compress(recording.image_ids, shown)),
        categories=tuple(compress(recording.categories, shown)),
        images=replace(recording.images, members=tuple(compress(recording.images.members, shown))),
        held_out=None if recording.held_out is None else recording.held_out[shown],
        remarks=(*recording.remarks, *remarks),
    )


def reading_source(name: str) -> AbstractContextManager[None]:
    """Word a source that cannot be read, is none, or went away half way, as a StorageError."""
    return reading(name, "recording", error=StorageError, advice="Nothing was imported; bring it back.")
