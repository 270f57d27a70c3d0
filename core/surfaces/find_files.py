"""Finds the surface files in a folder or a list and says what each is, by its name.

Names of FreeSurfer (lh.pial), of GIFTI files by FreeSurfer, fMRIPrep (sub-01_hemi-L_pial.surf.gii), HCP and fsLR
(100307.L.pial.32k_fs_LR.surf.gii), nilearn (pial_left.gii.gz) and pycortex (pia_lh.gii) are known.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.checks import refusal
from core.errors import BadInputError, ProbeError, StorageError
from core.surfaces.mesh import GEOMETRIES, SIDE_NAMES
from core.words import natural_order

SIDES = {"lh": 0, "l": 0, "left": 0, "rh": 1, "r": 1, "right": 1}
WORDS = {
    "pial": "pial pia",
    "white": "white wm smoothwm",
    "midthickness": "midthickness graymid",
    "inflated": "inflated infl veryinflated",
    "sphere": "sphere",
    "flat": "flat",
    "curvature": "curv curvature",
    "sulc": "sulc",
}
KINDS = {word: kind for kind, words in WORDS.items() for word in words.split()}
SECOND_CHOICE = {"smoothwm", "veryinflated", "very", "reg", "t1", "possible", "msmall", "msmsulc"}
"""Words of a file that is taken only where there is no other of its kind."""

OWN_LABEL_FILES = re.compile(r"(cortex|aparc|medial_?wall|nofix|high-myelin).*", re.IGNORECASE)
"""Label files that mark the cortex and not a region."""

STANDARD_ATLASES = re.compile(r"(aparc|BA_exvivo|BA\.|PALS|Yeo|oasis|mpm|perirhinal)", re.IGNORECASE)
"""Whole-cortex parcellations, offered after those of regions."""

FOUND_KINDS = (*GEOMETRIES, "curvature", "sulc")


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What was found.

    Parameters
    ----------
    place : The folder.
    files : dict of (side, kind) to Path. By `FOUND_KINDS`.
    atlases : dict of title to dict of side to Path. .annot and .label.gii files, region atlases first.
    left_out : Spaces and densities of further surfaces there, as their names say.
    labels : dict of side to tuple of Path. .label files.
    """

    place: Path
    files: dict[tuple[int, str], Path] = field(default_factory=dict)
    atlases: dict[str, dict[int, Path]] = field(default_factory=dict)
    labels: dict[int, tuple[Path, ...]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def kinds(self, side: int) -> tuple[str, ...]:
        """The kinds one side has a file of."""
        return tuple(kind for kind in FOUND_KINDS if (side, kind) in self.files)


@dataclass(frozen=True, slots=True)
class _Named:
    """What a file's name says: side, kind ("annot" and "label" too), title of an atlas, space, and how willingly."""

    path: Path
    side: int
    kind: str
    title: str
    space: str
    rank: tuple[int, int]


def find_surface_files(paths: Sequence[Path]) -> FoundFiles:
    """Look through a FreeSurfer subject folder, a folder of files, or the files given.

    Raises BadInputError if there is no such folder or file, no surface in it, or only one hemisphere.
    """
    if not paths:
        raise refusal("paths", allowed="a folder or surface files", got=[])
    candidates = _list_files([Path(path).expanduser() for path in paths])
    named = [part for part in map(_read_name, candidates) if part is not None]
    place = Path(paths[0]) if Path(paths[0]).is_dir() else Path(paths[0]).parent
    found = _choose(place, named)
    _check_sides(found)
    return found


def is_surface(paths: Sequence[Path]) -> bool:
    """Whether the names in a folder or a list are those of a surface of both hemispheres."""
    try:
        find_surface_files(paths)
    except ProbeError:
        return False
    return True


def _list_files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_file():
            files.append(path)
        elif path.is_dir():
            files += _list_folder(path)
        else:
            raise refusal("path", allowed="a folder or a file that exists", got=str(path))
    return files


def _list_folder(folder: Path) -> list[Path]:
    top = folder.parent if folder.name == "surf" else folder
    inside = [top / "surf", top / "label"] if (top / "surf").is_dir() else [folder]
    if not (top / "surf").is_dir() and (folder / "anat").is_dir():
        inside.append(folder / "anat")
    try:
        return sorted(path for part in inside if part.is_dir() for path in part.iterdir() if path.is_file())
    except OSError as error:
        raise StorageError(f"{folder} cannot be read ({error.strerror or error}).") from error


def _read_name(path: Path) -> _Named | None:
    gifti = re.fullmatch(r"(.+?)((?:\.(?:surf|shape|label|func))?)\.gii(?:\.gz)?", path.name, re.IGNORECASE)
    if gifti:
        return _read_gifti_name(path, gifti.group(1), is_label=gifti.group(2).lower() == ".label")
    freesurfer = re.fullmatch(r"(lh|rh)\.(.+)", path.name)
    return _read_freesurfer_name(path, SIDES[freesurfer.group(1)], freesurfer.group(2)) if freesurfer else None


def _read_freesurfer_name(path: Path, side: int, rest: str) -> _Named | None:
    if rest.endswith((".annot", ".label")):
        title, kind = rest.rsplit(".", 1)
        if kind == "label" and OWN_LABEL_FILES.fullmatch(title):
            return None
        return _Named(path, side, kind, title, "", (0, len(rest)))
    words = rest.lower().split(".")
    if "patch" in words:
        return _Named(path, side, "flat", "", "", _rank(words)) if "flat" in words else None
    known = {"pial": 0, "pial.T1": 1, "white": 0, "smoothwm": 1, "inflated": 0, "sphere": 0, "sphere.reg": 1}
    known |= {"curv": 0, "sulc": 0, "midthickness": 0, "graymid": 1}
    return _Named(path, side, KINDS[words[0]], "", "", (known[rest], len(rest))) if rest in known else None


def _read_gifti_name(path: Path, stem: str, *, is_label: bool) -> _Named | None:
    words = [word for word in re.split(r"[._\-]+", stem) if word]
    lower = [word.lower() for word in words]
    sides = [SIDES[word] for word in lower if word in SIDES]
    if not sides:
        return None
    kinds = [KINDS[word] for word in lower if word in KINDS]
    if is_label or {"label", "labels"} & set(lower):
        title = "_".join(word for word in words if word.lower() not in SIDES and word.lower() != "hemi")
        return _Named(path, sides[0], "annot", title, "", (0, len(stem)))
    return _Named(path, sides[0], kinds[-1], "", _space(lower), _rank(lower)) if kinds else None


def _space(words: Sequence[str]) -> str:
    """The space and density in a name, "" for a subject's own."""
    named = [after for word, after in itertools.pairwise(words) if word in ("space", "den")]
    return "-".join([*named, *(word for word in words if re.fullmatch(r"\d+k", word) and word not in named)])


def _rank(words: Sequence[str]) -> tuple[int, int]:
    return len(SECOND_CHOICE & set(words)), len(words)


def _choose(place: Path, named: Sequence[_Named]) -> FoundFiles:
    meshes = [part for part in named if part.kind in FOUND_KINDS]
    spaces = {part.space for part in meshes}
    # Of several spaces in one folder the one with most kinds is taken; the subject's own, then the coarser, if as rich.
    ordered = sorted(spaces, key=natural_order)
    chosen = max(ordered, key=lambda space: len({(p.side, p.kind) for p in meshes if p.space == space}), default="")
    files: dict[tuple[int, str], Path] = {}
    for part in sorted((part for part in meshes if part.space == chosen), key=lambda part: (part.rank, part.path.name)):
        files.setdefault((part.side, part.kind), part.path)
    atlases: dict[str, dict[int, Path]] = {}
    annots = [part for part in named if part.kind == "annot"]
    for part in sorted(annots, key=lambda part: (bool(STANDARD_ATLASES.search(part.title)), part.title.lower())):
        atlases.setdefault(part.title, {})[part.side] = part.path
    others = tuple(space or "no named space" for space in ordered if space != chosen)
    return FoundFiles(place, files, atlases, {side: _pick_labels(named, side) for side in (0, 1)}, others)


def _pick_labels(named: Sequence[_Named], side: int) -> tuple[Path, ...]:
    """The label files of a side; where a region has a thresholded one, that."""
    titles = {part.title: part.path for part in named if part.kind == "label" and part.side == side}
    return tuple(path for title, path in sorted(titles.items()) if f"{title}.thresh" not in titles)


def _check_sides(found: FoundFiles) -> None:
    folded = [set(found.kinds(side)) & (set(GEOMETRIES) - {"flat"}) for side in (0, 1)]
    if not any(folded):
        what = "lh.pial, lh.white or lh.inflated (FreeSurfer), or .surf.gii files with the hemisphere in their names"
        raise BadInputError(f"No surface was found in {found.place}: no {what}.")
    for side in (0, 1):
        if not folded[side]:
            name, code = SIDE_NAMES[side], ("lh", "rh")[side]
            raise BadInputError(
                f"No file of the {name} hemisphere was found in {found.place} ({code}.pial, {code}.white or "
                f"{code}.inflated); both hemispheres are needed."
            )
