"""Finds the volumes of a set by their names: plain ones, or those of BIDS in one folder or in folders of participants.

mask.nii.gz         sub-01_desc-brain_mask.nii.gz, or sub-01_ses-1_task-a_run-1_desc-brain_mask.nii.gz for each run
betas_1.nii.gz      sub-01_ses-1_run-1_desc-betas_bold.nii.gz, ..._stat-effect_statmap.nii.gz, ..._betas.nii.gz
roi_FFA.nii.gz      sub-01_label-FFA_mask.nii.gz
ncsnr.nii.gz        sub-01_stat-ncsnr_statmap.nii.gz, ..._ncsnr.nii.gz
trials.csv          sub-01_ses-1_run-1_events.tsv: each belongs to the betas whose names do not contradict its own
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import compress, groupby
from pathlib import Path

import numpy as np

from core.checks import check_choice, refusal
from core.datasets.import_options import ImportOptions
from core.datasets.tables import is_missing, read_table, to_numbers
from core.surfaces.volumes import count_trials
from core.words import natural_order

VOLUMES, TABLES = (".nii", ".nii.gz"), (".csv", ".tsv")
ENTITY = re.compile(r"(?:^|_)([a-zA-Z]+)-([^_]+)")
SHARED = ("sub", "ses", "task", "acq", "run")
"""Entities by which a table of events belongs to betas."""
RUN, KIND = {"task", "run"}, ("desc", "res")
"""Entities of the mask of a run, of which one of the anatomy has none, and those of what it is a mask of."""
MOST_NAMED = 3
IMAGE_COLUMNS = ("image", "stim_file", "stimulus")
PLACES = [above + below for above in ("", "ses-*/", "sub-*/", "sub-*/ses-*/") for below in ("", "func/", "anat/")]


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file by its name: what it is ("" for nothing known), its name without ending, its BIDS entities."""

    path: Path
    role: str
    stem: str
    entities: dict[str, str]

    @property
    def roi(self) -> str:
        """The ROI it is a mask of."""
        return self.entities.get("label") or self.stem.removeprefix("roi_")


def list_files(source: Path) -> list[NamedFile]:
    """What is known by its name in a folder, in the order people count."""
    found = {path for place in PLACES for path in source.glob(f"{place}*") if path.name.endswith((*VOLUMES, *TABLES))}
    places = sorted((path.relative_to(source) for path in found), key=lambda place: natural_order(place.as_posix()))
    return [_read_name(source, place) for place in places]


def _read_name(source: Path, place: Path) -> NamedFile:
    """What the name says, and the folders (`sub-01/ses-1`) where it does not."""
    stem = re.sub(r"\.(nii|nii\.gz|csv|tsv)$", "", place.name)
    entities, suffix = dict(ENTITY.findall(stem)), stem.rpartition("_")[2]
    is_bids, stat = "sub" in entities, entities.get("stat", "")
    words = [word.lower() for word in ((suffix, stat) if stat else (suffix, entities.get("desc", "")))]
    roles = {
        "": not is_bids and not (stem.startswith(("betas", "roi_")) or stem in ("mask", "ncsnr", "trials")),
        "trials": place.name.endswith(TABLES) and suffix in ("trials", "events"),
        "table": place.name.endswith(TABLES),
        "ncsnr": "ncsnr" in words,
        "betas": stem.startswith("betas") or "effect" in words or any(word.startswith("beta") for word in words),
        "roi": stem.startswith("roi_") or (suffix == "mask" and "label" in entities),
        "mask": suffix == "mask",
    }
    folders = dict(part.split("-", 1) for part in place.parts[:-1] if "-" in part)
    role = next((role for role, holds in roles.items() if holds), "")
    return NamedFile(source / place, role, stem, folders | entities)


@dataclass(frozen=True, slots=True)
class VolumeSet:
    """One participant's files; `counts` are volumes of each, `names` the image of each volume, "" for none.

    `masks` is one, or those of all runs where there are others beside.
    """

    masks: list[Path]
    betas: list[Path]
    counts: list[int]
    rois: list[tuple[str, Path]]
    ncsnr: Path | None
    names: list[str]
    participant: str
    people: tuple[str, ...]
    are_of_runs: bool


def find_set(source: Path, options: ImportOptions) -> VolumeSet:
    """The files of a participant and space. Raises BadInputError if one is missing, or unclear among several."""
    files = list_files(source)
    people = tuple(
        dict.fromkeys(file.entities["sub"] for file in files if file.role == "betas" and "sub" in file.entities)
    )
    wanted = options.participant.removeprefix("sub-") or next(iter(people), "")
    participant = check_choice("participant", wanted, people) if people else ""
    files = [file for file in files if file.entities.get("sub", participant) == participant]
    betas = [file for file in files if file.role == "betas"]
    spaces = list(dict.fromkeys(file.entities.get("space", "") for file in betas))
    space = options.space or next(iter(spaces), "")
    if len(spaces) > 1 and not options.space:
        got = f"betas in {' and '.join(name or 'no named space' for name in spaces)}"
        raise refusal("space", allowed="named where there are several", got=got, advice="Choose one with --space.")
    betas = [file for file in betas if file.entities.get("space", "") == space]
    here = [file for file in files if file.entities.get("space", space) == space]
    masks = list({(file.path.parent, file.stem): file for file in here if _is_mask(file, options.mask)}.values())
    masks = [file for file in masks if file.stem == "mask"] or masks
    if not masks or not betas:
        allowed = f"a folder with {options.mask or 'mask'}.nii.gz and betas_*.nii.gz, or such files named as BIDS does"
        raise refusal("source", allowed=allowed, got=str(source))
    own = [[mask for mask in masks if RUN & mask.entities.keys() and _belongs(mask, one)] for one in betas]
    of_runs = [mask for mask in masks if any(mask in found for found in own)]
    are_one_kind = len({tuple(mask.entities.get(name) for name in KIND) for mask in of_runs}) == 1
    are_of_runs = len(masks) > 1 and not options.mask and all(own) and are_one_kind
    if are_of_runs:
        masks = of_runs
    elif len(masks) > 1:
        got = ", ".join(file.path.name for file in masks[:MOST_NAMED])
        raise refusal("mask", allowed="one mask", got=got, advice="Name one with --mask, or leave one there.")
    rois = [(file.roi, file.path) for file in sorted(here, key=lambda one: one.path.name) if file.role == "roi"]
    known = [file.path for file in here if file.role == "ncsnr"]
    if len(known) > 1:
        got = ", ".join(path.name for path in known[:MOST_NAMED])
        raise refusal("ncsnr", allowed="one map of a single trial's", got=got, advice="Leave one there.")
    ncsnr = next(iter(known), None)
    for place, file in enumerate(betas):
        if any((file.stem, file.entities) == (one.stem, one.entities) for one in betas[:place]):
            advice = "It lies there twice, in two folders or packed and unpacked: leave one."
            raise refusal("betas", allowed="each there once", got=file.path.name, advice=advice)
    counts = _count_volumes(betas)
    tables = [file for file in files if file.role == "trials"]
    tables = [file for file in tables if file.stem == "trials"] or tables
    names = _read_trials(tables, betas, counts, source)
    paths, betas_paths = ([file.path for file in files] for files in (masks, betas))
    return VolumeSet(paths, betas_paths, counts, rois, ncsnr, names, participant, people, are_of_runs)


def _count_volumes(betas: list[NamedFile]) -> list[int]:
    """Refuses a mixture of sessions and single trials: which of them a line of the trials means would be a guess."""
    counts = [count_trials(file.path) for file in betas]
    single = [file.path.name for file, count in zip(betas, counts, strict=True) if count == 1]
    if single and len(single) < len(betas):
        got = f"{len(betas) - len(single)} 4-D and {len(single)} 3-D ({', '.join(single[:MOST_NAMED])})"
        advice = "Give a file that holds no trials another name, one that does not begin with `betas`."
        raise refusal("betas", allowed="all 4-D, one a session, or all 3-D, one a trial", got=got, advice=advice)
    return counts


def _is_mask(file: NamedFile, wanted: str) -> bool:
    if not wanted:
        return file.role == "mask"
    known = (file.stem, file.entities.get("desc"), file.entities.get("label"))
    return file.path.name.endswith(VOLUMES) and file.role != "betas" and wanted in known


def _read_trials(tables: list[NamedFile], betas: list[NamedFile], counts: list[int], source: Path) -> list[str]:
    """The image of every volume of the betas, in their order: from the tables that belong to each."""
    names: list[str] = []
    pairs = zip(betas, counts, strict=True)
    for own, group in groupby(pairs, key=lambda pair: [one for one in tables if _belongs(one, pair[0])]):
        paths, numbers = zip(*((file.path, count) for file, count in group), strict=True)
        if not own:
            allowed = f"a folder with trials.csv, or an events table beside {paths[0].name}"
            raise refusal("source", allowed=allowed, got=str(source))
        lines = [line for one in own for line in _read_images(one.path)]
        shown = [line for line in lines if line]
        n_volumes = sum(numbers)
        if n_volumes not in (len(lines), len(shown)):
            told = " and ".join(one.path.name for one in own)
            got = f"{n_volumes} in {len(paths)} file{'s' * (len(paths) > 1)}"
            advice = "Write a line with n/a for a volume without a picture."
            raise refusal("betas", allowed=f"{len(lines)} volumes, one a line of {told}", got=got, advice=advice)
        sessions = [text for one in own for text in read_table(one.path, usual=("session",)).get("session", [])]
        labels = sorted(set(sessions), key=natural_order if re.search(r"\d", "".join(sessions)) else sessions.index)
        are_those = len(labels) == len(numbers) > 1 and len(sessions) == n_volumes
        if are_those and sessions != np.repeat(labels, numbers).tolist():
            advice = "Sort its lines as the volumes lie in the files."
            raise refusal(own[0].path.name, allowed="a session in each file, in order", got="another", advice=advice)
        names += lines if n_volumes == len(lines) else shown
    return names


def _belongs(file: NamedFile, betas: NamedFile) -> bool:
    both = (key for key in SHARED if key in file.entities and key in betas.entities)
    return all(natural_order(file.entities[key])[0] == natural_order(betas.entities[key])[0] for key in both)


def _read_images(path: Path) -> list[str]:
    table = read_table(path, usual=(*IMAGE_COLUMNS, "onset"))
    column = next((name for name in IMAGE_COLUMNS if name in table), "")
    if not column:
        raise refusal("table", allowed=f"one with a column {' or '.join(IMAGE_COLUMNS)}", got=path.name)
    names = ["" if is_missing(name) else name for name in table[column]]
    onsets = list(compress(table.get("onset", []), names)) if "events" in path.name else []
    if (np.diff(to_numbers(onsets, "onset")) < 0).any():
        advice = "Sort its lines by onset, or name it trials if they are in the order of the volumes."
        raise refusal(path.name, allowed="events in the order of their onsets", got="another", advice=advice)
    return names
