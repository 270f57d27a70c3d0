"""The number an attack maximises, one an image: a target's response, or a rule of all responses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch

from core.attacks.rules import Rule
from core.encoders.encoder import Encoder
from core.errors import NoGradientError
from core.types import FloatArray

NEEDS_NONE = "A probe by the method `square` and a ranking of natural images need none."


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The result of a forward pass.

    values (n,) the objective of each image; reduced (n, rank) the reduced features, from which the responses of all
    voxels follow by one small product (`Encoder.responses_of`); shifts (n, n_members) what a smooth minimum joins.
    """

    values: torch.Tensor
    reduced: torch.Tensor
    shifts: torch.Tensor | None = None


Points = Iterator[tuple[torch.Tensor, Scores]]
"""The points of one run of an attack, each with its scores."""


class Differentiable(Protocol):
    """What a step needs from an objective; that of a batch is the sum over its images, so none sees its neighbours."""

    def score(self, pixels: torch.Tensor) -> Scores:
        """The objective at pixels (n, 3, height, width), without a gradient."""

    def value_and_gradient(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The objective and its gradient with respect to the pixels; one forward and one backward pass."""


class Objective(Differentiable, Protocol):
    """What an attack on an encoder needs from an objective besides."""

    @property
    def encoder(self) -> Encoder:
        """The encoder whose reduced features `Scores` holds."""

    @property
    def scale(self) -> float:
        """One SD of the objective over the reference images, in its own unit."""

    def reported(self, scores: Scores) -> torch.Tensor:
        """The value whose shift is reported, (n,), without the sign of raising or lowering."""


class LinearObjective:
    """sign * c . responses(pixels) for one target direction c.

    Everything behind the network is affine, so the readout of all voxels and the reduction collapse into one constant
    gradient with respect to the features; a step back-propagates that through the network only. The objective of a
    batch is the sum over its images, so no image's gradient depends on its neighbours.

    Parameters
    ----------
    direction : (n_voxels,). The target's weights c.
    sign : +1 to raise, -1 to lower.
    """

    def __init__(self, encoder: Encoder, direction: FloatArray, sign: int) -> None:
        weights, intercept = encoder.project(direction)
        self.encoder = encoder
        self.sign = sign
        self._weights = sign * weights
        self._intercept = sign * intercept
        self._cotangent = pull_to_features(encoder, self._weights)
        self._direction = direction

    @property
    def scale(self) -> float:
        """SD of c . responses over the reference images."""
        return self.encoder.target_sd(self._direction)

    def score(self, pixels: torch.Tensor) -> Scores:
        """The objective at pixels (n, 3, height, width), without a gradient."""
        with torch.no_grad():
            return self._score_features(self.encoder.network(pixels))

    def value_and_gradient(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The objective and its gradient with respect to the pixels, (n, 3, height, width)."""
        leaf = pixels.detach().requires_grad_(True)
        with torch.enable_grad():
            features = run_network(self.encoder, leaf)
        (gradient,) = torch.autograd.grad(features, leaf, grad_outputs=self._cotangent.expand_as(features))
        with torch.no_grad():
            return self._score_features(features.detach()), check_gradient(gradient, self.encoder)

    def reported(self, scores: Scores) -> torch.Tensor:
        """c . responses, (n,)."""
        return self.sign * (scores.reduced @ self._weights + self._intercept)

    def _score_features(self, features: torch.Tensor) -> Scores:
        reduced = self.encoder.reduce(features)
        return Scores(reduced @ self._weights + self._intercept, reduced)


class RuleObjective:
    """A rule of all responses, against those of the clean images.

    Parameters
    ----------
    sign : +1 to raise, -1 to lower.
    clean : (n, n_voxels). Responses to the clean images, in the order of every batch that is scored.
    """

    def __init__(self, encoder: Encoder, rule: Rule, *, sign: int, clean: torch.Tensor) -> None:
        self.encoder = encoder
        self.sign = sign
        self._rule = rule
        self._clean = clean

    @property
    def scale(self) -> float:
        """One SD of the objective, in its unit."""
        return self._rule.scale

    def score(self, pixels: torch.Tensor) -> Scores:
        """The objective at pixels (n, 3, height, width), without a gradient."""
        with torch.no_grad():
            return self._score_features(self.encoder.network(pixels))

    def value_and_gradient(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The objective and its gradient with respect to the pixels, (n, 3, height, width)."""
        leaf = pixels.detach().requires_grad_(True)
        with torch.enable_grad():
            scores = self._score_features(run_network(self.encoder, leaf))
            (gradient,) = torch.autograd.grad(scores.values.sum(), leaf)
        return Scores(scores.values.detach(), scores.reduced.detach()), check_gradient(gradient, self.encoder)

    def reported(self, scores: Scores) -> torch.Tensor:
        """The rule's reported value, (n,)."""
        with torch.no_grad():
            return self._rule.reported(self.encoder.responses_of(scores.reduced), self._clean)

    def _score_features(self, features: torch.Tensor) -> Scores:
        reduced = self.encoder.reduce(features)
        return Scores(self._rule.value(self.encoder.responses_of(reduced), self._clean, sign=self.sign), reduced)


def run_network(encoder: Encoder, pixels: torch.Tensor) -> torch.Tensor:
    """The features of pixels that need a gradient. Raises NoGradientError if the network has none."""
    features: torch.Tensor = encoder.network(pixels)
    if not features.requires_grad:
        raise NoGradientError(
            f"Network {encoder.network.spec.id} has no gradient with respect to its pixels. {NEEDS_NONE}"
        )
    return features


def check_gradient(gradient: torch.Tensor, encoder: Encoder) -> torch.Tensor:
    """The gradient (n, 3, height, width) itself. Raises NoGradientError if a value of it is infinite or NaN."""
    finite = torch.isfinite(gradient)
    if not bool(finite.all()):
        share = float((~finite).any(dim=1).float().mean())
        raise NoGradientError(
            f"The gradient of network {encoder.network.spec.id} at layer {encoder.network.layer} is infinite or NaN in "
            f"{share:.2%} of the pixels. Use another layer or image. {NEEDS_NONE}"
        )
    return gradient


def pull_to_features(encoder: Encoder, weights: torch.Tensor) -> torch.Tensor:
    """The constant gradient of reduced . weights with respect to the features, (1, *feature_shape).

    `weights` (rank,).
    """
    with torch.enable_grad():
        features = weights.new_zeros((1, *encoder.network.feature_shape), requires_grad=True)
        value = (encoder.reduce(features) @ weights).sum()
    (gradient,) = torch.autograd.grad(value, features)
    return gradient
