"""The options of importing a recording, checked before anything is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.checks import check_choice, check_count, refusal
from core.datasets.image_files import find_ids
from core.datasets.recording import Recording
from core.datasets.subject import is_shipped, user_subjects_folder
from core.datasets.tables import read_text
from core.types import BoolArray

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
OWN, REPEATED = "own", "repeated"
DEFAULT_SHARE = 0.15
"""Held out where a recording sets nothing aside itself."""
FEWEST, REFUSE = "fewest", "refuse"
BAD_VOXELS = (FEWEST, "drop", REFUSE)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """One import.

    Parameters
    ----------
    subject : The id the subject gets: letters, digits, - and _.
    title : Shown instead of the recording's own title, if given.
    participant : Which of the people in the source: "subj01"; by default the first.
    space : Of recordings that come in several: "func1pt8mm" or "fsaverage"; by default the first that is there.
    betas : Of recordings with several kinds of betas: "betas_fithrf_GLMdenoise_RR"; by default the best that is there.
    mask : Voxels to keep: "" for what is usual for the kind, "all", or the name of a mask or of a set of ROIs there.
    rois : Keep only voxels of these ROIs; all if empty.
    surface : Surface the voxels lie on; "" for what is usual for the kind.
    held_out : "own" (what the recording sets aside, else a share), "repeated" (images with the most repeats), a share
        such as "0.2", or a text file with one image id a line.
    images : Folder or HDF5 file of the images, if it is not where the recording usually has it.
    categories : CSV or TSV with columns image and category.
    bad_voxels : "fewest" leaves out voxels with a missing value, or the trials that miss one where these are at
        most half the share, "drop" always the voxels, "refuse" stops; voxels that never vary go with the first two.
    seed : Draws the held-out share.
    averaged : How many repeats each row already is the mean of; 0 for what the source says. A noise ceiling from a
        published ncsnr of single trials counts each row as so many.
    resample : Whether masks, ROIs and ncsnr of another grid than the betas' are resampled onto it; refused otherwise.

    Raises BadInputError if a value is not allowed.
    """

    subject: str
    title: str = ""
    participant: str = ""
    space: str = ""
    betas: str = ""
    mask: str = ""
    rois: tuple[str, ...] = ()
    surface: str = ""
    held_out: str = OWN
    images: Path | None = None
    categories: Path | None = None
    bad_voxels: str = FEWEST
    seed: int = 0
    averaged: int = 0
    resample: bool = False

    def __post_init__(self) -> None:
        if not ID_PATTERN.fullmatch(self.subject):
            allowed = "up to 64 letters, digits, - and _"
            raise refusal("subject", allowed=allowed, got=self.subject, advice="Try sub-01.")
        check_choice("bad_voxels", self.bad_voxels, BAD_VOXELS)
        check_count("averaged", self.averaged, least=0, advice="It is the number of repeats behind each row.")
        self.held_out_share()

    def held_out_share(self) -> float | None:
        """The share of images to hold out, None if another rule is asked for."""
        if self.held_out in (OWN, REPEATED) or Path(self.held_out).suffix in (".txt", ".csv"):
            return None
        try:
            share = float(self.held_out)
        except ValueError:
            share = -1.0
        if not 0 < share < 1:
            allowed = "own, repeated, a share between 0 and 1, or a .txt file of image ids"
            raise refusal("held_out", allowed=allowed, got=self.held_out)
        return share


def check_new_subject(identity: str) -> Path:
    """The folder of a new subject. Raises BadInputError if the id is taken."""
    folder = user_subjects_folder() / identity
    if is_shipped(identity) or folder.exists():
        origin = "ships with the program" if is_shipped(identity) else "was imported before"
        advice = f"{identity} {origin}. Choose another id"
        advice += "." if is_shipped(identity) else f", or remove it: `main.py subjects remove {identity}`."
        raise refusal("subject", allowed="a new id", got=identity, advice=advice)
    return folder


def choose_held_out(options: ImportOptions, recording: Recording) -> BoolArray:
    """The images to hold out, (n_images,) bool, by the rule of the options.

    Raises BadInputError if the rule holds out none or all, or a file names an image that is not there.
    """
    share, own = options.held_out_share(), recording.held_out
    if share is None and options.held_out == OWN:
        held = own if own is not None and own.any() else _draw(recording.categories, DEFAULT_SHARE, options.seed)
    elif share is None and options.held_out == REPEATED:
        held = recording.n_trials == recording.n_trials.max()
    elif share is None:
        held = _read_ids(Path(options.held_out), recording.image_ids)
    else:
        held = _draw(recording.categories, share, options.seed)
    if not held.any() or held.all():
        got = f"{int(held.sum())} of {len(held)} images"
        advice = "Give a share, such as 0.2, or a file of image ids."
        raise refusal("held_out", allowed="some images, not all", got=got, advice=advice)
    return np.asarray(held, dtype=bool)


def _draw(categories: tuple[str, ...], share: float, seed: int) -> BoolArray:
    """A share of every category, at least one of each that has three or more; of all where none has so many."""
    draw, kinds = np.random.default_rng(seed), np.asarray(categories)
    held = np.zeros(len(kinds), dtype=bool)
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        count = max(round(share * len(members)), int(len(members) >= 3))
        held[draw.permutation(members)[:count]] = True
    return held if held.any() or len(set(categories)) < 2 else _draw(("",) * len(kinds), share, seed)


def _read_ids(file: Path, image_ids: tuple[str, ...]) -> BoolArray:
    lines = read_text(file, "text file of held-out images").split("\n")
    wanted = sorted({line.strip() for line in lines if line.strip()})
    places = find_ids(wanted, image_ids)
    unknown = [name for name, found in zip(wanted, places, strict=True) if len(found) != 1]
    if unknown:
        advice = f"{len(unknown)} ids of the file are unknown." if len(unknown) > 1 else ""
        raise refusal("held_out", allowed="ids of images the subject saw", got=unknown[0], advice=advice)
    return np.isin(np.arange(len(image_ids)), [place for found in places for place in found])


def choose_participant(options: ImportOptions, people: Iterable[str], *, source: Path, allowed: str) -> str:
    """The participant asked for, or the first. Raises BadInputError if there is none; `allowed` says what holds one."""
    known = tuple(people)
    if not known:
        raise refusal("source", allowed=allowed, got=str(source))
    return check_choice("participant", options.participant or known[0], known)
