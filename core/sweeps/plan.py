"""The cells of a sweep and their cost, known before anything heavy starts.

curve: one encoder, target, direction, norm and attack; all images at every budget. Under an ensemble the encoder is
    the one left out, and all others are attacked.
predict: one encoder; its predictions of held-out images, for predictivity.
fit: one copy of an encoder, re-fitted or untrained.
score: the perturbations of a curve and their controls, scored on every encoder and on the source's re-fitted copy.
pair: two encoders, target, direction and norm; all images at every budget, the first moved that way, the other the
    other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.attacks.config import USUAL_STEPS
from core.datasets.subject import load_subject
from core.encoders.estimate import READ_SECONDS, count_operations, count_rank, measure_rate
from core.encoders.files import load_card
from core.errors import StorageError
from core.headers import HeaderKind
from core.networks.catalog import find_network
from core.sweeps.cells import CellStore
from core.sweeps.config import AttackKind, Question, SweepConfig
from core.sweeps.step_seconds import Layer, StepSeconds
from core.sweeps.work import Facts, Work
from core.words import format_duration

CURVE, PREDICT, FIT, SCORE, PAIR = "climb", "predict", "fit", "score", "pair"
"""Kinds of cells, as they are named on disk."""
REFITTED, UNTRAINED = "refitted", "untrained"
"""Copies of an encoder: its network with a readout of its own; the architecture with random weights and a readout."""

CONTROLS = ("random", "sign flip", "phase-scrambled", "other image", "contrast blend")
"""In the order of `core.sweeps.score.make_controls`."""
VARIANTS = ("perturbed", *CONTROLS)
"""What is scored: the rows of a score's `shift`."""

SECONDS_PER_STEP = 0.06
"""Of one image's forward and backward pass through MobileNetV2 on one core; the first cell replaces it by the truth."""
PASSES_PER_STEP = 3
"""A step's forward and backward pass costs about three forward passes."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One piece of a sweep, the unit of resuming.

    `target`, `direction`, `norm` are -1 for "predict" and "fit"; `attack` counts the attacks of the sweep; `copy` is
    "" for the encoder itself; `other` is the second encoder of a pair.
    """

    kind: str
    encoder: int
    target: int = -1
    direction: int = -1
    norm: int = -1
    attack: int = 0
    copy: str = ""
    other: int | None = None

    @property
    def key(self) -> str:
        """Its file's stem."""
        numbers = (self.encoder, self.target, self.direction, self.norm)
        more = [f"attack{self.attack}"] * (self.attack > 0) + [self.copy] * bool(self.copy)
        more += [] if self.other is None else [f"against{self.other:03d}"]
        return "-".join([self.kind, *(f"{number:03d}" for number in numbers if number >= 0), *more])

    def describe(self, config: SweepConfig) -> str:
        """One line for a progress display."""
        encoder = f"{config.label_of(config.encoders[self.encoder])} {self.copy}".strip()
        if config.attacks[self.attack] is AttackKind.ENSEMBLE:
            encoder = f"all but {encoder}"
        if self.other is not None:
            encoder = f"{encoder} against {config.label_of(config.encoders[self.other])}"
        if self.target < 0:
            return f"{self.kind} {encoder}"
        what = "attack on" if self.kind in (CURVE, PAIR) else self.kind
        how = f" by {config.attacks[self.attack]}" if len(config.attacks) > 1 else ""
        return f"{what} {encoder}, {config.directions[self.direction]} {config.targets[self.target].label}{how}"

    def inputs(self, _config: SweepConfig) -> tuple[Cell, ...]:
        """A score's curve; the fit of the copy that a curve is of."""
        if self.kind == SCORE:
            return (replace(self, kind=CURVE),)
        return (Cell(FIT, self.encoder, copy=self.copy),) if self.kind == CURVE and self.copy else ()

    def group(self, config: SweepConfig) -> str:
        """Its network."""
        return config.encoders[self.encoder].network


@dataclass(frozen=True, slots=True)
class SweepCost:
    """What work will take: cells; attack steps and forward passes over single images; seconds; bytes on disk."""

    n_cells: int
    n_steps: int
    seconds: float
    n_bytes: int
    n_passes: int = 0
    measured: bool = False

    def describe(self) -> str:
        """One line: "40 cells, 16,000 attack steps on single images, about 12 min at the speed measured here, ..."."""
        how = "at the speed measured here" if self.measured else "at MobileNetV2's speed on one core"
        passes = f"and {self.n_passes:,} forward passes of one image" if self.n_passes else "on single images"
        return (
            f"{self.n_cells} cells, {self.n_steps:,} attack steps {passes}, "
            f"about {format_duration(self.seconds)} {how}, {max(self.n_bytes / 1e6, 1):,.0f} MB on disk"
        )


def list_cells(config: SweepConfig) -> tuple[Cell, ...]:
    """Every cell, in the order in which they run: by encoder, or by target where every encoder scores the others'."""
    kinds = list(config.attacks)
    plain = [number for number, kind in enumerate(kinds) if kind is not AttackKind.ENSEMBLE]
    cells: list[Cell] = []
    for encoder in range(len(config.encoders)):
        cells += [] if config.question.needs_deltas else [Cell(PREDICT, encoder)]
        for attack in plain:
            cells += _list_curves(config, encoder, attack=attack)
        for which, copy in ((config.refitted, REFITTED), (config.untrained, UNTRAINED)):
            if encoder in which:
                cells += [Cell(FIT, encoder, copy=copy), *_list_curves(config, encoder, copy=copy)]
    if AttackKind.ENSEMBLE in kinds:
        for left_out in range(len(config.encoders)):
            cells += _list_curves(config, left_out, attack=kinds.index(AttackKind.ENSEMBLE))
    if config.question is Question.DISAGREEMENT:
        cells += [
            replace(one, kind=PAIR, other=other)
            for one in cells
            if one.kind == CURVE
            for other in range(one.encoder + 1, len(config.encoders))
        ]
    if config.question.needs_deltas:
        cells += [replace(one, kind=SCORE) for one in cells if one.kind == CURVE and one.copy != REFITTED]
        cells.sort(key=lambda cell: cell.target)  # so that one target is answered while the next is attacked
    return tuple(cells)


@dataclass(frozen=True, kw_only=True)
class SweepFacts(Facts):
    """Those of version 0.3 hold the hashes of encoders alone."""

    encoder_sha256: dict[str, str]
    network_sha256: dict[str, str] = field(default_factory=dict)


SWEEP = Work(
    name="sweep",
    file="sweep.json",
    kind=HeaderKind("a sweep", "Choose another folder.", "probescope-sweep", (2, 3), error=StorageError),
    config=SweepConfig,
    list_cells=list_cells,
    made_by="`main.py fragility`, `discriminability`, `transfer`, `meaning` and `disagreement` make",
    computed_by=f"{__package__}.run:SWEEP_RUNNER",
    facts=SweepFacts,
)
SweepStore = CellStore[SweepConfig, Cell]


def _list_curves(config: SweepConfig, encoder: int, *, attack: int = 0, copy: str = "") -> list[Cell]:
    return [
        Cell(CURVE, encoder, target, direction, norm, attack, copy)
        for norm in range(len(config.norms))
        for direction in range(len(config.directions))
        for target in range(len(config.targets))
    ]


def weigh_cell(config: SweepConfig, cell: Cell) -> int:
    """The cost of a cell in forward passes of single images."""
    n_images, n_budgets = len(config.images), len(config.ladder)
    if cell.kind == PREDICT:
        return config.n_test
    if cell.kind == FIT:
        return count_refit(config, cell) + config.n_test
    if cell.kind == SCORE:
        return n_images * N_SCORED * (len(config.encoders) + 1)
    kind = config.attacks[cell.attack]
    members = len(config.encoders) - 1 if kind is AttackKind.ENSEMBLE else 1 if cell.other is None else 2
    passes = 1 if kind is AttackKind.SQUARE else PASSES_PER_STEP
    search = (config.n_queries if kind is AttackKind.SQUARE else config.n_steps or USUAL_STEPS) * passes * members
    return n_images * (n_budgets * (search + 3) + N_PATH)


def time_cell(config: SweepConfig, cell: Cell, step_seconds: StepSeconds) -> float:
    """Seconds a cell takes, from those of one attack step with each network; MobileNetV2's where one is unknown."""
    is_ensemble = cell.kind == CURVE and config.attacks[cell.attack] is AttackKind.ENSEMBLE
    shared = cell.kind == SCORE or is_ensemble  # every encoder has its part
    numbers = [cell.encoder] if cell.other is None else [cell.encoder, cell.other]
    used = config.encoders if shared else [config.encoders[number] for number in numbers]
    steps = [step_seconds.get((one.network, one.layer), SECONDS_PER_STEP) for one in used]
    passes = weigh_cell(config, cell)
    seconds = passes * sum(steps) / len(steps) / PASSES_PER_STEP
    if cell.kind in (PREDICT, FIT):  # each image is read for its one pass
        seconds += passes * READ_SECONDS
    if cell.kind == FIT:
        name = config.encoders[cell.encoder]
        fitted, n_images = load_card(*name).config, count_refit(config, cell)
        n_voxels = load_subject(name.subject).voxels.n_voxels
        rank = count_rank(fitted, n_images, fitted.n_projected or n_images)
        seconds += count_operations(fitted, n_images, n_voxels, rank) / measure_rate()
    return seconds


def count_refit(config: SweepConfig, cell: Cell) -> int:
    """Images a copy is fitted to: half of those for training, or fewer where so many are not asked."""
    test = load_subject(config.encoders[cell.encoder].subject).test
    return min(config.n_refit, int((~test).sum()) // 2)


def name_layers(config: SweepConfig) -> tuple[Layer, ...]:
    """Network and layer of every encoder, each once."""
    return tuple(dict.fromkeys((one.network, one.layer) for one in config.encoders))


N_PATH = 9
"""Points from clean to perturbed image at which the path's curvature is measured."""
N_SCORED = 1 + len(VARIANTS)
"""The clean image too."""


def estimate_cost(config: SweepConfig, step_seconds: StepSeconds | None = None) -> SweepCost:
    """The cost of a whole sweep; `step_seconds` are those of one attack step of each layer, where they are known."""
    known = step_seconds or {}
    cells = list_cells(config)
    weights = [weigh_cell(config, cell) for cell in cells]
    curves = [cell for cell in cells if cell.kind in (CURVE, PAIR)]
    stepping = [cell for cell in curves if config.attacks[cell.attack] is not AttackKind.SQUARE]
    n_steps = len(stepping) * len(config.images) * len(config.ladder) * (config.n_steps or USUAL_STEPS)
    return SweepCost(
        n_cells=len(cells),
        n_steps=n_steps,
        n_passes=sum(weights) - n_steps * PASSES_PER_STEP,
        seconds=sum(time_cell(config, cell, known) for cell in cells),
        n_bytes=_count_bytes(config, curves),
        measured=all(layer in known for layer in name_layers(config)),
    )


def _count_bytes(config: SweepConfig, curves: Sequence[Cell]) -> int:
    n_images, n_budgets = len(config.images), len(config.ladder)
    kept = 80 * n_images * n_budgets * len(curves)
    if not config.question.needs_deltas:
        return kept
    sizes = {subject: load_subject(subject).voxels.n_voxels for subject in config.subjects}
    voxels = sum(sizes[one.subject] for one in config.encoders)
    squares = [3 * find_network(one.network).input_size ** 2 for one in config.encoders]
    pixels = sum(squares[cell.encoder] for cell in curves)
    # Perturbation float32, gradient and whole-cortex shifts float16, the first image's budgets in bytes.
    return kept + n_images * (pixels * (4 + 2) + len(curves) * voxels * 2) + n_budgets * pixels
