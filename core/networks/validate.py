"""Probes a network before it is trusted. Never repairs it: each failure is one sentence that says what to do."""

from __future__ import annotations

import torch

from core.errors import WeightsError
from core.networks.network import Network

BATCH_TOLERANCE = 1e-3
"""Largest change of a feature, relative to the largest one, that another image of the batch may cause (rounding)."""
SEED = 20_260_101


def validate_network(network: Network) -> None:
    """Raise WeightsError unless the network can be attacked.

    Checked in this order: eval mode, frozen weights, features of the stated shape, type and device, finite values,
    independence of the images of a batch, and a finite, non-zero gradient at the pixels.
    """
    pixels = _draw_pixels(network)
    _check_mode(network)
    with torch.no_grad():
        features = network(pixels)
    _check_output(network, features)
    _check_batch(network, pixels, features=features)
    _check_gradient(network, pixels[:1])


def _draw_pixels(network: Network) -> torch.Tensor:
    generator = torch.Generator().manual_seed(SEED)
    size = network.input_size
    return torch.rand(2, 3, size, size, generator=generator).to(network.device)


def _check_mode(network: Network) -> None:
    training = next((name for name, module in network.named_modules() if module.training), None)
    if training is not None:
        raise _refuse(network, f"its part {training or 'itself'!r} is in training mode", "Call .eval() on it.")
    trained = next((name for name, weight in network.named_parameters() if weight.requires_grad), None)
    if trained is not None:
        raise _refuse(network, f"its weights {trained!r} are not frozen", "Call .requires_grad_(False) on it.")


def _check_output(network: Network, features: torch.Tensor) -> None:
    if not isinstance(features, torch.Tensor):
        raise _refuse(network, f"its layer gives a {type(features).__name__}, not a tensor", "Choose another layer.")
    if tuple(features.shape) != (2, *network.feature_shape):
        wanted = (2, *network.feature_shape)
        raise _refuse(
            network, f"its features have shape {tuple(features.shape)}, not {wanted}", "Choose another layer."
        )
    if features.dtype != torch.float32:
        raise _refuse(
            network, f"its features are {features.dtype}, not torch.float32", "Convert the weights to float32."
        )
    if features.device.type != network.device.type:
        where = f"its features are on {features.device}, its weights on {network.device}"
        raise _refuse(network, where, "Choose another layer.")
    if not torch.isfinite(features).all():
        raise _refuse(network, "its features are not finite", "The weights are damaged: get the file again.")


def _check_batch(network: Network, pixels: torch.Tensor, *, features: torch.Tensor) -> None:
    with torch.no_grad():
        alone = network(pixels[:1])
    largest = float(features.abs().max())
    if not torch.allclose(alone, features[:1], rtol=0, atol=BATCH_TOLERANCE * max(largest, BATCH_TOLERANCE)):
        what = "the features of one image depend on the other images of its batch"
        raise _refuse(network, what, "Networks with batch statistics cannot be probed: choose another one.")


def _check_gradient(network: Network, pixels: torch.Tensor) -> None:
    wanted = pixels.clone().requires_grad_(True)
    features = network(wanted)
    if not features.requires_grad:
        raise _refuse(network, "no gradient reaches the pixels", "It detaches its features: choose another layer.")
    (gradient,) = torch.autograd.grad(features.square().sum(), wanted)
    if not torch.isfinite(gradient).all():
        raise _refuse(network, "its gradient at the pixels is not finite", "Choose another layer.")
    if not gradient.any():
        raise _refuse(network, "its gradient at the pixels is zero everywhere", "Choose an earlier layer.")


def _refuse(network: Network, what: str, advice: str) -> WeightsError:
    return WeightsError(
        f"The network {network.spec.id!r} cannot be probed at layer {network.layer!r}: {what}. {advice}"
    )
