"""What an import found, as a record, as JSON and as lines of text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from core.checks import check_choice
from core.datasets.recording import Recording
from core.datasets.subject import list_subjects, user_subjects_folder
from core.errors import StorageError
from core.headers import Content, HeaderKind, read_record, unstructure
from core.types import IntArray

SUMMARY_NAME = "summary.json"
HEADER = HeaderKind("the summary of an import", "Remove the subject and import it again.", error=StorageError)
MOST_NAMES = 24
BIN_EDGES = tuple(round(0.1 * step, 1) for step in range(11))
"""Edges of the noise-ceiling histogram; a ceiling of 1 falls in the last bin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFacts:
    """What is told of a recording, before and after its import.

    `repeats` are images by their number of trials, `rois` voxels by ROI, `categories` images by category ("" for none
    and unknown); `n_held_out` is 0 if the recording sets no image aside.
    """

    title: str
    kind: str
    measured: bool
    surface: str
    response_unit: str
    n_images: int
    n_trials: int
    n_voxels: int
    repeats: dict[str, int]
    rois: dict[str, int]
    categories: dict[str, int]
    sessions: tuple[str, ...]
    missing_sessions: tuple[str, ...]
    n_held_out: int
    held_out_rule: str
    remarks: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where the responses come from."""
        return "measured" if self.measured else "simulated"

    def to_json(self) -> Content:
        """Plain values."""
        return unstructure(self)

    def shared_lines(self, ceiling: str) -> list[tuple[str, str]]:
        """Rows (what, value) to read that inspections and summaries end with."""
        counted = all(name.startswith("session ") for name in self.sessions)
        missing = f"; missing: {', '.join(self.missing_sessions)}" if self.missing_sessions else ""
        return [
            ("ROIs", format_counts(self.rois, "no ROI")),
            ("Noise ceiling", ceiling),
            ("Sessions" if counted else "Read in parts", f"{', '.join(self.sessions)}{missing}"),
            ("Categories", format_counts(self.categories, "unknown")),
            ("Unit", self.response_unit),
            *(("Note", remark) for remark in self.remarks),
        ]


def gather_facts(recording: Recording) -> dict[str, Any]:
    """The fields of `RecordingFacts`, as the recording says."""
    n_trials, held = recording.n_trials, recording.held_out
    same = ("title", "kind", "surface", "response_unit", "remarks")
    return {name: getattr(recording, name) for name in same} | {
        "measured": not recording.is_simulated,
        "n_images": len(n_trials),
        "n_trials": int(n_trials.sum()),
        "n_voxels": recording.voxels.n_voxels,
        "repeats": count_repeats(n_trials),
        "rois": dict(Counter(recording.voxels.roi)),
        "categories": dict(Counter(recording.categories)),
        "sessions": tuple(session.name for session in recording.sessions),
        "missing_sessions": recording.missing,
        "n_held_out": 0 if held is None else int(held.sum()),
        "held_out_rule": recording.held_out_name,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary(RecordingFacts):
    """One import; the facts are those of what was kept.

    Parameters
    ----------
    noise_ceiling : Voxels in [0, 0.1), [0.1, 0.2), ... [0.9, 1], 10 numbers; empty if there is no noise ceiling.
    n_missing, n_constant : Voxels left out: with a missing or infinite value, or without variance in a session.
    n_unplaced : Voxels without a place on the surface.
    """

    subject: str
    noise_ceiling: tuple[int, ...]
    noise_ceiling_median: float | None
    n_missing: int
    n_constant: int
    n_unplaced: int

    def lines(self) -> list[tuple[str, str]]:
        """Rows (what, value) to read."""
        ceiling = "unknown" if self.noise_ceiling_median is None else f"median {self.noise_ceiling_median:.2f}"
        left_out = f"{self.n_missing} with missing values, {self.n_constant} constant"
        return [
            ("Subject", f"{self.subject} ({self.origin}): {self.title}"),
            ("Images", _describe_repeats(self.n_images, self.repeats)),
            ("Held out", f"{self.n_held_out:,} ({self.held_out_rule})"),
            ("Voxels", f"{self.n_voxels:,} on {self.surface or 'no surface'}, {self.n_unplaced:,} without a place"),
            ("Left out", left_out if self.n_missing or self.n_constant else "none"),
            *self.shared_lines(ceiling),
        ]


def count_repeats(n_trials: IntArray) -> dict[str, int]:
    """Number of images by their number of trials, the most repeated first."""
    counts = Counter(int(count) for count in n_trials)
    return {str(count): counts[count] for count in sorted(counts, reverse=True)}


def load_summary(identity: str) -> ImportSummary:
    """The summary kept with an imported subject.

    Raises BadInputError if there is no such subject; StorageError if it was not imported, or its summary is damaged.
    """
    check_choice("subject", identity, [info.id for info in list_subjects()])
    file = user_subjects_folder() / identity / SUMMARY_NAME
    if not file.exists():
        raise StorageError(f"{identity} has no summary: it ships with the program.")
    return read_record(file, ImportSummary, HEADER)


def _describe_repeats(n_images: int, repeats: dict[str, int]) -> str:
    shown = {("once" if times == "1" else f"{times} times"): count for times, count in repeats.items()}
    if len(shown) == 1:
        return f"{n_images:,}, each shown {next(iter(shown))}"
    return f"{n_images:,}: {', '.join(f'{count:,} shown {times}' for times, count in shown.items())}"


def format_counts(counts: dict[str, int], unnamed: str) -> str:
    """Names and numbers, the largest few where there are many."""
    shown = sorted(counts, key=lambda name: -counts[name])[:MOST_NAMES] if len(counts) > MOST_NAMES else list(counts)
    text = ", ".join(f"{name or unnamed} {counts[name]:,}" for name in shown) or "none"
    return text if len(shown) == len(counts) else f"{text}, and {len(counts) - len(shown):,} more"
