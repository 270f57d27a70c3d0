"""Probes a network before it is trusted. Never repairs it: each failure is one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from core.errors import WeightsError
from core.networks.network import Network

BATCH_TOLERANCE = 1e-3
"""Largest change of a feature, relative to the largest one, that another image of the batch may cause (rounding)."""
SEED = 20_260_101


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
    state = _State(network)
    for what, check in CHECKS:
        try:
            note = check(state)
        except WeightsError as error:
            yield Check(what, str(error))
            return
        yield Check(f"{what}: {note}" if note else what)


class _State:
    """The network and what is computed once for several checks."""

    def __init__(self, network: Network) -> None:
        self.network = network
        generator = torch.Generator().manual_seed(SEED)
        size = network.input_size
        self.pixels = torch.rand(2, 3, size, size, generator=generator).to(network.device)
        self._features: torch.Tensor | None = None

    @property
    def features(self) -> torch.Tensor:
        """Features of the two random stimuli."""
        if self._features is None:
            with torch.no_grad():
                self._features = self.network(self.pixels)
        return self._features


def _check_mode(state: _State) -> None:
    network = state.network
    training = next((name for name, module in network.named_modules() if module.training), None)
    if training is not None:
        raise _refuse(network, f"its part {training or 'itself'!r} is in training mode", "Call .eval() on it.")


def _check_frozen(state: _State) -> None:
    network = state.network
    trained = next((name for name, weight in network.named_parameters() if weight.requires_grad), None)
    if trained is not None:
        raise _refuse(network, f"its weights {trained!r} are not frozen", "Call .requires_grad_(False) on it.")


def _check_shape(state: _State) -> None:
    network, features = state.network, state.features
    if not isinstance(features, torch.Tensor):
        raise _refuse(network, f"its layer gives a {type(features).__name__}, not a tensor", "Choose another layer.")
    if tuple(features.shape) != (2, *network.feature_shape):
        wanted = (2, *network.feature_shape)
        raise _refuse(
            network, f"its features have shape {tuple(features.shape)}, not {wanted}", "Choose another layer."
        )


def _check_type(state: _State) -> None:
    network, features = state.network, state.features
    if features.dtype != torch.float32:
        raise _refuse(
            network, f"its features are {features.dtype}, not torch.float32", "Convert the weights to float32."
        )
    if features.device.type != network.device.type:
        where = f"its features are on {features.device}, its weights on {network.device}"
        raise _refuse(network, where, "Choose another layer.")


def _check_finite(state: _State) -> None:
    if not torch.isfinite(state.features).all():
        raise _refuse(state.network, "its features are not finite", "The weights are damaged: get the file again.")


def _check_batch(state: _State) -> None:
    network, features = state.network, state.features
    with torch.no_grad():
        alone = network(state.pixels[:1])
    largest = float(features.abs().max())
    if not torch.allclose(alone, features[:1], rtol=0, atol=BATCH_TOLERANCE * max(largest, BATCH_TOLERANCE)):
        what = "the features of one image depend on the other images of its batch"
        raise _refuse(network, what, "Networks with batch statistics cannot be probed: choose another one.")


def _check_gradient(state: _State) -> str | None:
    network = state.network
    wanted = state.pixels[:1].clone().requires_grad_(True)
    features = network(wanted)
    if not features.requires_grad:
        return "none does, so only square search can attack it"
    (gradient,) = torch.autograd.grad(features.square().sum(), wanted, allow_unused=True)
    if gradient is None:
        raise _refuse(network, "its features do not depend on the pixels", "Choose another layer.")
    if not torch.isfinite(gradient).all():
        raise _refuse(network, "its gradient at the pixels is not finite", "Choose another layer.")
    if not gradient.any():
        raise _refuse(network, "its gradient at the pixels is zero everywhere", "Choose an earlier layer.")
    return None


CHECKS: tuple[tuple[str, Callable[[_State], str | None]], ...] = (
    ("every part is in eval mode", _check_mode),
    ("its weights are frozen", _check_frozen),
    ("its features have the stated shape", _check_shape),
    ("its features are float32 on its own device", _check_type),
    ("its features are finite", _check_finite),
    ("an image alone has the features it has in a batch", _check_batch),
    ("a gradient that reaches the pixels is finite and not zero", _check_gradient),
)


def _refuse(network: Network, what: str, advice: str) -> WeightsError:
    return WeightsError(
        f"The network {network.spec.id!r} cannot be probed at layer {network.layer!r}: {what}. {advice}"
    )
