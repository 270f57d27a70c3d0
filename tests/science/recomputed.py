"""An encoder and the reference attack, computed from the files alone."""

from __future__ import annotations

import copy
from functools import cached_property

import numpy as np
import torch
from safetensors.numpy import load_file

from core.datasets.image_store import open_image_store
from core.datasets.subject import load_responses, load_subject
from core.encoders.files import find_encoder
from core.engine import Engine
from core.networks.catalog import find_network
from core.sweeps.config import EncoderName
from core.types import NormName
from tests.science.report import Array

BATCH = 16
REFERENCE_STEPS = 150


class Recomputed:
    """An encoder from its files: the library's own network in float64, a plain hook, affine maps.

    Raises ValueError with a sentence for encoders that hold more than this check knows.
    """

    def __init__(self, name: EncoderName) -> None:
        self.name, self.spec = name, find_network(name.network)
        arrays = load_file(find_encoder(*name).with_suffix(".safetensors"))
        self.arrays = {key: value.astype(np.float64) for key, value in arrays.items()}
        self.card = Engine(device="cpu").encoder_card(*name)
        config = self.card.config
        if config.n_projected or config.regions or config.is_sparse or self.spec.tokens != "all":
            raise ValueError(
                "projections, regions, sparse readouts and token treatments are not written out again here"
            )
        self.pool = config.pool
        self.single = self._build().eval().requires_grad_(False)
        self.module = copy.deepcopy(self.single).double()
        mean, std = (
            torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1) for values in (self.spec.mean, self.spec.std)
        )
        self._mean, self._std = mean, std
        self._weights, self._offset = self._collapse()

    def _build(self) -> torch.nn.Module:
        state = {key: torch.from_numpy(value) for key, value in load_file(self.spec.weights_path).items()}
        if self.spec.family == "torchvision":
            import torchvision

            module = torchvision.models.get_model(self.spec.architecture, weights=None)
        elif self.spec.family == "timm":
            import timm

            module = timm.create_model(self.spec.architecture, pretrained=False)
        else:
            raise ValueError(f"a network of family {self.spec.family} has no definition to build it from again")
        missing = module.load_state_dict({key: value.float() for key, value in state.items()}, strict=False)
        if missing.unexpected_keys:
            raise ValueError(f"the weights hold {missing.unexpected_keys[:2]}, which the library's network has not")
        return module

    def _collapse(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The readout multiplied out: responses = pooled @ W + b."""
        arrays = self.arrays
        weights = arrays["components"] @ arrays["weights"] if "components" in arrays else arrays["weights"]
        return torch.from_numpy(weights), torch.from_numpy(arrays["intercept"] - arrays["mean"] @ weights)

    def pooled(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pooled features (n, n_features) of pixels (n, 3, height, width), differentiable."""
        kept: list[torch.Tensor] = []
        module = self.module if pixels.dtype is torch.float64 else self.single
        layer = module.get_submodule(self.name.layer)

        def keep(_module: object, _args: object, output: torch.Tensor) -> None:
            kept.append(output.clone())  # what comes behind may work in place
            raise _Enough

        handle = layer.register_forward_hook(keep)
        try:
            module((pixels - self._mean.to(pixels)) / self._std.to(pixels))
        except _Enough:
            pass
        finally:
            handle.remove()
        features = kept[0]
        if features.ndim == 4 and self.pool:
            features = torch.nn.functional.adaptive_avg_pool2d(features, self.pool)
        return features.flatten(1)

    def features_of(self, pixels: Array) -> Array:
        """Pooled features of numpy pixels, in batches, in their precision."""
        with torch.no_grad():
            parts = [self.pooled(torch.tensor(pixels[at : at + BATCH])) for at in range(0, len(pixels), BATCH)]
        return torch.cat(parts).double().numpy()

    def responses(self, pixels: Array) -> Array:
        """Responses (n, n_voxels), in float64 throughout."""
        return np.asarray(self.features_of(pixels.astype(np.float64)) @ self._weights.numpy() + self._offset.numpy())

    def value_and_gradient(self, pixels: torch.Tensor, direction: Array) -> tuple[float, torch.Tensor]:
        """c . f and its gradient at pixels (1, 3, height, width)."""
        leaf = pixels.detach().requires_grad_(True)
        chosen = torch.from_numpy(direction)
        value = (self.pooled(leaf) @ (self._weights @ chosen)).sum() + self._offset @ chosen
        (gradient,) = torch.autograd.grad(value, leaf)
        return float(value.detach()), gradient

    @cached_property
    def recording(self) -> tuple[Array, Array, Array]:
        """Pooled features (in float32, there are many) and mean responses of every image, and which are held out."""
        subject = load_subject(self.name.subject)
        store = open_image_store(subject)
        pixels = np.stack([store.load(image, self.spec.input_size).pixels for image in subject.image_ids])
        return self.features_of(pixels), np.nanmean(load_responses(subject.id).astype(np.float64), axis=1), subject.test


class _Enough(Exception):
    """The layer was reached."""


def reference_attack(encoder: Recomputed, clean: Array, direction: Array, norm: NormName, epsilon: float) -> float:
    """The largest value of c . f found by 150 steps from the clean image that fall as half a cosine.

    delta <- P(delta + a_t epsilon u), u = g / ||g||_2 or sign g, a_t = .005 + .495 (1 + cos(pi t / 150)) / 2, P the
    exact
    projection on ball and bounds together: for L2, the scale of the ball inside the bounds is found by bisection.
    """
    start = torch.tensor(clean[np.newaxis], dtype=torch.float64)
    delta, best = torch.zeros_like(start), -np.inf
    for step in range(REFERENCE_STEPS + 1):
        value, gradient = encoder.value_and_gradient(start + delta, direction)
        best = max(best, value)
        length = epsilon * (0.005 + 0.495 * (1 + np.cos(np.pi * step / REFERENCE_STEPS)) / 2)
        unit = gradient.sign() if norm is NormName.LINF else gradient / gradient.norm()
        delta = project_exactly(start, delta + length * unit, norm, epsilon)
    return best


def project_exactly(clean: torch.Tensor, delta: torch.Tensor, norm: NormName, epsilon: float) -> torch.Tensor:
    """The nearest perturbation within ball and [0, 1]: of L2, clip(delta / (1 + m)) with the least m >= 0 that fits."""

    def clip(values: torch.Tensor) -> torch.Tensor:
        return (clean + values).clamp(0, 1) - clean

    if norm is NormName.LINF:
        return clip(delta.clamp(-epsilon, epsilon))
    if float(clip(delta).norm()) <= epsilon:
        return clip(delta)
    low, high = 0.0, float(delta.norm()) / epsilon
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(clip(delta / (1 + middle)).norm()) > epsilon else (low, middle)
    return clip(delta / (1 + high))
