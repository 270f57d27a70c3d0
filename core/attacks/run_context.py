"""What one run of an attack needs to know, whatever its method, and how far it came: what more steps would gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.seeds import make_stream
from core.types import FloatArray

if TYPE_CHECKING:
    from core.attacks.config import AttackConfig


@dataclass(slots=True, eq=False)
class RunReport:
    """What a run of falling steps says beside its points.

    `to_gain` (n,) is what another phase is foretold to gain of the objective, `n_steps` (n,) the steps that count;
    `is_over` is true once the point being told is the last.
    """

    to_gain: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    n_steps: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    is_over: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RunContext:
    """One run from one start.

    Parameters
    ----------
    restart : Which run, from 0.
    keys : tuple of n str. Names of the images' random streams.
    origin : (n,). The objective at the clean images.
    report : Filled in as the run goes on.
    """

    config: AttackConfig
    restart: int
    keys: tuple[str, ...]
    origin: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    report: RunReport = field(default_factory=RunReport)

    def make_streams(self, *words: str | int) -> list[np.random.Generator]:
        """A random stream of each image, for one use named by `words`."""
        return [make_stream(self.config.seed, *words, self.restart, key) for key in self.keys]


@dataclass(frozen=True, slots=True, eq=False)
class Convergence:
    """How far each image's search has come, (n,) each.

    Parameters
    ----------
    to_gain : (n,)
        What twice the steps would still gain, as a share of the whole gain: foretold from phase to phase for falling
        steps, NaN for fewer than 45; for the other methods only what the last third of their steps gained, a lower
        bound (1 for one step).
    spread : (n,). (largest - smallest) / largest gain over the restarts; NaN for a single run.
    n_steps : (n,). Steps taken in all restarts, each with a gradient (of SQUARE: reports).
    """

    to_gain: torch.Tensor
    spread: torch.Tensor
    n_steps: torch.Tensor

    def to_array(self) -> FloatArray:
        """(3, n) float64: the three in this order."""
        return np.stack([one.cpu().double().numpy() for one in (self.to_gain, self.spread, self.n_steps)])


def report_last_third(trace: Sequence[torch.Tensor]) -> RunReport:
    """What the last third of a run's steps gained, from the best value at the start and after every step."""
    n_steps = len(trace) - 1
    before = trace[0] if n_steps < 3 else trace[n_steps - n_steps // 3]
    return RunReport(trace[-1] - before, torch.full_like(before, n_steps, dtype=torch.int64))


def measure_convergence(
    clean: torch.Tensor, best: torch.Tensor, *, tops: Sequence[torch.Tensor], reports: Sequence[RunReport]
) -> Convergence:
    """The figures of a finished attack from the values (n,) of the clean images, the best ones and each restart's."""
    ahead = [top + report.to_gain for top, report in zip(tops, reports, strict=True)]
    gains = torch.stack(list(tops)) - clean
    largest, nothing = gains.amax(0), torch.zeros_like(clean)
    left = (torch.stack(ahead).amax(0) - best).clamp_min(0)
    spread = torch.where(largest > 0, (largest - gains.amin(0)) / largest, nothing)
    return Convergence(
        torch.where(left == 0, nothing, left / (best - clean)).clamp(0, 1),
        spread if len(tops) > 1 else torch.full_like(clean, torch.nan),
        torch.stack([report.n_steps for report in reports]).sum(0),
    )
