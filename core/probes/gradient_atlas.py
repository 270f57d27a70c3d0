"""First-order sensitivity of the whole cortex: the size of every voxel's exact gradient at one stimulus.

All voxels read the same reduced features, so as many backward passes as there are reduced features give the exact
gradients of any number of voxels. A whole encoder has none: it takes a pass a voxel, and no gradient is kept. Light:
torch is imported when the atlas is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.images.stimulus import Stimulus
from core.progress import Progress, ShouldStop, Stopwatch, check_stop
from core.types import FloatArray, NormName

if TYPE_CHECKING:
    import torch

    from core.attacks.mask import Mask
    from core.encoders.encoder import Encoder

CHUNK = 4096
"""Pixel values mixed at a time: (n_voxels, CHUNK) floats fit the processor's cache better than all at once."""


@dataclass(frozen=True, slots=True, eq=False)
class GradientAtlas:
    """Sizes of the gradients of all voxels at one stimulus, each times the mask m of the attack.

    l2, l1 (n_voxels,) float32: ||m gradient||_2 and ||m gradient||_1, in response units a pixel unit of [0, 1].
    """

    mask: Mask | None
    l2: FloatArray
    l1: FloatArray

    def first_order(self, norm: NormName, epsilon: float) -> FloatArray:
        """The largest first-order shift of every voxel: epsilon ||m g||_2 for L2, epsilon ||m g||_1 for Linf."""
        return np.asarray(epsilon * (self.l2 if norm is NormName.L2 else self.l1))


def iter_gradient_atlas(
    encoder: Encoder, stimulus: Stimulus, *, mask: Mask | None = None, should_stop: ShouldStop
) -> Iterator[Progress[GradientAtlas]]:
    """Compute the atlas, one record a backward pass and a chunk of pixels.

    gradient of voxel v = sum_k weights[k, v] times the gradient of reduced feature k

    `mask`: of the attack; None is everywhere.

    Raises BadInputError if the stimulus is not of the network's input size; NoGradientError if the network hands no
    gradient on; Cancelled as soon as `should_stop()` is true.
    """
    import torch

    from core.device import exact_arithmetic
    from core.probes.respond import check_pixels, to_tensor

    check_pixels(encoder, stimulus.pixels[np.newaxis])
    with encoder.network.interruptible(should_stop), exact_arithmetic():
        pixels = to_tensor(encoder, stimulus.pixels[np.newaxis])
        gradients = _iter_rows(encoder, pixels, mask)
        if encoder.weights is None:
            yield from _iter_whole(encoder.n_voxels, gradients, mask)
            return
        n_steps = encoder.rank - (-pixels.numel() // CHUNK)
        watch, rows = Stopwatch(n_steps), []
        for row in gradients:
            rows.append(row)
            yield Progress(len(rows), n_steps, watch.seconds_left(len(rows)))
        mixing = encoder.weights.T.contiguous()
        squares = absolutes = torch.zeros_like(mixing[:, 0])
        for step, chunk in enumerate(torch.split(torch.stack(rows), CHUNK, dim=1), start=len(rows) + 1):
            check_stop(should_stop)
            mixed = mixing @ chunk
            squares = squares + mixed.square().sum(dim=1)
            absolutes = absolutes + mixed.abs_().sum(dim=1)
            sizes = (values.float().cpu().numpy() for values in (squares.sqrt(), absolutes))
            atlas = GradientAtlas(mask, *sizes) if step == n_steps else None
            yield Progress(step, n_steps, watch.seconds_left(step), atlas)


def _iter_whole(
    n_voxels: int, gradients: Iterator[torch.Tensor], mask: Mask | None
) -> Iterator[Progress[GradientAtlas]]:
    """The atlas of a whole encoder, voxel by voxel."""
    watch = Stopwatch(n_voxels)
    l2, l1 = np.empty((2, n_voxels), dtype=np.float32)
    for voxel, row in enumerate(gradients):
        l2[voxel], l1[voxel] = float(row.square().sum().sqrt()), float(row.abs().sum())
        atlas = GradientAtlas(mask, l2, l1) if voxel + 1 == n_voxels else None
        yield Progress(voxel + 1, n_voxels, watch.seconds_left(voxel + 1), atlas)


def _iter_rows(encoder: Encoder, pixels: torch.Tensor, mask: Mask | None) -> Iterator[torch.Tensor]:
    """m x gradient (3 height width,) of each reduced feature at pixels (1, 3, height, width), a backward pass each."""
    import torch

    from core.attacks.ball import apply_mask
    from core.attacks.objective import run_network

    leaf = pixels.detach().requires_grad_(True)
    with torch.enable_grad():
        reduced = encoder.reduce(run_network(encoder, leaf))
    for index in range(encoder.rank):
        (gradient,) = torch.autograd.grad(reduced[0, index], leaf, retain_graph=index + 1 < encoder.rank)
        yield apply_mask(gradient, mask).flatten()
