"""First-order sensitivity of the whole cortex: the size of every voxel's exact gradient at one stimulus.

All voxels read the same reduced features, so as many backward passes as there are reduced features give the exact
gradients of any number of voxels. A whole encoder has none, and needs one for each voxel. A pass takes several at once,
each of another copy of the image. Light: torch is imported when the atlas is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.images.stimulus import Stimulus
from core.progress import Progress, ShouldStop, Stopwatch, check_stop
from core.types import FloatArray, NormName

if TYPE_CHECKING:
    import torch

    from core.attacks.mask import Mask
    from core.encoders.encoder import Encoder

    Copies = tuple[torch.Tensor, torch.Tensor]

AT_ONCE = 8
"""Gradients a backward pass; fewer where memory runs out."""
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
    """Compute the atlas, one record a backward pass and one a chunk of pixels.

    gradient of voxel v = sum_k weights[k, v] times the gradient of reduced feature k

    `mask`: of the attack; None is everywhere.

    Raises BadInputError if the stimulus is not of the network's input size; NoGradientError if the network hands no
    gradient on; Cancelled as soon as `should_stop()` is true.
    """
    import torch

    from core.device import exact_arithmetic, run_smaller
    from core.probes.respond import check_pixels, to_tensor

    check_pixels(encoder, stimulus.pixels[np.newaxis])
    with encoder.network.interruptible(should_stop), exact_arithmetic():
        pixels = to_tensor(encoder, stimulus.pixels[np.newaxis])
        copies = run_smaller(partial(_run_copies, encoder, pixels), chunk=min(AT_ONCE, encoder.rank))
        n_passes, gradients = -(-encoder.rank // len(copies[0])), _iter_rows(*copies, mask)
        if encoder.weights is None:
            yield from _iter_whole(gradients, n_passes, mask)
            return
        n_steps = n_passes - (-pixels.numel() // CHUNK)
        watch, rows = Stopwatch(n_steps), []
        for part in gradients:
            rows.append(part)
            yield Progress(len(rows), n_steps, watch.seconds_left(len(rows)))
        mixing = encoder.weights.T.contiguous()
        squares = absolutes = torch.zeros_like(mixing[:, 0])
        for step, chunk in enumerate(torch.split(torch.cat(rows), CHUNK, dim=1), start=n_passes + 1):
            check_stop(should_stop)
            mixed = mixing @ chunk
            squares = squares + mixed.square().sum(dim=1)
            absolutes = absolutes + mixed.abs_().sum(dim=1)
            sizes = (values.float().cpu().numpy() for values in (squares.sqrt(), absolutes))
            atlas = GradientAtlas(mask, *sizes) if step == n_steps else None
            yield Progress(step, n_steps, watch.seconds_left(step), atlas)


def _iter_whole(
    gradients: Iterator[torch.Tensor], n_passes: int, mask: Mask | None
) -> Iterator[Progress[GradientAtlas]]:
    """The atlas of a whole encoder, whose reduced features are its responses: no gradient is kept."""
    watch, sizes = Stopwatch(n_passes), []
    for step, part in enumerate(gradients, start=1):
        l2, l1 = part.square().sum(dim=1).sqrt(), part.abs().sum(dim=1)
        sizes.append(np.stack([values.float().cpu().numpy() for values in (l2, l1)]))
        atlas = GradientAtlas(mask, *np.concatenate(sizes, axis=1)) if step == n_passes else None
        yield Progress(step, n_passes, watch.seconds_left(step), atlas)


def _run_copies(encoder: Encoder, pixels: torch.Tensor, n_copies: int) -> Copies:
    """Copies of pixels (1, 3, height, width), and their reduced features (n_copies, rank)."""
    import torch

    from core.attacks.objective import run_network

    leaf = pixels.detach().repeat(n_copies, 1, 1, 1).requires_grad_(True)
    with torch.enable_grad():
        return leaf, encoder.reduce(run_network(encoder, leaf))


def _iter_rows(leaf: torch.Tensor, reduced: torch.Tensor, mask: Mask | None) -> Iterator[torch.Tensor]:
    """m x gradient of all reduced features, (up to n_copies, 3 height width) a backward pass, a copy for each."""
    import torch

    from core.attacks.ball import apply_mask

    n_copies, rank = reduced.shape
    for start in range(0, rank, n_copies):
        count = min(n_copies, rank - start)
        wanted = torch.zeros_like(reduced)
        wanted.diagonal(start)[:count] = 1
        (gradients,) = torch.autograd.grad(reduced, leaf, wanted, retain_graph=start + count < rank)
        yield apply_mask(gradients[:count], mask).flatten(1)
