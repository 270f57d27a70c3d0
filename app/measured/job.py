"""The work behind the Measured page as jobs of the lane: open, look, compare, write. Holds no widget and no state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.base.jobs import ShouldStop
from core.experiments.measured.compare import CompareConfig, CompareProgress, Comparison, iter_compare
from core.experiments.measured.measured import MatchOptions, Measured, match_trials
from core.experiments.measured.planned import MeasuredPlan, plan_set
from core.experiments.measured.practise import SimulateOptions, simulate_responses, write_template
from core.experiments.measured.trial import ReadOptions, Trials
from core.experiments.measured.trials import read_for
from core.stimuli.manifest import read_manifest


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A set that was read and checked, and the trials measured with it; None before there is a file."""

    plan: MeasuredPlan
    trials: Trials | None


def open_files(folder: Path, paths: Sequence[Path], reading: ReadOptions) -> Opened:
    """Read the set, and the measured files where there are any. Raises ProbeError with one sentence."""
    plan = plan_set(read_manifest(folder))
    return Opened(plan, read_for(plan, paths, reading) if paths else None)


def look_at(opened: Opened, matching: MatchOptions) -> Measured | None:
    """Join set and trials; None before there is a file. Raises ProbeError with one sentence."""
    return None if opened.trials is None else match_trials(opened.plan, opened.trials, matching)


def compare(measured: Measured, config: CompareConfig, should_stop: ShouldStop) -> Iterator[CompareProgress]:
    """Compare; the last record holds the comparison."""
    return iter_compare(measured, config, should_stop=should_stop)


def write_report(comparison: Comparison, folder: Path) -> str:
    """Write report, tables and figures into a new folder. Returns a message for the user."""
    from core.experiments.measured.compare_report import write_comparison

    return f"Saved the comparison to {write_comparison(comparison, folder)}"


def write_empty(plan: MeasuredPlan, path: Path) -> str:
    """Write an empty table to fill in. Returns a message for the user."""
    return f"Saved an empty table to {write_template(plan, path)}. Further lines for the same stimulus are repeats."


def write_practice(plan: MeasuredPlan, path: Path) -> Path:
    """Write simulated responses to practise with; returns the file."""
    return simulate_responses(plan, path, SimulateOptions())
