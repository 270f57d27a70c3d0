"""The first-order probe of single voxels at one stimulus: a forward pass is kept, each voxel costs a backward pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from core.attacks.config import LARGEST_EPSILON
from core.attacks.norms import NORMS
from core.attacks.objective import check_gradient, run_network
from core.checks import check_epsilon, refusal
from core.device import exact_arithmetic
from core.encoders.encoder import Encoder
from core.images.stimulus import Stimulus
from core.probes.probe import in_reference_sds
from core.probes.respond import check_pixels, to_tensor
from core.types import Direction, FloatArray, NormName


@dataclass(frozen=True, slots=True, eq=False)
class FirstOrderProbe:
    """The perturbation that moves one voxel most in a linear approximation at the clean image.

    Parameters
    ----------
    delta : (3, height, width) float32, pixel units of [0, 1]. Pixels may leave [0, 1]: nothing is clipped or rounded.
    shift : gradient . delta, in the response's unit; positive to raise, negative to lower.
    shift_sd : The same in SDs of the voxel's clean reference responses; NaN where that SD is not known.
    """

    voxel: int
    norm: NormName
    epsilon: float
    delta: FloatArray
    shift: float
    shift_sd: float


class FirstOrder:
    """The clean forward pass of one stimulus, kept for as many voxels as are asked for.

    Raises BadInputError if the stimulus is not of the network's input size; NoGradientError if the network has none.
    """

    def __init__(self, encoder: Encoder, stimulus: Stimulus) -> None:
        check_pixels(encoder, stimulus.pixels[np.newaxis])
        self._encoder = encoder
        self._leaf = to_tensor(encoder, stimulus.pixels[np.newaxis]).requires_grad_(True)
        with torch.enable_grad(), exact_arithmetic():
            self._reduced = encoder.reduce(run_network(encoder, self._leaf))

    def probe(self, voxel: int, norm: NormName, epsilon: float, direction: Direction) -> FirstOrderProbe:
        """delta = +-epsilon g / ||g||_2 for L2, +-epsilon sign(g) for Linf, g the voxel's gradient.

        `epsilon`: budget in [0, 1] pixel units. Raises BadInputError for a voxel or a budget out of range.
        """
        encoder, form = self._encoder, NORMS[norm]
        if not 0 <= voxel < encoder.n_voxels:
            raise refusal("voxel", allowed=f"a number from 0 to {encoder.n_voxels - 1}", got=voxel)
        check_epsilon("epsilon", epsilon, largest=LARGEST_EPSILON[norm])
        with exact_arithmetic():
            weights = encoder.weights[:, voxel][None]
            (gradient,) = torch.autograd.grad(self._reduced, self._leaf, weights, retain_graph=True)
        check_gradient(gradient, encoder)
        sign = direction.sign
        delta = sign * epsilon * form.steepest(gradient)
        shift = sign * epsilon * float(form.dual_size(gradient))
        in_sds = in_reference_sds(np.array([shift]), encoder.card.reference_sd[[voxel]])
        return FirstOrderProbe(voxel, norm, epsilon, delta[0].float().cpu().numpy(), shift, float(in_sds[0]))
