"""What one run of an attack needs to know, whatever its method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.seeds import make_stream

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
    lengths : (n,)
        Length of a step of each image, in [0, 1] pixel units.
    restart : int
        Which run, from 0.
    keys : tuple of n str
        Names of the images' random streams.
    origin : (n,)
        The objective at the clean images.
    report : RunReport
        Filled in as the run goes on.
    """

    config: AttackConfig
    lengths: torch.Tensor
    restart: int
    keys: tuple[str, ...]
    origin: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    report: RunReport = field(default_factory=RunReport)

    def make_streams(self, *words: str | int) -> list[np.random.Generator]:
        """A random stream of each image, for one use named by `words`."""
        return [make_stream(self.config.seed, *words, self.restart, key) for key in self.keys]
