"""Makes a subject that has voxels and no recordings: what an imported encoder predicts.

It lies where imported subjects lie, can be chosen, targeted and probed, and cannot be fitted to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.checks import check_choice, refusal
from core.datasets.subject import TEXTS, ImageSource, SubjectHeader, list_subjects, user_subjects_folder
from core.datasets.subject_files import write_files
from core.files import new_folder
from core.types import VoxelTable

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
KINDS = ("measured", "simulated")


@dataclass(frozen=True, slots=True)
class BareSubject:
    """Who the voxels of an imported encoder are of.

    Parameters
    ----------
    id : str
        Letters, digits, _ and -.
    title, note, citation, licence : str
        As of any subject.
    surface : str
        The surface the voxels lie on.
    response_unit : str
        Unit of the predicted responses.
    kind : str
        "measured" or "simulated": what the encoder was fitted to.

    Raises
    ------
    BadInputError
        If the id is not one, or taken.
    """

    id: str
    title: str
    note: str
    citation: str = ""
    licence: str = ""
    surface: str = "fsaverage5"
    response_unit: str = "not stated"
    kind: str = "measured"

    def __post_init__(self) -> None:
        """Refuse an id no folder could have."""
        if not ID_PATTERN.fullmatch(self.id):
            raise refusal("new_subject", allowed="1 to 64 letters, digits, _ or -", got=self.id)
        check_choice("kind", self.kind, KINDS)


def check_new(identity: str) -> None:
    """Raise BadInputError if a subject of that id is there already."""
    if identity in {info.id for info in list_subjects()}:
        advice = "Choose another id, or use that subject."
        raise refusal("new_subject", allowed="an id not in use", got=identity, advice=advice)


def save_bare_subject(who: BareSubject, voxels: VoxelTable) -> Path:
    """Write the subject; returns its folder.

    Raises
    ------
    BadInputError
        If a subject of that id is there already.
    StorageError
        If it cannot be written; nothing half-written stays.
    """
    check_new(who.id)
    texts = {name: getattr(who, name) for name in TEXTS}
    header = SubjectHeader(**texts, rois=voxels.roi_names, images=(), image_source=ImageSource("files", Path(), ()))
    target = user_subjects_folder() / who.id
    none = np.zeros(0, dtype=np.int64)
    with new_folder(target) as folder:
        write_files(folder, header, voxels, held=none.astype(bool), n_trials=none)
    return target
