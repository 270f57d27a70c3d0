"""The kinds of recordings that can be imported, and what a folder holds before it is read. Never reads a response."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from core.checks import check_choice, refusal
from core.datasets.import_options import ImportOptions
from core.datasets.recording import Recording, reading
from core.datasets.summary import count_repeats, count_texts, format_counts

MODULES = {
    "generic": "core.datasets.readers.generic",
    "murty2021": "core.datasets.readers.murty2021",
    "nsd": "core.datasets.readers.nsd",
    "algonauts2023": "core.datasets.readers.algonauts",
    "bold5000": "core.datasets.readers.bold5000",
    "things": "core.datasets.readers.things_fmri",
    "nifti": "core.datasets.readers.nifti",
}
"""Importers by kind, in the order a folder is tried."""
TITLES = {
    "generic": "Own arrays, described by a TOML file",
    "murty2021": "Ratan Murty et al. 2021, ROI averages",
    "nsd": "Natural Scenes Dataset",
    "algonauts2023": "Algonauts Project 2023 challenge",
    "bold5000": "BOLD5000, release 2",
    "things": "THINGS-fMRI",
    "nifti": "NIfTI betas with a mask",
}
HINTS = {
    "generic": "a .toml file, or the folder with it",
    "murty2021": "the folder with murty2021_roi_activations.tsv",
    "nsd": "the folder with nsddata, nsddata_betas and nsddata_stimuli",
    "algonauts2023": "subj01, or the folder with all subjects",
    "bold5000": "the folder with CSI1_GLMbetas-…npy and CSI1_imgnames.txt",
    "things": "the folder with sub-01_ResponseData.h5 (betas_csv)",
    "nifti": "a folder with mask.nii.gz, betas_*.nii.gz, trials.csv and images",
}
"""What to point to."""
AUTO = "auto"
PROBE = "not-yet-named"
"""The subject id of an inspection, which keeps nothing."""


class Importer(Protocol):
    """What the module of a kind offers."""

    def detect(self, source: Path) -> bool:
        """Whether the source is of this kind."""

    def plan(self, source: Path, options: ImportOptions) -> Recording:
        """Look at the source without reading a response."""


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """What a source holds, found without reading a response.

    Parameters
    ----------
    kind, kind_title : str
    source : str
    person : str
        The participant looked at; `people` are all there are.
    n_images, n_trials, n_voxels : int
    repeats, rois, categories : dict
        Images by number of trials, voxels by ROI, images by category.
    sessions, missing_sessions : tuple of str
    n_held_out : int
        Images the recording sets aside itself; 0 if it sets none aside.
    """

    kind: str
    kind_title: str
    source: str
    title: str
    person: str
    people: tuple[str, ...]
    measured: bool
    n_images: int
    n_trials: int
    n_voxels: int
    surface: str
    response_unit: str
    repeats: dict[str, int]
    rois: dict[str, int]
    categories: dict[str, int]
    sessions: tuple[str, ...]
    missing_sessions: tuple[str, ...]
    n_held_out: int
    held_out_rule: str
    has_noise_ceiling: bool
    remarks: tuple[str, ...]

    def lines(self) -> list[tuple[str, str]]:
        """Rows (what, value) to read."""
        origin = "measured" if self.measured else "simulated"
        missing = f"; missing: {', '.join(self.missing_sessions)}" if self.missing_sessions else ""
        rows = [
            ("Kind", f"{self.kind_title} ({self.kind}), {origin}"),
            ("Source", self.source),
            ("Title", self.title),
            ("Participant", self.person or "one"),
            ("Participants", ", ".join(self.people)),
            ("Images", f"{self.n_images:,} in {self.n_trials:,} trials"),
            ("Shown", format_counts({f"{times} times": count for times, count in self.repeats.items()}, "unknown")),
            ("Held out", f"{self.n_held_out:,} ({self.held_out_rule})" if self.n_held_out else self.held_out_rule),
            ("Voxels", f"{self.n_voxels:,} on {self.surface or 'no surface'}"),
            ("ROIs", format_counts(self.rois, "no ROI")),
            ("Noise ceiling", "known" if self.has_noise_ceiling else "unknown: no repeats"),
            ("Sessions", f"{', '.join(self.sessions) or 'one'}{missing}"),
            ("Categories", format_counts(self.categories, "unknown")),
            ("Unit", self.response_unit),
            *(("Note", remark) for remark in self.remarks),
        ]
        return [(name, value) for name, value in rows if value]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def detect_kind(source: Path) -> str:
    """The kind of a folder or file. Raises BadInputError if it is none of them."""
    if not source.exists():
        raise refusal("source", allowed="a folder or file that is there", got=str(source))
    for kind in MODULES:
        with reading(str(source)):
            if _importer(kind).detect(source):
                return kind
    advice = "Describe other data with a TOML file: `main.py import template`."
    allowed = f"a recording of a known kind ({', '.join(TITLES.values())})"
    raise refusal("source", allowed=allowed, got=str(source), advice=advice)


def plan_import(kind: str, source: Path, options: ImportOptions) -> Recording:
    """Look at a source of a kind ("auto": found out).

    Raises
    ------
    BadInputError
        If the kind is unknown, or the source lacks something or contradicts itself.
    StorageError
        If a file cannot be read.
    """
    source = source.expanduser().absolute()
    if kind == AUTO:
        kind = detect_kind(source)
    check_choice("kind", kind, [*MODULES, AUTO])
    if not source.exists():
        raise refusal("source", allowed="a folder or file that is there", got=str(source))
    with reading(str(source)):
        return _importer(kind).plan(source, options)


def inspect_source(source: Path, *, kind: str = AUTO, options: ImportOptions | None = None) -> SourceSummary:
    """What a source holds. Raises as `plan_import` does."""
    asked = ImportOptions(PROBE) if options is None else replace(options, subject=PROBE)
    return describe_recording(plan_import(kind, source, asked))


def describe_recording(recording: Recording) -> SourceSummary:
    """The short form of a recording."""
    n_trials, voxels = recording.n_trials, recording.voxels
    held = recording.held_out
    return SourceSummary(
        kind=recording.kind,
        kind_title=TITLES[recording.kind],
        source=str(recording.source),
        title=recording.title,
        person=recording.participant,
        people=recording.people,
        measured=not recording.is_simulated,
        n_images=len(n_trials),
        n_trials=int(n_trials.sum()),
        n_voxels=voxels.n_voxels,
        surface=recording.surface,
        response_unit=recording.response_unit,
        repeats=count_repeats(n_trials),
        rois=count_texts(voxels.roi),
        categories=count_texts(recording.categories),
        sessions=tuple(session.name for session in recording.sessions),
        missing_sessions=recording.missing,
        n_held_out=0 if held is None else int(held.sum()),
        held_out_rule=recording.held_out_name,
        has_noise_ceiling=voxels.ncsnr is not None or voxels.noise_ceiling is not None or bool((n_trials > 1).any()),
        remarks=recording.remarks,
    )


def _importer(kind: str) -> Importer:
    return cast(Importer, import_module(MODULES[kind]))
