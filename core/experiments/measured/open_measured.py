"""From files to what can be compared: reads the set, then the measurement, and joins them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.datasets.subject import load_subject
from core.errors import ProbeError
from core.experiments.measured.measured import MatchOptions, Measured, match_trials
from core.experiments.measured.planned import MeasuredPlan, plan_set
from core.experiments.measured.trial import ReadOptions, Trials
from core.experiments.measured.trials import read_trials
from core.stimuli.manifest import read_manifest


def open_measured(folder: Path, paths: Sequence[Path], reading: ReadOptions, matching: MatchOptions) -> Measured:
    """The measured responses to a set's stimuli.

    Raises
    ------
    BadInputError
        If the set was edited, a file cannot be read or does not fit the set; each with its own sentence.
    """
    plan = plan_set(read_manifest(folder))
    return match_trials(plan, read_for(plan, paths, reading), matching)


def read_for(plan: MeasuredPlan, paths: Sequence[Path], reading: ReadOptions) -> Trials:
    """The trials of files measured with a plan's stimuli. Raises as `read_trials`."""
    known = frozenset(stimulus.id for stimulus in plan.stimuli)
    return read_trials(paths, reading, known=known, n_voxels=count_voxels(plan))


def count_voxels(plan: MeasuredPlan) -> int | None:
    """Voxels of the set's subject; None where there are several, or it is not known on this machine."""
    if len(plan.subjects) != 1:
        return None
    try:
        return load_subject(plan.subjects[0]).voxels.n_voxels
    except ProbeError:
        return None
