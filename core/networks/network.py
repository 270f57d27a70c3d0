"""A frozen network that turns pixels into the features of one layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

import torch
from torch import nn

from core.errors import Cancelled
from core.networks.spec import NetworkSpec
from core.networks.tokens import Treatment
from core.networks.truncate import Stop, run_to_exit

UNTREATED = Treatment()
"""Features stay as they come."""

MOST_LOOKS = 24
"""Layers at which a pass asks whether to stop. Asking at all 141 parts of MobileNetV2 lengthens its step by 6 %."""


class Network(nn.Module):
    """Pixels in [0, 1] -> features at a layer; normalisation is part of it.

    Parameters
    ----------
    body : The network, cut behind `layer`, in eval mode.
    spec : Its entry in the catalogue.
    layer : The feature layer.
    sha256 : Of the weights, and of how their features are treated where that is a choice; see `load.fingerprint`.
    feature_shape : Shape of one stimulus's features: (channels, height, width), (tokens, channels) or (channels,).
    treatment : What becomes of token features.
    """

    def __init__(
        self,
        body: nn.Module,
        spec: NetworkSpec,
        *,
        layer: str,
        sha256: str,
        feature_shape: tuple[int, ...],
        treatment: Treatment = UNTREATED,
    ) -> None:
        super().__init__()
        self.treatment = treatment
        self.spec = spec
        self.layer = layer
        self.sha256 = sha256
        self.feature_shape = feature_shape
        self.body = body
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("inverse_std", 1 / torch.tensor(spec.std).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mean.device  # type: ignore[return-value]

    @property
    def input_size(self) -> int:
        """Side of a stimulus in pixels."""
        return self.spec.input_size

    @property
    def n_features(self) -> int:
        """Number of features of one stimulus."""
        return prod(self.feature_shape)

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of features of each of the layers joined in its own, in their order."""
        return tuple(getattr(self.body, "widths", (self.n_features,)))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features (n, *feature_shape) of pixels (n, 3, input_size, input_size), RGB in [0, 1]; differentiable."""
        values = (pixels - self.mean) * self.inverse_std  # type: ignore[operator]
        features: torch.Tensor = self.treatment(
            run_to_exit(self.body, values.contiguous(memory_format=torch.channels_last))
        )
        return features

    def train(self, mode: bool = True) -> Network:
        """Stay in eval mode whatever `mode` is: in training mode an image's features would depend on its batch."""
        del mode
        return super().train(False)

    def _where_to_look(self) -> list[nn.Module]:
        """At most `MOST_LOOKS` layers with weights, evenly spread: where the time goes, few enough to cost nothing."""
        parts = [part for part in self.body.modules() if not isinstance(part, torch.jit.ScriptModule)]
        stops: list[nn.Module] = [part for part in parts if isinstance(part, Stop)]
        weighted = stops or [part for part in parts if next(part.parameters(recurse=False), None) is not None]
        return weighted[:: -(-len(weighted) // MOST_LOOKS) or 1]

    @contextmanager
    def interruptible(self, should_stop: Callable[[], bool]) -> Iterator[Network]:
        """Inside, a forward or backward pass raises Cancelled before its next layer once `should_stop()` is true.

        All hooks are gone on leaving, whatever happened.
        """

        def look(*_: object) -> None:
            if should_stop():
                raise Cancelled

        def look_both_ways(_module: nn.Module, _args: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.requires_grad:
                output.register_hook(look)  # type: ignore[no-untyped-call]

        with ExitStack() as hooks:
            for leaf in self._where_to_look():
                hooks.enter_context(leaf.register_forward_pre_hook(look))
                # First in line, since the hook at the cut leaves the network before later ones are called.
                hooks.enter_context(leaf.register_forward_hook(look_both_ways, prepend=True))
            yield self
