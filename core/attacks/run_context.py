"""What one run of an attack needs to know, whatever its method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.seeds import make_stream

if TYPE_CHECKING:
    import torch

    from core.attacks.config import AttackConfig


@dataclass(frozen=True, slots=True, eq=False)
class RunContext:
    """One run from one start.

    Parameters
    ----------
    config : AttackConfig
    lengths : (n,)
        Length of a step of each image, in [0, 1] pixel units.
    restart : int
        Which run, from 0.
    keys : tuple of n str
        Names of the images' random streams.
    """

    config: AttackConfig
    lengths: torch.Tensor
    restart: int
    keys: tuple[str, ...]

    def make_streams(self, *words: str | int) -> list[np.random.Generator]:
        """A random stream of each image, for one use named by `words`."""
        return [make_stream(self.config.seed, *words, self.restart, key) for key in self.keys]
