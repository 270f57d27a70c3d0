"""The cells of a sweep and what they will cost, told before anything heavy starts. Never runs one.

climb: one encoder, target, direction and norm; all images up the ladder.
predict: one encoder; its predictions of held-out images, for predictivity.
score: the perturbations of a climb and their controls, scored on every encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.networks.catalog import find_network
from core.sweeps.config import EncoderName, SweepConfig, TargetName
from core.types import Direction, NormName

CLIMB, PREDICT, SCORE = "climb", "predict", "score"

SECONDS_PER_STEP = 0.06
"""Of one image's forward and backward pass through MobileNetV2 on one core; the first cell replaces it by the truth."""
PASSES_PER_STEP = 3
"""A step's forward and backward pass costs about three forward passes."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One piece of a sweep, the unit of resuming; `target` and what follows are None for "predict"."""

    kind: str
    encoder: int
    target: int | None = None
    direction: int | None = None
    norm: int | None = None

    @property
    def key(self) -> str:
        """Its file's stem."""
        numbers = [self.encoder, self.target, self.direction, self.norm]
        return "-".join([self.kind, *(f"{number:03d}" for number in numbers if number is not None)])

    def describe(self, config: SweepConfig) -> str:
        """One line for a progress display."""
        encoder = config.label_of(config.encoders[self.encoder])
        if self.target is None or self.direction is None:
            return f"{self.kind} {encoder}"
        return f"{self.kind} {encoder}, {config.directions[self.direction]} {config.targets[self.target].label}"


@dataclass(frozen=True, slots=True)
class SweepCost:
    """What a sweep will take: cells; attack steps and forward passes over single images; seconds; bytes on disk."""

    n_cells: int
    n_steps: int
    n_passes: int
    seconds: float
    n_bytes: int

    def describe(self) -> str:
        """One line: "40 cells, 16,000 attack steps on single images, about 12 min, 30 MB"."""
        return (
            f"{self.n_cells} cells, {self.n_steps:,} attack steps and {self.n_passes:,} forward passes of one image, "
            f"about {format_duration(self.seconds)} on one core, {max(self.n_bytes / 1e6, 1):,.0f} MB on disk"
        )


def format_duration(seconds: float) -> str:
    """Write a duration as people say it: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def list_cells(config: SweepConfig) -> tuple[Cell, ...]:
    """Every cell, in the order in which they run: those of one network together, so that it is opened once."""
    cells = []
    for encoder in range(len(config.encoders)):
        climbs = [
            Cell(CLIMB, encoder, target, direction, norm)
            for norm in range(len(config.norms))
            for direction in range(len(config.directions))
            for target in range(len(config.targets))
        ]
        cells += climbs if config.question.needs_deltas else [Cell(PREDICT, encoder), *climbs]
    if config.question.needs_deltas:
        cells += [Cell(SCORE, c.encoder, c.target, c.direction, c.norm) for c in cells if c.kind == CLIMB]
    return tuple(cells)


def weigh_cell(config: SweepConfig, cell: Cell) -> int:
    """The cost of a cell in forward passes of single images."""
    n_images, n_rungs = len(config.images), len(config.ladder)
    if cell.kind == PREDICT:
        return config.n_test
    if cell.kind == SCORE:
        return n_images * N_SCORED * len(config.encoders)
    return n_images * (n_rungs * (config.n_steps * PASSES_PER_STEP + 3) + N_PATH)


N_PATH = 9
"""Points from clean to perturbed image at which the path's curvature is measured."""
N_SCORED = 7
"""Clean, perturbed and five controls."""


def estimate_cost(config: SweepConfig) -> SweepCost:
    """The cost of a whole sweep."""
    cells = list_cells(config)
    weights = [weigh_cell(config, cell) for cell in cells]
    climbs = [cell for cell in cells if cell.kind == CLIMB]
    n_steps = len(climbs) * len(config.images) * len(config.ladder) * config.n_steps
    bytes_each = sum(_bytes_of(config, config.encoders[cell.encoder]) for cell in climbs)
    return SweepCost(
        n_cells=len(cells),
        n_steps=n_steps,
        n_passes=sum(weights) - n_steps * PASSES_PER_STEP,
        seconds=sum(weights) * SECONDS_PER_STEP / PASSES_PER_STEP,
        n_bytes=bytes_each,
    )


def _bytes_of(config: SweepConfig, encoder: EncoderName) -> int:
    pixels = 3 * find_network(encoder.network).input_size ** 2
    kept = len(config.images) * pixels * 4 + len(config.ladder) * pixels if config.question.needs_deltas else 0
    return kept + 80 * len(config.images) * len(config.ladder)


def name_parts(config: SweepConfig, cell: Cell) -> tuple[EncoderName, TargetName, Direction, NormName]:
    """Encoder, target, direction and norm of a climb or a score."""
    if cell.target is None or cell.direction is None or cell.norm is None:
        raise ValueError(f"{cell.key} has no target.")
    return (
        config.encoders[cell.encoder],
        config.targets[cell.target],
        config.directions[cell.direction],
        config.norms[cell.norm],
    )
