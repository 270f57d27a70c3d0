"""An encoder that runs: pixels -> network -> pooled features -> reduced features -> responses, differentiable.

The reduction is a sparse random projection, principal components, both, or none. Everything after the network is affine
and kept factored. Of a whole encoder the features are the responses, and everything after the network is the identity.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.checks import refusal
from core.encoders.card import ARRAYS, EncoderData, find_reference_mean
from core.encoders.pooling import make_projection, pool_features, share_inputs
from core.errors import WeightsError
from core.types import FloatArray

if TYPE_CHECKING:
    from core.networks.network import Network


class Encoder(torch.nn.Module):
    """Predicts the responses of all voxels to pixels.

    reduced = (project(pool(network(pixels))) - mean) @ components;  responses = reduced @ weights + intercept

    `network`: the one the encoder was fitted on, cut at its layer.

    Raises WeightsError if the encoder was fitted on another network or layer, or its arrays do not fit each other.
    """

    mean: torch.Tensor
    components: torch.Tensor | None
    weights: torch.Tensor | None
    intercept: torch.Tensor
    covariance: torch.Tensor

    def __init__(self, network: Network, data: EncoderData) -> None:
        super().__init__()
        check_fits_network(network, data)
        self.network = network
        self.card = data.card
        for name in ARRAYS:
            values = getattr(data, name)
            self.register_buffer(name, None if values is None else torch.tensor(values, device=network.device))
        self.projection = make_projection(network, data.card.config)

    @property
    def rank(self) -> int:
        """Number of reduced features."""
        return self.covariance.shape[1]

    @property
    def n_voxels(self) -> int:
        """Number of voxels predicted."""
        return len(self.intercept)

    def reduce(self, features: torch.Tensor) -> torch.Tensor:
        """Reduce the network's features (n, *feature_shape) to (n, rank)."""
        inputs = pool_features(features, self.card.config.pool)
        if self.projection is not None:
            inputs = self.projection(inputs)
        centred = inputs - self.mean
        return centred if self.components is None else centred @ self.components

    def responses_of(self, reduced: torch.Tensor) -> torch.Tensor:
        """Responses (n, n_voxels), in `card.response_unit`, of reduced features (n, rank)."""
        return (reduced if self.weights is None else reduced @ self.weights) + self.intercept

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Responses (n, n_voxels) to pixels (n, 3, height, width) in [0, 1]."""
        return self.responses_of(self.reduce(self.network(pixels)))

    def project(self, direction: FloatArray | torch.Tensor) -> tuple[torch.Tensor, float]:
        """Collapse a target: c . responses = reduced @ weights_c + intercept_c.

        `direction` (n_voxels,): the weight c of every voxel.

        Returns a (rank,) tensor on the encoder's device, and a number in `card.response_unit`.
        """
        weights, intercept = self._weigh(direction)
        return weights.to(self.intercept.dtype).to(self.intercept.device), intercept

    def target_sd(self, direction: FloatArray | torch.Tensor) -> float:
        """SD of c . responses over the reference images, in the response's unit: sqrt(w^T covariance w), w = W c."""
        weights, _ = self._weigh(direction)
        if self.weights is None:  # a row at a time: all in float64 would be twice the encoder's own size
            return math.sqrt(sum(float(row.cpu().double() @ weights) ** 2 for row in self.covariance))
        return math.sqrt(max(float(weights @ self.covariance.cpu().double() @ weights), 0.0))

    def target_mean(self, direction: FloatArray | torch.Tensor) -> float:
        """Mean of c . responses over the reference images, in the response's unit; NaN where it is not known.

        Of an encoder fitted here these are its training images, whose mean the features are centred on: the reduced
        features have a mean of 0 there, and the predicted responses that of the intercept, c . b. An imported one was
        centred elsewhere; its mean was measured when it was shown reference images.
        """
        means = find_reference_mean(self.card, self.intercept.cpu().double().numpy())
        if means is None:
            return math.nan
        chosen = torch.as_tensor(direction).cpu().double().numpy()
        return float(means.astype(np.float64) @ chosen)

    def _weigh(self, direction: FloatArray | torch.Tensor) -> tuple[torch.Tensor, float]:
        """W c and b . c in float64, in memory: not every device has float64."""
        chosen = torch.as_tensor(direction).cpu().double()
        if chosen.shape != (self.n_voxels,):
            raise refusal("direction", allowed=f"{self.n_voxels} numbers, one a voxel", got=tuple(chosen.shape))
        if self.weights is None:
            return chosen, float(self.intercept.cpu().double() @ chosen)
        voxels = chosen.nonzero()[:, 0]
        weights = self.weights[:, voxels.to(self.weights.device)].cpu().double() @ chosen[voxels]
        return weights, float(self.intercept.cpu().double() @ chosen)


def check_fits_network(network: Network, data: EncoderData) -> None:
    """Raise WeightsError unless the encoder was fitted on exactly this network and layer."""
    card = data.card
    again = "Fit an encoder for this network: `python main.py fit`."
    if data.weights is None:
        again = "Its module or code changed, or a package that it imports: add it again, `python main.py encoders add`."
    own, asked = f"{card.config.network} {card.config.layer}", f"{network.spec.id} {network.layer}"
    if network.sha256 != card.network_sha256 or network.layer != card.config.layer:
        raise WeightsError(
            f"The encoder was fitted on {own} (weights {card.network_sha256[:12]}), "
            f"not on {asked} (weights {network.sha256[:12]}): the weights are others, or their features are laid out "
            f"otherwise. {again}"
        )
    n_inputs = sum(share_inputs(network, card.config))
    if n_inputs != len(data.mean):
        raise WeightsError(
            f"The encoder expects {len(data.mean)} pooled features, {asked} gives {n_inputs}. Fit the encoder again."
        )
