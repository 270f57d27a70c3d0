"""A set, a template and the trials they make, timed and warned about: what every package is written from."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.experiments.packages.orders import CatchKind, Run, TrialKind, make_orders
from core.experiments.packages.template import Template
from core.experiments.packages.timing import PUBLISHED_DEGREES
from core.stimuli.manifest import ManifestRow, StimulusSet
from core.stimuli.recipe import ORIGINAL
from core.words import count, protect_cell, write_duration

LONG_RUN_SECONDS = 900.0
"""Participants move and tire in longer runs."""

OF_STIMULUS: dict[str, Callable[[ManifestRow], Cell]] = {
    "stimulus_id": lambda row: row.id,
    "pair_id": lambda row: row.pair_id,
    "source_image": lambda row: row.source_image,
    "level_wanted": lambda row: row.level,
    "level_reached": lambda row: row.level_reached,
}
"""Columns of every package's trials that tell of the stimulus."""


@dataclass(frozen=True, slots=True)
class TimedTrial:
    """One trial with its number in the run, counted from 1, and its planned onset and duration in seconds."""

    number: int
    onset: float
    duration: float
    kind: TrialKind
    row: ManifestRow | None

    @property
    def trial_type(self) -> str:
        """The role of the stimulus; catch or blank for the others."""
        return self.row.role if self.row is not None and self.kind is TrialKind.STIMULUS else str(self.kind)


@dataclass(frozen=True, slots=True, eq=False)
class PackagePlan:
    """What a package holds: `participants` are their runs, each a tuple of trials."""

    stimuli: StimulusSet
    template: Template
    participants: tuple[tuple[Run, ...], ...]

    @property
    def degrees(self) -> float:
        """Width of the stimuli on the screen: the template's, else the set's, else the published 8.4."""
        stated = {row.degrees for row in self.stimuli.rows}
        return self.template.screen.degrees or (stated.pop() if len(stated) == 1 else None) or PUBLISHED_DEGREES

    @property
    def n_runs(self) -> int:
        """Runs of each participant."""
        return len(self.participants[0])

    def run_seconds(self) -> tuple[float, ...]:
        """How long each run of a participant lasts at most, over participants."""
        return tuple(
            max(self.template.timing.run_seconds(len(runs[number])) for runs in self.participants)
            for number in range(self.n_runs)
        )

    def seconds(self) -> float:
        """How long all runs of one participant last, pauses between runs left out."""
        return sum(self.run_seconds())

    def timed(self, run: Run) -> Iterator[TimedTrial]:
        """The trials of a run with their planned onsets."""
        timing = self.template.timing
        for index, trial in enumerate(run):
            shown = timing.trial_seconds if trial.kind is TrialKind.BLANK else timing.stimulus_seconds
            yield TimedTrial(index + 1, timing.onset(index), shown, trial.kind, trial.row)

    @property
    def instructions(self) -> str:
        """The instructions to the participant."""
        key = "the space bar" if self.template.timing.response_key == "space" else self.template.timing.response_key
        what = "see a red dot instead of the cross"
        if self.template.order.catch_kind is CatchKind.REPEAT:
            what = "see the same picture twice in a row"
        return f"Look at the cross in the middle all the time. Press {key} whenever you {what}."

    def describe_set(self) -> str:
        """How much is in the set."""
        n_pairs = len(self.stimuli.pairs)
        return f"{count(len(self.stimuli.rows), 'stimulus', 'stimuli')} in {count(n_pairs, 'pair')}"

    def describe(self) -> tuple[str, ...]:
        """The lines of the dry run, of the README and of the window."""
        order, seconds = self.template.order, self.run_seconds()
        first = Counter(trial.kind for trial in self.participants[0][0])
        longest, shortest = max(seconds), min(seconds)
        each = write_duration(longest)
        each = each if longest == shortest else f"{write_duration(shortest)} to {each}"
        repeats = "once" if order.repeats == 1 else f"{order.repeats} times"
        catch = "a dot at fixation" if order.catch_kind is CatchKind.DOT else "the image before once more"
        return (
            f"{self.describe_set()}, each shown {repeats}, in {count(self.n_runs, 'run')} "
            f"for {count(order.participants, 'participant')}",
            f"Run 1: {count(first[TrialKind.STIMULUS], 'stimulus', 'stimuli')}, "
            f"{count(first[TrialKind.CATCH], 'catch trial')} ({catch}), {count(first[TrialKind.BLANK], 'blank')}",
            self.template.timing.describe(),
            self.template.screen.describe(self.degrees),
            f"No source image again within {count(order.spacing, 'stimulus', 'stimuli')}; seed {order.seed}",
            f"Each run lasts {each}; all runs of a participant {write_duration(self.seconds())}, pauses left out",
        )

    def warnings(self) -> tuple[str, ...]:
        """What an experimenter should know before the scan."""
        return tuple(_iter_warnings(self))


def make_plan(stimuli: StimulusSet, template: Template) -> PackagePlan:
    """Order the trials of every participant. Raises BadInputError if the options contradict each other."""
    return PackagePlan(stimuli, template, make_orders(stimuli.rows, template.order))


def _iter_warnings(plan: PackagePlan) -> Iterator[str]:
    order = plan.template.order
    most = max(sum(trial.kind is TrialKind.STIMULUS for trial in run) for runs in plan.participants for run in runs)
    if most > order.stimuli_per_run:
        yield f"A run shows {most} stimuli, more than the {order.stimuli_per_run} of the template: ask for more runs."
    if max(plan.run_seconds()) > LONG_RUN_SECONDS:
        longest = write_duration(max(plan.run_seconds()))
        yield f"A run of {longest} is long for a participant: ask for more runs."
    yield from _iter_size_warnings(plan)
    yield from _iter_set_warnings(plan)


def _iter_size_warnings(plan: PackagePlan) -> Iterator[str]:
    screen, rows = plan.template.screen, plan.stimuli.rows
    shown = round(screen.pixels(plan.degrees))
    made_for = {row.degrees for row in rows} - {None}
    if made_for and made_for != {plan.degrees}:
        sizes = ", ".join(f"{degrees:g}" for degrees in sorted(filter(None, made_for)))
        yield f"The set was made to be shown {sizes} deg wide; the template shows it {plan.degrees:g} deg wide."
    if shown > min(screen.width_px, screen.height_px):
        yield f"{plan.degrees:g} deg are {shown} px: larger than the screen."
    sides = {row.picture_px for row in rows}
    if sides != {shown}:
        side = min(sides)
        yield (
            f"Pictures of {' and '.join(map(str, sorted(sides)))} px are scaled to {shown} px on this screen, which "
            f"changes small perturbations. Write the set with pictures of {shown} px, or show these "
            f"{screen.degrees_of(side):.2f} deg wide."
        )
    grey = round(255 * screen.grey)
    made = plan.stimuli.header.set
    background = list(made.layout.background) if made is not None else [grey] * 3
    if background != [grey] * 3 and any(row.width_px > row.picture_px for row in rows):
        yield f"Files have the background {background}, the screen {[grey] * 3}: their edges will be seen."


def _iter_set_warnings(plan: PackagePlan) -> Iterator[str]:
    rows = plan.stimuli.rows
    if "simulated" in plan.stimuli.header.subject_kinds:
        yield "The predicted responses are simulated: the subject of this set is no measured brain."
    copies = Counter(row.file_sha256 for row in rows)
    doubled = sum(count for count in copies.values() if count > 1)
    if doubled:
        yield f"{doubled} files are shared by several pairs (same pixels); each is shown once for every pair it is in."
    if not any(row.role == ORIGINAL for row in rows):
        yield "The set has no originals: measured shifts cannot be compared with predicted ones."
    warned = sum(bool(row.warnings) for row in rows)
    if warned:
        yield f"The manifest warns of {count(warned, 'stimulus', 'stimuli')}; see its column `warnings`."


Cell = str | int | float | None


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Cell]], *, delimiter: str = ",", missing: str = ""
) -> None:
    """Write rows under `columns` (UTF-8, line ends \\n); None becomes `missing`, whole floats lose their ".0"."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_format_value(row.get(name), missing) for name in columns] for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")


def _format_value(value: Cell, missing: str) -> str:
    if value is None:
        return missing
    return str(int(value) if isinstance(value, float) and value.is_integer() else protect_cell(value))
