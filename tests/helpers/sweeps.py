"""Sweeps made up for tests: every number drawn at random, nothing computed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from core.sweeps.config import SweepConfig
from core.sweeps.gather import Sweep
from core.sweeps.plan import Cell


def make_up_sweep(config: SweepConfig) -> Sweep:
    """A sweep with shifts and SDs of its encoders, and of every pair of them."""
    generator = np.random.default_rng(0)
    outer = [len(one) for one in (config.encoders, config.targets, config.directions, config.norms)]
    inner = (len(config.images), len(config.ladder))
    pairs: dict[Cell, Any] = {}

    def load(cell: Cell) -> dict[str, Any]:
        return pairs.setdefault(cell, {"shift": generator.normal(size=(2, *inner))})

    shift, sd = generator.normal(size=(*outer, *inner)), generator.uniform(0.5, 2, size=outer)
    return cast(Sweep, SimpleNamespace(config=config, shift=shift, sd=sd, store=SimpleNamespace(load=load)))
