"""The cells of a study and what they cost.

features: one layer's averaged features. truth: a teacher's true axes and the best probes of its voxels.
candidate: one candidate fitted to one teacher at one noise level, its probes shown to the teacher.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.attacks.config import USUAL_STEPS
from core.errors import StorageError
from core.headers import HeaderKind
from core.sweeps.cells import CellStore
from core.sweeps.plan import N_PATH, PASSES_PER_STEP, SECONDS_PER_STEP, SweepCost
from core.sweeps.step_seconds import StepSeconds
from core.sweeps.study.config import LayerName, StudyConfig
from core.sweeps.work import Work

FEATURES, TRUTH, CANDIDATE = "features", "truth", "candidate"
PASSES_SCORED = 6
"""Forward passes beside the steps and the path: scoring the perturbation and its control."""
PASSES_SHOWN = 2
"""The perturbation and its control shown to the teacher."""


@dataclass(frozen=True, slots=True)
class StudyCell:
    """One piece of a study, the unit of resuming; -1 where a number does not apply."""

    kind: str
    layer: int = -1
    teacher: int = -1
    noise: int = -1
    candidate: int = -1

    @property
    def key(self) -> str:
        """Its file's stem."""
        numbers = (self.layer, self.teacher, self.noise, self.candidate)
        return "-".join([self.kind, *(f"{number:03d}" for number in numbers if number >= 0)])

    def describe(self, config: StudyConfig) -> str:
        """One line for a progress display."""
        if self.kind == FEATURES:
            return f"features of {config.layers[self.layer].label}"
        teacher = config.teachers[self.teacher].label
        if self.kind == TRUTH:
            return f"true voxels in {teacher}"
        return f"{config.candidates[self.candidate].label}, truth in {teacher}, noise {config.noise[self.noise]:g}"

    def inputs(self, config: StudyConfig) -> tuple[StudyCell, ...]:
        """Features of the layers it needs, and the truth that a candidate is shown to."""
        if self.kind == FEATURES:
            return ()
        layers = [config.teachers[self.teacher]]
        layers += [config.candidates[self.candidate]] if self.kind == CANDIDATE else []
        needed = tuple(StudyCell(FEATURES, layer=config.layers.index(layer)) for layer in layers)
        return (*needed, StudyCell(TRUTH, teacher=self.teacher)) if self.kind == CANDIDATE else needed

    def group(self, config: StudyConfig) -> str:
        """Its layer's network; a truth and what is shown to it belong together."""
        return config.layers[self.layer].network if self.kind == FEATURES else config.teachers[self.teacher].label


def list_study(config: StudyConfig) -> tuple[StudyCell, ...]:
    """Every cell in the order in which they run."""
    cells = [StudyCell(FEATURES, layer=number) for number in range(len(config.layers))]
    for teacher in range(len(config.teachers)):
        cells.append(StudyCell(TRUTH, teacher=teacher))
        cells += [
            StudyCell(CANDIDATE, teacher=teacher, noise=noise, candidate=candidate)
            for candidate in range(len(config.candidates))
            for noise in range(len(config.noise))
        ]
    return tuple(cells)


def weigh_study(config: StudyConfig, cell: StudyCell, step_seconds: StepSeconds) -> float:
    """Seconds a cell takes, from the seconds of one step of each layer; a usual network's where it is unknown."""

    def seconds(layer: LayerName) -> float:
        return step_seconds.get(layer, SECONDS_PER_STEP) / PASSES_PER_STEP

    if cell.kind == FEATURES:
        return seconds(config.layers[cell.layer]) * (config.n_train + config.n_test)
    n_probes, teacher = config.n_voxels * config.n_images, config.teachers[cell.teacher]
    n_passes = (config.n_steps or USUAL_STEPS) * PASSES_PER_STEP + N_PATH + PASSES_SCORED
    if cell.kind == TRUTH:
        return seconds(teacher) * n_probes * n_passes
    return n_probes * (seconds(config.candidates[cell.candidate]) * n_passes + seconds(teacher) * PASSES_SHOWN)


def estimate_study(config: StudyConfig, step_seconds: StepSeconds) -> SweepCost:
    """The cost of a whole study, before it starts."""
    cells = list_study(config)
    n_curves = len(config.teachers) * (1 + len(config.noise) * len(config.candidates))
    n_steps = n_curves * config.n_voxels * config.n_images * (config.n_steps or USUAL_STEPS)
    return SweepCost(
        n_cells=len(cells),
        n_steps=n_steps,
        seconds=sum(weigh_study(config, cell, step_seconds) for cell in cells),
        n_bytes=2 * len(config.teachers) * config.n_voxels * config.n_images * 3 * config.side**2,
        measured=all(layer in step_seconds for layer in config.layers),
    )


STUDY = Work(
    name="study",
    file="study.json",
    kind=HeaderKind("a study", "Choose another folder.", "probescope-study", (1, 2), error=StorageError),
    config=StudyConfig,
    list_cells=list_study,
    made_by="`main.py study` makes",
    computed_by=f"{__package__}.run:STUDY_RUNNER",
)
StudyStore = CellStore[StudyConfig, StudyCell]
