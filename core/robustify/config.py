"""The settings of a robust fine-tuning, and those of them that a form asks for."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

from core.checks import check_count, check_epsilon, check_positive, refusal
from core.networks.catalog import folder_name
from core.paths import data_folder

REFERENCE_SIZE = 224
"""Budgets are L2 norms at this resolution; other resolutions get the same RMS change."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the training at one resolution: side in pixels, and the share of the whole it ends at, in (0, 1]."""

    size: int
    until: float


@dataclass(frozen=True, slots=True)
class RobustifyConfig:
    """Label-free adversarial fine-tuning of one network.

    Minimises over the weights, at the delta with ||delta||_2 <= epsilon that makes it largest,
    sum_l ||phi_l(x + delta) - phi_orig_l(x)||^2 / ||phi_orig_l(x)||^2, plus `clean_weight` times the same at delta = 0.

    Parameters
    ----------
    network : Id of the network to start from; it is also the one to imitate.
    layers : Layers compared, early to late; the network is cut behind the last (default: the network's own).
    pool : The last layer is compared on a pool x pool grid of averages.
    epsilon : L2 budget at 224 x 224, in [0, 1] pixel units.
    first_epsilon : The budget to ramp up from.
    ramp : Share of the training over which the budget grows.
    n_steps : PGD steps of the inner maximisation.
    stages : Resolutions, in order; the last one ends at 1.
    n_images : Photographs seen in all, with repetition.
    batch : Photographs per step.
    learning_rate : Of Adam at its peak; warmed up, then lowered to 0 along a cosine.
    clean_weight : Weight of the clean term.
    seed : Of photographs, crops and random starts.
    """

    network: str = "mobilenet_v2"
    layers: tuple[str, ...] = ("features.13", "features.18")
    pool: int = 2
    epsilon: float = 3.0
    first_epsilon: float = 0.5
    ramp: float = 0.4
    n_steps: int = 2
    stages: tuple[Stage, ...] = (Stage(128, 0.7), Stage(160, 0.9), Stage(224, 1.0))
    n_images: int = 24_000
    batch: int = 8
    learning_rate: float = 2e-4
    clean_weight: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epsilon", "first_epsilon", "learning_rate", "ramp"):
            check_positive(name, getattr(self, name))
        for name in ("pool", "n_steps", "n_images", "batch"):
            check_count(name, getattr(self, name))
        if not math.isfinite(self.clean_weight) or self.clean_weight < 0:
            raise refusal("clean_weight", allowed="0 or more", got=self.clean_weight)
        if not self.layers:
            raise refusal("layers", allowed="at least one layer", got=self.layers)
        if not self.stages or self.stages[-1].until != 1.0:
            raise refusal("stages", allowed="at least one stage, the last one until 1.0", got=self.stages)

    def describe(self) -> str:
        """One line: network, layers, budget, steps, photographs."""
        layers = " + ".join(self.layers)
        return f"{self.network} at {layers}: L2 {self.epsilon:g}, {self.n_steps} steps, {self.n_images} photographs"

    def size_at(self, progress: float) -> int:
        """Resolution in pixels at a progress in [0, 1]."""
        return next((stage.size for stage in self.stages if progress < stage.until), self.stages[-1].size)

    def epsilon_at(self, progress: float) -> float:
        """L2 budget at the resolution in use at a progress in [0, 1]."""
        grown = min(1.0, progress / self.ramp)
        budget = self.first_epsilon + (self.epsilon - self.first_epsilon) * grown
        return budget * self.size_at(progress) / REFERENCE_SIZE

    def learning_rate_at(self, progress: float, *, warm_up: float = 0.02) -> float:
        """Learning rate at a progress in [0, 1]: linear warm-up, then a cosine down to 0."""
        if progress < warm_up:
            return self.learning_rate * (progress + 0.1 * warm_up) / (1.1 * warm_up)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))

    def work_until(self, progress: float) -> float:
        """Work done at a progress in [0, 1], in photographs of a megapixel: the time of a pass goes with its pixels."""
        done, began = 0.0, 0.0
        for stage in self.stages:
            share = max(0.0, min(progress, stage.until) - began)
            done += share * self.n_images * stage.size**2 / 1e6
            began = stage.until
        return done


LARGEST_EPSILON = 30.0
"""L2 at 224 x 224; human percepts move within this ball (Gaziv et al. 2023)."""


def robustify_folder() -> Path:
    """Where checkpoints of unfinished fine-tunings lie."""
    return data_folder() / "robustify"


@dataclass(frozen=True, slots=True)
class RobustifyOptions:
    """One fine-tuning.

    Parameters
    ----------
    network : Id of the network to start from.
    images : Folder of photographs, searched through.
    epsilon : L2 budget at 224 x 224, in [0, 1] pixel units.
    n_images : Photographs to see in all, with repetition.
    layers : Layers compared; () for the network's own.
    seed : Of photographs, crops and random starts.
    id, title : Of the new network; "" for names made from the original's.
    """

    network: str
    images: Path
    epsilon: float = RobustifyConfig().epsilon
    n_images: int = RobustifyConfig().n_images
    layers: tuple[str, ...] = ()
    seed: int = 0
    id: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        check_epsilon("epsilon", self.epsilon, largest=LARGEST_EPSILON, unit="L2 at 224 x 224, [0, 1] pixel units")
        check_count("n_images", self.n_images)
        check_count("seed", self.seed, least=0)

    def checkpoint(self) -> Path:
        """The file this fine-tuning resumes from: the same options find it again."""
        what = f"{self.network} {self.images.absolute()} {self.epsilon} {self.n_images} {self.layers}"
        what += f" seed {self.seed}" if self.seed else ""  # without it, trainings of earlier versions go on
        digest = hashlib.sha256(what.encode()).hexdigest()[:10]
        return robustify_folder() / f"{folder_name(self.network)}-{digest}.checkpoint"
