"""Measured trials and how files of them are to be read, as frozen records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.datasets.image_files import strip_ending
from core.datasets.tables import is_missing
from core.types import FloatArray

STIMULUS_ENDINGS = (".png",)
"""Endings taken off an id; others may be part of it ("...-l2-0.5")."""

HTML_IMAGE = re.compile(r"""<img\b[^>]*?\bsrc\s*=\s*["']?([^"'>\s]+)""", re.IGNORECASE)
SIMULATED = "simulated"
"""A column of this name marks a table of simulated responses, and so does this word in its lines."""
TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".json")
ARRAY_ENDINGS = (".npy", ".npz", ".h5", ".hdf5")
VOLUME_ENDINGS = (".nii", ".nii.gz")
ENDINGS = (*TABLE_ENDINGS, *ARRAY_ENDINGS, *VOLUME_ENDINGS)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are to be read where they do not say so themselves.

    Parameters
    ----------
    id_column, session_column : Of tables; "" finds them by name.
    ids : Of arrays and volumes: files with the stimulus of each trial, one a line, or tables (BIDS events). As many as
        measured files, or the runs of a single one in their order.
    key : Of npz and HDF5 files with several arrays: which holds the responses.
    columns : Of arrays: names of the columns; ("voxels",) says that they are the subject's voxels in order.
    rois : Of volumes: masks whose mean is taken, by name.
    mask : Of volumes: its voxels become columns, numbered in the order of its own file (C order).
    resample : Whether masks of another grid than the volumes' are brought onto it, by the nearest voxel; refused
        otherwise.
    """

    id_column: str = ""
    session_column: str = ""
    ids: tuple[Path, ...] = ()
    key: str = ""
    columns: tuple[str, ...] = ()
    rois: tuple[tuple[str, Path], ...] = ()
    mask: Path | None = None
    resample: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Every trial with a stimulus.

    Parameters
    ----------
    ids : tuple of str, n_trials long. The stimulus of each trial.
    sessions : tuple of str, n_trials long. What was measured together; "" where nothing says so.
    columns : tuple of str, n_columns long. What was measured: voxels, ROIs, a reaction time.
    values : (n_trials, n_columns) float64. NaN where nothing was measured.
    n_skipped : Trials without a stimulus: blanks, fixation, catch trials.
    notes : What was decided while reading, a sentence each.
    is_simulated : Whether the file says that its responses are simulated.
    texts : Columns left out because they hold text, and the first such text.
    """

    ids: tuple[str, ...]
    sessions: tuple[str, ...]
    columns: tuple[str, ...]
    values: FloatArray
    n_skipped: int = 0
    notes: tuple[str, ...] = field(default=())
    is_simulated: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)


def name_stimulus(text: str) -> str:
    """The id in a field that may hold a file's path: "stimuli/face_raise.png" is "face_raise"; "" for no stimulus."""
    word = text.strip().removeprefix("'")  # as `protect_cell` writes it
    shown = HTML_IMAGE.findall(word)  # jsPsych shows pieces of HTML; its fixation has no image
    word = shown[0] if len(shown) == 1 else word
    word = word.partition("?")[0] if "://" in word else word
    if is_missing(word) or word.startswith("<"):
        return ""
    return strip_ending(word) if word.casefold().endswith(STIMULUS_ENDINGS) else word
