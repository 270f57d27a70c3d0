"""The number an attack raises, one an image: a target's predicted response, or its negative. Never takes a step."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.encoders.encoder import Encoder
from core.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a forward pass tells.

    values (n,) the objective of each image; reduced (n, rank) the reduced features, from which the responses of all
    voxels follow by one small product (`Encoder.responses_of`).
    """

    values: torch.Tensor
    reduced: torch.Tensor


class Objective:
    """sign * c . responses(pixels) for one target direction c.

    Everything behind the network is affine, so the readout of all voxels and the reduction collapse into one constant
    gradient with respect to the features; a step back-propagates that through the network only. The objective of a
    batch is the sum over its images, so no image's gradient depends on its neighbours.

    Parameters
    ----------
    encoder : Encoder
    direction : (n_voxels,)
        The target's weights c.
    sign : int
        +1 to raise, -1 to lower.
    """

    def __init__(self, encoder: Encoder, direction: FloatArray, sign: int) -> None:
        weights, intercept = encoder.project(direction)
        self.encoder = encoder
        self.sign = sign
        self._weights = sign * weights
        self._intercept = sign * intercept
        self._cotangent = pull_to_features(encoder, self._weights)

    def score(self, pixels: torch.Tensor) -> Scores:
        """The objective at pixels (n, 3, height, width), without a gradient."""
        with torch.no_grad():
            return self._score_features(self.encoder.network(pixels))

    def ascend(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The objective and its gradient with respect to the pixels, (n, 3, height, width)."""
        leaf = pixels.detach().requires_grad_(True)
        with torch.enable_grad():
            features = self.encoder.network(leaf)
        (gradient,) = torch.autograd.grad(features, leaf, grad_outputs=self._cotangent.expand_as(features))
        with torch.no_grad():
            return self._score_features(features.detach()), gradient

    def _score_features(self, features: torch.Tensor) -> Scores:
        reduced = self.encoder.reduce(features)
        return Scores(reduced @ self._weights + self._intercept, reduced)


def pull_to_features(encoder: Encoder, weights: torch.Tensor) -> torch.Tensor:
    """The constant gradient of reduced . weights with respect to the features, (1, *feature_shape).

    Parameters
    ----------
    encoder : Encoder
    weights : (rank,)
    """
    with torch.enable_grad():
        features = weights.new_zeros((1, *encoder.network.feature_shape), requires_grad=True)
        value = (encoder.reduce(features) @ weights).sum()
    (gradient,) = torch.autograd.grad(value, features)
    return gradient
