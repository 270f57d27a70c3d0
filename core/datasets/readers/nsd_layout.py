"""Where the files of the Natural Scenes Dataset lie, and which image was shown in which trial.

nsddata/experiments/nsd/nsd_expdesign.mat                 masterordering, subjectim, sharedix (all 1-based)
nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5              imgBrick (73000, 425, 425, 3) uint8
nsddata_betas/ppdata/subjAA/func1pt8mm/BETAS/             betas_sessionBB.hdf5 or .nii.gz, ncsnr.nii.gz
nsddata_betas/ppdata/subjAA/fsaverage/BETAS/              lh.betas_sessionBB.mgh, rh. ..., lh.ncsnr.mgh, rh. ...
nsddata/ppdata/subjAA/func1pt8mm/roi/NAME.nii.gz          prf-visualrois, floc-*, streams, nsdgeneral
nsddata/freesurfer/fsaverage/label/lh.NAME.mgz            of the group, or of the subject in subjAA/label_fsaverage
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import check_choice, refusal
from core.datasets.import_options import ImportOptions
from core.types import IntArray

TRIALS_A_SESSION = 750
N_SESSIONS = {1: 40, 2: 40, 3: 32, 4: 30, 5: 40, 6: 32, 7: 40, 8: 30}
"""Sessions each subject took part in."""
N_IMAGES = 73_000
SPACES = ("func1pt8mm", "func1mm", "fsaverage")
BETAS = ("betas_fithrf_GLMdenoise_RR", "betas_fithrf", "betas_assumehrf")
"""Best first."""
SESSION = re.compile(r"(?:lh\.)?betas_session(\d{2})\.(?:hdf5|nii\.gz|nii|mgh)$")


@dataclass(frozen=True, slots=True)
class NsdFiles:
    """The files of one subject in one space.

    `sessions` maps numbers to the file of the whole volume, or of the left hemisphere.
    """

    root: Path
    participant: str
    people: tuple[str, ...]
    space: str
    betas: Path
    sessions: dict[int, Path]

    @property
    def number(self) -> int:
        """The subject's number, 1 to 8."""
        return int(self.participant.removeprefix("subj"))

    @property
    def missing(self) -> tuple[str, ...]:
        """The sessions that are not there."""
        every = range(1, N_SESSIONS.get(self.number, max(self.sessions)) + 1)
        return tuple(f"session {number:02d}" for number in every if number not in self.sessions)

    @property
    def roi_folder(self) -> Path:
        """Where the ROI label maps lie."""
        data = self.root / "nsddata"
        if self.space == "fsaverage":
            own = data / "freesurfer" / self.participant / "label_fsaverage"
            return own if own.is_dir() else data / "freesurfer" / "fsaverage" / "label"
        return data / "ppdata" / self.participant / self.space / "roi"


def find_root(source: Path) -> Path | None:
    """The folder that holds nsddata_betas: the source or one above it; None if there is none."""
    for folder in (source, *source.parents):
        if (folder / "nsddata_betas" / "ppdata").is_dir():
            return folder
    return None


def find_files(source: Path, options: ImportOptions) -> NsdFiles:
    """The files of the chosen subject and space. Raises BadInputError if there are none."""
    root = find_root(source)
    if root is None:
        raise refusal("source", allowed="a folder with nsddata_betas/ppdata", got=str(source))
    ppdata = root / "nsddata_betas" / "ppdata"
    people = tuple(entry.name for entry in sorted(ppdata.iterdir()) if re.fullmatch(r"subj\d\d", entry.name))
    pointed = next((part for part in source.parts[len(root.parts) :] if part in people), "")
    participant = options.participant or pointed or next(iter(people), "")
    check_choice("participant", participant, people, advice="" if people else f"{ppdata} holds no subj01, subj02, ...")
    for space in [check_choice("space", options.space, SPACES)] if options.space else SPACES:
        for kind in [options.betas] if options.betas else BETAS:
            found = _sessions_in(ppdata / participant / space / kind)
            if found:
                return NsdFiles(root, participant, people, space, ppdata / participant / space / kind, found)
    wanted = f"{options.space or ' or '.join(SPACES)}, {options.betas or ' or '.join(BETAS)}"
    raise refusal("source", allowed=f"one with beta sessions ({wanted})", got=str(ppdata / participant))


def _sessions_in(folder: Path) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    # .hdf5 over .nii.gz (the last of a number stays): it is read in parts without unpacking what comes before.
    found = [(match, entry) for entry in sorted(folder.iterdir(), reverse=True) if (match := SESSION.match(entry.name))]
    chosen = {int(match[1]): entry for match, entry in found}
    return {number: chosen[number] for number in sorted(chosen)}


@dataclass(frozen=True, slots=True, eq=False)
class NsdDesign:
    """Images of one subject's trials, from 0: `order` (n_trials,) rows of nsd_stimuli, `shared` the shared ones."""

    order: npt.NDArray[np.int64]
    shared: npt.NDArray[np.int64]

    def of_session(self, number: int) -> IntArray:
        """The rows of nsd_stimuli shown in a session, (750,)."""
        start = (number - 1) * TRIALS_A_SESSION
        return self.order[start : start + TRIALS_A_SESSION]


def read_design(root: Path, number: int) -> NsdDesign:
    """Who saw what. Raises BadInputError if nsd_expdesign.mat is missing or is another file."""
    from scipy.io import loadmat

    file = root / "nsddata" / "experiments" / "nsd" / "nsd_expdesign.mat"
    if not file.is_file():
        raise refusal("source", allowed=f"one with {file.relative_to(root)}", got=str(root))
    try:
        content: dict[str, Any] = loadmat(file, variable_names=("masterordering", "subjectim", "sharedix"))
        master, shown, shared = (
            np.asarray(content[name], dtype=np.int64) for name in ("masterordering", "subjectim", "sharedix")
        )
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        got = f"{file.name} ({error})"
        raise refusal("design", allowed="a nsd_expdesign.mat", got=got) from error
    if shown.ndim != 2 or not 1 <= number <= len(shown) or master.min() < 1 or master.max() > shown.shape[1]:
        got = f"masterordering up to {master.max()}, subjectim {shown.shape}"
        raise refusal("design", allowed="1-based numbers into subjectim", got=got)
    return NsdDesign(order=shown[number - 1][master.ravel() - 1] - 1, shared=shared.ravel() - 1)
