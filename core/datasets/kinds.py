"""The kinds of recordings that can be imported, and what a folder holds before it is read. Never reads a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from core.checks import check_choice, refusal
from core.datasets.image_files import ENDINGS, look_for_pictures
from core.datasets.import_options import ImportOptions
from core.datasets.recording import Recording, list_kinds, reading_source
from core.datasets.summary import RecordingFacts, format_counts, gather_facts
from core.errors import BadInputError

MODULES = {
    "generic": "generic",
    "murty2021": "murty2021",
    "nsd": "nsd",
    "algonauts2023": "algonauts",
    "bold5000": "bold5000",
    "things": "things_fmri",
    "nifti": "nifti",
}
"""Files of `readers` by kind, in the order a folder is tried: each has `detect(source)` and `plan(source, options)`."""
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
            if _open_reader(kind).detect(source):
                return kind
    advice = "Describe other data with a TOML file: `main.py import template`."
    allowed = f"a recording of a known kind ({', '.join(one.title for one in list_kinds().values())})"
    raise refusal("source", allowed=allowed, got=str(source), advice=advice)


def is_image(source: Path) -> bool:
    """Whether this is a picture by its name, or a folder of pictures that is no recording.

    Raises StorageError if the folder cannot be read.
    """
    if not source.is_dir():
        return source.suffix.lower() in ENDINGS
    with reading_source(str(source)):
        holds_some, holds_only = look_for_pictures(source)
    if holds_only or not holds_some:
        return holds_only
    try:
        detect_kind(source)
    except BadInputError:
        return True
    return False


def _open_reader(kind: str) -> ModuleType:
    return import_module(f"{__package__}.readers.{MODULES[kind]}")


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
        plan: Callable[[Path, ImportOptions], Recording] = _open_reader(kind).plan
        return plan(source, options)


def inspect_source(source: Path, *, options: ImportOptions) -> SourceSummary:
    """What a source holds. Raises as `plan_import` does."""
    recording = plan_import(AUTO, source, replace(options, subject=PROBE))
    voxels = recording.voxels
    repeated = bool((recording.n_trials > 1).any())
    return SourceSummary(
        **gather_facts(recording),
        kind_title=list_kinds()[recording.kind].title,
        source=str(recording.source),
        person=recording.participant,
        people=recording.people,
        has_noise_ceiling=voxels.ncsnr is not None or voxels.noise_ceiling is not None or repeated,
    )
