"""An encoder that is shown larger images than its network takes: they are resampled first, differentiably.

Bilinear with antialiasing: a triangle as wide as a pixel of the smaller image, so that every pixel of the larger one
counts and no value leaves [0, 1].
"""

from __future__ import annotations

from typing import Any

import torch

from core.checks import refusal
from core.encoders.card import ARRAYS, EncoderData
from core.encoders.encoder import Encoder
from core.networks.network import Network


def show_at(encoder: Encoder, side: int) -> Encoder:
    """The same encoder for images of side x side pixels.

    Raises BadInputError if `side` is below the network's own input size.
    """
    network = encoder.network
    if side == network.input_size:
        return encoder
    if side < network.input_size:
        raise refusal("side", allowed=f"at least {network.input_size}, that of {network.spec.id}", got=side)
    arrays = {name: getattr(encoder, name) for name in ARRAYS}
    numbers: dict[str, Any] = {name: None if one is None else one.cpu().numpy() for name, one in arrays.items()}
    return Encoder(_Resampling(network, side), EncoderData(encoder.card, **numbers))


class _Resampling(Network):
    """A network, its body shared, that takes images of another size."""

    weights: torch.Tensor

    def __init__(self, network: Network, side: int) -> None:
        more = {name: getattr(network, name) for name in ("layer", "sha256", "feature_shape", "treatment")}
        super().__init__(network.body, network.spec, **more)
        self._side = side
        self.register_buffer("weights", weigh_pixels(network.input_size, side).float())
        self.to(network.device)

    @property
    def input_size(self) -> int:
        """Side of the images it is shown, in pixels."""
        return self._side

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features of pixels (n, 3, side, side) once they are resampled; differentiable."""
        weights = self.weights.to(pixels)
        return super().forward(weights @ pixels @ weights.T)


def weigh_pixels(small: int, whole: int) -> torch.Tensor:
    """Antialiased bilinear weights (small, whole) of one axis, each row summing to 1; pixel centres lie at halves.

    As a matrix, since the gradient of torch's own resizing adds up in no fixed order on a GPU.
    """
    scale = whole / small
    centres = (torch.arange(small, dtype=torch.float64) + 0.5) * scale
    places = torch.arange(whole, dtype=torch.float64) + 0.5
    weights = (1 - (places - centres[:, None]).abs() / scale).clamp_min(0)
    return weights / weights.sum(dim=1, keepdim=True)
