"""The first-order probe of any target at one stimulus: a forward pass is kept, each target costs a backward pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from core.attacks.ball import apply_mask
from core.attacks.norms import NORMS
from core.attacks.objective import check_gradient, run_network
from core.device import exact_arithmetic
from core.encoders.encoder import Encoder
from core.images.stimulus import Stimulus
from core.probes.objectives import check_named
from core.probes.probe import ProbeConfig
from core.probes.respond import check_pixels, to_tensor
from core.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FirstOrderProbe:
    """The perturbation that moves a target most in a linear approximation at the clean image.

    `delta` (3, height, width) float32 in [0, 1] pixel units, neither clipped to the bounds of pixels nor rounded;
    `shift` = gradient . delta in the response's unit; `shift_sd` the same in the target's SDs, NaN if not known.
    """

    config: ProbeConfig
    delta: FloatArray
    shift: float
    shift_sd: float


class FirstOrder:
    """The clean forward pass of one stimulus of the network's input size, kept for as many targets as are asked for."""

    def __init__(self, encoder: Encoder, stimulus: Stimulus) -> None:
        check_pixels(encoder, stimulus.pixels[np.newaxis])
        self._encoder = encoder
        self._leaf = to_tensor(encoder, stimulus.pixels[np.newaxis]).requires_grad_(True)
        with torch.enable_grad(), exact_arithmetic():
            self._reduced = encoder.reduce(run_network(encoder, self._leaf))

    def probe(self, config: ProbeConfig) -> FirstOrderProbe:
        """delta = +-epsilon m g / ||g||_2 for L2, +-epsilon m sign(g) for Linf; m the mask, g m x the gradient."""
        encoder, norm, mask = self._encoder, NORMS[config.attack.norm], config.attack.mask
        check_named(encoder, config)
        vector, budget = config.target.vector(encoder.n_voxels), config.direction.sign * config.attack.epsilon
        with exact_arithmetic():
            weights, _ = encoder.project(vector)
            (gradient,) = torch.autograd.grad(self._reduced, self._leaf, weights[None], retain_graph=True)
        gradient = apply_mask(check_gradient(gradient, encoder), mask)
        delta = budget * apply_mask(norm.steepest(gradient), mask)[0].float().cpu().numpy()
        shift, sd = budget * float(norm.dual_size(gradient)), encoder.target_sd(vector)
        return FirstOrderProbe(config, delta, shift, shift / sd if sd > 0 else float("nan"))
