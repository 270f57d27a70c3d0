"""The kinds of recordings that can be imported, and what a folder holds before it is read. Never reads a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from core.checks import check_choice, refusal
from core.datasets.import_options import ImportOptions
from core.datasets.recording import Recording, reading_source
from core.datasets.summary import RecordingFacts, format_counts, gather_facts

MODULES = {
    "generic": "core.datasets.readers.generic",
    "murty2021": "core.datasets.readers.murty2021",
    "nsd": "core.datasets.readers.nsd",
    "algonauts2023": "core.datasets.readers.algonauts",
    "bold5000": "core.datasets.readers.bold5000",
    "things": "core.datasets.readers.things_fmri",
    "nifti": "core.datasets.readers.nifti",
}
"""Importers by kind, in the order a folder is tried: each has `detect(source)` and `plan(source, options)`."""
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
    "nifti": "a folder with mask.nii.gz, betas_*.nii.gz, trials.csv and images; names of BIDS too",
}
"""What to point to."""
AUTO = "auto"
PROBE = "not-yet-named"
"""The subject id of an inspection, which keeps nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSummary(RecordingFacts):
    """What a source holds, found without reading a response; `person` was looked at, `people` are all there are."""

    kind_title: str
    source: str
    person: str
    people: tuple[str, ...]
    has_noise_ceiling: bool

    def lines(self) -> list[tuple[str, str]]:
        """Rows (what, value) to read."""
        rows = [
            ("Kind", f"{self.kind_title} ({self.kind}), {self.origin}"),
            ("Source", self.source),
            ("Title", self.title),
            ("Participant", self.person or "one"),
            ("Participants", ", ".join(self.people)),
            ("Images", f"{self.n_images:,} in {self.n_trials:,} trials"),
            ("Shown", format_counts({f"{times} times": count for times, count in self.repeats.items()}, "unknown")),
            ("Held out", f"{self.n_held_out:,} ({self.held_out_rule})" if self.n_held_out else self.held_out_rule),
            ("Voxels", f"{self.n_voxels:,} on {self.surface or 'no surface'}"),
            *self.shared_lines("known" if self.has_noise_ceiling else "unknown: no repeats"),
        ]
        return [(name, value) for name, value in rows if value]


def detect_kind(source: Path) -> str:
    """The kind of a folder or file. Raises BadInputError if it is none of them."""
    if not source.exists():
        raise refusal("source", allowed="a folder or file that is there", got=str(source))
    for kind in MODULES:
        with reading_source(str(source)):
            if import_module(MODULES[kind]).detect(source):
                return kind
    advice = "Describe other data with a TOML file: `main.py import template`."
    allowed = f"a recording of a known kind ({', '.join(TITLES.values())})"
    raise refusal("source", allowed=allowed, got=str(source), advice=advice)


def plan_import(kind: str, source: Path, options: ImportOptions) -> Recording:
    """Look at a source of a kind ("auto": found out).

    Raises BadInputError if the kind is unknown, or the source lacks something or contradicts itself; StorageError if a
    file cannot be read.
    """
    source = source.expanduser().absolute()
    if kind == AUTO:
        kind = detect_kind(source)
    check_choice("kind", kind, [*MODULES, AUTO])
    if not source.exists():
        raise refusal("source", allowed="a folder or file that is there", got=str(source))
    with reading_source(str(source)):
        plan: Callable[[Path, ImportOptions], Recording] = import_module(MODULES[kind]).plan
        return plan(source, options)


def inspect_source(source: Path, *, kind: str = AUTO, options: ImportOptions | None = None) -> SourceSummary:
    """What a source holds. Raises as `plan_import` does."""
    asked = ImportOptions(PROBE) if options is None else replace(options, subject=PROBE)
    recording = plan_import(kind, source, asked)
    voxels = recording.voxels
    repeated = bool((recording.n_trials > 1).any())
    return SourceSummary(
        **gather_facts(recording),
        kind_title=TITLES[recording.kind],
        source=str(recording.source),
        person=recording.participant,
        people=recording.people,
        has_noise_ceiling=voxels.ncsnr is not None or voxels.noise_ceiling is not None or repeated,
    )
