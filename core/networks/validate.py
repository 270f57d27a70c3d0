"""Probes a network before it is trusted. Never repairs it: each failure is one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from core.errors import WeightsError
from core.networks.network import Network

BATCH_TOLERANCE = 1e-3
"""Largest change of a feature, relative to the largest one, that another image of the batch may cause (rounding)."""
SEED = 20_260_101
OTHER_LAYER = "Choose another layer."
CHANGE_IT = "Change the module, or how its function makes it."
GET_AGAIN = "The weights are damaged: get the file again."
Problem = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was checked, and the sentence that refuses the network; "" if it passed."""

    what: str
    problem: str = ""


def validate_network(network: Network) -> None:
    """Raise WeightsError unless the network can be attacked.

    Checked in this order: eval mode, frozen weights, features of the stated shape, type and device, finite values,
    independence of the images of a batch, and a finite, non-zero gradient at the pixels. A network that hands on no
    gradient at all passes: square search needs none, and every other attack refuses it.
    """
    for check in iter_checks(network):
        if check.problem:
            raise WeightsError(check.problem)


def iter_checks(network: Network) -> Iterator[Check]:
    """Every check in order; the first that fails is the last one yielded, since the later ones build on it."""
    for what, found in _check(network):
        if isinstance(found, tuple):
            where = f"The network {network.spec.id!r} cannot be probed at layer {network.layer!r}"
            yield Check(what, f"{where}: {found[0]}. {CHANGE_IT if network.spec.whole else found[1]}")
            return
        yield Check(f"{what}: {found}" if found else what)


def _check(network: Network) -> Iterator[tuple[str, Problem | str]]:
    """What is checked, and how: None, what is wrong and the advice, or a note that refuses nothing."""
    training = next((name or "itself" for name, module in network.named_modules() if module.training), None)
    in_training = f"its part {training!r} is in training mode", "Call .eval() on it."
    yield "every part is in eval mode", in_training if training else None
    trained = next((name for name, weight in network.named_parameters() if weight.requires_grad), None)
    not_frozen = f"its weights {trained!r} are not frozen", "Call .requires_grad_(False) on it."
    yield "its weights are frozen", not_frozen if trained else None
    size, generator = network.input_size, torch.Generator().manual_seed(SEED)
    pixels = torch.rand(2, 3, size, size, generator=generator).to(network.device)
    with torch.no_grad():
        features: Any = network(pixels)
    yield "its features have the stated shape", _check_shape(network, features)
    yield "where the picture lies in its features is known", network.treatment.describe()
    yield "its features are float32 on its own device", _check_type(network, features)
    finite = None if torch.isfinite(features).all() else ("its features are not finite", GET_AGAIN)
    yield "its features are finite", finite
    yield "an image alone has the features it has in a batch", _check_batch(network, pixels, features)
    yield "a gradient that reaches the pixels is finite and not zero", _check_gradient(network, pixels[:1])


def _check_shape(network: Network, features: Any) -> Problem:
    if not isinstance(features, torch.Tensor):
        return f"its layer gives a {type(features).__name__}, not a tensor", OTHER_LAYER
    found, wanted = tuple(features.shape), (2, *network.feature_shape)
    return None if found == wanted else (f"its features have shape {found}, not {wanted}", OTHER_LAYER)


def _check_type(network: Network, features: torch.Tensor) -> Problem:
    if features.dtype != torch.float32:
        return f"its features are {features.dtype}, not torch.float32", "Convert the weights to float32."
    where = f"its features are on {features.device}, its weights on {network.device}"
    return None if features.device.type == network.device.type else (where, OTHER_LAYER)


def _check_batch(network: Network, pixels: torch.Tensor, features: torch.Tensor) -> Problem:
    with torch.no_grad():
        again, alone = network(pixels), network(pixels[:1])
    tolerance = BATCH_TOLERANCE * max(float(features.abs().max()), BATCH_TOLERANCE)
    if not torch.allclose(again, features, rtol=0, atol=tolerance):
        what = "its features differ from pass to pass: it draws random numbers, as dropout does in training"
        return what, "Save it after .eval(); in a function, call F.dropout with training=self.training."
    if torch.allclose(alone, features[:1], rtol=0, atol=tolerance):
        return None
    what = "the features of one image depend on the other images of its batch, as BatchNorm's do in training"
    return what, "Save it after .eval(), or choose a network without batch statistics."


def _check_gradient(network: Network, pixels: torch.Tensor) -> Problem | str:
    wanted = pixels.clone().requires_grad_(True)
    features = network(wanted)
    if not features.requires_grad:
        return "none does, so only square search can attack it"
    gradient: Any = torch.autograd.grad(features.square().sum(), wanted, allow_unused=True)[0]
    if gradient is None:
        return "its features do not depend on the pixels", OTHER_LAYER
    if not torch.isfinite(gradient).all():
        return "its gradient at the pixels is not finite", OTHER_LAYER
    return None if gradient.any() else ("its gradient at the pixels is zero everywhere", "Choose an earlier layer.")
